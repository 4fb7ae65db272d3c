"""Values added at known places: products with matrices of zeros and ones, transposed convolutions, sums of gathers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from posekit.targets.graph.inlining import arguments, attribute, name_of, shape_of

MOST_SUMMANDS = 64  # at one place
Made = tuple[Callable[..., Any], list[Any]] | None


def summed(node: Any) -> Made:
    """Values added at known places: along one axis a product with a matrix of zeros and ones, else a sum of gathers."""
    import torch

    given = arguments(node)
    shape, alpha = shape_of(node), given.get("alpha", 1)
    numbers = torch.arange(math.prod(shape)).reshape(shape)
    base, source = given["self"], given.get("src", given.get("source", given.get("values")))
    if name_of(node) == "index_add":
        axis = given["dim"] % max(len(shape), 1)
        matrix = torch.nn.functional.one_hot(attribute(given["index"]).reshape(-1), shape[axis]).float() * alpha
        return _product(shape, axis), [base, source, matrix]
    if name_of(node) == "scatter_add":
        index = attribute(given["index"])
        targets = torch.gather(numbers, given["dim"], index) if index.numel() else index
        cut = tuple(slice(size) for size in index.shape)
    else:
        places = [None if one is None else attribute(one) for one in given["indices"]]
        targets, cut = torch.ops.aten.index.Tensor(numbers, places), ()
    count = int(torch.bincount(targets.flatten(), minlength=1).max())
    if count > MOST_SUMMANDS:
        return None
    rounds = _rounds(targets.flatten(), numbers.numel(), count)

    def add(x: Any, values: Any, *rounds: Any) -> Any:
        values = values[cut] if cut else values
        flat = values.expand(targets.shape).reshape(-1)
        flat = torch.cat([flat, torch.zeros(1, dtype=flat.dtype, device=flat.device)])
        for places in rounds:
            x = x + flat.index_select(0, places).reshape(shape)
        return x

    return add, [base, source, *rounds]


def folded(node: Any) -> Made:
    """Blocks put together as a transposed convolution does it, whose weights put each block's values in their
    places."""
    import torch

    given = arguments(node)
    kernel, stride, padding, dilation = (list(given[one]) for one in ("kernel_size", "stride", "padding", "dilation"))
    size, taps = list(given["output_size"]), math.prod(kernel)
    sides = zip(size, kernel, stride, padding, dilation, strict=True)
    blocks = [(one + 2 * pad - by * (wide - 1) - 1) // step + 1 for one, wide, step, pad, by in sides]
    shape = shape_of(node)
    weight = torch.eye(taps).reshape(taps, 1, *kernel)
    reached = [
        (count - 1) * step + by * (wide - 1) + 1 - 2 * pad
        for count, wide, step, pad, by in zip(blocks, kernel, stride, padding, dilation, strict=True)
    ]
    more = [one - end for one, end in zip(size, reached, strict=True)]

    def fold(x: Any, weight: Any) -> Any:
        x = x.reshape(-1, taps, *blocks)
        whole = torch.ops.aten.conv_transpose2d.input(x, weight, None, stride, padding, more, 1, dilation)
        return whole.reshape(shape)

    return fold, [node.args[0], weight]


def _product(shape: tuple[int, ...], axis: int) -> Callable[..., Any]:
    """The function that adds what is at each place along an axis to the place that a matrix says."""

    def add(x: Any, values: Any, matrix: Any) -> Any:
        if axis == len(shape) - 1:
            return x + values @ matrix.to(x.dtype)
        return x + (values.transpose(axis, -1) @ matrix.to(x.dtype)).transpose(axis, -1)

    return add


def _rounds(targets: Any, size: int, count: int) -> list[Any]:
    """For every place the value that is added in each round: the number of values, which is a zero's, where there is
    none."""
    import torch

    order = torch.argsort(targets, stable=True)
    ordered = targets[order]
    firsts = torch.searchsorted(ordered, ordered)
    nth = torch.arange(len(ordered)) - firsts
    rounds = torch.full((count, size), len(targets), dtype=torch.int32)
    rounds[nth, ordered] = order.to(torch.int32)
    return list(rounds)
