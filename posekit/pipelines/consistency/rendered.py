"""Is everything that posekit renders from a contract in the bundle byte for byte as it renders it now?"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from posekit import __version__, bundle
from posekit.bundle import golden, wrapper
from posekit.contract import recipe
from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import canonical_json
from posekit.errors import InputError
from posekit.parity.gate import Check, Outcome
from posekit.pipelines.consistency.finding import judged, listed
from posekit.pipelines.consistency.signature import signature_of
from posekit.report import document
from posekit.runtimes.files import is_litter
from posekit.targets import ranges

FILES = "the wrapper is what posekit renders"
PARTS = ("Manifest.json", "Data/com.apple.CoreML/model.mlmodel", "Data/com.apple.CoreML/weights/weight.bin")


@dataclass(frozen=True, slots=True)
class Edits:
    """How a wrapper's tree differs from posekit's own rendering: paths in the bundle."""

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.missing or self.extra)

    @property
    def in_words(self) -> str:
        """`changed: module/README.md; missing: ...`, the first few of each."""
        kinds = {"changed": self.changed, "missing": self.missing, "not posekit's": self.extra}
        return "; ".join(f"{kind}: {listed(names)}" for kind, names in kinds.items() if names)


def render(opened: bundle.Bundle, folder: Path) -> Path:
    """The bundle's wrapper as posekit renders it from pose.json and the model file, without the model, in `folder`.

    InputError where the model file does not say its outputs.
    """
    found, detector = signature_of(opened.platform, opened.model_path), opened.detector
    tree, first = folder / bundle.WRAPPER[opened.platform], None
    if detector is not None:
        signature = signature_of(opened.platform, detector.model_path)
        first = wrapper.Network(detector.model_path.name, signature.outputs, signature.minimum_system)
    network = wrapper.Network(opened.model_path.name, found.outputs, found.minimum_system)
    wrapper.render(opened.platform, opened.spec, network, tree, first)
    return tree


def edits_of(opened: bundle.Bundle) -> Edits:
    """The files of the wrapper that are not what posekit renders; the model in it is checked elsewhere."""
    stages = [one for one in (opened, opened.detector) if one is not None]
    shipped = [one.shipped_model_path.relative_to(opened.wrapper_path) for one in stages]
    with tempfile.TemporaryDirectory() as scratch:
        ours, theirs = _files(render(opened, Path(scratch))), _files(opened.wrapper_path)
    models = {*shipped}
    theirs = {name: data for name, data in theirs.items() if not models & {name, *name.parents}}
    name_of = {name: (opened.wrapper_path.name / name).as_posix() for name in (*ours, *theirs)}
    return Edits(
        tuple(name_of[name] for name in ours if name in theirs and theirs[name] != ours[name]),
        tuple(name_of[name] for name in ours if name not in theirs),
        tuple(name_of[name] for name in theirs if name not in ours),
    )


def _files(folder: Path) -> dict[Path, bytes]:
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not is_litter(name)}


def refuse_foreign(edits: Edits, *, trust: bool) -> None:
    """InputError for code that is not posekit's own, unless it is trusted: it would be compiled and run here."""
    if edits and not trust:
        raise InputError(
            f"the wrapper is not the code that posekit renders, and is not run ({edits.in_words})",
            "look at what differs; --trust runs it all the same",
        )


def checks(opened: bundle.Bundle, edits: Edits, *, allow_edited: bool) -> tuple[Check, ...]:
    """The wrapper, the golden vectors, pose.json, and that there is nothing beside them."""
    contract = opened.whole is not None or (opened.folder / CONTRACT).read_bytes() == canonical_json(opened.spec)
    written = [] if contract else [f"{CONTRACT} is not written as posekit writes it"]
    with tempfile.TemporaryDirectory() as scratch:
        golden.write(Path(scratch) / bundle.GOLDEN, opened.spec)
        vectors = golden.differences(opened.folder / bundle.GOLDEN, Path(scratch) / bundle.GOLDEN, opened.spec)
    of_wrapper = _of_wrapper(edits, str(opened.manifest.get("posekit", "unknown")), allow_edited)
    return (
        *(() if opened.whole else (of_wrapper,)),
        judged("the golden vectors are those of the contract", vectors, "made again, and the same"),
        judged("every file of the bundle is known", [*written, *_unknown(opened)], "no file is without a meaning"),
    )


def _of_wrapper(edits: Edits, version: str, allow_edited: bool) -> Check:
    if not edits:
        return Check(FILES, Outcome.PASS, "every file, byte for byte")
    if allow_edited:
        return Check(FILES, Outcome.SKIPPED, f"--allow-edited; {edits.in_words}")
    if version != __version__:
        text = (
            f"made by posekit {version}, this is {__version__}: an edit cannot be told from another version's code; "
            f"package again, or take --allow-edited ({edits.in_words})"
        )
        return Check(FILES, Outcome.FAIL, text)
    return Check(FILES, Outcome.FAIL, edits.in_words)


def _unknown(opened: bundle.Bundle) -> list[str]:
    known = {
        Path(bundle.MANIFEST), Path(recipe.FILE), Path(opened.model_path.name),
        *(Path(bundle.GOLDEN) / name for name in golden.files_of(opened.spec)),
        *(Path(bundle.REPORT) / name for name in (document.FILE, document.JUNIT, document.PAGE)),
    }  # fmt: skip
    made = recipe.read(opened.folder / recipe.FILE)
    if made.calibrates:
        known.add(Path(ranges.FILE))
    if made.budget:
        known |= {Path(bundle.REPORT) / name for name in ("search.json", "search.html")}
    if opened.platform == "ios":
        known |= {Path(opened.model_path.name) / name for name in PARTS}
    elsewhere = {Path(bundle.EVALUATION)}
    if opened.whole is None:
        known.add(Path(CONTRACT))
        elsewhere.add(Path(bundle.WRAPPER[opened.platform]))
    if opened.spec.detector is not None:
        elsewhere.add(Path(bundle.DETECTOR))
    found = (Path(name) for name in opened.manifest["files"])
    return [f"{one} is no file of a bundle" for one in found if one not in known and not elsewhere & set(one.parents)]
