"""What tells a layer's weights: their values whatever the order, and how often each is there."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.targets.graph.layers import fingerprint

WEIGHTS = np.random.default_rng(0).normal(size=(6, 5, 3, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "same",
    [WEIGHTS.transpose(2, 3, 1, 0), WEIGHTS.astype(np.float16), WEIGHTS[::-1].copy(), WEIGHTS.reshape(-1, 9)],
    ids=["other axes", "half", "other order", "other shape"],
)
def test_the_same_values_have_one_fingerprint(same: np.ndarray) -> None:
    assert fingerprint(same) == fingerprint(WEIGHTS)


@pytest.mark.parametrize(
    "other", [-WEIGHTS, WEIGHTS * 1.01, WEIGHTS[:-1], np.repeat(WEIGHTS, 2, 0)], ids=["sign", "scale", "fewer", "twice"]
)
def test_other_values_have_another(other: np.ndarray) -> None:
    assert fingerprint(other) != fingerprint(WEIGHTS)


def test_zeros_of_either_sign_are_one_and_so_is_what_float16_cannot_hold() -> None:
    assert fingerprint(np.array([0.0, -0.0, 1e9], np.float32)) == fingerprint(np.array([-0.0, np.inf, 0.0], np.float32))
