"""Maps of upsampled.py tile by tile in float32, to say fast which cells cannot be what is looked for.

Bringing maps to the grid is two products with matrices that are alike for all tiles where the sizes divide each other.
The sums are off in their last digits, so that what is near is worked out again. Kotlin and Swift, which need no such
thing, work out all cells at once.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from posekit.decoders.upsampled import TILE, Places, Taps, Upsampled, step, windows, within
from posekit.poses import Floats

NEAR = 1e-5  # of the largest value; differences of sums in float32 are off by less
LEAST, MOST = 1e-30, 1e15  # beyond these float32 has too few digits, or squares that are infinite


class Axis(NamedTuple):
    """Of one axis: a tile's cells are the old ones times matrix (old cells, cells), first + tile * advance on."""

    matrix: NDArray[np.float32]
    first: int
    advance: int


class Rough(NamedTuple):
    """Values (T, n, n) that are off by at most `near`."""

    values: NDArray[Any]
    near: float

    @property
    def is_exact(self) -> bool:
        """Whether the values were worked out."""
        return self.values.dtype == np.float64


def tiles(of: Upsampled, channels: Places, tile_y: Places, tile_x: Places, reach: int) -> Rough:
    """Tiles of one channel each with `reach` cells more on every side."""
    total: Any = 0.0
    largest = 0.0
    for one, first in zip(of.maps, of.first, strict=True):
        down, across = (axis(one.shape[at], of.middle_wh[1 - at], of.size_wh[1 - at], reach) for at in (0, 1))
        if down is None or across is None:
            return exact_tiles(of, channels, tile_y, tile_x, reach)
        values = _cells(one, channels + first, tile_y, tile_x, down, across)
        largest = max(largest, float(np.abs(values).max(initial=0.0)))
        rows = (values.reshape(-1, values.shape[2]) @ down.matrix).reshape(*values.shape[:2], -1)
        rows = np.ascontiguousarray(rows.swapaxes(1, 2))
        total = total + (rows.reshape(-1, rows.shape[2]) @ across.matrix).reshape(*rows.shape[:2], -1)
    if largest and not LEAST < largest < MOST:
        return exact_tiles(of, channels, tile_y, tile_x, reach)
    return Rough(total / np.float32(len(of.maps)), NEAR * largest)


def exact_tiles(of: Upsampled, channels: Places, tile_y: Places, tile_x: Places, reach: int) -> Rough:
    """The same tiles worked out."""
    return Rough(windows(of, channels, tile_y * TILE - reach, tile_x * TILE - reach, TILE + 2 * reach), 0.0)


def _cells(
    one: NDArray[Any], channels: Places, tile_y: Places, tile_x: Places, down: Axis, across: Axis
) -> NDArray[np.float32]:
    """The old cells of tiles (T, columns, rows)."""
    height, width, depth = one.shape
    rows = down.first + tile_y[:, None] * down.advance + np.arange(len(down.matrix))
    columns = across.first + tile_x[:, None] * across.advance + np.arange(len(across.matrix))
    places = (within(rows, height) * (width * depth) + channels[:, None])[:, None]
    values = one.reshape(-1).take(places + (within(columns, width) * depth)[:, :, None])
    return np.asarray(values, np.float32)


@functools.lru_cache(maxsize=64)
def axis(old: int, middle: int, size: int, reach: int) -> Axis | None:
    """How tiles are made of `old` cells by way of `middle` ones; None where each is made in its own way."""
    if TILE * middle % size or TILE * old % size:
        return None
    between, outer = step(np.arange(-reach, TILE + reach)[None], middle, size)
    cells, inner = step(between, old, middle)
    matrix = _matrix(outer, between.shape[1]) @ _matrix(inner, cells.shape[1])
    return Axis(matrix.T.astype(np.float32), int(cells[0, 0]), TILE * old // size)


def _matrix(taps: Taps | None, count: int) -> Floats:
    if taps is None:
        return np.eye(count)
    matrix = np.zeros((taps.low.size, count))
    rows = np.arange(len(matrix))
    matrix[rows, taps.low] += 1 - taps.weight
    matrix[rows, taps.high] += taps.weight
    return matrix


def highest(values: NDArray[Any], reach: int) -> NDArray[Any]:
    """The greatest value within `reach` cells of each of (T, n, n), which has that many cells more on every side."""
    for at in (1, 2):
        count = values.shape[at] - 2 * reach
        moved = values.swapaxes(0, at)
        moved = functools.reduce(np.maximum, (moved[start : start + count] for start in range(2 * reach + 1)))
        values = moved.swapaxes(0, at)
    return values
