"""Gates: how far is too far. Data in the spec, with defaults by precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from posekit.parity.metrics import KeypointError, TensorError
from posekit.spec import GateSpec, Precision

DEFAULTS: dict[Precision, GateSpec] = {
    "fp32": GateSpec(max_px=0.05, min_snr_db=60.0, min_oks=0.999, max_score=0.001),
    "fp16": GateSpec(p95_px=0.25, min_snr_db=40.0, min_oks=0.98, max_score=0.03),
}


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


def gate_for(precision: Precision, wanted: GateSpec) -> GateSpec:
    """The spec's gate, its gaps filled with the precision's defaults."""
    return DEFAULTS[precision].model_copy(update=wanted.model_dump(exclude_none=True))


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
    return checks


def passed(checks: Sequence[Check]) -> bool:
    """Whether nothing failed."""
    return all(check.outcome is not Outcome.FAIL for check in checks)


def _check(name: str, good: bool, detail: str) -> Check:
    return Check(name, Outcome.PASS if good else Outcome.FAIL, detail)
