"""Run reference and packaged model over the cases, one at a time, and judge the difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.parity.accuracy import Accuracy, Truth, accuracy, truth_of
from posekit.parity.cases import Case, Recorder, Tensors, found_in
from posekit.parity.gate import Check, Outcome, check_keypoints, check_tensors, gate_for, passed
from posekit.parity.metrics import Found, KeypointError, TensorError, TensorTally, compare_keypoints
from posekit.spec import PoseSpec, Precision

Run = Callable[[NDArray[np.float32]], Mapping[str, NDArray[Any]]]
ReferenceCase = tuple[Case, Tensors]
WRAPPER_REASON = "held to the golden vectors by the module's own tests"


@dataclass(frozen=True, slots=True)
class Stage:
    """What one step adds: keypoint and tensor errors, or why it was not measured."""

    name: str
    keypoints: KeypointError | None = None
    tensors: tuple[TensorError, ...] = ()
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evidence for one model file.

    status: VERIFIED, HOST, SIMULATED or UNVERIFIED; runtime: what ran it. total: packaged model against reference;
    stages: the same, step by step. accuracy: by `reference` and `packaged`, where there are annotations.
    """

    status: str
    runtime: str
    cases: int
    images: int
    total: Stage
    stages: tuple[Stage, ...]
    checks: tuple[Check, ...]
    accuracy: Mapping[str, Accuracy] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether no gate failed."""
        return passed(self.checks)


class _Side:
    """One model's keypoints so far, and its tensors against the side before it."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.tallies: dict[str, TensorTally] = {}

    def add(self, case: Case, outputs: Tensors, expected: Tensors, spec: PoseSpec) -> None:
        for name, values in expected.items():
            self.tallies.setdefault(name, TensorTally(name)).add(case.name, outputs[name], values)
        self.found.append(found_in(case, outputs, spec))

    def tensors(self) -> tuple[TensorError, ...]:
        return tuple(tally.result() for tally in self.tallies.values())


def evaluate(
    references: Iterable[ReferenceCase],
    spec: PoseSpec,
    precision: Precision,
    run: Run,
    *,
    status: str,
    runtime: str,
    baseline: Run | None = None,
    recorder: Recorder | None = None,
) -> Evaluation:
    """Compare `run` with the reference outputs that come with each case.

    baseline: the same conversion at fp32, which tells conversion from precision. recorder: keeps the first cases.
    """
    reference: list[Found] = []
    truth: list[Truth | None] = []
    converted, packaged, rounded, images = _Side(), _Side(), _Side(), set()
    for case, outputs in references:
        missing = _shape_problem(run_outputs := run(case.pixels), outputs)
        if missing:
            return _wrong_shape(missing, status, runtime)
        packaged.add(case, run_outputs, outputs, spec)
        if baseline is not None:
            base = baseline(case.pixels)
            converted.add(case, base, outputs, spec)
            rounded.add(case, run_outputs, base, spec)
        found = found_in(case, outputs, spec)
        reference.append(found)
        truth.append(truth_of(case))
        images.add(case.photo.path)
        if recorder is not None:
            recorder.add(case, outputs, found)
    least = gate_for(precision, spec.gate).min_score
    total = _stage("total", packaged, reference, spec, least)
    if baseline is not None:
        conversion = _stage("conversion", converted, reference, spec, least)
        middle = [conversion, _stage("precision", rounded, converted.found, spec, least)]
    elif precision == "fp32":
        middle = [replace(total, name="conversion"), Stage("precision", skipped="fp32 keeps it all")]
    else:
        middle = [Stage(name, skipped="told apart when the bundle is packaged") for name in ("conversion", "precision")]
    scores = {"reference": accuracy(reference, truth, spec), "packaged": accuracy(packaged.found, truth, spec)}
    known = {side: value for side, value in scores.items() if value is not None}
    checks = _checks(total, spec, precision)
    return Evaluation(status, runtime, len(reference), len(images), total, _waterfall(middle), checks, known)


def _stage(name: str, side: _Side, against: Sequence[Found], spec: PoseSpec, least: float | None) -> Stage:
    """One side against another; only keypoints whose reference score is at least `least` count, if that is given."""
    min_score = -math.inf if least is None else least
    error = compare_keypoints(side.found, against, spec.keypoints.names, spec.keypoints.oks_sigmas, min_score)
    return Stage(name, error, side.tensors())


def _waterfall(middle: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages in the order in which a picture passes them; those of the wrapper and the device are not run here."""
    return (
        Stage("preprocessing", skipped=WRAPPER_REASON),
        *middle,
        Stage("decoding", skipped=WRAPPER_REASON),
        Stage("accelerator", skipped="needs a device"),
    )


def _checks(total: Stage, spec: PoseSpec, precision: Precision) -> tuple[Check, ...]:
    gate = gate_for(precision, spec.gate)
    tensors = check_tensors(gate, total.tensors, spec.decoder.outputs)
    return (*tensors, *(check_keypoints(gate, total.keypoints) if total.keypoints else ()))


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
