"""Keypoints that a person lacks, from the cell whose tag is nearest to the person's and whose heat is highest.

The whole grid is searched for every one of them, but only tiles that can hold the best cell are looked into, and of
these only cells that rough sums (rough.py) leave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from posekit.decoders.rough import NEAR, Rough, exact_tiles, highest, tiles
from posekit.decoders.upsampled import TILE, Places, Upsampled, at, bounds, windows
from posekit.documents import Part
from posekit.poses import Floats

AT_ONCE = 512  # tiles that are looked over together
ROUNDING = 1e-6  # of float32, where much is taken off a little heat


class FillingSpec(Part):
    """Of each keypoint that a person lacks, the cell with the greatest heat - weight * whole distance of tags is taken
    if its heat is above 0. among: `cells`, all of them; `peaks`, where the heat of a cell that is no peak counts as 0;
    `none` leaves keypoints out.
    """

    among: Literal["none", "cells", "peaks"] = "cells"
    weight: Annotated[float, Field(ge=0, le=1000)] = 1.0


class Maps(NamedTuple):
    """heat: K channels, and what it is at most in each tile. tags: for each dimension K channels, or the same one for
    all keypoints where `shared`."""

    heat: Upsampled
    upper: Floats
    tags: tuple[Upsampled, ...]
    shared: bool

    def own(self, keypoints: Places) -> Places:
        """Channels of the keypoints' tags."""
        return np.zeros_like(keypoints) if self.shared else keypoints


class Cells(NamedTuple):
    """Cells of the grid, their heat, which is not above 0 where nothing was found, and how good they are."""

    y: Places
    x: Places
    heat: Floats
    value: Floats


class Sought(NamedTuple):
    """Keypoints (N,) that are looked for, of people whose mean tags are `tags` (N, D). reach: of a peak, in cells."""

    keypoints: Places
    tags: Floats
    reach: int


