"""Ops that only give values another shape, cut or join them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from posekit.runtimes.mil.lazy import torch
from posekit.runtimes.mil.ops.table import op

if TYPE_CHECKING:
    from torch import Tensor


@op(exact=True)
def reshape(x: Tensor, shape: list[int]) -> Tensor:
    """A 0 keeps the size that x has there."""
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


@op(exact=True)
def reshape_like(
    x: Tensor, ref_tensors: list[Tensor], begins: list[Tensor], ends: list[Tensor], end_masks: list[Tensor]
) -> Tensor:
    sizes: list[int] = []
    for reference, begin, end, mask in zip(ref_tensors, begins, ends, end_masks, strict=True):
        sizes += reference.shape[int(begin) : None if bool(mask) else int(end)]
    return x.reshape(sizes)


@op(exact=True)
def expand_dims(x: Tensor, axes: list[int]) -> Tensor:
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


@op(exact=True)
def squeeze(x: Tensor, axes: list[int] | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


@op(exact=True)
def transpose(x: Tensor, perm: list[int]) -> Tensor:
    return x.permute(perm)


@op(exact=True)
def flatten2d(x: Tensor, axis: int = 1) -> Tensor:
    return x.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))


@op(exact=True)
def shape(x: Tensor) -> Tensor:
    return torch.tensor(x.shape, dtype=torch.int32)


@op(exact=True)
def concat(values: list[Tensor], axis: int, interleave: bool = False) -> Tensor:
    if values[0].ndim == 0:
        return torch.stack(values)
    if interleave:
        axis = axis % values[0].ndim
        return torch.stack(values, axis + 1).flatten(axis, axis + 1)
    return torch.cat(values, axis)


@op(exact=True)
def stack(values: list[Tensor], axis: int) -> Tensor:
    return torch.stack(values, axis)


@op(exact=True)
def split(
    x: Tensor, axis: int, num_splits: int | None = None, split_sizes: list[int] | None = None
) -> tuple[Tensor, ...]:
    if split_sizes is None:
        assert num_splits is not None
        split_sizes = [x.shape[axis] // num_splits] * num_splits
    return tuple(torch.split(x, split_sizes, axis))


def bounds(
    sizes: list[int],
    begin: list[int],
    end: list[int],
    stride: list[int] | None,
    begin_mask: list[bool] | None,
    end_mask: list[bool] | None,
    squeeze_mask: list[bool] | None,
) -> list[range]:
    """The places that a slice takes along each axis, by numpy's rules; a squeezed axis has one."""
    rank, taken = len(sizes), []
    for axis, size in enumerate(sizes):
        first: int | None = None if begin_mask and begin_mask[axis] else begin[axis]
        if squeeze_mask and squeeze_mask[axis]:
            place = (first or 0) + (size if (first or 0) < 0 else 0)
            taken.append(range(place, place + 1))
            continue
        last = None if end_mask and end_mask[axis] else end[axis]
        taken.append(range(size)[slice(first, last, stride[axis] if stride else 1)])
    if len(begin) != rank:
        raise ValueError(f"a slice of {len(begin)} axes of a tensor of {rank}")
    return taken


@op(exact=True)
def slice_by_index(
    x: Tensor,
    begin: list[int],
    end: list[int],
    stride: list[int] | None = None,
    begin_mask: list[bool] | None = None,
    end_mask: list[bool] | None = None,
    squeeze_mask: list[bool] | None = None,
) -> Tensor:
    for axis, taken in enumerate(bounds(list(x.shape), begin, end, stride, begin_mask, end_mask, squeeze_mask)):
        if taken.step > 0:
            x = x[(slice(None),) * axis + (slice(taken.start, taken.stop, taken.step),)]
        else:
            x = x.index_select(axis, torch.tensor(taken))
    gone = tuple(axis for axis, is_gone in enumerate(squeeze_mask or ()) if is_gone)
    return x.squeeze(gone) if gone else x


@op(exact=True)
def slice_update(
    x: Tensor,
    update: Tensor,
    begin: list[int],
    end: list[int],
    stride: list[int] | None = None,
    begin_mask: list[bool] | None = None,
    end_mask: list[bool] | None = None,
    squeeze_mask: list[bool] | None = None,
) -> Tensor:
    taken = bounds(list(x.shape), begin, end, stride, begin_mask, end_mask, squeeze_mask)
    places = torch.meshgrid(*(torch.tensor(one, dtype=torch.long) for one in taken), indexing="ij")
    return x.index_put(places, update.reshape(places[0].shape))


@op(exact=True)
def slice_by_size(x: Tensor, begin: list[int], size: list[int]) -> Tensor:
    """A size of -1 is the rest."""
    for axis, (first, count) in enumerate(zip(begin, size, strict=True)):
        first = first % x.shape[axis] if first < 0 else first
        x = x.narrow(axis, first, x.shape[axis] - first if count == -1 else count)
    return x
