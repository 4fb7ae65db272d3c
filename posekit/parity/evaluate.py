"""Run reference and packaged model over the cases, one at a time, and judge the difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import Precision
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.parity.accuracy import Accuracy, Truth, accuracy, accuracy_drop, truth_of, why_no_truth
from posekit.parity.budget import Budget
from posekit.parity.cases import Case, Recorder, Tensors, found_in
from posekit.parity.gate import (
    OF_KEYPOINTS,
    Check,
    Outcome,
    accuracy_skips,
    check_accuracy,
    check_budget,
    check_keypoints,
    check_tensors,
    coarser,
    excused,
    gate_for,
    passed,
)
from posekit.parity.metrics import CaseError, Found, worst_cases
from posekit.parity.quality import Quality, quality_of
from posekit.parity.shipped import NO_DEVICE, NO_WRAPPER, Beside, Wrapper, WrapperSide
from posekit.parity.stages import NAMES, Side, Stage, blame, largest

Run = Callable[[NDArray[np.float32]], Mapping[str, NDArray[Any]]]
ReferenceCase = tuple[Case, Tensors]
MAX_WORST = 6
BLAMED_FROM_PX = 0.25  # p95 of a stage in the worst picture; one pixel of a heatmap is worth 2 to 6 AP
BEFORE_COMPRESSION = "before compression"
# gates of what the stages are told of, not of the other passes of a device
OF_THE_STAGES = (OF_KEYPOINTS, f"from the picture: {OF_KEYPOINTS}", f"on the accelerator: {OF_KEYPOINTS}")
MAX_DECODED_PX = 0.05  # both sides decode the same outputs in float64
MAX_INPUT_DIFFERENCE = 0.5  # grey levels; arithmetic in float64 differs by 1e-4, a shift by a pixel's fraction by many


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evidence for one model file.

    status: VERIFIED, HOST, SIMULATED or UNVERIFIED; runtime: what ran it. total: what ships against the reference,
    from the picture where the wrapper was run, else from the reference's input; stages: the same, step by step.
    worst: the cases with the largest errors, worst first. accuracy: by `reference` and `packaged`, where there are
    annotations; accuracy_held: whether AP and PCK were gates, of enough annotated people, and held.
    """

    status: str
    runtime: str
    cases: int
    images: int
    total: Stage
    stages: tuple[Stage, ...]
    checks: tuple[Check, ...]
    worst: tuple[CaseError, ...] = ()
    accuracy: Mapping[str, Accuracy] = field(default_factory=dict)
    accuracy_held: bool = False

    @property
    def blamed(self) -> tuple[str, ...]:
        """The stages that the error comes from, the largest first; the largest alone where a gate is closer than what
        a stage is blamed for; empty where all is well."""
        known = {stage.name: stage for stage in self.stages}
        found = blame(self.stages, BLAMED_FROM_PX)
        inputs = known["preprocessing"].tensors if "preprocessing" in known else ()
        if any(not tensor.max_abs <= MAX_INPUT_DIFFERENCE for tensor in inputs) and "preprocessing" not in found:
            found = (*found, "preprocessing")
        if {"preprocessing", "decoding"} <= set(found) and self._cancels(known):
            # one transform, wrong both ways: decoding only undoes what preprocessing did
            found = tuple(name for name in found if name != "decoding")
        moved = any(check.outcome is Outcome.FAIL and check.name.startswith(OF_THE_STAGES) for check in self.checks)
        return found or (largest(self.stages) if moved else ())

    def _cancels(self, known: Mapping[str, Stage]) -> bool:
        """Whether the way back from the input makes up for most of what the way there did."""
        total, there, back = (stage.keypoints for stage in (self.total, known["preprocessing"], known["decoding"]))
        if total is None or there is None or back is None:
            return False
        (x, y), (u, v) = there.bias_px, back.bias_px
        return total.p95_px <= 0.5 * there.p95_px or math.hypot(x + u, y + v) <= 0.25 * math.hypot(x, y)

    @property
    def quality(self) -> Quality | None:
        """What ships in the few numbers of a table; None where nothing was measured."""
        if self.total.keypoints is None:
            return None
        return quality_of(self.total.keypoints, self.accuracy.get("reference"), self.accuracy.get("packaged"))

    @property
    def is_good(self) -> bool:
        """Whether no gate failed."""
        return passed(self.checks)


