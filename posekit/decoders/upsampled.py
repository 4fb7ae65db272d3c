"""Maps of several sizes as one map: their mean at the size of the largest, brought to a grid, both bilinearly.

The grid may be as large as the input, and people are on little of it, so that it is read in windows, and tiles that
cannot hold what is looked for are left out: `bounds` says what a tile holds at most. What is left is looked over
roughly (rough.py), and only cells that may be right are worked out. Cells are squares (half_pixel). Mirrored by
UpsampledMaps in Kotlin and Swift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats

Places = NDArray[np.intp]
TILE = 16  # cells of a side; only speed depends on it
AT_ONCE = 256  # windows that are worked out together
SLACK = 1e-9  # a blend of equal numbers may end a last digit above them


class Taps(NamedTuple):
    """Of one axis: a new cell is low + (high - low) * weight, by the places of two old ones."""

    low: Places
    high: Places
    weight: Floats


@dataclass(frozen=True, slots=True)
class Upsampled:
    """Maps (h, w, any) of which `count` channels from `first` on are read; their mean at `middle_wh` is brought to the
    grid `size_wh`, in cells. No size is less than the one before it."""

    maps: tuple[NDArray[Any], ...]
    first: tuple[int, ...]
    count: int
    middle_wh: tuple[int, int]
    size_wh: tuple[int, int]

    @property
    def tiles_wh(self) -> tuple[int, int]:
        """How many tiles lie side by side and below each other."""
        return -(-self.size_wh[0] // TILE), -(-self.size_wh[1] // TILE)


def windows(of: Upsampled, channels: Places, top: Places, left: Places, side: int) -> Floats:
    """Values (T, side, side) of one channel each from row `top` and column `left` on; the border is repeated."""
    span = np.arange(side)
    rows, down = step(top[:, None] + span, of.middle_wh[1], of.size_wh[1])
    columns, across = step(left[:, None] + span, of.middle_wh[0], of.size_wh[0])
    total: Any = 0.0
    for one, first in zip(of.maps, of.first, strict=True):
        height, width, depth = one.shape
        own_rows, own_down = step(rows, height, of.middle_wh[1])
        own_columns, own_across = step(columns, width, of.middle_wh[0])
        own_rows = within(own_rows, height) * (width * depth) + (channels + first)[:, None]
        places = own_rows[:, :, None] + within(own_columns, width)[:, None] * depth
        total = total + _blended(one.reshape(-1).take(places).astype(np.float64), own_down, own_across)
    return _blended(total / len(of.maps), down, across)


def at(of: Upsampled, channels: Places, y: Places, x: Places) -> Floats:
    """Values (N,) of cells of one channel each."""
    return windows(of, channels, y, x, 1).reshape(-1)


def within(cells: Places, count: int) -> Places:
    return np.clip(cells, 0, count - 1)


def _lower(cells: Places, old: int, new: int) -> Floats:
    """Where the middles of new cells lie among the old ones."""
    return np.asarray((cells + 0.5) * (old / new) - 0.5, np.float64)


def step(cells: Places, old: int, new: int) -> tuple[Places, Taps | None]:
    """Old cells (T, m) that new ones (T, n) are made of, and the taps among these; no taps where nothing changes.

    Cells may lie outside: what is read there is the border, so that a blend of two such cells is the border too.
    """
    if old == new:
        return cells, None
    where = _lower(cells, old, new)
    low = np.floor(where).astype(np.intp)
    first = low[:, :1]
    taps = Taps(low - first, low - first + 1, where - low)
    span = int(taps.high.max(initial=0)) + 1
    if len(cells) and all((each == each[:1]).all() for each in taps):
        taps = Taps._make(each[0] for each in taps)  # alike for all windows, as where the sizes divide each other
    return first + np.arange(span), taps


def _blended(values: Floats, down: Taps | None, across: Taps | None) -> Floats:
    """Rows first, then columns; a + (b - a) * w is a wherever both are."""
    for axis, each in ((1, down), (2, across)):
        if each is None:
            continue
        if each.weight.ndim == 1:
            low, high = values.take(each.low, axis), values.take(each.high, axis)
            weight = each.weight[:, None] if axis == 1 else each.weight
        else:
            low, high = (_along(values, cells, axis) for cells in (each.low, each.high))
            weight = np.expand_dims(each.weight, 3 - axis)
        high -= low
        high *= weight
        low += high
        values = low
    return values


def _along(values: Floats, cells: Places, axis: int) -> Floats:
    """Values (T, n, m) at other cells of an axis for each T."""
    which = np.arange(len(values))[:, None]
    if axis == 1:
        return values[which, cells]
    return values[which[:, None], np.arange(values.shape[1])[:, None], cells[:, None]]


def bounds(of: Upsampled, by: np.ufunc) -> Floats:
    """What no value of a tile exceeds (np.maximum) or falls below (np.minimum): (rows, columns, count)."""
    total: Any = SLACK if by is np.maximum else -SLACK
    for one, first in zip(of.maps, of.first, strict=True):
        rows, columns = (_touched(of, 1 - axis, one.shape[axis]) for axis in (0, 1))
        down = _reduced(one, rows, by)[:, :, first : first + of.count].swapaxes(0, 1)
        both = _reduced(np.ascontiguousarray(down), columns, by).swapaxes(0, 1)
        total = total + both.astype(np.float64) / len(of.maps)
    return np.asarray(total)


def _reduced(values: NDArray[Any], parts: list[tuple[int, int]], by: np.ufunc) -> NDArray[Any]:
    """Parts of the first axis as one each; along the others numpy is slow."""
    return np.stack([by.reduce(values[start:stop], axis=0) for start, stop in parts])


def _touched(of: Upsampled, axis: int, old: int) -> list[tuple[int, int]]:
    """The cells of a map that each tile is made of along an axis: the first, and the first that is not."""
    tiles = np.arange(of.tiles_wh[axis])
    first, last = tiles * TILE, np.minimum((tiles + 1) * TILE, of.size_wh[axis]) - 1
    for inner, outer in ((of.middle_wh[axis], of.size_wh[axis]), (old, of.middle_wh[axis])):
        if inner != outer:
            first = np.floor(_lower(first, inner, outer)).astype(np.intp)
            last = np.floor(_lower(last, inner, outer)).astype(np.intp) + 1
    return list(zip(within(first, old).tolist(), (within(last, old) + 1).tolist(), strict=True))
