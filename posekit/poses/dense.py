"""Dense results: what a model says of every place of a region, as a grid of cells over it.

Mirrored by DenseMap in Kotlin and Swift.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats
from posekit.poses.transforms import InputTransform, invert, moved


@dataclass(frozen=True, slots=True)
class DenseMap:
    """A grid of cells over a region, and one number a cell.

    values: (h, w) float32; of a mask how sure the model is, 0 to 1, of labels their number, 0 for the background.
    matrix: (2, 3), from a cell's column and row to the px of its middle: input px as decoded, source px after
    `in_source`. labels: the names of labels 1, 2, ...; of a mask one, where it is `threshold` or more. uv: (h, w, 2)
    float32, where on the surface of its label's part a cell is, 0 to 1; None where the model says nothing of that.
    """

    name: str
    values: NDArray[np.float32]
    matrix: Floats
    labels: tuple[str, ...]
    threshold: float | None = None
    uv: NDArray[np.float32] | None = None

    @property
    def is_mask(self) -> bool:
        """Whether its values are how sure the model is, rather than labels."""
        return self.threshold is not None

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Of each cell the number of its label, (h, w); 1 where a mask is on."""
        return (self.values if self.threshold is None else self.values >= self.threshold).astype(np.int64)


def in_source(dense: DenseMap, transform: InputTransform) -> DenseMap:
    """A map that was decoded into input px, over the source."""
    return replace(dense, matrix=invert(transform.matrix) @ np.vstack([dense.matrix, [0.0, 0.0, 1.0]]))


def over_picture(dense: DenseMap, size_wh: tuple[int, int], pixel_center: float) -> NDArray[np.float32]:
    """The map's values at the middle of each pixel of a picture, (height, width); 0 where the map does not reach.

    Between cells a mask is bilinear, a label is that of the nearest cell. dense: over the source. pixel_center: the
    coordinate of the middle of pixel 0.
    """
    width, height = size_wh
    found = np.zeros((height, width), np.float32)
    rows_at_once = max((1 << 20) // max(width, 1), 1)  # memory does not grow with the picture
    to_cell = invert(dense.matrix)
    for top in range(0, height, rows_at_once):
        y, x = np.mgrid[top : min(top + rows_at_once, height), :width] + pixel_center
        found[top : top + len(y)] = values_at(dense, moved(to_cell, np.stack([x, y], axis=-1)))
    return found


def values_at(dense: DenseMap, cells: Floats) -> NDArray[np.float32]:
    """Values at columns and rows (..., 2) between cells, as `over_picture` reads them."""
    rows, columns = dense.values.shape
    x, y = cells[..., 0], cells[..., 1]
    inside = (x >= -0.5) & (x <= columns - 0.5) & (y >= -0.5) & (y <= rows - 0.5)
    x, y = np.clip(x, 0, columns - 1), np.clip(y, 0, rows - 1)
    if not dense.is_mask:
        read = dense.values[np.floor(y + 0.5).astype(int), np.floor(x + 0.5).astype(int)]
        return np.where(inside, read, np.float32(0))
    left, above = np.floor(x).astype(int), np.floor(y).astype(int)
    right, below = np.minimum(left + 1, columns - 1), np.minimum(above + 1, rows - 1)
    across, down = x - left, y - above
    values = dense.values.astype(np.float64)
    upper = values[above, left] * (1 - across) + values[above, right] * across
    lower = values[below, left] * (1 - across) + values[below, right] * across
    return np.where(inside, upper * (1 - down) + lower * down, 0.0).astype(np.float32)
