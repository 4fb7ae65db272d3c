"""Gates: how far is too far. Data in the spec, with defaults by precision."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from posekit.contract.precisions import NAMES, Precision
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.decoders import of
from posekit.parity.accuracy import Accuracy, Drop
from posekit.parity.budget import Budget, value_of
from posekit.parity.dense import DenseError
from posekit.parity.drift import Drift
from posekit.parity.matching import PeopleCount
from posekit.parity.metrics import KeypointError, TensorError
from posekit.parity.quality import Quality

EXACT: dict[Precision, GateSpec] = {
    "fp32": GateSpec(max_px=0.05, min_snr_db=60.0, min_oks=0.999, max_score=0.001, max_missed=0.0, max_invented=0.0,
                     max_z_px=0.05, max_world=0.001, min_agreement=0.999, max_uv=0.001, tie=1e-4,
                     min_score_of_median=0.0),
    "fp16": GateSpec(p95_px=0.25, max_of_size=0.02, max_shift=0.001, min_snr_db=40.0, min_oks=0.98, max_score=0.03,
                     max_missed=0.0, max_invented=0.0, max_z_of_size=0.02, max_world=0.01, min_agreement=0.995,
                     max_uv=0.01, tie=0.005),
}  # fmt: skip
# keypoints move: what counts is whether they are still good
COMPRESSED = GateSpec(mean_oks=0.98, min_oks=0.9, max_shift=0.001, max_missed=0.02, max_invented=0.02,
                      max_z_of_size=0.1, max_world=0.05, min_agreement=0.95, max_uv=0.05, max_ap_drop=1.0,
                      max_pck_drop=1.0, tie=0.005)  # fmt: skip
DEFAULTS: dict[Precision, GateSpec] = {name: EXACT.get(name, COMPRESSED) for name in NAMES}
NO_PYCOCOTOOLS = "pycocotools is not installed"
ENOUGH_PEOPLE = 20  # with fewer, one person more or less is worth more than the accuracy that may be lost
STANDARD_ERRORS = 4.0  # a shift of keypoints that are merely noisy is beyond so many once in 16,000 times


ACCURACY_GATES = ("AP against annotations", "PCK against annotations")
WORST_PERSON = "OKS against the reference"
OF_KEYPOINTS = "keypoints, "  # how the names of the checks of distances begin
OF_PEOPLE = "people, "  # and of those of who was seen
OF_DENSE = (", agreement", ", U and V")  # how those of dense results end
OF_TENSORS = (" signal to noise", " is finite", " is alive")  # and those of single outputs
# of two stages: how the checks begin of the detector, and of both networks after one another; and what a failure calls
# the second of them
DETECTOR, BOTH, POSE = "detector", "both stages", "pose network"


class Outcome(StrEnum):
    """A check that did not run is SKIPPED, never passed."""

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One gate: what was measured against what limit, or why it did not run."""

    name: str
    outcome: Outcome
    detail: str


def coarser(precision: Precision, arithmetic: Precision | None) -> Precision:
    """What gates a file of a precision where it ran with another arithmetic: the one that may move keypoints
    further."""
    return arithmetic if arithmetic is not None and precision == "fp32" else precision


def gate_for(precision: Precision, spec: PoseSpec, budget: Budget | None = None) -> GateSpec:
    """The spec's gate, its gaps filled with the defaults of the precision and the head; a budget of keypoints takes the
    place of the precision's, one of size alone does not."""
    given = spec.gate.model_dump(exclude_none=True)
    if budget is not None and budget.of_keypoints().terms:
        return GateSpec.model_validate(given)
    unsure = {"min_score_of_median": of(spec.decoder).unsure}
    return GateSpec.model_validate(unsure | DEFAULTS[precision].model_dump(exclude_none=True) | given)


def check_budget(budget: Budget, found: Quality, size: int) -> Check:
    """The budget as a gate, SKIPPED where only accuracy is left and no annotations tell; size: of the file, bytes."""
    check = _check(f"budget {budget.text}", budget.is_met(found, size), budget.in_words(found, size))
    told = Budget(
        tuple(
            term
            for term in budget.terms
            if not (term.needs_annotations and math.isnan(value_of(term.metric, found, size)))
        )
    )
    return replace(check, outcome=Outcome.SKIPPED) if told != budget and told.is_met(found, size) else check


def check_tensors(gate: GateSpec, tensors: Sequence[TensorError], decoded: Sequence[str]) -> list[Check]:
    """Finiteness, life and signal of each output, in that order; only the `decoded` ones must be alive."""
    checks = []
    for tensor in tensors:
        checks.append(
            _check(f"{tensor.name} is finite", tensor.finite, "every value" if tensor.finite else tensor.where)
        )
        dead = tensor.constant and tensor.name in decoded
        checks.append(_check(f"{tensor.name} is alive", not dead, "one value everywhere" if dead else "values differ"))
        if gate.min_snr_db is not None:
            text = (
                f"{tensor.snr_db:.1f} dB, at least {gate.min_snr_db:g}; largest difference {tensor.max_abs:.3g} "
                f"in {tensor.where}"
            )
            checks.append(_check(f"{tensor.name} signal to noise", tensor.snr_db >= gate.min_snr_db, text))
    return checks


