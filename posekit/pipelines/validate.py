"""Is a bundle still what it says? Its files, its contract, and its model measured anew."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from posekit import bundle, documents
from posekit.contract import recipe
from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.decoders.decoder import Outputs
from posekit.devices import desktop, drive
from posekit.devices import evidence as device_evidence
from posekit.devices.format import DeviceRun, Pass
from posekit.devices.record import read_run
from posekit.errors import InputError, MissingToolError, said
from posekit.parity.accuracy import accuracy, can_be_told
from posekit.parity.budget import Budget, parse_budget
from posekit.parity.cases import MAX_RECORDED, Case, Index, read_index, recorded
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import Check, Outcome, accuracy_skips
from posekit.parity.shipped import Wrapper
from posekit.pipelines import consistency
from posekit.pipelines.consistency import Edits, Evidence, Told
from posekit.pipelines.inputs import find_spec
from posekit.pipelines.measuring import Seen, begun, work_of
from posekit.pipelines.preparation import calibrating
from posekit.poses.photos import Photos, find_photos, refuse_unreadable, without
from posekit.progress import Progress, announced, silent
from posekit.report import writing
from posekit.report.document import FILE as REPORT_FILE
from posekit.report.document import read_evaluation
from posekit.report.facts import read_facts
from posekit.runtimes import Runtime, runtime_for
from posekit.sources import open_source
from posekit.targets import file_bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure beside the model itself.

    wrapper: run the generated code on this machine. device: `adb[:SERIAL]` or `ios[:UDID]`, which has timeout_s for it.
    device_run: the folder of a run recorded elsewhere. write_request: a new folder for what such a run is to do.
    report: a folder for a report of this validation. allow_edited: pass a wrapper that was edited; trust: compile and
    run it though it is not posekit's own code, and the code that the network's pickle holds. source: the trained
    network, which the bundle is made from again; spec: the contract that is meant to be in it, else the file beside the
    network, with `changes` made; arch: builds the network of a state dict; weights: of a checkpoint that holds several
    sets. calibration: the pictures that the precision was calibrated with, with their annotations, which are chosen and
    measured again. workers: processes that look at `images`, 0 for as many as help; scheduler: of a Dask cluster, whose
    workers look instead.
    """

    images: Path | None = None
    annotations: Path | None = None
    wrapper: bool = False
    device: str = ""
    timeout_s: float = 600
    device_run: Path | None = None
    write_request: Path | None = None
    report: Path | None = None
    allow_edited: bool = False
    trust: bool = False
    source: Path | None = None
    spec: str = ""
    changes: Sequence[str] = ()
    arch: str = ""
    weights: str = ""
    calibration: Path | None = None
    calibration_annotations: Path | None = None
    workers: int = 0
    scheduler: str = ""


@dataclass(frozen=True, slots=True)
class Validated:
    """The bundle, the evidence, and what the report says beside it."""

    bundle: bundle.Bundle
    evaluation: Evaluation
    facts: dict[str, Any] = field(default_factory=dict)


def validate(folder: Path, wanted: Wanted = Wanted(), step: Progress = silent) -> Validated:
    """Verify a bundle and measure its model anew against the reference that it carries.

    With annotated images the accuracy of the packaged model is measured too. InputError (exit 2) for a bundle that
    is not what its manifest says, or a device run that is not the bundle's.
    """
    _refuse(folder, wanted)
    with announced(step, "verify the bundle"):
        opened = bundle.open_bundle(folder)
        evidence = _evidence_of(opened)
        told = _told(opened)
        edits = consistency.edits_of(opened)
        given = _annotated(wanted.images, wanted.annotations, opened.spec) if wanted.images is not None else None
        if wanted.wrapper:
            desktop.require(opened.platform)
            consistency.refuse_foreign(edits, trust=wanted.trust)
        if wanted.write_request is not None:
            drive.write_request(opened, wanted.write_request, _cases(evidence))
    runtime = _remembering(runtime_for(opened.platform, opened.model_path))
    with tempfile.TemporaryDirectory() as scratch, _looking(opened, given, wanted, step) as look:
        ran = _run_wrapper(opened, evidence, edits, runtime, wanted, Path(scratch), step)
        with announced(step, "measure parity"):
            plain = _measured(opened, told, evidence, runtime, _Ran(runtime.status, runtime.name))
            evaluation = plain if ran.wrapper is None else _measured(opened, told, evidence, runtime, ran)
        drawable = ran.wrapper if wanted.report is not None else None
        shown = writing.drawn(evaluation, drawable, _cases(evidence), opened.spec)
        with announced(step, "hold the bundle against itself"):
            told_checks = (
                *consistency.of_files(opened, edits, allow_edited=wanted.allow_edited),
                *consistency.of_evidence(opened, evidence),
                *_unless_missing("layers and metadata", lambda: consistency.of_model(opened, told.facts)),
                *_unless_missing(
                    "the report", lambda: consistency.of_report(opened, told, evidence, plain, runtime.run)
                ),
            )
        origin = _origin(opened, told, evidence, wanted, runtime.run, step)
        evaluation = _with_checks(evaluation, (*_shipped(evidence.index, opened), *told_checks, *origin, *ran.checks))
        warnings = {}
        if given is not None:
            with announced(step, "look at the pictures"):
                evaluation, warnings["warnings"] = _with_accuracy(evaluation, given, look(), opened.spec)
    result = Validated(opened, evaluation, {**ran.facts, **warnings})
    if wanted.report is not None:
        with announced(step, "write the report"):
            _write_report(result, told, evidence, wanted.report, runtime, shown)
    return result


