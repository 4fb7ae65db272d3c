"""Ranges that are settled, that grow, and arrays that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.compression.calibration import saturation
from posekit.errors import InputError

SETTLED = np.tile([[-1.0, 2.0]], (16, 3, 1))


def with_outlier(count: int) -> np.ndarray:
    """One input reaches twice as far in the last tensor."""
    ranges = np.tile([[-1.0, 1.0]], (count, 4, 1))
    ranges[count // 2, 3] = (-2, 2)
    return ranges


def test_ranges_that_are_all_the_same_do_not_grow() -> None:
    found = saturation(SETTLED)
    assert (found.inputs, found.last, found.tensors) == (16, 4, 3)
    assert (found.growing, found.typical_growth, found.worst_growth) == (0, 0, 0)
    assert found.is_settled
    assert saturation(np.zeros((8, 2, 2))).worst_growth == 0  # constants


def test_the_tensor_that_grows_is_named() -> None:
    found = saturation(with_outlier(16))
    assert (found.worst, found.growing, found.typical_growth) == (3, 0.25, 0)
    assert 0 < found.worst_growth < 1  # doubled where the outlier is in the last quarter
    assert "4 tensors" in found.sentence


@pytest.mark.parametrize(("count", "is_settled"), [(4, False), (400, True)])
def test_more_inputs_settle_the_ranges(count: int, is_settled: bool) -> None:
    ends = np.abs(np.random.default_rng(0).normal(0, 1, (count, 50, 2)))
    found = saturation(np.stack([-ends[..., 0], ends[..., 1]], axis=-1))
    assert found.is_settled == is_settled


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.floats(0.01, 100), st.floats(-50, 50))
def test_neither_scale_nor_offset_matter(seed: int, count: int, scale: float, offset: float) -> None:
    ranges = np.sort(np.random.default_rng(seed).normal(0, 1, (count, 5, 2)), axis=2)
    one, other = saturation(ranges), saturation(ranges * scale + offset)
    assert other.worst_growth == pytest.approx(one.worst_growth, rel=1e-6, abs=1e-9)
    assert one.typical_growth <= one.worst_growth
    assert 0 <= one.growing <= 1


def with_value(value: float) -> np.ndarray:
    ranges = SETTLED.copy()
    ranges[3, 1, 1] = value
    return ranges


@pytest.mark.parametrize(
    ("ranges", "told"),
    [
        (SETTLED[:1], r"shape \(1, 3, 2\), expected \(inputs, tensors, 2\)"),
        (SETTLED[..., 0], "shape"),
        (SETTLED[:, :0], "shape"),
        (with_value(np.nan), "tensor 1 has values that are not finite"),
        (with_value(np.inf), "tensor 1 has values that are not finite"),
        (with_value(-7), "least value of a tensor is greater"),
    ],
    ids=["one input", "no pairs", "no tensors", "NaN", "infinite", "upside down"],
)
def test_what_are_no_ranges_is_told(ranges: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        saturation(ranges)
