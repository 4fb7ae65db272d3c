"""Reductions, extrema with their places, sorting, running sums."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from posekit.runtimes.mil.lazy import torch
from posekit.runtimes.mil.ops.linear import summed_in_half
from posekit.runtimes.mil.ops.table import ACCUMULATING, op

if TYPE_CHECKING:
    from torch import Tensor


def _over(
    reduce: Callable[[Any, tuple[int, ...], bool], Tensor],
) -> Callable[..., Tensor]:
    def reduced(x: Tensor, axes: list[int] | None = None, keep_dims: bool = False) -> Tensor:
        return reduce(x, tuple(axes) if axes is not None else tuple(range(x.ndim)), keep_dims)

    return reduced


def _product(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    for axis in axes:
        x = torch.prod(x, axis, keepdim=True)
    return x if keep else x.squeeze(axes)


def _mean(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return torch.mean(x if x.is_floating_point() else x.float(), axes, keep)


_REDUCTIONS: dict[str, Callable[[Any, tuple[int, ...], bool], Tensor]] = {
    "reduce_l1_norm": lambda x, axes, keep: torch.sum(torch.abs(x), axes, keep),
    "reduce_l2_norm": lambda x, axes, keep: torch.sqrt(torch.sum(x * x, axes, keep)),
    "reduce_log_sum": lambda x, axes, keep: torch.log(torch.sum(x, axes, keep)),
    "reduce_log_sum_exp": lambda x, axes, keep: torch.logsumexp(x, axes, keep),
    "reduce_max": lambda x, axes, keep: torch.amax(x, axes, keep),
    "reduce_mean": _mean,
    "reduce_min": lambda x, axes, keep: torch.amin(x, axes, keep),
    "reduce_prod": _product,
    "reduce_sum": lambda x, axes, keep: torch.sum(x, axes, keep),
    "reduce_sum_square": lambda x, axes, keep: torch.sum(x * x, axes, keep),
}
for _name, _reduction in _REDUCTIONS.items():
    op(_name, exact=_name in ("reduce_max", "reduce_min"))(_over(_reduction))


def _in_half(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    moved = torch.movedim(x.float(), axes, tuple(range(-len(axes), 0)))
    flat = moved.flatten(moved.ndim - len(axes))
    total = summed_in_half(lambda a, b: flat[..., a:b].sum(-1), flat.shape[-1])
    shape = [1 if axis in {a % x.ndim for a in axes} else size for axis, size in enumerate(x.shape)]
    return total.reshape(shape) if keep else total


def _count(x: Tensor, axes: tuple[int, ...]) -> int:
    return prod(x.shape[axis] for axis in axes)


op("reduce_sum", table=ACCUMULATING)(_over(_in_half))
op("reduce_mean", table=ACCUMULATING)(_over(lambda x, axes, keep: _in_half(x, axes, keep) / _count(x, axes)))
op("reduce_sum_square", table=ACCUMULATING)(_over(lambda x, axes, keep: _in_half((x * x).half().float(), axes, keep)))


@op(exact=True)
def reduce_argmax(x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32") -> Tensor:
    return torch.argmax(x, axis, keep_dims)


@op(exact=True)
def reduce_argmin(x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32") -> Tensor:
    return torch.argmin(x, axis, keep_dims)


@op(exact=True)
def argsort(x: Tensor, axis: int = -1, ascending: bool = False) -> Tensor:
    return torch.argsort(x, stable=True, dim=axis, descending=not ascending)


@op(exact=True)
def topk(
    x: Tensor,
    k: int = 1,
    axis: int = -1,
    ascending: bool = False,
    sort: bool = True,
    return_indices: bool = True,
    output_indices_dtype: str = "int32",
) -> Tensor | tuple[Tensor, Tensor]:
    """Of equal values the earlier comes first; k = -1 is all of them."""
    values, places = torch.sort(x, stable=True, dim=axis, descending=not ascending)
    count = x.shape[axis] if k == -1 else k
    if count > x.shape[axis]:
        raise ValueError(f"the {count} largest of {x.shape[axis]} values")
    first = values.narrow(axis, 0, count)
    return (first, places.narrow(axis, 0, count)) if return_indices else first


@op()
def cumsum(x: Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    x = x.flip(axis) if reverse else x
    y = torch.cumsum(x, axis)
    y = y - x if exclusive else y
    return y.flip(axis) if reverse else y
