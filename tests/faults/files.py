"""The files of a bundle, changed so that every hash and page fits them again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from posekit import bundle
from posekit.contract.spec import read_spec
from posekit.pipelines.consistency import bundle_report
from posekit.report.document import read_evaluation
from posekit.targets import file_bytes

Random = random.Random


CASES, REPORT, TRACE = Path("evaluation/cases.json"), Path("report/report.json"), Path("evaluation/trace.json")


def sealed(folder: Path) -> None:
    """Write every hash anew: of the model in evidence and report, of the evidence, of all files in the manifest."""
    model = model_of(folder)
    model_hash = bundle.file_hash(model)
    edit(folder / CASES, lambda document: document.update(measured_model_sha256=model_hash))
    if (folder / REPORT).exists():
        facts = {
            "model_sha256": model_hash,
            "evidence_sha256": bundle.file_hash(folder / "evaluation"),
            "model_bytes": file_bytes(model),
        }
        edit(folder / REPORT, lambda document: document.update(facts), sort_keys=True)
    sealed_manifest(folder)


def sealed_manifest(folder: Path) -> None:
    """Write the hashes of all files into the manifest."""
    manifest = json.loads((folder / bundle.MANIFEST).read_text())
    bundle.write_manifest(folder, {key: value for key, value in manifest.items() if key != "files"})


def paged(folder: Path, seal: Callable[[Path], None] = sealed) -> None:
    """Write the pages of the report anew, whatever its figures are, where they can be made of them."""
    from posekit.errors import PosekitError
    from posekit.parity.cases import recorded
    from posekit.report import writing
    from posekit.runtimes import runtime_for

    document = json.loads((folder / REPORT).read_text())
    try:
        spec, evaluation = read_spec(folder / bundle.CONTRACT), read_evaluation(document)
        facts = {key: value for key, value in document.items() if key not in bundle_report.EVALUATED}
        cases = list(recorded(folder / "evaluation", spec))
        run = runtime_for(document["platform"], model_of(folder)).run
        writing.write(
            folder / "report",
            evaluation,
            spec,
            facts,
            lambda names: (one for one in cases if one[0].name in names),
            run,
        )
    except (PosekitError, ValueError):
        return
    seal(folder)


def edit(path: Path, change: Callable[[Any], Any], **options: Any) -> Any:
    """Write a document after `change` was given it; what that says."""
    document = json.loads(path.read_text())
    said = change(document)
    path.write_text(json.dumps(document, indent=1, **options) + "\n")
    return said


def wrapper_of(folder: Path) -> Path:
    return next(path for path in (folder / "module", folder / "package") if path.is_dir())


def model_of(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.suffix in (".tflite", ".mlpackage"))


def shipped_model_of(folder: Path) -> Path:
    return next(path for path in wrapper_of(folder).rglob(model_of(folder).name))


def replace_model(folder: Path, change: Callable[[bytearray], Any], file: str = "") -> None:
    """Change the bytes of the model file, and of its copy in the wrapper."""
    for model in (model_of(folder), shipped_model_of(folder)):
        path = model / file if file else model
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(bytes(data))
