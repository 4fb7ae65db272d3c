"""Is a bundle still what it says? Its files, its contract, and its model measured anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from posekit import bundle
from posekit.errors import InputError
from posekit.inputs import Images, find_images
from posekit.parity.accuracy import accuracy, truth_of
from posekit.parity.cases import cases_of, found_in, read_index, recorded
from posekit.parity.evaluate import Evaluation, Run, evaluate, unverified
from posekit.parity.gate import Check, Outcome
from posekit.runtimes import runtime_for, why_not
from posekit.spec import PoseSpec, Precision
from posekit.steps import Step, announced, silent


def validate(
    folder: Path, images: Path | None = None, annotations: Path | None = None, step: Step = silent
) -> tuple[bundle.Bundle, Evaluation]:
    """Verify a bundle and measure its model anew against the reference that it carries.

    With annotated images the accuracy of the packaged model is measured too. InputError (exit 2) for a bundle that
    is not what its manifest says.
    """
    if annotations is not None and images is None:
        raise InputError("--annotations needs --images, the folder of its pictures")
    with announced(step, "verify the bundle"):
        opened = bundle.open_bundle(folder)
        index = read_index(folder / bundle.EVALUATION)
        given = find_images(images, annotations, opened.spec) if images is not None else None
    with announced(step, "measure parity"):
        references = recorded(folder / bundle.EVALUATION, opened.spec)
        run = runtime_for(opened.platform, opened.model_path)
        if run is None:
            evaluation = unverified(why_not(opened.platform))
        else:
            precision: Precision = opened.manifest["precision"]
            evaluation = evaluate(references, opened.spec, precision, run[0], status="HOST", runtime=run[1])
        evaluation = _with_evidence(evaluation, index, opened)
        if given is not None and run is None:
            skipped = Check("accuracy", Outcome.SKIPPED, why_not(opened.platform))
            evaluation = replace(evaluation, checks=(*evaluation.checks, skipped))
        elif given is not None and run is not None:
            evaluation = _with_accuracy(evaluation, given, opened.spec, run[0])
    return opened, evaluation


def _with_evidence(evaluation: Evaluation, index: dict[str, Any], opened: bundle.Bundle) -> Evaluation:
    """Add the check that the bundle's figures were measured on the model file that it ships."""
    measured = index.get("measured_model_sha256")
    checks = []
    for name, path in (("model file", opened.model_path), ("model file of the wrapper", opened.shipped_model_path)):
        same = measured == bundle.file_hash(path)
        text = "the file that was measured" if same else "the bundle's figures were measured on another model file"
        checks.append(Check(name, Outcome.PASS if same else Outcome.FAIL, text))
    return replace(evaluation, checks=(*checks, *evaluation.checks))


def _with_accuracy(evaluation: Evaluation, images: Images, spec: PoseSpec, run: Run) -> Evaluation:
    found, truth = [], []
    for photo in images.photos:
        for case in cases_of(photo, spec):
            found.append(found_in(case, run(case.pixels), spec))
            truth.append(truth_of(case))
    measured = accuracy(found, truth, spec)
    if measured is None:
        raise InputError(
            "the pictures given with --images have no annotated keypoints", "add --annotations FILE (COCO)"
        )
    return replace(evaluation, accuracy={"packaged": measured})