def check_people(gate: GateSpec, people: PeopleCount) -> list[Check]:
    """How many people the reference alone has, and how many the model alone."""
    sides = (("missed", people.missed, gate.max_missed), ("invented", people.invented, gate.max_invented))
    barely = f"; {people.barely} others are barely on one side of a threshold" if people.barely else ""
    checks = []
    for what, cases, limit in sides:
        if limit is not None:
            where = f", as in {cases[0]}" if cases else ""
            text = f"{len(cases)} of {people.reference} people{where}, at most {limit:.2%}{barely}"
            checks.append(_check(f"{OF_PEOPLE}{what}", len(cases) <= limit * people.reference, text))
    return checks + _check_lost_keypoints(gate, people)


def _check_lost_keypoints(gate: GateSpec, people: PeopleCount) -> list[Check]:
    """How many keypoints of the same people one side alone found, where a decoder may leave some out."""
    sides = (("missed", people.keypoints_missed, gate.max_missed),
             ("invented", people.keypoints_invented, gate.max_invented))  # fmt: skip
    barely = f"; {people.keypoints_barely} others are barely there" if people.keypoints_barely else ""
    checks = []
    for what, cases, limit in sides:
        if limit is not None and (cases or people.keypoints_barely):
            where = f", as in {cases[0]}" if cases else ""
            text = f"{len(cases)} of {people.keypoints} keypoints{where}, at most {limit:.2%}{barely}"
            checks.append(_check(f"{OF_KEYPOINTS}{what}", len(cases) <= limit * people.keypoints, text))
    return checks


def check_keypoints(gate: GateSpec, found: KeypointError, drift: Drift) -> list[Check]:
    """Keypoint distances and OKS beyond near ties; a comparison with NaN is false, so NaN fails."""
    if not drift.counted:
        least = "no score" if gate.min_score is None else f"min_score {gate.min_score:g}, above every score"
        text = f"the reference has {least}, so no keypoint can be compared"
        return [Check("keypoints", Outcome.FAIL, text)]
    checks = []
    if gate.max_px is not None:
        text = f"{drift.max_px:.4f} px, at most {gate.max_px:g} ({drift.worst})"
        checks.append(_check(f"{OF_KEYPOINTS}largest error", drift.max_px <= gate.max_px, text))
    if gate.max_of_size is not None:
        text = f"{drift.max_of_size:.2%} of the person, at most {gate.max_of_size:g} ({drift.worst})"
        checks.append(_check(f"{OF_KEYPOINTS}largest of the person", drift.max_of_size <= gate.max_of_size, text))
    checks += _check_depth(gate, drift)
    if gate.p95_px is not None:
        text = f"{drift.p95_px:.4f} px of {drift.p95_of}, at most {gate.p95_px:g}"
        checks.append(_check(f"{OF_KEYPOINTS}p95 error", drift.p95_px <= gate.p95_px, text))
    if gate.max_shift is not None:
        limit = gate.max_shift + STANDARD_ERRORS * drift.shift_error
        text = f"{drift.shift:.3%} of the person on average, at most {limit:.3%} for {drift.counted} keypoints"
        checks.append(_check(f"{OF_KEYPOINTS}mean shift", drift.shift <= limit, text))
    if gate.max_score is not None:
        text = f"{found.score_error:.2g} of the largest score, at most {gate.max_score:g}"
        checks.append(_check("scores", found.score_error <= gate.max_score, text))
    if gate.min_oks is not None:
        text = f"{drift.min_oks:.5f} for the worst person, at least {gate.min_oks:g}"
        checks.append(_check(WORST_PERSON, drift.min_oks >= gate.min_oks, text))
    if gate.mean_oks is not None:
        text = f"{drift.oks:.5f} over all, at least {gate.mean_oks:g}"
        checks.append(_check("mean OKS against the reference", drift.oks >= gate.mean_oks, text))
    if drift.ties and checks:
        text = (
            f"{drift.ties} of {drift.counted} keypoints moved since values of the network itself that decide on them "
            "differ by "
            f"less than {gate.tie or 0:g} of their range, at most {drift.tie_px:.2f} px ({drift.tie}); none failed "
            "for it"
        )
        checks.append(Check("near ties", Outcome.PASS, text))
    return checks


