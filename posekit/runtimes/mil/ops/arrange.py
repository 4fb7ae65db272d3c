"""Ops that repeat, pad, reorder or make up values."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from posekit.runtimes.mil.lazy import F, torch
from posekit.runtimes.mil.ops.table import op
from posekit.runtimes.mil.values import MAX_ELEMENTS

if TYPE_CHECKING:
    from torch import Tensor


def _bounded(*sizes: int) -> None:
    if prod(sizes) > MAX_ELEMENTS:
        raise ValueError(f"a tensor of shape {sizes}, more than {MAX_ELEMENTS} elements")


@op(exact=True)
def tile(x: Tensor, reps: list[int]) -> Tensor:
    _bounded(*x.shape, *reps)
    return x.tile(reps)


@op(exact=True)
def fill(shape: list[int], value: float = 0.0) -> Tensor:
    _bounded(*shape)
    return torch.full(shape, value, dtype=torch.float32 if isinstance(value, float) else None)


@op(exact=True)
def fill_like(ref_tensor: Tensor, value: float = 0.0) -> Tensor:
    return fill(list(ref_tensor.shape), value)


@op(exact=True)
def pad(x: Tensor, pad: list[int], mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """`pad` holds before and after of the last axes."""
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    _bounded(*(size + abs(a) + abs(b) for size, (a, b) in zip(x.shape[-len(pairs) :], pairs, strict=True)))
    if mode == "constant":
        return F.pad(x, [side for pair in reversed(pairs) for side in pair], value=constant_val)
    for axis, (before, after) in enumerate(pairs, x.ndim - len(pairs)):
        if before or after:
            places = torch.arange(-before, x.shape[axis] + after)
            x = x.index_select(axis, _mirrored(places, x.shape[axis]) if mode == "reflect" else _edge(places, x, axis))
    return x


def _edge(places: Tensor, x: Tensor, axis: int) -> Tensor:
    return places.clamp(0, x.shape[axis] - 1)


def _mirrored(places: Tensor, size: int) -> Tensor:
    """The edge itself is not repeated."""
    period = max(1, 2 * (size - 1))
    places = places % period
    return torch.minimum(places, period - places)


@op(exact=True)
def range_1d(end: Tensor, start: Tensor, step: Tensor) -> Tensor:
    first, last, by = start.item(), end.item(), step.item()
    _bounded(int(max(0, (last - first) / by)) if by else 0)
    return torch.arange(first, last, by)


@op(exact=True)
def one_hot(
    indices: Tensor, one_hot_vector_size: int, axis: int = -1, on_value: float = 1, off_value: float = 0
) -> Tensor:
    """An index outside of the vector gives off_value alone."""
    _bounded(*indices.shape, one_hot_vector_size)
    places = torch.arange(one_hot_vector_size)
    axis = axis % (indices.ndim + 1)
    places = places.reshape([-1 if position == axis else 1 for position in range(indices.ndim + 1)])
    hot = indices.unsqueeze(axis) == places
    return torch.where(hot, on_value, off_value)


@op(exact=True)
def band_part(x: Tensor, lower: int = -1, upper: int = -1) -> Tensor:
    rows, columns = torch.arange(x.shape[-2])[:, None], torch.arange(x.shape[-1])
    kept = ((lower < 0) | (rows - columns <= lower)) & ((upper < 0) | (columns - rows <= upper))
    return torch.where(kept, x, torch.zeros((), dtype=x.dtype))


@op(exact=True)
def reverse(x: Tensor, axes: list[int] | None = None) -> Tensor:
    return x.flip(list(range(x.ndim)) if axes is None else axes)


@op(exact=True)
def reverse_sequence(x: Tensor, lengths: Tensor, seq_axis: int = 0, batch_axis: int = 0) -> Tensor:
    """Along seq_axis, the first lengths[b] entries of batch b are reversed."""
    moved = torch.movedim(x, (batch_axis, seq_axis), (0, 1))
    places, counts = torch.arange(moved.shape[1]), lengths.long()[:, None]
    taken = torch.where(places < counts, counts - 1 - places, places)
    rows = torch.arange(moved.shape[0])[:, None]
    return torch.movedim(moved[rows, taken], (0, 1), (batch_axis, seq_axis))


@op(exact=True)
def sliding_windows(x: Tensor, axis: int, size: int, stride: int = 1) -> Tensor:
    axis = axis % x.ndim
    return torch.movedim(x.unfold(axis, size, stride), -1, axis + 1)


@op(exact=True)
def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    return F.pixel_shuffle(x, upscale_factor)


@op(exact=True)
def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    return F.pixel_unshuffle(x, downscale_factor)


@op(exact=True)
def depth_to_space(x: Tensor, block_size: int) -> Tensor:
    """Blocks come first in the channels: TensorFlow's order, which is not pixel_shuffle's."""
    n, c, h, w = x.shape
    blocks = x.reshape(n, block_size, block_size, c // block_size**2, h, w)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(n, c // block_size**2, h * block_size, w * block_size)


@op(exact=True)
def space_to_depth(x: Tensor, block_size: int) -> Tensor:
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // block_size, block_size, w // block_size, block_size)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(n, c * block_size**2, h // block_size, w // block_size)


@op(exact=True)
def space_to_batch(x: Tensor, block_shape: list[int], paddings: list[list[int]]) -> Tensor:
    (top, bottom), (left, right) = paddings
    x = F.pad(x, [left, right, top, bottom])
    (n, c, h, w), (rows, columns) = x.shape, block_shape
    blocks = x.reshape(n, c, h // rows, rows, w // columns, columns)
    return blocks.permute(3, 5, 0, 1, 2, 4).reshape(n * rows * columns, c, h // rows, w // columns)


@op(exact=True)
def batch_to_space(x: Tensor, block_shape: list[int], crops: list[list[int]]) -> Tensor:
    (n, c, h, w), (rows, columns) = x.shape, block_shape
    blocks = x.reshape(rows, columns, n // (rows * columns), c, h, w)
    y = blocks.permute(2, 3, 4, 0, 5, 1).reshape(n // (rows * columns), c, h * rows, w * columns)
    (top, bottom), (left, right) = crops
    return y[:, :, top : y.shape[2] - bottom, left : y.shape[3] - right]


@op(exact=True)
def crop(x: Tensor, crop_height: list[int], crop_width: list[int]) -> Tensor:
    (top, bottom), (left, right) = crop_height, crop_width
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


@op(exact=True)
def non_zero(x: Tensor) -> Tensor:
    return torch.nonzero(x)
