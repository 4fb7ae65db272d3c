"""Peaks of heatmaps that are made larger: where a keypoint of anybody may be. Mirrored by PafDecoderPeaks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders.paf.spec import FieldsSpec, PeakRules
from posekit.decoders.paf.upsampling import Axis, axis, values_at
from posekit.poses import Floats

EQUAL = 2.0**20  # values are compared in steps of 1 / EQUAL, where the last digits of languages do not count
NEAR = 1e-5  # of a map's largest value; the search in float32 is off by less


@dataclass(frozen=True, slots=True)
class Peaks:
    """Peaks of all keypoints, keypoint after keypoint: x, y in px of the larger maps, and scores; (n,) each."""

    keypoints: NDArray[np.intp]
    x: Floats
    y: Floats
    scores: Floats

    def of(self, keypoint: int) -> range:
        """Which of them are those of a keypoint."""
        return range(*(int(at) for at in np.searchsorted(self.keypoints, (keypoint, keypoint + 1))))


def peaks_of(maps: NDArray[Any], spec: FieldsSpec, count: int) -> Peaks:
    """The peaks of the K = count heatmaps among maps (h, w, C)."""
    scale, rules = spec.upsampling, spec.peaks
    height, width, _ = maps.shape
    down, across = (axis(side, scale.factor, scale.method) for side in (height, width))
    blurred_down, blurred_across = (
        axis(side, scale.factor, scale.method, scale.blur_kernel, scale.blur_sigma) for side in (height, width)
    )
    first = spec.heatmaps.first_keypoint
    k, y, x = _likely(maps[..., first : first + count], blurred_down, blurred_across, rules)
    around = _around(maps, blurred_down, blurred_across, first + k, y, x, 1)
    is_peak = _are_peaks(around, rules)
    k, y, x = k[is_peak], y[is_peak], x[is_peak]
    order = np.lexsort((x, y, k) if rules.order == "rows" else (y, x, k))
    k, y, x = k[order], y[order], x[order]
    scores = values_at(maps, down, across, first + k, y, x)
    kept = _kept(k, y, x, scores, rules)
    k, y, x, scores = k[kept], y[kept], x[kept], scores[kept]
    places = np.stack([x, y], axis=-1).astype(np.float64)
    if rules.centroid and len(k):
        places = _centroids(
            _around(maps, blurred_down, blurred_across, first + k, y, x, rules.centroid), y, x, rules.centroid
        )
    return Peaks(k, places[:, 0], places[:, 1], scores)


def _likely(maps: NDArray[Any], down: Axis, across: Axis, rules: PeakRules) -> tuple[NDArray[np.intp], ...]:
    """Keypoint, row and column of every px that may be a peak; float32 is fast and cannot tell near ones apart."""
    high, wide = len(down.matrix), len(across.matrix)
    left, right = down.matrix.astype(np.float32), across.matrix.T.astype(np.float32)
    gain = math.prod(float(np.abs(one.matrix).sum(axis=1).max()) for one in (down, across))
    padded = np.full((high + 2, wide + 2), -np.inf, np.float32)  # all around the larger map nothing is higher
    larger, flat = padded[1:-1, 1:-1], padded.reshape(-1)
    found = [np.zeros((3, 0), np.intp)]
    for k, one in enumerate(np.ascontiguousarray(maps.transpose(2, 0, 1))):
        largest = float(np.abs(one).max())
        if largest * gain <= rules.min_score:
            continue
        near = NEAR + 2 / (EQUAL * largest)
        np.matmul(left @ (one / np.float32(largest)).astype(np.float32), right, out=larger)
        places = np.flatnonzero(flat >= np.float32(rules.min_score / largest - near))
        for step in (1, -1, wide + 2, -wide - 2):  # few are left after the first
            places = places[flat[places] >= flat[places + step] - np.float32(near)]
        y, x = np.divmod(places, wide + 2)
        found.append(np.stack([np.full(len(y), k), y - 1, x - 1]))
    k, y, x = np.concatenate(found, axis=1)
    return k, y, x


def _around(
    maps: NDArray[Any], down: Axis, across: Axis, channels: NDArray[Any], y: NDArray[Any], x: NDArray[Any], reach: int
) -> Floats:
    """The px at most `reach` px from each place (n, 2 reach + 1, 2 reach + 1); -inf outside the map."""
    span = np.arange(-reach, reach + 1)
    rows, columns = y[:, None, None] + span[:, None], x[:, None, None] + span
    high, wide = len(down.matrix), len(across.matrix)
    values = values_at(
        maps, down, across, channels[:, None, None], np.clip(rows, 0, high - 1), np.clip(columns, 0, wide - 1)
    )
    inside = (rows >= 0) & (rows < high) & (columns >= 0) & (columns < wide)
    return np.where(inside, values, -np.inf)


def _are_peaks(around: Floats, rules: PeakRules) -> NDArray[np.bool_]:
    """Whether the middle of each 3 x 3 px is a peak."""
    steps = np.floor(around * EQUAL + 0.5).reshape(-1, 9)
    middle = steps[:, 4:5]
    before, after = ([1, 3], [5, 7]) if rules.neighbors == 4 else ([0, 1, 2, 3], [5, 6, 7, 8])
    higher = middle > steps if rules.plateau != "all" else middle >= steps
    lower = middle > steps if rules.plateau == "none" else middle >= steps
    above = around[:, 1, 1] > rules.min_score
    return np.asarray(above & higher[:, before].all(axis=1) & lower[:, after].all(axis=1))


def _kept(k: NDArray[Any], y: NDArray[Any], x: NDArray[Any], scores: Floats, rules: PeakRules) -> NDArray[np.intp]:
    """Places of those that are far enough from the ones before them, and of these the best of each keypoint."""
    kept = list(range(len(k)))
    if rules.min_distance > 0:
        taken: list[int] = []
        near = rules.min_distance**2
        for one in kept:
            others = (other for other in taken if k[other] == k[one])
            if all((x[one] - x[other]) ** 2 + (y[one] - y[other]) ** 2 >= near for other in others):
                taken.append(one)
        kept = taken
    places = np.array(kept, np.intp)
    best = places[np.lexsort((-scores[places], k[places]))]
    rank = np.arange(len(best)) - np.searchsorted(k[best], k[best])
    return np.sort(best[rank < rules.most])


def _centroids(around: Floats, y: NDArray[Any], x: NDArray[Any], reach: int) -> Floats:
    """The centroid of the positive values about each place, x and y (n, 2); summed row by row."""
    weights = np.maximum(around, 0.0)
    total, across, down = (np.zeros(len(y)) for _ in range(3))
    for row in range(2 * reach + 1):
        for column in range(2 * reach + 1):
            weight = weights[:, row, column]
            total += weight
            across += weight * (column - reach)
            down += weight * (row - reach)
    return np.stack([x + across / total, y + down / total], axis=-1)
