"""Is a bundle still what it says? Its files, its contract, and its model measured anew."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from posekit import bundle, documents
from posekit.contract import recipe
from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.devices import desktop, drive
from posekit.devices.desktop import Compiled
from posekit.errors import InputError, MissingToolError, naming, said
from posekit.parity import trace
from posekit.parity.both import BothTally
from posekit.parity.budget import Budget, parse_budget
from posekit.parity.cases import MAX_RECORDED, Index, read_index, recorded
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import POSE, Check, Outcome
from posekit.parity.halves import half_checks
from posekit.parity.shipped import no_device
from posekit.parity.stages import StageGates, StageRuns
from posekit.pipelines import both_stages, consistency
from posekit.pipelines.consistency import BundleReport, Edits, Recordings
from posekit.pipelines.inputs import find_spec, of_stages, with_detector
from posekit.pipelines.labelled import annotated, looking, with_accuracy
from posekit.pipelines.preparation import calibrating
from posekit.pipelines.validate_options import PLAIN, ValidateOptions
from posekit.pipelines.wrapper_runs import WrapperRun, compiled, on_a_device, on_this_machine
from posekit.progress import Progress, announced, silent
from posekit.report import writing
from posekit.report.document import FILE as REPORT_FILE
from posekit.report.document import read_evaluation
from posekit.report.facts import read_facts
from posekit.runtimes import Runtime, runtime_for
from posekit.runtimes.workers.processes import Staff
from posekit.sources import open_source
from posekit.targets import file_bytes

ELSEWHERE = Check(
    "on the device", Outcome.SKIPPED, "a device run is of the pose network alone: this stage, and both, ran here"
)


@dataclass(frozen=True, slots=True)
class Validated:
    """The bundle, the evidence, and what the report says beside it."""

    bundle: bundle.Bundle
    evaluation: Evaluation
    facts: dict[str, Any] = field(default_factory=dict)


def validate(
    folder: Path, options: ValidateOptions = PLAIN, step: Progress = silent, staff: Staff | None = None
) -> Validated:
    """Verify a bundle and measure its model anew against the reference that it carries.

    With annotated images the accuracy of the packaged model is measured too; staff: worker processes that wait to look
    at them, if there are some already (hiring.py). InputError (exit 2) for a bundle that
    is not what its manifest says, or a device run that is not the bundle's.
    """
    options.check(folder)
    with announced(step, "verify the bundle"):
        opened = bundle.open_bundle(folder)
        evidence = _evidence_of(opened)
        told = _told(opened)
        edits = consistency.edits_of(opened)
        given = None if options.images is None else annotated(options.images, options.annotations, opened.spec)
        if options.wrapper:
            desktop.require(opened.platform)
            consistency.refuse_foreign(edits, trust=options.trust)
        if options.write_request is not None:
            drive.write_request(opened, options.write_request, evidence.only_cases())
    runtime = _remembering(runtime_for(opened.platform, opened.model_path))
    with tempfile.TemporaryDirectory() as scratch, looking(opened, given, options, step, staff) as look:
        code = None
        if options.wrapper:
            with announced(step, "compile the wrapper"):
                code = compiled(opened, edits, Path(scratch))
        ran = _ran(opened, evidence, code, runtime, options, Path(scratch), step)
        with announced(step, "measure parity"):
            plain = _measured(opened, told, evidence, runtime, WrapperRun(runtime.status, runtime.name))
            evaluation = plain if ran.wrapper is None else _measured(opened, told, evidence, runtime, ran)
        if opened.detector is not None:
            with naming(bundle.DETECTOR):
                first = _of_detector(opened, opened.detector, runtime.run, code, Path(scratch), options, step)
            plain, evaluation = first.as_packaged(plain), first.added(evaluation)
        drawable = ran.wrapper if options.report is not None else None
        shown = writing.drawn(evaluation, drawable, evidence.only_cases(), opened.spec)
        with announced(step, "hold the bundle against itself"):
            held = _held(opened, told, evidence, edits, plain, runtime.run, allow_edited=options.allow_edited)
        with naming("" if opened.detector is None else POSE):
            origin = _origin(opened, told, evidence, options, runtime.run, step)
        evaluation = _with_checks(evaluation, (*_shipped(evidence.index, opened), *held, *origin, *ran.checks))
        warnings = {}
        if given is not None:
            with announced(step, "look at the pictures"):
                evaluation, warnings["warnings"] = with_accuracy(evaluation, given, look(), opened.spec)
    result = Validated(opened, evaluation, {**ran.facts, **warnings})
    if options.report is not None:
        with announced(step, "write the report"):
            _write_report(result, told, evidence, options.report, runtime, shown)
    return result


@dataclass(frozen=True, slots=True)
class _FirstStage:
    """The detector measured anew, and both stages together; packaged, checks: those that packaging made too, and all of
    them; plain, found: the detector by itself without and with what ran the wrapper."""

    packaged: tuple[Check, ...]
    checks: tuple[Check, ...]
    plain: Evaluation
    found: Evaluation

    def as_packaged(self, pose: Evaluation) -> Evaluation:
        """The evidence of the pose network with what packaging adds of the detector."""
        return replace(pose, checks=(*pose.checks, *self.packaged), of_detector=self.plain.blamed)

    def added(self, pose: Evaluation) -> Evaluation:
        """The evidence of the pose network with all that is known of the detector."""
        return replace(pose, checks=(*pose.checks, *self.checks), of_detector=self.found.blamed)


def _of_detector(
    opened: bundle.Bundle, detector: bundle.Bundle, run: Run, code: Compiled | None, scratch: Path,
    options: ValidateOptions, step: Progress,
) -> _FirstStage:  # fmt: skip
    """The detector of a bundle, and both stages together."""
    evidence, told = _evidence_of(detector), _told(detector)
    runtime = _remembering(runtime_for(detector.platform, detector.model_path))
    with announced(step, "measure the detector"):
        there = WrapperRun(runtime.status, runtime.name)
        plain = found = _measured(detector, told, evidence, runtime, there)
        if code is not None:
            there = on_this_machine(detector, evidence, code, runtime, scratch / "detector")
            found = _measured(detector, told, evidence, runtime, there)
        held = _held(detector, told, evidence, Edits(), plain, runtime.run, allow_edited=options.allow_edited)
    with announced(step, "run both stages"):
        gates = StageGates(*(Terms(one.manifest["precision"]).gate(one.spec) for one in (detector, opened)))
        folder, runs = detector.folder / bundle.EVALUATION, StageRuns(runtime.run, run)
        cases = list(evidence.only_cases())
        photos = [case.photo for case in cases]
        people = both_stages.recorded_people(folder, evidence.cases, opened.spec)
        both = both_stages.again(folder, photos, opened.spec, runs, BothTally(opened.spec, gates))
        of_code: tuple[Check, ...] = ()
        if code is not None:
            of_code = both_stages.of_wrapper(code, folder, cases, opened.spec, runs, gates, scratch, opened.model_path)
    as_packaged = (*both, *both_stages.named(bundle.DETECTOR, plain.checks))
    origin = _origin(detector, told, evidence, options, runtime.run, step)
    elsewhere = (ELSEWHERE,) if options.device or options.device_run else ()
    own = (*_shipped(evidence.index, detector), *held, *origin, *elsewhere, *there.checks, *found.checks)
    checks = (people, *both, *of_code, *both_stages.named(bundle.DETECTOR, own))
    return _FirstStage(as_packaged, checks, plain, found)


def _held(
    opened: bundle.Bundle, told: BundleReport, evidence: Recordings, edits: Edits, measured: Evaluation, run: Run, *,
    allow_edited: bool,
) -> tuple[Check, ...]:  # fmt: skip
    """The bundle against itself: its files, its evidence, its model file and its report."""
    return (
        *consistency.of_files(opened, edits, allow_edited=allow_edited),
        *consistency.of_evidence(opened, evidence),
        *_unless_missing("layers and metadata", lambda: consistency.of_model(opened, told.facts)),
        *_unless_missing("the report", lambda: consistency.of_report(opened, told, evidence, measured, run)),
    )


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
    opened: bundle.Bundle, told: BundleReport, evidence: Recordings, options: ValidateOptions, run: Run, step: Progress
) -> tuple[Check, ...]:
    """The bundle against the network itself, where that is given; of two stages against that of the stage."""
    is_detector = opened.whole is not None
    file, arch = (options.detector, options.detector_arch) if is_detector else (options.source, options.arch)
    if file is None:
        return (consistency.UNKNOWN,)
    how: dict[str, Any] = {"arch": arch, "trust": options.trust, "weights": "" if is_detector else options.weights}
    with announced(step, "open the model"):
        source = open_source(file, opened.spec, **how)
    calibrated = None
    if options.calibration is not None and not (is_detector and told.facts.calibration is None):
        if told.facts.calibration is None:
            raise InputError("the bundle was made without calibration pictures", "leave out --calibration")
        calibrated = calibrating(
            source, opened.spec, options.calibration, options.calibration_annotations, None, "calibrated", step
        )
    with announced(step, "make the bundle's model again"):
        wanted = _wanted(options)
        return consistency.of_origin(opened, told, evidence, source, wanted, run, calibrated)


def _wanted(options: ValidateOptions) -> PoseSpec | None:
    """The contract that is meant to be in the bundle, where one is given or lies beside the network."""
    if options.source is None:
        return None
    own, added = of_stages(options.changes, options.detector)
    beside = any(options.source.with_suffix(suffix).is_file() for suffix in (".toml", ".json"))
    if not (options.spec or options.changes or beside):
        return None
    how: dict[str, Any] = {"trust": options.trust}
    spec = find_spec(options.source, options.spec, own, arch=options.arch, weights=options.weights, **how)
    if options.detector is None:
        return spec
    return with_detector(spec, options.detector, options.detector_spec, added, arch=options.detector_arch, **how)


def _evidence_of(opened: bundle.Bundle) -> Recordings:
    folder = opened.folder / bundle.EVALUATION
    return Recordings(read_index(folder), tuple(recorded(folder, opened.spec)))


def _told(opened: bundle.Bundle) -> BundleReport:
    document = _packaged_report(opened.folder / bundle.REPORT)
    return BundleReport(document, read_facts(document), read_evaluation(document))


def _measured(
    opened: bundle.Bundle, told: BundleReport, evidence: Recordings, runtime: Runtime, ran: WrapperRun
) -> Evaluation:
    """The bundle's model on its cases, and what ran the wrapper on them, against the recorded reference."""
    steps, precision = trace.read(opened.folder / bundle.EVALUATION).steps, opened.manifest["precision"]
    on_device = ran.wrapper is not None and ran.wrapper.accelerator
    found = evaluate(
        evidence.cases,
        opened.spec,
        Runs(
            runtime.run, ran.status, ran.name, wrapper=ran.wrapper, beside=ran.beside,
            accelerated=None if on_device else runtime.accelerated, no_device=no_device(opened.platform),
        ),
        Terms(precision, _budget(opened), file_bytes(opened.model_path), told.evaluation.accuracy_held),
    )  # fmt: skip
    beyond = () if on_device else half_checks(steps, opened.platform, precision)
    return replace(found, checks=(*found.checks, *beyond))


