"""Maps made larger and blurred, as weights of their cells, so that only the px that matter are computed.

Each axis of a larger map is a matrix: row j holds what each cell adds to px j. A px is the sum over the cells of its
column, then over the columns, in the order of the cells: in every language the same operations, so the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats

KEYS = -0.75  # of the cubic kernel, as in OpenCV


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Of one axis: the matrix (n, cells), and of each row the part that is not 0: its first cell and its weights."""

    matrix: Floats
    first: NDArray[np.intp]
    weights: Floats


@lru_cache(maxsize=64)
def axis(cells: int, factor: int, method: str, blur_kernel: int = 0, blur_sigma: float = 1.0) -> Axis:
    """The axis of `cells` made `factor` times as long, and blurred where blur_kernel is not 0."""
    matrix = _larger(cells, factor, method)
    if blur_kernel:
        matrix = _blurred(matrix, blur_kernel, blur_sigma)
    used = matrix != 0
    width = int((cells - used[:, ::-1].argmax(axis=1) - used.argmax(axis=1)).max())
    first = np.minimum(used.argmax(axis=1), cells - width)
    return Axis(matrix, first, np.take_along_axis(matrix, first[:, None] + np.arange(width), axis=1))


def _larger(cells: int, factor: int, method: str) -> Floats:
    """Cells outside the map are the outermost ones, as in OpenCV."""
    matrix = np.zeros((cells * factor, cells))
    for row in range(cells * factor):
        if method == "repeat":
            matrix[row, row // factor] = 1.0
            continue
        place = (row + 0.5) / factor - 0.5
        low = math.floor(place)
        for cell in range(low - 1, low + 3):
            matrix[row, min(max(cell, 0), cells - 1)] += _weight(abs(place - cell), method)
    return matrix


def _weight(distance: float, method: str) -> float:
    """Of a cell that is so far away, in cells."""
    if method == "linear":
        return max(1.0 - distance, 0.0)
    if distance <= 1:
        return ((KEYS + 2) * distance - (KEYS + 3)) * distance * distance + 1
    return ((KEYS * distance - 5 * KEYS) * distance + 8 * KEYS) * distance - 4 * KEYS if distance < 2 else 0.0


def _blurred(matrix: Floats, kernel: int, sigma: float) -> Floats:
    weights = [math.exp(-((at - kernel // 2) ** 2) / (2 * sigma * sigma)) for at in range(kernel)]
    total = sum(weights)
    found, rows = np.zeros_like(matrix), len(matrix)
    for at, weight in enumerate(weights):
        shift = at - kernel // 2
        start, stop = max(0, -shift), min(rows, rows - shift)
        if start < stop:
            found[start:stop] += (weight / total) * matrix[start + shift : stop + shift]
    return found


def values_at(maps: NDArray[Any], down: Axis, across: Axis, channels: Any, rows: Any, columns: Any) -> Floats:
    """The larger maps of (h, w, C) at rows and columns of their channels; the three go together as numpy's do."""
    width, count = maps.shape[1:]
    flat = maps.reshape(-1)
    start = (down.first[rows] * width + across.first[columns]) * count + channels
    weights = [down.weights[:, y][rows] for y in range(down.weights.shape[1])]
    total = np.zeros(start.shape)
    for x in range(across.weights.shape[1]):
        column = np.zeros(start.shape)
        for y, weight in enumerate(weights):
            column += weight * flat.take(start + (y * width + x) * count)
        total += across.weights[:, x][columns] * column
    return total
