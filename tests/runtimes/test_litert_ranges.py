"""Ranges of activations: what 8 bits hold best of them."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.runtimes.litert_ranges import BINS, TensorRange, narrowed


def of(values: np.ndarray) -> TensorRange:
    low, high = float(values.min()), float(values.max())
    return TensorRange(np.array([[low, high]]), np.histogram(values, BINS, (low, high if high > low else low + 1))[0])


def rounded(values: np.ndarray, ends: tuple[float, float]) -> float:
    """Mean squared error of 8 bits over a range, as a quantizer makes it."""
    low, high = ends
    step = (high - low) / 255
    zero = round(-low / step)
    return float(((np.clip(np.round(values / step) + zero, 0, 255) - zero) * step - values).__pow__(2).mean())


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("values", "helps"),
    [
        (RNG.uniform(-1, 1, 20_000), False),
        (RNG.laplace(0, 1, 200_000), True),
        (np.abs(RNG.standard_t(4, 200_000)), True),
        (np.zeros(100), False),
        (np.full(100, 3.0), False),
        (np.full(100, -2.0), False),
    ],
)
def test_a_range_is_narrowed_where_that_rounds_better(values: np.ndarray, helps: bool) -> None:
    found = of(values)
    low, high = narrowed(found)
    whole = min(found.ends[0], 0.0), max(found.ends[1], 0.0)
    assert whole[0] <= low <= 0 <= high <= whole[1]
    if helps:
        assert rounded(values, (low, high)) < 0.9 * rounded(values, whole)
    else:
        assert (low, high) == pytest.approx(whole, rel=0.06)