def _budget(opened: bundle.Bundle) -> Budget | None:
    """What the bundle's recipe was found within, if it was searched."""
    path = opened.folder / recipe.FILE
    text = recipe.read(path).budget if path.exists() else ""
    return parse_budget(text) if text else None


def _ran(
    opened: bundle.Bundle, evidence: Recordings, code: Compiled | None, runtime: Runtime, options: ValidateOptions,
    scratch: Path, step: Progress,
) -> WrapperRun:  # fmt: skip
    """The wrapper where it was asked for: on this machine, on a device, or recorded on one elsewhere."""
    if code is not None:
        with announced(step, "run the wrapper on this machine"):
            return on_this_machine(opened, evidence, code, runtime, scratch)
    folder = options.device_run
    if options.device:
        folder = scratch / "run"
        with announced(step, f"run on {options.device}"):
            cases = evidence.only_cases()
            drive.run(opened, options.device, scratch / "request", folder, cases, step, options.timeout_s)
    return WrapperRun(runtime.status, runtime.name) if folder is None else on_a_device(folder, opened, evidence)


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
    result: Validated,
    told: BundleReport,
    evidence: Recordings,
    folder: Path,
    runtime: Runtime,
    shown: writing.Drawn | None,
) -> None:
    writing.write(
        folder, result.evaluation, result.bundle.spec, {**told.document, **result.facts},
        lambda names: (one for one in evidence.cases if one[0].name in names), runtime.run, shipped=shown,
    )  # fmt: skip
