"""Which step an error comes from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from posekit.contract.spec import GateSpec
from posekit.parity.drift import drift_of
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import Check, Outcome
from posekit.parity.metrics import Found, compare_keypoints
from posekit.parity.steps import Step, blame, largest

FAILED = Check("from the picture: keypoints, largest error", Outcome.FAIL, "")
K = 20


def step(name: str, *errors_px: float) -> Step:
    """Three pictures of one person with K keypoints; the first keypoints of the first are off by these."""
    sizes, scores = np.array([100.0]), np.ones((1, K))
    exact, seen = np.zeros((3, 1, K, 2)), np.zeros((3, 1, K, 2))
    seen[0, 0, : len(errors_px), 0] = errors_px
    found = [Found(str(i), seen[i], scores, sizes, sizes**2) for i in range(3)]
    against = [Found(str(i), exact[i], scores, sizes, sizes**2) for i in range(3)]
    names = tuple(f"k{i}" for i in range(K))
    drift = drift_of(found, against, against, names, (0.05,) * K, GateSpec())
    return Step(name, compare_keypoints(found, against, names, (0.05,) * K, -math.inf), drift=drift)


@pytest.mark.parametrize(
    ("steps", "blamed"),
    [
        ((step("conversion", 3, 3), step("decoding", 9, 9)), ("decoding", "conversion")),
        ((step("conversion", 0.2, 0.2), step("precision", 0.1)), ()),
        ((step("conversion", math.nan), step("precision", 9, 9)), ("conversion", "precision")),
        ((step("precision", 8, 8), Step("decoding", skipped="not run")), ("precision",)),
    ],
)
def test_steps_beyond_the_limit_are_blamed(steps: tuple[Step, ...], blamed: tuple[str, ...]) -> None:
    """Two keypoints of one picture of three are enough, though they are few of all."""
    assert blame(steps, 0.25) == blamed


def test_the_largest_error_is_named_where_a_gate_is_closer() -> None:
    steps = (step("conversion", 0.06), step("precision", 0.01), Step("decoding", skipped="not run"))
    assert largest(steps) == ("conversion",)
    assert largest((step("conversion"), step("precision"))) == ()
    failed = Evaluation("HOST", "LiteRT", 3, 3, step("total", 0.06), steps, (FAILED,))
    assert failed.blamed == ("conversion",)
    for name in ("every case was run", "from the picture on the cpu: keypoints, largest error"):
        other = Check(name, Outcome.FAIL, "")
        assert Evaluation("HOST", "LiteRT", 3, 3, step("total", 0.06), steps, (other,)).blamed == ()