def evaluate(
    references: Iterable[ReferenceCase],
    spec: PoseSpec,
    precision: Precision,
    run: Run,
    *,
    status: str,
    runtime: str,
    baseline: Run | None = None,
    accelerated: Run | None = None,
    wrapper: Wrapper | None = None,
    beside: Mapping[str, Wrapper] = MappingProxyType({}),
    recorder: Recorder | None = None,
    budget: Budget | None = None,
    size: int = 0,
    accuracy_held: bool = False,
) -> Evaluation:
    """Compare `run` with the reference outputs that come with each case.

    baseline: the same conversion at fp32, which tells conversion from precision. accelerated: the same model on this
    machine's accelerators. wrapper: what the generated code made of the same cases. beside: what it made of them in
    other places, which the gates are for as well. recorder: keeps the first cases. budget: the gate of a searched file
    of `size` bytes, in the place of the precision's. accuracy_held: it did on annotated people who are not among these cases.
    """
    gate = gate_for(precision, spec, budget)
    reference: list[Found] = []
    truth: list[Truth | None] = []
    untold: list[str] = []
    converted, packaged, rounded, faster = Side(gate_for("fp16", spec)), Side(gate), Side(gate), Side(gate)
    images = set()
    shipped = None if wrapper is None else WrapperSide(wrapper, spec, _gate_there(precision, wrapper, spec, budget))
    others = [Beside(name, other, spec, _gate_there(precision, other, spec, budget)) for name, other in beside.items()]
    for case, outputs in references:
        missing = _shape_problem(run_outputs := run(case.pixels), outputs)
        if missing:
            return _wrong_shape(missing, status, runtime)
        packaged.add(case, run_outputs, outputs, spec)
        if baseline is not None:
            base = baseline(case.pixels)
            converted.add(case, base, outputs, spec)
            rounded.add(case, run_outputs, base, spec)
        if accelerated is not None:
            faster.add(case, accelerated(case.pixels), run_outputs, spec)
        if shipped is not None:
            shipped.add(case, outputs, run_outputs, run)
        for other in others:
            other.add(case, outputs)
        found = found_in(case, outputs, spec)
        reference.append(found)
        truth.append(truth_of(case))
        untold.append(why_no_truth(case))
        images.add(case.photo.path)
        if recorder is not None:
            recorder.add(case, outputs, found, run_outputs)
    total = packaged.stage("total", reference, spec)
    names, sigmas = spec.keypoints.names, spec.keypoints.oks_sigmas
    worst = worst_cases(packaged.found, reference, names, sigmas, MAX_WORST)
    if baseline is not None:
        middle = [converted.stage("conversion", reference, spec), rounded.stage("precision", converted.found, spec)]
    elif precision == "fp32":
        middle = [replace(total, name="conversion"), Stage("precision", skipped="fp32 keeps it all")]
    else:
        middle = [Stage(name, skipped="told apart when the bundle is packaged") for name in ("conversion", "precision")]
    if accelerated is not None:
        middle.append(faster.stage("accelerator", packaged.found, spec))
    stages = (shipped.stages() if shipped else {}) | {stage.name: stage for stage in middle}
    drop = accuracy_drop(reference, packaged.found, truth, spec)
    held = check_accuracy(gate, drop)
    checks = [*_checks(total, spec, gate), *held]
    if baseline is not None and precision != "fp16":  # the float graph is exact, however coarse its numbers become
        checks += before_compression(stages["conversion"], spec)
    there = stages.get("accelerator")
    if there is not None and there.keypoints is not None:
        checks += _end_checks("on the accelerator", there, _gate_there(precision, wrapper, spec, budget), budget)
    if wrapper is not None and shipped is not None:
        end = stages.pop("wrapper")
        checks = [
            shipped.check(),
            *_input_checks(stages["preprocessing"]),
            *_decoding_checks(stages["decoding"]),
            *checks,
            *_end_checks("from the picture", end, _gate_there(precision, wrapper, spec, budget), budget),
        ]
        total = replace(end, name="total") if end.keypoints is not None else total
        worst = shipped.worst(MAX_WORST) or worst
    for other in others:
        checks += _end_checks(other.name, other.stage(), _gate_there(precision, other.wrapper, spec, budget), budget)
    scores = {"reference": accuracy(reference, truth, spec), "packaged": accuracy(packaged.found, truth, spec)}
    known = {side: value for side, value in scores.items() if value is not None}
    checks += accuracy_skips(untold, known.get("packaged"))
    accuracy_held = accuracy_held or (bool(held) and all(check.outcome is Outcome.PASS for check in held))
    evaluation = Evaluation(
        status,
        runtime,
        len(reference),
        len(images),
        total,
        waterfall(stages),
        excused(checks, accuracy_held),
        worst,
        known,
        accuracy_held,
    )
    if budget is None or evaluation.quality is None:
        return evaluation
    return replace(evaluation, checks=(check_budget(budget, evaluation.quality, size), *evaluation.checks))


