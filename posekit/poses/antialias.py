"""Antialiased sampling: a triangle filter on each axis, as wide as a px of the input is in the source.

What Pillow's resize does with BILINEAR, and torchvision on Pillow images or with antialias=True. For a px of the input
whose centre is at source index p, source px k weighs max(0, 1 - |k - p| / s), s = max(source px per input px, 1); the
weights are divided by their sum. With `clamp` only px of the picture count, and where none is near, the nearest does;
else those outside count as the pad value. Pillow rounds to 8 bits after each axis, this does not: they differ by a grey
level.

Mirrored by Antialias.kt and Antialias.swift; tests/golden holds all three to the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats


@dataclass(frozen=True, slots=True)
class Taps:
    """What one column or row of the input is made of: source px from `first` on; weights (n,) sum to 1 without
    padding."""

    first: int
    weights: Floats


def taps(start: float, step: float, count: int, length: int, clamp: bool) -> list[Taps]:
    """The taps of input px 0 to `count` along an axis of `length` source px; px i is at source index start + i *
    step."""
    reach = max(abs(step), 1.0)
    return [_taps_at(start + step * index, reach, length, clamp) for index in range(count)]


def _taps_at(position: float, reach: float, length: int, clamp: bool) -> Taps:
    position = min(max(position, -reach - 1), length + reach)  # farther away there is nothing either
    first = int(min(max(math.ceil(position - reach), 0), length - 1))
    last = int(min(max(math.floor(position + reach), 0), length - 1))
    weights = np.maximum(1 - np.abs(np.arange(first, last + 1) - position) / reach, 0.0)
    if not clamp:
        return Taps(first, weights / _whole(position, reach))
    inside = float(weights.sum())
    if inside > 0:
        return Taps(first, weights / inside)
    return Taps(0 if position < 0 else length - 1, np.ones(1))


def _whole(position: float, reach: float) -> float:
    """Sum of the triangle over all whole numbers: two arithmetic series, to the left and to the right of `position`."""
    fraction = position - math.floor(position)
    left, right = math.ceil(reach - fraction), math.ceil(reach + fraction) - 1
    return (
        left
        - (left * fraction + left * (left - 1) / 2) / reach
        + right
        - (right * (right + 1) / 2 - right * fraction) / reach
    )


def resample(image: NDArray[np.uint8], columns: list[Taps], rows: list[Taps], pad_value: float) -> Floats:
    """The input (H, W, 3) from an upright picture (h, w, 3)."""
    width = image.shape[1]
    down = np.empty((len(rows), width, 3))
    for row, one in enumerate(rows):
        source = image[one.first : one.first + len(one.weights)].astype(np.float64)
        down[row] = (one.weights @ source.reshape(len(source), -1)).reshape(width, 3)
    out = np.empty((len(rows), len(columns), 3))
    for column, one in enumerate(columns):
        out[:, column] = one.weights @ down[:, one.first : one.first + len(one.weights)]
    inside = np.outer([one.weights.sum() for one in rows], [one.weights.sum() for one in columns])
    return np.asarray(out + pad_value * (1 - inside)[..., None])
