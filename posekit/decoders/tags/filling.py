"""Keypoints that a person lacks, from the cell whose tag is nearest to the person's and whose heat is highest.

The whole grid is searched for every one of them, but only tiles that can hold the best cell are looked into.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from posekit.decoders.upsampled import AT_ONCE, TILE, Places, Upsampled, bounds, highest, windows
from posekit.documents import Part
from posekit.poses import Floats


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
    """Cells of the grid and their heat, which is not above 0 where nothing was found."""

    y: Places
    x: Places
    heat: Floats


def filled(maps: Maps, keypoints: Places, tags: Floats, reach: int, spec: FillingSpec) -> Cells:
    """The best cell for each of N keypoints of people whose mean tags are `tags` (N, D); of equal ones the first in row
    order. reach: of a peak, in cells."""
    best = Cells(np.zeros(len(tags), np.intp), np.zeros(len(tags), np.intp), np.zeros(len(tags)))
    if spec.among == "none" or not len(tags):
        return best
    upper = _upper(maps, keypoints, tags, spec)
    order = np.argsort(-upper, axis=1)
    upper = np.take_along_axis(upper, order, axis=1)
    values = np.full(len(tags), -np.inf)
    done, count = 0, 4
    while True:
        which, rank = np.nonzero(upper[:, done : done + count] >= values[:, None])
        if not len(which):
            return best
        for start in range(0, len(which), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            tiles = order[which[some], done + rank[some]]
            _look(maps, keypoints, tags, which[some], tiles, reach, spec, values, best)
        done, count = done + count, 2 * count  # the better the best one is, the fewer tiles are left


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


def _look(
    maps: Maps, keypoints: Places, tags: Floats, which: Places, tiles: Places, reach: int, spec: FillingSpec,
    values: Floats, best: Cells,
) -> None:  # fmt: skip
    """Look for the keypoints `which` in a tile each; what is better than `best` with its `values` replaces it."""
    columns = maps.heat.tiles_wh[0]
    count = columns * maps.heat.tiles_wh[1]
    own, place = np.unique(keypoints[which] * count + tiles, return_inverse=True)
    own, tile = np.divmod(own, count)
    top, left = tile // columns * TILE, tile % columns * TILE
    heat = _heat(maps, own, top, left, reach if spec.among == "peaks" else 0)
    away: Floats = np.zeros((len(which), TILE, TILE))
    for dimension, each in enumerate(maps.tags):
        found = windows(each, maps.own(own), top, left, TILE)
        away += (found[place] - tags[which, dimension, None, None]) ** 2
    score = (heat[place] - spec.weight * np.rint(np.sqrt(away))).reshape(len(which), -1)
    cell = score.argmax(axis=1)
    seen, warmth = score[np.arange(len(which)), cell], heat[place, cell // TILE, cell % TILE]
    y, x = top[place] + cell // TILE, left[place] + cell % TILE
    for n, target in enumerate(which.tolist()):
        earlier = (y[n], x[n]) < (best.y[target], best.x[target])
        if seen[n] > values[target] or (seen[n] == values[target] and earlier):
            values[target] = seen[n]
            best.y[target], best.x[target], best.heat[target] = y[n], x[n], warmth[n]


def _heat(maps: Maps, keypoints: Places, top: Places, left: Places, reach: int) -> Floats:
    """Heat of tiles, 0 where it is no peak of that reach; nothing lies outside of the grid."""
    values = windows(maps.heat, keypoints, top - reach, left - reach, TILE + 2 * reach)
    heat = values[:, reach : reach + TILE, reach : reach + TILE]
    if reach:
        heat = np.where(heat == highest(values, reach), heat, 0.0)
    cells = np.arange(TILE)
    inside: NDArray[np.bool_] = ((top[:, None] + cells) < maps.heat.size_wh[1])[:, :, None]
    inside = inside & ((left[:, None] + cells) < maps.heat.size_wh[0])[:, None]
    return np.where(inside, heat, -np.inf)
