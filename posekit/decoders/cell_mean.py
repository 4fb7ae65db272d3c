"""Places sharpened by the mean of the heatmap cells about them; for landmarks.py."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from posekit.decoders.activation import sigmoid
from posekit.decoders.decoder import Odd, OutputName
from posekit.documents import Part
from posekit.poses import Floats


class Refinement(Part):
    """Logits rows x h x w of the network, whose sigmoid is the weight of a cell: a landmark moves to their mean place
    in the square of `kernel` cells about its own, where one of them weighs at least `min_weight`."""

    output: OutputName
    kernel: Annotated[Odd, Field(ge=1, le=63)] = 7
    min_weight: Annotated[float, Field(ge=0, le=1)] = 0.5


def refined(places: Floats, logits: Floats, spec: Refinement) -> Floats:
    """Places (K, 2), 0 to 1 over the input, moved to the weighted mean of the cells about them, i / n for cell i of n.

    logits: (h, w, K). The square about a place is cut at the map's border; a place beyond the map stays.
    """
    height, width, count = logits.shape
    size = np.array([width, height], np.float64)
    centre = np.trunc(places * size)
    inside = np.asarray(np.all([centre >= 0, centre < size], axis=(0, 2)))
    x, y = np.where(inside[:, None], centre, 0).astype(np.int64).T
    reach = np.arange(-(spec.kernel // 2), spec.kernel // 2 + 1)
    columns, rows = (x[:, None] + reach)[:, None, :], (y[:, None] + reach)[:, :, None]
    there = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    near = logits[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1), np.arange(count)[:, None, None]]
    weights = np.where(there, sigmoid(near), 0.0)
    total = weights.sum(axis=(1, 2))
    moved = inside & (weights.max(axis=(1, 2)) >= spec.min_weight) & (total > 0)
    sums = np.stack([(weights * columns).sum(axis=(1, 2)), (weights * rows).sum(axis=(1, 2))], axis=-1)
    return np.where(moved[:, None], sums / np.where(total > 0, total, 1.0)[:, None] / size, places)
