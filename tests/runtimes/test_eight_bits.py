"""What 8 bits lose of a tensor, channel by channel."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.runtimes.eight_bits import channel_sums, coarse, lost

STEP = 2.0 / 255


@pytest.mark.parametrize(
    ("mean_squares", "ends", "expected"),
    [
        ([1.0, 1.0], (-1, 1), STEP**2 / 12),
        ([1.0, 1e-12], (-1, 1), 0.5 + STEP**2 / 24),  # a channel far below a step is lost whole
        ([1.0, 0.0], (-1, 1), STEP**2 / 24),  # one of zeros has nothing to lose
        ([0.0, 0.0], (0, 0), 0.0),
        ([25.0], (4, 6), (6 / 255) ** 2 / 12 / 25),  # zero is always in the range
        ([25.0], (-6, -4), (6 / 255) ** 2 / 12 / 25),
    ],
)
def test_what_8_bits_lose(mean_squares: list[float], ends: tuple[float, float], expected: float) -> None:
    assert lost(np.array([[1.0] * len(mean_squares), mean_squares]), ends) == pytest.approx(expected)


def test_the_sums_of_channels_leave_out_what_is_not_finite() -> None:
    values = np.array([[[1.0, 2.0], [np.inf, 3.0]], [[np.nan, 0.0], [5.0, 1.0]]])
    assert channel_sums(values).tolist() == [[2, 3], [26, 14]]  # nor zeros, which are exact
    assert channel_sums(np.moveaxis(values, -1, 1), 1).tolist() == [[2, 3], [26, 14]]
    assert channel_sums(np.float32(3)).tolist() == [[1], [9]]


@pytest.mark.parametrize(
    ("losses", "judged", "expected"),
    [
        ({"a": 0.09, "b": 0.01}, "ab", ""),  # nothing very much
        ({"a": 0.11, "b": 0.01, "c": 0.004}, "abc", "ab"),
        ({"a": 0.11, "b": 0.01}, "b", ""),  # what is not judged does not tell
        ({}, "a", ""),
        ({}, "", ""),
    ],
)
def test_where_one_tensor_loses_very_much_no_other_loses_much(
    losses: dict[str, float], judged: str, expected: str
) -> None:
    assert coarse(losses, judged) == set(expected)