def filled(maps: Maps, keypoints: Places, tags: Floats, reach: int, spec: FillingSpec) -> Cells:
    """The best cell for each of N keypoints of people whose mean tags are `tags` (N, D); of equal ones the first in row
    order. reach: of a peak, in cells."""
    sought = Sought(keypoints, tags, reach if spec.among == "peaks" else 0)
    count = len(tags)
    best = Cells(np.zeros(count, np.intp), np.zeros(count, np.intp), np.zeros(count), np.full(count, -np.inf))
    if spec.among == "none" or not count:
        return best
    upper = _upper(maps, keypoints, tags, spec)
    order = np.argsort(-upper, axis=1)
    upper = np.take_along_axis(upper, order, axis=1)
    done, step = 0, 4
    while True:
        which, rank = np.nonzero(upper[:, done : done + step] >= best.value[:, None])
        if not len(which):
            return best
        for start in range(0, len(which), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            _look(maps, sought, which[some], order[which[some], done + rank[some]], spec, best)
        done, step = done + step, 4 * step  # the better the best one is, the fewer tiles are left


def _upper(maps: Maps, keypoints: Places, tags: Floats, spec: FillingSpec) -> Floats:
    """What the value of a cell can be at most in each tile, for each keypoint (N, tiles)."""
    squared: Floats = np.zeros((len(tags), maps.upper.shape[0] * maps.upper.shape[1]))
    for dimension, each in enumerate(maps.tags):
        least, most = (
            values.reshape(-1, values.shape[2]).T[maps.own(keypoints)]
            for values in (bounds(each, np.minimum), bounds(each, np.maximum))
        )
        mean = tags[:, dimension, None]
        squared += np.maximum(np.maximum(least - mean, mean - most), 0.0) ** 2
    heat = maps.upper.reshape(-1, maps.heat.count).T[keypoints]
    # a square root that rounding made larger than it can be would hide the best cell
    away = np.rint(np.maximum(np.sqrt(squared) - 1e-9, 0.0))
    return np.asarray((np.maximum(heat, 0.0) if spec.among == "peaks" else heat) - spec.weight * away)


def _look(maps: Maps, sought: Sought, which: Places, places: Places, spec: FillingSpec, best: Cells) -> None:
    """Look for the keypoints `which` in a tile each; what is better than `best` replaces it."""
    tile_y, tile_x = np.divmod(places, maps.heat.tiles_wh[0])

    def consider(n: Places, cell: Places) -> None:
        y, x = np.divmod(cell, TILE)
        _consider(maps, sought, which[n], tile_y[n] * TILE + y, tile_x[n] * TILE + x, spec, best)

    most, near = _most(maps, sought, which, places, spec, tiles)
    if near is not None:
        top = np.full(len(best.value), -np.inf)
        np.maximum.at(top, which, most.max(axis=1))
        done = np.zeros(most.shape, bool)
        for least in (top - 3 * near, top - np.inf):  # what is nearly the best leaves few of the others
            least = np.maximum(least, best.value)
            likely = (most >= (least - ROUNDING * np.abs(least))[which, None]) & ~done
            if np.count_nonzero(likely) > most.size // 8:  # maps of one value
                most, _ = _most(maps, sought, which, places, spec, exact_tiles)
                break
            if likely.any():
                consider(*np.unravel_index(np.flatnonzero(likely), likely.shape))
            done |= likely
        else:
            return
    consider(np.arange(len(which)), most.argmax(axis=1))


def _most(
    maps: Maps, sought: Sought, which: Places, places: Places, spec: FillingSpec, read: Callable[..., Rough]
) -> tuple[Floats, float | None]:
    """How good the cells of tiles (N, cells) are at most, and by how much their heat may be off; None: they are
    exactly that good."""
    columns, rows = maps.heat.tiles_wh
    own, at_own = np.unique(sought.keypoints[which] * (columns * rows) + places, return_inverse=True)
    own, tile = np.divmod(own, columns * rows)
    tile_y, tile_x = np.divmod(tile, columns)
    heat = read(maps.heat, own, tile_y, tile_x, sought.reach)
    away: Any = 0.0
    near, is_exact = 0.0, heat.is_exact
    for dimension, each in enumerate(maps.tags):
        found = read(each, maps.own(own), tile_y, tile_x, 0)
        mean = sought.tags[which, dimension].astype(found.values.dtype)
        away = away + (found.values[at_own] - mean[:, None, None]) ** 2
        near += 0.0 if found.is_exact else found.near + NEAR * float(np.abs(mean).max())
        is_exact = is_exact and found.is_exact
    away = np.rint(np.maximum(np.sqrt(away) - near, 0.0))
    warmth = _at_most(heat, sought.reach)
    cells = np.arange(TILE)
    inside = ((tile_y[:, None] * TILE + cells) < maps.heat.size_wh[1])[:, :, None]
    inside = inside & ((tile_x[:, None] * TILE + cells) < maps.heat.size_wh[0])[:, None]
    warmth = np.where(inside, warmth, -np.inf)
    return (warmth[at_own] - spec.weight * away).reshape(len(which), -1), None if is_exact else heat.near


def _at_most(heat: Rough, reach: int) -> NDArray[Any]:
    """The heat of cells, at most; 0 where one is no peak of that reach."""
    near = heat.values.dtype.type(heat.near)
    values = heat.values[:, reach : reach + TILE, reach : reach + TILE] + near
    if not reach:
        return np.asarray(values)
    is_peak = values >= highest(heat.values, reach)
    return np.where(is_peak, values if heat.is_exact else np.maximum(values, 0.0), 0.0)


def _consider(maps: Maps, sought: Sought, which: Places, y: Places, x: Places, spec: FillingSpec, best: Cells) -> None:
    """Cells for the keypoints `which`, worked out; the best one replaces what is in `best` and not as good."""
    keypoints, reach = sought.keypoints[which], sought.reach
    about = windows(maps.heat, keypoints, y - reach, x - reach, 2 * reach + 1)
    heat = about[:, reach, reach]
    if reach:
        heat = np.where(heat == about.max(axis=(1, 2)), heat, 0.0)
    away: Any = 0.0
    for dimension, each in enumerate(maps.tags):
        away = away + (at(each, maps.own(keypoints), y, x) - sought.tags[which, dimension]) ** 2
    value = heat - spec.weight * np.rint(np.sqrt(away))
    which = np.concatenate([which, np.arange(len(best.value))])
    joined = [np.concatenate(pair) for pair in zip((y, x, heat, value), best, strict=True)]
    order = np.lexsort((joined[1], joined[0], -joined[3], which))
    first = order[np.searchsorted(which[order], np.arange(len(best.value)))]
    for own, values in zip(best, joined, strict=True):
        own[:] = values[first]