def before_compression(conversion: Stage, spec: PoseSpec) -> tuple[Check, ...]:
    """The gates of the float graph that a compressed file is made of; conversion: it against the reference."""
    gate = gate_for("fp16", spec)
    return (
        *_named(BEFORE_COMPRESSION, check_tensors(gate, conversion.tensors, spec.decoder.outputs)),
        *_end_checks(BEFORE_COMPRESSION, conversion, gate, None),
    )


def _gate_there(precision: Precision, wrapper: Wrapper | None, spec: PoseSpec, budget: Budget | None) -> GateSpec:
    """The gate of what another way of running the model made: that of its arithmetic where it is coarser than the file's."""
    return gate_for(coarser(precision, None if wrapper is None else wrapper.precision), spec, budget)


def waterfall(known: Mapping[str, Stage]) -> tuple[Stage, ...]:
    """The stages in the order in which a picture passes them; SKIPPED with the reason where they were not run."""
    reasons = {"preprocessing": NO_WRAPPER, "decoding": NO_WRAPPER, "accelerator": NO_DEVICE}
    missing = {name: Stage(name, skipped=reason) for name, reason in reasons.items()}
    return tuple(stage for name in NAMES if (stage := known.get(name, missing.get(name))) is not None)


def _checks(total: Stage, spec: PoseSpec, gate: GateSpec) -> tuple[Check, ...]:
    tensors = check_tensors(gate, total.tensors, spec.decoder.outputs)
    return (*tensors, *_keypoint_checks(gate, total))


def _keypoint_checks(gate: GateSpec, stage: Stage) -> list[Check]:
    found, drift = stage.keypoints, stage.drift
    return [] if found is None or drift is None else check_keypoints(gate, found, drift)


def _input_checks(preprocessing: Stage) -> tuple[Check, ...]:
    """The wrapper's input against the reference's: keypoints hide small faults of it."""
    name = "the wrapper's input"
    if not preprocessing.tensors:
        return (Check(name, Outcome.SKIPPED, preprocessing.skipped),)
    (tensor,) = preprocessing.tensors
    text = f"largest difference {tensor.max_abs:.3g} grey levels, at most {MAX_INPUT_DIFFERENCE:g} ({tensor.where})"
    return (Check(name, Outcome.PASS if tensor.max_abs <= MAX_INPUT_DIFFERENCE else Outcome.FAIL, text),)


def _decoding_checks(decoding: Stage) -> tuple[Check, ...]:
    """The wrapper's keypoints against posekit's own from the same outputs, which are the same arithmetic at any precision."""
    name, drift = "the wrapper's decoding", decoding.drift
    if drift is None:
        return (Check(name, Outcome.SKIPPED, decoding.skipped),)
    text = f"largest difference {drift.max_px:.4f} px, at most {MAX_DECODED_PX:g} ({drift.worst})"
    return (Check(name, Outcome.PASS if drift.max_px <= MAX_DECODED_PX else Outcome.FAIL, text),)


def _end_checks(where: str, end: Stage, gate: GateSpec, budget: Budget | None) -> tuple[Check, ...]:
    """The keypoint gates again, for what another way of running the model, or of reaching it, made of the cases."""
    if end.keypoints is None:
        return (Check(f"{where}: keypoints", Outcome.SKIPPED, end.skipped),)
    found = _keypoint_checks(gate, end)
    if budget is not None and (motion := budget.of_motion()).terms:
        found.append(check_budget(motion, quality_of(end.keypoints, None, None), 0))
    return _named(where, found)


def _named(where: str, checks: Sequence[Check]) -> tuple[Check, ...]:
    return tuple(replace(check, name=f"{where}: {check.name}") for check in checks)


def unverified(reason: str) -> Evaluation:
    """The evidence for a model that cannot be run here: none, with the reason."""
    check = Check("keypoints against the reference", Outcome.SKIPPED, reason)
    return Evaluation("UNVERIFIED", "not run", 0, 0, Stage("total", skipped=reason), (), (check,))


def _shape_problem(seen: Tensors, expected: Tensors) -> str:
    for name, values in expected.items():
        if name not in seen:
            return f"output {name!r} is missing; there are {', '.join(sorted(seen))}"
        if seen[name].shape != values.shape:
            return f"output {name!r} has shape {seen[name].shape}, the reference {values.shape}"
    return ""


def _wrong_shape(problem: str, status: str, runtime: str) -> Evaluation:
    check = Check("names and shapes", Outcome.FAIL, problem)
    return Evaluation(status, runtime, 0, 0, Stage("total", skipped=problem), (), (check,))
