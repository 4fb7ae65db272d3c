"""Gathers and scatters; a negative index counts from the end."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from posekit.runtimes.mil.lazy import torch
from posekit.runtimes.mil.ops.table import op

if TYPE_CHECKING:
    from torch import Tensor

_REDUCE = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def _inside(indices: Tensor, size: int) -> Tensor:
    indices = indices.long()
    return torch.where(indices < 0, indices + size, indices)


@op(exact=True)
def gather(x: Tensor, indices: Tensor, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False) -> Tensor:
    """x.shape[:axis] + indices.shape[batch_dims:] + x.shape[axis + 1:]."""
    axis = axis % x.ndim
    places = _inside(indices, x.shape[axis])
    if batch_dims == 0:
        return x.index_select(axis, places.reshape(-1)).reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
    batch = x.shape[:batch_dims]
    flat, rows = x.reshape(-1, *x.shape[batch_dims:]), places.reshape(-1, *places.shape[batch_dims:])
    taken = [gather(one, row, axis - batch_dims) for one, row in zip(flat, rows, strict=True)]
    return torch.stack(taken).reshape(*batch, *taken[0].shape)


@op(exact=True)
def gather_along_axis(x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool = False) -> Tensor:
    return torch.gather(x, axis, _inside(indices, x.shape[axis]))


@op(exact=True)
def gather_nd(x: Tensor, indices: Tensor, batch_dims: int = 0, validate_indices: bool = False) -> Tensor:
    """indices.shape[:-1] + x.shape[batch_dims + indices.shape[-1]:]."""
    if batch_dims:
        batch = x.shape[:batch_dims]
        flat, rows = x.reshape(-1, *x.shape[batch_dims:]), indices.reshape(-1, *indices.shape[batch_dims:])
        taken = torch.stack([gather_nd(one, row) for one, row in zip(flat, rows, strict=True)])
        return taken.reshape(*batch, *taken.shape[1:])
    return x[_places(x, indices)]


def _places(x: Tensor, indices: Tensor) -> tuple[Tensor, ...]:
    return tuple(_inside(one, size) for one, size in zip(indices.unbind(-1), x.shape, strict=False))


@op()
def scatter(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    axis = axis % data.ndim
    places = indices.reshape([-1 if position == axis else 1 for position in range(data.ndim)])
    return scatter_along_axis(data, places.expand_as(updates), updates, axis, mode)


@op()
def scatter_along_axis(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    places = _inside(indices, data.shape[axis])
    if mode == "update":
        return data.scatter(axis, places, updates)
    if mode in ("sub", "div"):
        mode, updates = ("add", -updates) if mode == "sub" else ("mul", 1 / updates)
    return data.scatter_reduce(axis, places, updates, _REDUCE[mode])


@op()
def scatter_nd(
    data: Tensor, indices: Tensor, updates: Tensor, mode: str = "add", validate_indices: bool = False
) -> Tensor:
    depth = indices.shape[-1]
    tail = data.shape[depth:]
    count = prod(tail)
    flat = torch.zeros(indices.shape[:-1], dtype=torch.long)
    for place, size in zip(_places(data, indices), data.shape, strict=False):
        flat = flat * size + place
    rows = flat.reshape(-1, 1).expand(-1, count)
    moved = scatter_along_axis(data.reshape(-1, count), rows, updates.reshape(-1, count), 0, mode)
    return moved.reshape(data.shape)
