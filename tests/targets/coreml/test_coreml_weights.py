"""Integers, ranges and halves: the arithmetic of Core ML's precisions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posekit.targets.coreml.activations import steps
from posekit.targets.coreml.weights import halves, integers

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.sampled_from([4, 8]), st.sampled_from([(6, 1, 1), (6, 2, 1), (1, 4, 3), (1, 1, 1)]))
def test_a_weight_is_off_by_a_step_of_its_block_at_most(seed: int, bits: int, blocks: tuple[int, ...]) -> None:
    """And those of a block by half a step at most together, but for weights at the ends, which stay."""
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(6, 8, 3)) * 10.0 ** rng.uniform(-3, 2)).astype(np.float32)
    data, scale = integers(values, bits, blocks, 1)
    whole = scale.astype(np.float64)
    for axis, (size, count) in enumerate(zip(values.shape, blocks, strict=True)):
        whole = np.repeat(whole, size // count, axis)
    assert scale.shape == blocks
    assert np.abs(data).max() <= 2 ** (bits - 1) - 1
    # the largest weight is cut by what float16 loses of the scale
    assert (np.abs(data * whole - values) <= whole * (1 + 2.0**-11 * 127) + 1e-9).all()
    sizes = [part for size, count in zip(values.shape, blocks, strict=True) for part in (count, size // count)]
    errors = (data - values / whole).reshape(sizes).sum(axis=(1, 3, 5))
    assert np.abs(errors).max() <= 0.51


def test_weights_of_nothing_but_zero_stay_zero() -> None:
    data, scale = integers(np.zeros((4, 4), np.float32), 8, (4, 1), 1)
    assert (data == 0).all()
    assert (scale > 0).all()


@given(seeds, st.integers(1, 200))
def test_half_of_the_weights_go_and_the_larger_half_stays(seed: int, count: int) -> None:
    values = np.random.default_rng(seed).normal(size=count).astype(np.float16)
    sparse = halves(values)
    kept = sparse != 0
    assert kept.sum() == count - count // 2
    assert np.array_equal(sparse[kept], values[kept])
    assert np.abs(values[~kept]).max(initial=0) <= np.abs(values[kept]).min()


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_a_range_in_eight_bits_holds_zero_and_its_ends(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)  # the zero point and the value are each rounded by half a step
    scale, zero = steps(low, high)
    assert -128 <= zero <= 127
    assert scale == float(np.float16(scale)) > 0
    for value in (0.0, low, high):
        place = np.clip(np.rint(value / scale) + zero, -128, 127)
        assert abs((place - zero) * scale - value) <= (0 if value == 0 else 1.001 * scale)
