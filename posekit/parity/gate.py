"""Gates: how far is too far. Data in the spec, with defaults by precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from posekit.parity.budget import Budget
from posekit.parity.metrics import KeypointError, TensorError
from posekit.parity.quality import Quality
from posekit.precisions import NAMES, Precision
from posekit.spec import GateSpec

EXACT: dict[Precision, GateSpec] = {
    "fp32": GateSpec(max_px=0.05, min_snr_db=60.0, min_oks=0.999, max_score=0.001),
    "fp16": GateSpec(p95_px=0.25, min_snr_db=40.0, min_oks=0.98, max_score=0.03),
}
COMPRESSED = GateSpec(mean_oks=0.98, min_oks=0.9)  # keypoints move: what counts is whether they are still good
DEFAULTS: dict[Precision, GateSpec] = {name: EXACT.get(name, COMPRESSED) for name in NAMES}


OF_KEYPOINTS = "keypoints, "  # how the names of the checks of distances begin


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
    """What gates a file of a precision where it ran with another arithmetic: the one that may move keypoints further."""
    return arithmetic if arithmetic is not None and precision == "fp32" else precision


def gate_for(precision: Precision, wanted: GateSpec, budget: Budget | None = None) -> GateSpec:
    """The spec's gate, its gaps filled with the precision's defaults; a budget of keypoints takes their place, one of size
    alone does not."""
    return (
        wanted
        if budget is not None and budget.of_keypoints().terms
        else DEFAULTS[precision].model_copy(update=wanted.model_dump(exclude_none=True))
    )


def check_budget(budget: Budget, found: Quality, size: int) -> Check:
    """The budget as a gate, SKIPPED where only accuracy is left and no annotations tell; size: of the file, bytes."""
    check = _check(f"budget {budget.text}", budget.is_met(found, size), budget.in_words(found, size))
    told = Budget(tuple(term for term in budget.terms if not (term.needs_annotations and found.ap is None)))
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
            text = f"{tensor.snr_db:.1f} dB, at least {gate.min_snr_db:g}; largest difference {tensor.max_abs:.3g} in {tensor.where}"
            checks.append(_check(f"{tensor.name} signal to noise", tensor.snr_db >= gate.min_snr_db, text))
    return checks


def check_keypoints(gate: GateSpec, found: KeypointError) -> list[Check]:
    """Keypoint distances and OKS; a comparison with NaN is false, so NaN fails."""
    checks = []
    if gate.max_px is not None:
        text = f"{found.max_px:.4f} px, at most {gate.max_px:g} ({found.worst})"
        checks.append(_check(f"{OF_KEYPOINTS}largest error", found.max_px <= gate.max_px, text))
    if gate.p95_px is not None:
        text = f"{found.worst_case_p95_px:.4f} px in the worst image, at most {gate.p95_px:g}"
        checks.append(_check(f"{OF_KEYPOINTS}p95 error", found.worst_case_p95_px <= gate.p95_px, text))
    if gate.max_score is not None:
        text = f"{found.score_error:.2g} of the largest score, at most {gate.max_score:g}"
        checks.append(_check("scores", found.score_error <= gate.max_score, text))
    if gate.min_oks is not None:
        text = f"{found.min_oks:.5f} for the worst person, at least {gate.min_oks:g}"
        checks.append(_check("OKS against the reference", found.min_oks >= gate.min_oks, text))
    if gate.mean_oks is not None:
        text = f"{found.oks:.5f} over all, at least {gate.mean_oks:g}"
        checks.append(_check("mean OKS against the reference", found.oks >= gate.mean_oks, text))
    return checks


def passed(checks: Sequence[Check]) -> bool:
    """Whether nothing failed."""
    return all(check.outcome is not Outcome.FAIL for check in checks)


def _check(name: str, good: bool, detail: str) -> Check:
    return Check(name, Outcome.PASS if good else Outcome.FAIL, detail)