def _refuse(folder: Path, wanted: Wanted) -> None:
    """InputError for options that contradict each other, or folders that are taken."""
    if wanted.annotations is not None and wanted.images is None:
        raise InputError("--annotations needs --images, the folder of its pictures")
    if wanted.images is None and (wanted.workers or wanted.scheduler):
        raise InputError("--workers and --scheduler are for many pictures", "give their folder with --images")
    if wanted.calibration is not None and wanted.source is None:
        raise InputError("--calibration needs --source, the network that its pictures are shown to")
    if wanted.changes and wanted.source is None:
        raise InputError("--set needs --source, the network whose contract it changes", "a bundle's own is fixed")
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


def _looking(
    opened: bundle.Bundle, given: Photos | None, wanted: Wanted, step: Progress
) -> contextlib.AbstractContextManager[Callable[[], list[Seen]]]:
    """The given pictures, on their way to whoever looks at them while the bundle is held against itself."""
    if given is None:
        return contextlib.nullcontext(list)
    work = work_of(opened.platform, opened.model_path, opened.spec)
    return begun(work, given.photos, wanted.workers, wanted.scheduler, step)


def _unless_missing(what: str, made: Callable[[], tuple[Check, ...]]) -> tuple[Check, ...]:
    """The checks, or that they are skipped since this machine lacks what reads the model file."""
    try:
        return made()
    except MissingToolError as error:
        return (Check(f"{what} against the model file", Outcome.SKIPPED, error.message),)


def _remembering(runtime: Runtime) -> Runtime:
    """The same, each input run once: several checks need the outputs of the recorded cases."""
    kept: dict[bytes, Outputs] = {}

    def run(pixels: np.ndarray[Any, np.dtype[np.float32]]) -> Outputs:
        key = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).digest()
        if key not in kept and len(kept) < MAX_RECORDED:
            kept[key] = runtime.run(pixels)
        return kept[key] if key in kept else runtime.run(pixels)

    return replace(runtime, run=run)


def _origin(
    opened: bundle.Bundle, told: Told, evidence: Evidence, wanted: Wanted, run: Run, step: Progress
) -> tuple[Check, ...]:
    """The bundle against the network itself, where that is given."""
    if wanted.source is None:
        return (consistency.UNKNOWN,)
    beside = any(wanted.source.with_suffix(suffix).is_file() for suffix in (".toml", ".json"))
    spec = None
    if wanted.spec or wanted.changes or beside:
        spec = find_spec(
            wanted.source, wanted.spec, wanted.changes, arch=wanted.arch, trust=wanted.trust, weights=wanted.weights
        )
    with announced(step, "open the model"):
        source = open_source(wanted.source, opened.spec, arch=wanted.arch, trust=wanted.trust, weights=wanted.weights)
    calibrated = None
    if wanted.calibration is not None:
        if told.facts.calibration is None:
            raise InputError("the bundle was made without calibration pictures", "leave out --calibration")
        calibrated = calibrating(
            source, opened.spec, wanted.calibration, wanted.calibration_annotations, None, "calibrated", step
        )
    with announced(step, "make the bundle's model again"):
        return consistency.of_origin(opened, told, evidence, source, spec, run, calibrated)


def _evidence_of(opened: bundle.Bundle) -> Evidence:
    folder = opened.folder / bundle.EVALUATION
    return Evidence(read_index(folder), tuple(recorded(folder, opened.spec)))


def _told(opened: bundle.Bundle) -> Told:
    document = _packaged_report(opened.folder / bundle.REPORT)
    return Told(document, read_facts(document), read_evaluation(document))


def _cases(evidence: Evidence) -> Iterator[Case]:
    return (case for case, _ in evidence.cases)


def _measured(opened: bundle.Bundle, told: Told, evidence: Evidence, runtime: Runtime, ran: _Ran) -> Evaluation:
    """The bundle's model on its cases, and what ran the wrapper on them, against the recorded reference."""
    return evaluate(
        evidence.cases,
        opened.spec,
        Runs(
            runtime.run, ran.status, ran.name, wrapper=ran.wrapper, beside=ran.beside,
            accelerated=None if ran.wrapper is not None and ran.wrapper.accelerator else runtime.accelerated,
        ),
        Terms(
            opened.manifest["precision"], _budget(opened), file_bytes(opened.model_path), told.evaluation.accuracy_held
        ),
    )  # fmt: skip


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


