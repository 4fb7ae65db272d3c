"""Highest cells of maps that are brought to a grid: where a keypoint of anybody may be. Mirrored by TagPeaks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from posekit.decoders.rough import Rough, exact_tiles, highest, tiles
from posekit.decoders.upsampled import TILE, Places, Upsampled, windows
from posekit.poses import Floats

AT_ONCE = 512  # tiles that are looked over together


class Peaks(NamedTuple):
    """Highest cells of maps, channel by channel, the best first."""

    channels: Places
    y: Places
    x: Places
    scores: Floats

    def taken(self, places: Any) -> Peaks:
        """Those at `places`."""
        return Peaks._make(values[places] for values in self)


def peaks(of: Upsampled, upper: Floats, reach: int, threshold: float, most: int) -> Peaks:
    """Cells above `threshold` that are as high as everything within `reach` cells, at most `most` a channel.

    upper: the bounds of its tiles. Of equal ones the first in row order comes first.
    """
    tile_y, tile_x, channels = np.nonzero(upper > threshold)
    none = np.zeros(0, np.intp)
    found = [Peaks(none, none, none, np.zeros(0))]
    for start in range(0, len(channels), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        found.append(_in_tiles(of, channels[some], tile_y[some], tile_x[some], reach, threshold))
    joined = Peaks._make(np.concatenate(parts) for parts in zip(*found, strict=True))
    joined = joined.taken(np.lexsort((joined.x, joined.y, -joined.scores, joined.channels)))
    first = np.searchsorted(joined.channels, joined.channels)
    return joined.taken(np.arange(len(first)) - first < most)


def _in_tiles(of: Upsampled, own: Places, tile_y: Places, tile_x: Places, reach: int, threshold: float) -> Peaks:
    seen = tiles(of, own, tile_y, tile_x, reach)
    which, y, x = _high(seen, reach, threshold)
    side = 2 * reach + 1
    if not seen.is_exact and len(which) * side * side > seen.values.size:  # plateaus
        seen = exact_tiles(of, own, tile_y, tile_x, reach)
        which, y, x = _high(seen, reach, threshold)
    own, top, left = own[which], tile_y[which] * TILE + y, tile_x[which] * TILE + x
    if not seen.is_exact:
        about = windows(of, own, top - reach, left - reach, side)
        scores = about[:, reach, reach]
        good = (scores > threshold) & (scores == about.max(axis=(1, 2)))
    else:
        scores = seen.values[which, y + reach, x + reach]
        good = np.ones(len(scores), bool)
    good &= (left < of.size_wh[0]) & (top < of.size_wh[1])
    return Peaks(own, top, left, scores).taken(good)


def _high(seen: Rough, reach: int, threshold: float) -> tuple[Places, ...]:
    """Tile, row and column of the cells that may be peaks."""
    middle = seen.values[:, reach : reach + TILE, reach : reach + TILE]
    near = seen.values.dtype.type(seen.near)
    is_high = (middle > threshold - near) & (middle >= highest(seen.values, reach) - near)
    return np.unravel_index(np.flatnonzero(is_high), is_high.shape)
