"""Tables of a few values that stand for many: k-means in one dimension, in numpy, the same every time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats

ROUNDS = 200  # of Lloyd's algorithm at most; it settles in some tens


def table_of(values: NDArray[np.float16], size: int) -> NDArray[np.float16]:
    """`size` values in ascending order that lie close to all of `values` in the mean square; the last one is repeated
    where fewer are distinct. Never worse than an even spread from the lowest to the highest value."""
    points, counts = np.unique(values, return_counts=True)
    if len(points) <= size:
        return np.concatenate([points, np.full(size - len(points), points[-1])]).astype(np.float16)
    known, weights = points.astype(np.float64), counts.astype(np.float64)
    even = np.linspace(known[0], known[-1], size)
    starts = (even, _by_density(known, weights, size))
    tables = [even.astype(np.float16), *(_settled(known, weights, start).astype(np.float16) for start in starts)]
    return min((np.sort(table) for table in tables), key=lambda table: error_of(points, table, counts))


def places_in(table: NDArray[np.float16], values: NDArray[np.float16]) -> NDArray[np.uint8]:
    """Index of the closest entry of an ascending table (256 at most) for each value, of the values' shape."""
    entries = table.astype(np.float64)
    return np.searchsorted((entries[1:] + entries[:-1]) / 2, values.astype(np.float64)).astype(np.uint8)


def error_of(values: NDArray[np.float16], table: NDArray[np.float16], counts: NDArray[Any] | None = None) -> float:
    """Mean square of what is lost when each value, there so many times, becomes its closest entry."""
    lost = values.astype(np.float64) - table.astype(np.float64)[places_in(table, values)]
    return float(np.average(lost**2, weights=counts))


def _by_density(points: Floats, weights: Floats, size: int) -> Floats:
    """Entries as close together as the cube root of the density, which is best where there are many of them."""
    edges = np.linspace(points[0], points[-1], 4 * size + 1)
    density = np.cbrt(np.histogram(points, edges, weights=weights)[0])
    along = np.concatenate([[0.0], np.cumsum(density)])
    spread: Floats = np.interp((np.arange(size) + 0.5) / size * along[-1], along, edges)
    return spread


def _settled(points: Floats, weights: Floats, centres: Floats) -> Floats:
    """Lloyd's algorithm: each centre the mean of the points that are closest to it, until nothing moves."""
    count = np.concatenate([[0.0], np.cumsum(weights)])
    total = np.concatenate([[0.0], np.cumsum(weights * points)])
    for _ in range(ROUNDS):
        ends = np.searchsorted(points, (centres[1:] + centres[:-1]) / 2)
        bounds = np.concatenate([[0], ends, [len(points)]])
        inside = np.diff(count[bounds])
        moved = np.where(inside > 0, np.diff(total[bounds]) / np.maximum(inside, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = np.sort(moved)
    return centres
