"""Is a bundle still what it says? Its files, its contract, and its model measured anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from posekit import bundle, jsontext, recipe, reporting
from posekit.devices import desktop, drive, evidence
from posekit.devices.format import DeviceRun, Pass
from posekit.devices.record import read_run
from posekit.errors import InputError
from posekit.inputs import Images, find_images
from posekit.parity.accuracy import accuracy, can_be_told, truth_of, why_no_truth
from posekit.parity.budget import Budget, parse_budget
from posekit.parity.cases import Case, Index, cases_of, found_in, read_index, recorded
from posekit.parity.evaluate import Evaluation, Run, evaluate
from posekit.parity.gate import Check, Outcome, accuracy_skips
from posekit.parity.shipped import Wrapper
from posekit.runtimes import Runtime, runtime_for
from posekit.spec import PoseSpec, contract_hash
from posekit.steps import Step, announced, silent
from posekit.targets import file_bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure beside the model itself.

    wrapper: run the generated code on this machine. device: `adb[:SERIAL]` or `ios[:UDID]`, which has timeout_s for it.
    device_run: the folder of a run recorded elsewhere. write_request: a new folder for what such a run is to do.
    report: a folder for a report of this validation.
    """

    images: Path | None = None
    annotations: Path | None = None
    wrapper: bool = False
    device: str = ""
    timeout_s: float = 600
    device_run: Path | None = None
    write_request: Path | None = None
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Validated:
    """The bundle, the evidence, and what the report says beside it."""

    bundle: bundle.Bundle
    evaluation: Evaluation
    facts: dict[str, Any] = field(default_factory=dict)


def validate(folder: Path, wanted: Wanted = Wanted(), step: Step = silent) -> Validated:
    """Verify a bundle and measure its model anew against the reference that it carries.

    With annotated images the accuracy of the packaged model is measured too. InputError (exit 2) for a bundle that
    is not what its manifest says, or a device run that is not the bundle's.
    """
    if wanted.annotations is not None and wanted.images is None:
        raise InputError("--annotations needs --images, the folder of its pictures")
    if wanted.wrapper + bool(wanted.device) + (wanted.device_run is not None) > 1:
        raise InputError("--wrapper, --device and --device-run are three places to run the wrapper", "choose one")
    for option, new in (("--report", wanted.report), ("--write-request", wanted.write_request)):
        if new is not None and new.exists() and (not new.is_dir() or any(new.iterdir())):
            raise InputError(
                f"{new} is {'not empty' if new.is_dir() else 'a file'}", f"give {option} a folder that is new"
            )
        if new is not None and new.resolve().is_relative_to(folder.resolve()):
            raise InputError(
                f"{new} is in the bundle {folder}, whose files are listed", f"give {option} another folder"
            )
    with announced(step, "verify the bundle"):
        opened = bundle.open_bundle(folder)
        index = read_index(folder / bundle.EVALUATION)
        given = _annotated(wanted.images, wanted.annotations, opened.spec) if wanted.images is not None else None
        if wanted.wrapper:
            desktop.require(opened.platform)
        if wanted.write_request is not None:
            drive.write_request(opened, wanted.write_request, _recorded_cases(opened))
    runtime = runtime_for(opened.platform, opened.model_path)
    with tempfile.TemporaryDirectory() as scratch:
        ran = _run_wrapper(opened, runtime, wanted, Path(scratch), step)
        with announced(step, "measure parity"):
            evaluation = evaluate(
                recorded(folder / bundle.EVALUATION, opened.spec), opened.spec, opened.manifest["precision"],
                runtime.run, status=ran.status, runtime=ran.name, wrapper=ran.wrapper,
                beside=ran.beside, budget=_budget(opened), size=file_bytes(opened.model_path),
                accuracy_held=_packaged_facts(opened.folder / bundle.REPORT).get("accuracy_held") is True,
                accelerated=None if ran.wrapper is not None and ran.wrapper.accelerator else runtime.accelerated,
            )  # fmt: skip
        drawable = ran.wrapper if wanted.report is not None else None
        shown = reporting.drawn(evaluation, drawable, _recorded_cases(opened), opened.spec)
    evaluation = _with_checks(evaluation, (*_evidence(index, opened), *ran.checks))
    if given is not None:
        evaluation = _with_accuracy(evaluation, given, opened.spec, runtime.run)
    result = Validated(opened, evaluation, ran.facts)
    if wanted.report is not None:
        with announced(step, "write the report"):
            _write_report(result, wanted.report, runtime, shown)
    return result


def _budget(opened: bundle.Bundle) -> Budget | None:
    """What the bundle's recipe was found within, if it was searched."""
    path = opened.folder / recipe.FILE
    text = recipe.read(path).budget if path.exists() else ""
    return parse_budget(text) if text else None


@dataclass(frozen=True, slots=True)
class _Ran:
    """What ran the wrapper, if anything did."""

    status: str
    name: str
    wrapper: Wrapper | None = None
    checks: tuple[Check, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Wrapper] = field(default_factory=dict)