def _run_wrapper(
    opened: bundle.Bundle,
    evidence: Evidence,
    edits: Edits,
    runtime: Runtime,
    wanted: Wanted,
    scratch: Path,
    step: Progress,
) -> _Ran:
    if wanted.wrapper:
        with announced(step, "run the wrapper on this machine"):
            wrapper, check = desktop.run_wrapper(
                opened.platform,
                _code(opened, edits, scratch),
                opened.model_path,
                lambda: _cases(evidence),
                runtime.run,
                scratch,
                model_sha256=bundle.file_hash(opened.model_path),
                spec=opened.spec,
            )
        return _Ran(runtime.status, f"{runtime.name}; {desktop.NAMES[opened.platform]}", wrapper, (check,))
    folder = wanted.device_run
    if wanted.device:
        folder = scratch / "run"
        with announced(step, f"run on {wanted.device}"):
            drive.run(opened, wanted.device, scratch / "request", folder, _cases(evidence), step, wanted.timeout_s)
    if folder is None:
        return _Ran(runtime.status, runtime.name)
    run = read_run(folder, bundle.file_hash(opened.model_path), contract_hash(opened.spec))
    return _from_device(folder, run, evidence)


def _code(opened: bundle.Bundle, edits: Edits, scratch: Path) -> Path:
    """The code to compile: posekit's own rendering where the bundle's is the same, so that nothing else is run."""
    if edits:
        return opened.wrapper_path
    tree = consistency.render(opened, scratch / "wrapper")
    shipped = tree / opened.shipped_model_path.relative_to(opened.wrapper_path)
    if opened.shipped_model_path.is_dir():
        shutil.copytree(opened.shipped_model_path, shipped)
    else:
        shutil.copyfile(opened.shipped_model_path, shipped)
    return tree


def _from_device(folder: Path, run: DeviceRun, recordings: Evidence) -> _Ran:
    passes = device_evidence.passes_of(run)
    if not passes:
        raise InputError(f"the device run did not run the model: {run.error or 'no pass has a case'}")
    status = "SIMULATED" if run.device.simulated else "VERIFIED"
    what = f"{run.runtime} on {run.device.name} ({run.device.os}), {device_evidence.in_words(passes[0])}"
    wrapper, *others = (device_evidence.wrapper_of(folder, one, accelerator=True) for one in passes)
    beside = {f"from the picture {_where(one)}": other for one, other in zip(passes[1:], others, strict=True)}
    checks = device_evidence.checks_of(folder, run, _cases(recordings))
    return _Ran(status, what, wrapper, checks, device_evidence.facts(run), beside)


def _where(one: Pass) -> str:
    """`on the gpu`, or that it was only asked for: what ran instead is told of the pass itself."""
    return f"on the {one.requested}" if one.used == one.requested else f"where the {one.requested} was asked for"


def _shipped(index: Index, opened: bundle.Bundle) -> tuple[Check, ...]:
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


def _annotated(folder: Path, annotations: Path | None, spec: PoseSpec) -> Photos:
    """Pictures whose people have keypoints: a bundle has no network to compare with on others."""
    found = find_photos(folder, annotations, spec.keypoints.names, with_nobody=spec.has_several)
    refuse_unreadable(found)
    _refuse_unlabelled(found, spec)
    return found


def _refuse_unlabelled(found: Photos, spec: PoseSpec) -> None:
    if not can_be_told(found.photos, spec):
        raise InputError(
            "the pictures given with --images have no labelled keypoints that the model could be measured against",
            "add --annotations FILE (COCO); for a model of whole pictures those of pictures with one person each count",
        )


def _with_accuracy(
    evaluation: Evaluation, given: Photos, seen: Sequence[Seen], spec: PoseSpec
) -> tuple[Evaluation, tuple[str, ...]]:
    """The evaluation with what was seen in the pictures, and the warnings of those that were left out."""
    read = without(given, {picture.number: picture.unread for picture in seen if picture.unread is not None})
    _refuse_unlabelled(read, spec)
    found, truth = (
        [one for picture in seen for one in picture.found],
        [one for picture in seen for one in picture.truth],
    )
    measured = accuracy(found, truth, spec)
    checks = (*evaluation.checks, *accuracy_skips([one for picture in seen for one in picture.untold], measured))
    if measured is None:
        checks = (*checks, Check("accuracy on the pictures", Outcome.FAIL, "a keypoint is not finite"))
        return replace(evaluation, checks=checks), read.warnings
    return replace(evaluation, checks=checks, accuracy={"packaged": measured}), read.warnings


def _packaged_report(folder: Path) -> dict[str, Any]:
    """What the bundle's own report says of source, conversion and size."""
    try:
        document = documents.parse((folder / REPORT_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder / 'report.json'} is no readable report{said(error)}", "package the model again"
        ) from error
    if not isinstance(document, dict):
        raise InputError(f"{folder / 'report.json'} is no report", "package the model again")
    return document


def _write_report(
    result: Validated, told: Told, evidence: Evidence, folder: Path, runtime: Runtime, shown: writing.Drawn | None
) -> None:
    writing.write(
        folder, result.evaluation, result.bundle.spec, {**told.document, **result.facts},
        lambda names: (one for one in evidence.cases if one[0].name in names), runtime.run, shipped=shown,
    )  # fmt: skip
