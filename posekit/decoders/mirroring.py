"""What the outputs for a mirrored picture would be for the picture itself: the parts of every head's `mirrored`.

Values are of numpy, or of torch inside a graph: slices and concatenations, which delegates know, where they do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posekit.poses.input_spec import InputSpec


@dataclass(frozen=True, slots=True)
class Mirror:
    """order: the keypoint whose place each takes. shift: whether maps are moved on by a cell, and coordinates by a px,
    after they are mirrored. join: concatenates values of the framework along an axis."""

    order: tuple[int, ...]
    shift: bool
    join: Callable[[Sequence[Any], int], Any] = np.concatenate

    def turned(self, values: Any, axis: int) -> Any:
        """Mirrored along an axis, and with a shift moved on by one place, the first one twice."""
        found = np.flip(values, axis) if isinstance(values, np.ndarray) else values.flip(axis)
        if not self.shift:
            return found
        return self.join([_sliced(found, axis, 0, 1), _sliced(found, axis, 0, found.shape[axis] - 1)], axis)

    def reordered(self, values: Any, axis: int, each: int = 1) -> Any:
        """The keypoints of an axis in the mirror image's order; each: how many places one has."""
        return self.join([_sliced(values, axis, each * place, each * (place + 1)) for place in self.order], axis)

    def beyond(self, image: InputSpec, cells: int, stride: int) -> float:
        """What x offsets get, in cells, as they turn round: that of a place and that of its mirror image from the cells
        that stand for each other add up to it. cells: of a line of the map, `stride` input px each."""
        last = image.size_wh[0] - (0 if image.alignment == "half_pixel" else 1)
        return last / stride - (cells if self.shift else cells - 1)

    def replaced(self, values: Any, columns: dict[int, Any]) -> Any:
        """The last axis with some of its places, each (..., 1), replaced."""
        count = values.shape[-1]
        return self.join([columns.get(at, column(values, at)) for at in range(count)], -1)


def column(values: Any, place: int) -> Any:
    """One place of the last axis, (..., 1)."""
    return _sliced(values, -1, place, place + 1)


def _sliced(values: Any, axis: int, first: int, end: int) -> Any:
    before = [slice(None)] * (axis % len(values.shape))
    return values[(*before, slice(first, end))]
