"""Operations that several formats have: what a window reaches beyond the edge, blocks of pixels, parts of an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def same_margins(
    sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> list[tuple[int, int]]:
    """What `same` padding adds to each axis, before and behind it: the larger half behind."""
    sides = []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        total = max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
        sides.append((total // 2, total - total // 2))
    return sides


def torch_pads(margins: Sequence[tuple[int, int]]) -> list[int]:
    """Margins of the last axes as torch takes them: the last axis first."""
    return [side for pair in reversed(margins) for side in pair]


def inner_mean(x: Any, kernel: Sequence[int], strides: Sequence[int], margins: Sequence[tuple[int, int]]) -> Any:
    """The mean of each window of (1, C, H, W) over what lies inside, however unequal the margins are."""
    from torch.nn import functional

    padded = (functional.pad(one, torch_pads(margins)) for one in (x, x.new_ones((1, 1, *x.shape[2:]))))
    sums, counts = (functional.avg_pool2d(one, list(kernel), list(strides)) for one in padded)
    return sums / counts


def depth_to_space(x: Any, block: int) -> Any:
    """Channels (block row, block column, C) of (1, C', h, w) as blocks of pixels."""
    n, c, h, w = x.shape
    parts = x.reshape(n, block, block, c // block**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return parts.reshape(n, c // block**2, h * block, w * block)


def space_to_depth(x: Any, block: int) -> Any:
    """Blocks of pixels of (1, C, H, W) as channels (block row, block column, C)."""
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
    return parts.reshape(n, c * block**2, h // block, w // block)


def part(x: Any, axis: int, places: range) -> Any:
    """Entries of an axis in steps, forwards as a slice and backwards as a selection."""
    if places == range(x.shape[axis]):
        return x
    if places.step < 0 or not len(places):
        return selected(x, axis, places)
    index = [slice(None)] * x.ndim
    index[axis] = slice(places.start, places[-1] + 1, places.step)
    return x[tuple(index)]


def selected(x: Any, axis: int, places: Sequence[int]) -> Any:
    """Entries of an axis by their places, in slices where the places are in a row."""
    import torch

    if not len(places):
        return x.narrow(axis, 0, 0)
    if len(places) == 1:
        return x.narrow(axis, places[0], 1)
    if list(places) == list(range(places[0], places[0] + len(places))):
        return x.narrow(axis, places[0], len(places))
    if len(places) <= 4:  # slices and a concatenation run on every accelerator
        return torch.cat([x.narrow(axis, one, 1) for one in places], axis)
    return x.index_select(axis, torch.tensor(places))