def _run_wrapper(opened: bundle.Bundle, runtime: Runtime, wanted: Wanted, scratch: Path, step: Step) -> _Ran:
    if wanted.wrapper:
        with announced(step, "run the wrapper on this machine"):
            wrapper = desktop.run_wrapper(
                opened.platform, opened.wrapper_path, opened.model_path, lambda: _recorded_cases(opened), runtime.run,
                scratch, model_sha256=bundle.file_hash(opened.model_path), contract_sha256=contract_hash(opened.spec),
            )  # fmt: skip
        return _Ran(runtime.status, f"{runtime.name}; {desktop.NAMES[opened.platform]}", wrapper)
    folder = wanted.device_run
    if wanted.device:
        folder = scratch / "run"
        with announced(step, f"run on {wanted.device}"):
            cases = _recorded_cases(opened)
            drive.run(opened, wanted.device, scratch / "request", folder, cases, step, wanted.timeout_s)
    if folder is None:
        return _Ran(runtime.status, runtime.name)
    run = read_run(folder, bundle.file_hash(opened.model_path), contract_hash(opened.spec))
    return _from_device(folder, run, opened)


def _recorded_cases(opened: bundle.Bundle) -> Iterator[Case]:
    return (case for case, _ in recorded(opened.folder / bundle.EVALUATION, opened.spec))


def _from_device(folder: Path, run: DeviceRun, opened: bundle.Bundle) -> _Ran:
    passes = evidence.passes_of(run)
    if not passes:
        raise InputError(f"the device run did not run the model: {run.error or 'no pass has a case'}")
    status = "SIMULATED" if run.device.simulated else "VERIFIED"
    what = f"{run.runtime} on {run.device.name} ({run.device.os}), {evidence.in_words(passes[0])}"
    wrapper, *others = (evidence.wrapper_of(folder, one, accelerator=True) for one in passes)
    beside = {f"from the picture {_where(one)}": other for one, other in zip(passes[1:], others, strict=True)}
    checks = evidence.checks_of(folder, run, _recorded_cases(opened))
    return _Ran(status, what, wrapper, checks, evidence.facts(run), beside)


def _where(one: Pass) -> str:
    """`on the gpu`, or that it was only asked for: what ran instead is told of the pass itself."""
    return f"on the {one.requested}" if one.used == one.requested else f"where the {one.requested} was asked for"


def _evidence(index: Index, opened: bundle.Bundle) -> tuple[Check, ...]:
    """Whether the bundle's figures were measured on the model file that it ships."""
    measured = index.measured_model_sha256
    checks = []
    for name, path in (("model file", opened.model_path), ("model file of the wrapper", opened.shipped_model_path)):
        same = measured == bundle.file_hash(path)
        text = "the file that was measured" if same else "the bundle's figures were measured on another model file"
        checks.append(Check(name, Outcome.PASS if same else Outcome.FAIL, text))
    return tuple(checks)


def _with_checks(evaluation: Evaluation, checks: tuple[Check, ...]) -> Evaluation:
    return replace(evaluation, checks=(*checks, *evaluation.checks))


def _annotated(folder: Path, annotations: Path | None, spec: PoseSpec) -> Images:
    """Pictures whose people have keypoints: a bundle has no network to compare with on others."""
    found = find_images(folder, annotations, spec)
    if not can_be_told(found.photos, spec):
        raise InputError(
            "the pictures given with --images have no labelled keypoints that the model could be measured against",
            "add --annotations FILE (COCO); for a model of whole pictures those of pictures with one person each count",
        )
    return found


def _with_accuracy(evaluation: Evaluation, images: Images, spec: PoseSpec, run: Run) -> Evaluation:
    found, truth, untold = [], [], []
    for photo in images.photos:
        for case in cases_of(photo, spec):
            found.append(found_in(case, run(case.pixels), spec))
            truth.append(truth_of(case))
            untold.append(why_no_truth(case))
    measured = accuracy(found, truth, spec)
    checks = (*evaluation.checks, *accuracy_skips(untold, measured))
    if measured is None:
        checks = (*checks, Check("accuracy on the pictures", Outcome.FAIL, "a keypoint is not finite"))
        return replace(evaluation, checks=checks)
    return replace(evaluation, checks=checks, accuracy={"packaged": measured})


def _packaged_facts(folder: Path) -> dict[str, Any]:
    """What the bundle's own report says of source, conversion and size."""
    try:
        document = jsontext.parse((folder / "report.json").read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder / 'report.json'} is no readable report: {error}", "package the model again"
        ) from error
    if not isinstance(document, dict):
        raise InputError(f"{folder / 'report.json'} is no report", "package the model again")
    return document


def _write_report(result: Validated, folder: Path, runtime: Runtime, shown: reporting.Drawn | None) -> None:
    opened = result.bundle
    cases = opened.folder / bundle.EVALUATION
    packaged = _packaged_facts(opened.folder / bundle.REPORT)
    reporting.write(
        folder, result.evaluation, opened.spec, {**packaged, **result.facts},
        lambda names: ((case, outputs) for case, outputs in recorded(cases, opened.spec) if case.name in names),
        runtime.run, shipped=shown,
    )  # fmt: skip
