# SPDX-License-Identifier: Apache-2.0
"""Dense results at places of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ._posekit.poses.dense import DenseMap, over_picture, values_at
from ._posekit.poses.transforms import invert, moved
from .contract import CONTRACT

__all__ = ["DenseMap", "at", "over"]


def at(found: DenseMap, points_xy: Sequence[Sequence[float]] | NDArray[np.float64]) -> NDArray[np.float32]:
    """The values at points (n, 2), px of the upright picture; 0 where the model did not look.

    Between cells a mask is bilinear; a label is that of the nearest cell.
    """
    return values_at(found, moved(invert(found.matrix), np.asarray(points_xy, np.float64)))


def over(found: DenseMap, size_wh: tuple[int, int]) -> NDArray[np.float32]:
    """The value of every px of an upright picture of that size, (height, width)."""
    return over_picture(found, size_wh, 0.5 if CONTRACT.input.alignment == "half_pixel" else 0.0)
