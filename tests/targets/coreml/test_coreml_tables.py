"""K-means in one dimension."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.targets.coreml.tables import error_of, places_in, table_of

halves = st.lists(st.floats(-100, 100, width=16), min_size=1, max_size=300).map(lambda some: np.array(some, np.float16))
sizes = st.sampled_from([2, 4, 16, 64, 256])


@given(halves, sizes)
def test_a_table_is_exact_where_it_can_be_and_no_worse_than_even_steps(values, size) -> None:  # type: ignore[no-untyped-def]
    table = table_of(values, size)
    assert table.dtype == np.float16
    assert table.shape == (size,)
    assert (np.diff(table.astype(np.float64)) >= 0).all()
    if len(np.unique(values)) <= size:
        assert np.array_equal(table[places_in(table, values)], values)
    even = np.linspace(values.min(), values.max(), size, dtype=np.float64).astype(np.float16)
    assert error_of(values, table) <= error_of(values, even)


@given(halves, sizes)
def test_places_are_the_closest_entries(values, size) -> None:  # type: ignore[no-untyped-def]
    table = table_of(values, size).astype(np.float64)
    apart = np.abs(values.astype(np.float64)[:, None] - table[None])
    chosen = places_in(table.astype(np.float16), values)
    assert chosen.dtype == np.uint8
    assert np.array_equal(apart[np.arange(len(values)), chosen], apart.min(1))


# signal to noise of the best table there is for normal values (Max, 1960), dB
@pytest.mark.parametrize(("size", "best"), [(4, 9.30), (16, 20.22), (64, 31.89)])
def test_normal_values_are_held_as_well_as_can_be(size: int, best: float) -> None:
    values = np.random.default_rng(0).normal(0, 0.05, 60_000).astype(np.float16)
    table = table_of(values, size)
    noise = 10 * np.log10(np.var(values.astype(np.float64)) / error_of(values, table))
    assert noise == pytest.approx(best, abs=0.15)
    assert np.array_equal(table, table_of(values[::-1].copy(), size)), "the order of the values is nothing to it"
