"""What 8 bits lose of a tensor, channel by channel."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.runtimes.litert_ranges import TensorRange

STEP = 2.0 / 255


@pytest.mark.parametrize(
    ("mean_squares", "ends", "lost"),
    [
        ([1.0, 1.0], (-1, 1), STEP**2 / 12),
        ([1.0, 1e-12], (-1, 1), 0.5 + STEP**2 / 24),  # a channel far below a step is lost whole
        ([1.0, 0.0], (-1, 1), STEP**2 / 24),  # one of zeros has nothing to lose
        ([0.0, 0.0], (0, 0), 0.0),
        ([25.0], (4, 6), (6 / 255) ** 2 / 12 / 25),  # zero is always in the range
        ([25.0], (-6, -4), (6 / 255) ** 2 / 12 / 25),
    ],
)
def test_what_8_bits_lose(mean_squares: list[float], ends: tuple[float, float], lost: float) -> None:
    found = TensorRange(np.array([ends], np.float64), np.array(mean_squares))
    assert found.lost(found.ends) == pytest.approx(lost)
