"""Assignment at the least total, with the lowest columns where several cost the same: against trying all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from posekit.decoders.tags.assignment import assigned


def tried(costs: np.ndarray) -> list[int]:
    """The first of all assignments of least total; itertools gives them with the lowest columns first."""
    rows, columns = costs.shape
    total = {
        ways: sum(costs[row, column] for row, column in enumerate(ways) if column < columns)
        for ways in itertools.permutations(range(max(rows, columns)), rows)
        if sum(column < columns for column in ways) == min(rows, columns)
    }
    return list(min(total, key=lambda ways: (total[ways], ways)))


@pytest.mark.parametrize("greatest", [0, 1, 2, 5, 1000])
def test_every_small_table_is_assigned_as_trying_all_of_them_does(greatest: int) -> None:
    rng = np.random.default_rng(greatest)
    for _ in range(150):
        costs = rng.integers(0, greatest + 1, rng.integers(1, 6, 2))
        assert assigned(costs) == tried(costs), costs


def test_a_large_table_of_equal_costs_is_assigned_in_order() -> None:
    assert assigned(np.full((40, 40), 7)) == list(range(40))
    assert assigned(np.zeros((3, 40), int)) == [0, 1, 2]
    assert assigned(np.zeros((40, 3), int))[:3] == [0, 1, 2]


def test_the_total_decides_before_the_order_does() -> None:
    assert assigned(np.array([[0, 0], [0, 1]])) == [1, 0]
    assert assigned(np.array([[5, 1, 1], [5, 1, 9]])) == [2, 1]