def _check_depth(gate: GateSpec, drift: Drift) -> list[Check]:
    """The gates of z and of the world, where there are such."""
    checks = []
    if gate.max_z_px is not None and drift.max_z_px is not None:
        text = f"{drift.max_z_px:.4f} px, at most {gate.max_z_px:g}"
        checks.append(_check(f"{OF_KEYPOINTS}largest error of depth", drift.max_z_px <= gate.max_z_px, text))
    if gate.max_z_of_size is not None and drift.max_z_of_size is not None:
        text = f"{drift.max_z_of_size:.2%} of the person, at most {gate.max_z_of_size:g}"
        checks.append(_check(f"{OF_KEYPOINTS}largest of depth", drift.max_z_of_size <= gate.max_z_of_size, text))
    if gate.max_world is not None and drift.max_z_mm is not None:
        text = f"{drift.max_z_mm:.2f} mm, at most {1000 * gate.max_world:g}"
        is_good = drift.max_z_mm <= 1000 * gate.max_world
        checks.append(_check(f"{OF_KEYPOINTS}largest error of depth", is_good, text))
    if gate.max_world is not None and drift.max_world_mm is not None:
        text = f"{drift.max_world_mm:.2f} mm, {drift.mean_world_mm:.2f} on average, at most {1000 * gate.max_world:g}"
        is_good = drift.max_world_mm <= 1000 * gate.max_world
        checks.append(_check(f"{OF_KEYPOINTS}largest error in the world", is_good, text))
    return checks


def check_dense(gate: GateSpec, dense: Sequence[DenseError]) -> list[Check]:
    """How much of each dense result is the same on both sides, and how far apart U and V are."""
    checks = []
    for one in dense:
        where = f" ({one.worst})" if one.worst else ""
        if gate.min_agreement is not None:
            text = f"{one.agreement:.4f} of {one.cells} cells, at least {gate.min_agreement:g}{where}"
            checks.append(_check(f"{one.name}{OF_DENSE[0]}", one.agreement >= gate.min_agreement, text))
        if gate.max_uv is not None and one.mean_uv is not None:
            text = f"{one.mean_uv:.4f} on average, at most {gate.max_uv:g}"
            checks.append(_check(f"{one.name}{OF_DENSE[1]}", one.mean_uv <= gate.max_uv, text))
    return checks


def check_accuracy(gate: GateSpec, drop: Drop | None) -> list[Check]:
    """Accuracy lost against annotations: a drop beyond its limit by more than chance moves it fails."""
    limits = {"AP": gate.max_ap_drop, "PCK": gate.max_pck_drop}
    checks = []
    for name, limit in limits.items():
        if limit is None or drop is None:
            continue
        points, error = (drop.ap, drop.ap_error) if name == "AP" else (drop.pck, drop.pck_error)
        title = f"{name} against annotations"
        if drop.people < ENOUGH_PEOPLE:
            text = f"{drop.people} annotated people are too few to tell {limit:g} points, {ENOUGH_PEOPLE} are needed"
            checks.append(Check(title, Outcome.SKIPPED, text))
        elif points is None:
            checks.append(Check(title, Outcome.SKIPPED, NO_PYCOCOTOOLS))
        else:
            beyond = limit + 2 * error
            text = (
                f"{points:+.2f} points lost by {drop.people} people, at most {beyond:.2f} ({limit:g} and two "
                "standard errors)"
            )
            checks.append(_check(title, points <= beyond, text))
    return checks


def accuracy_skips(reasons: Sequence[str], measured: Accuracy | None) -> list[Check]:
    """What accuracy could not be told of, with the reason; reasons: one a case that has no truth though it is
    annotated. Names of checks are unique."""
    told = [
        f"of {count} {'of the cases' if measured else 'cases'}: {reason}"
        for reason, count in Counter(reason for reason in reasons if reason).items()
    ]
    checks = [Check("accuracy", Outcome.SKIPPED, "; ".join(told))] if told else []
    if measured is not None and measured.ap is None:
        checks.append(Check("AP", Outcome.SKIPPED, NO_PYCOCOTOOLS))
    return checks


def excused(checks: Sequence[Check], accuracy_held: bool) -> tuple[Check, ...]:
    """The checks, the worst person's OKS told rather than failed where accuracy held for enough annotated people: over
    many people the worst is an outlier, and AP and PCK count it with the others."""
    if not accuracy_held:
        return tuple(checks)
    told = "; told, not failed, since AP and PCK hold for the annotated people"
    return tuple(
        replace(one, outcome=Outcome.PASS, detail=one.detail + told)
        if one.name == WORST_PERSON and one.outcome is Outcome.FAIL
        else one
        for one in checks
    )


def passed(checks: Sequence[Check]) -> bool:
    """Whether nothing failed."""
    return all(check.outcome is not Outcome.FAIL for check in checks)


def _check(name: str, good: bool, detail: str) -> Check:
    return Check(name, Outcome.PASS if good else Outcome.FAIL, detail)
