"""Which inputs look the same, and few that stand for many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posekit.compression.calibration.entries import Description
from posekit.poses import Floats

# RMS difference of two inputs' cells as a share of the larger contrast: jpeg of quality 40 costs 0.03, a crop that
# moves by 3 % of the person 0.24
ALIKE = 0.2
SAME_LIGHT = 12.0  # levels of 255: the same scene in another light reaches other values


def distinct(found: Sequence[Description]) -> list[Description]:
    """Those that look like none before them by name."""
    named = sorted(found, key=lambda one: one.name)
    small = np.array([(one.cells - one.cells.mean(axis=(0, 1))).ravel() for one in named])
    power = (small**2).mean(axis=1) if named else np.zeros(0)
    light = np.array([one.brightness for one in named])
    is_kept = np.zeros(len(named), np.bool_)
    for index in range(len(named)):
        apart = power + power[index] - 2 * (small @ small[index]) / small.shape[1]  # squared, by the law of cosines
        near = apart < ALIKE**2 * np.maximum(np.maximum(power, power[index]), 1.0)
        is_kept[index] = not (is_kept & near & (np.abs(light - light[index]) < SAME_LIGHT)).any()
    return [one for one, kept in zip(named, is_kept, strict=True) if kept]


def spread(found: Sequence[Description], limit: int) -> list[Description]:
    """At most `limit` far from one another: the one nearest the middle, then always the farthest from all so far.

    Greedy k-centre (Gonzalez 1985). The first by name wins a tie, so that the order of the files changes nothing.
    """
    named = sorted(found, key=lambda one: one.name)
    if not named:
        return []
    points = features(named)
    chosen = [int(np.linalg.norm(points, axis=1).argmin())]
    distance = np.full(len(named), np.inf)
    while len(chosen) < min(limit, len(named)):
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
        distance[chosen] = -1.0
        chosen.append(int(distance.argmax()))
    return [named[index] for index in chosen]


def features(found: Sequence[Description]) -> Floats:
    """(N, D) about the mean: colours by place, and light; either group counts as much as the other.

    Scale, pose and directions of edges are left out: with them the ranges of the sample's activations were covered
    worse than by chance (docs/calibration.md).
    """
    cells = np.array([one.cells.ravel() for one in found])
    light = np.array([one.light for one in found])
    light = (light - light.mean(axis=0)) / np.maximum(light.std(axis=0), 1.0)
    return np.concatenate([_weighed(cells), _weighed(light)], axis=1)


def _weighed(part: Floats) -> Floats:
    """About the mean, with a total variance of 1; a group that does not differ is nought."""
    centred = part - part.mean(axis=0)
    total = float(np.sqrt((centred**2).sum(axis=1).mean()))
    return np.asarray(centred / total) if total > 1e-6 else np.zeros_like(centred)
