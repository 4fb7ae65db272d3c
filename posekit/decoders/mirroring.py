"""What the outputs for a mirrored picture would be for the picture itself: the parts of every head's `mirrored`.

Values are of numpy, or of torch inside a graph; slices and concatenations, which delegates know, where they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def turned(values: Any, axis: int, *, shift: bool = False) -> Any:
    """Mirrored along an axis; shift: then moved on by one place, the first one twice."""
    found = np.flip(values, axis) if isinstance(values, np.ndarray) else values.flip(axis)
    if not shift:
        return found
    count = found.shape[axis]
    return joined([_sliced(found, axis, 0, 1), _sliced(found, axis, 0, count - 1)], axis)


def reordered(values: Any, axis: int, order: Sequence[int]) -> Any:
    """The places of an axis in another order."""
    return joined([_sliced(values, axis, place, place + 1) for place in order], axis)


def joined(parts: Sequence[Any], axis: int) -> Any:
    """Concatenated along an axis."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis)
    import torch

    return torch.cat(list(parts), axis)


def columns(values: Any, replaced: dict[int, Any]) -> Any:
    """The last axis with some of its places, each (..., 1), replaced."""
    count = values.shape[-1]
    return joined([replaced.get(at, _sliced(values, -1, at, at + 1)) for at in range(count)], -1)


def column(values: Any, place: int) -> Any:
    """One place of the last axis, (..., 1)."""
    return _sliced(values, -1, place, place + 1)


def _sliced(values: Any, axis: int, first: int, end: int) -> Any:
    before = [slice(None)] * (axis % len(values.shape))
    return values[(*before, slice(first, end))]
