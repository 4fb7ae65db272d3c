"""Orders of values without a sort, which no route to LiteRT brings into a file that loads: how many are before each
one, or the largest again and again."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from posekit.targets.graph.inlining import arguments, name_of, shape_of

MOST_COMPARISONS = 1 << 22  # of every value with every other one
MOST_MAXIMA = 64


def sort(node: Any) -> Callable[..., Any] | None:
    """Sorted values and where they were, equal ones in their own order; None where there are too many."""
    given, shape = arguments(node), shape_of(node.args[0])
    axis, name = given.get("dim", -1), name_of(node)
    axis = 0 if name == "msort" else axis
    size = shape[axis]
    if math.prod(shape) * size > MOST_COMPARISONS:
        return None

    def run(x: Any) -> Any:
        values, indices = _by_rank(x, axis, range(size), is_down=bool(given.get("descending", False)))
        return {"msort": values, "argsort": indices}.get(name, (values, indices))

    return run


def order_statistic(node: Any) -> Callable[..., Any] | None:
    """The k-th smallest, or the lower one of the two in the middle, and where it was."""
    given, shape = arguments(node), shape_of(node.args[0])
    is_of_all = name_of(node) == "median" and "dim" not in given
    axis = -1 if is_of_all else given["dim"]
    size = math.prod(shape) if is_of_all else shape[axis]
    place = given["k"] - 1 if "k" in given else (size - 1) // 2
    if math.prod(shape) * size > MOST_COMPARISONS:
        return None

    def run(x: Any) -> Any:
        if is_of_all:
            return _by_rank(x.reshape(-1), 0, range(place, place + 1), is_down=False)[0].reshape(())
        found = _by_rank(x, axis, range(place, place + 1), is_down=False)
        return found if given["keepdim"] else tuple(one.squeeze(axis) for one in found)

    return run


def topk(node: Any) -> Callable[..., Any] | None:
    """The largest or smallest: few of many one after the other, else by rank; None where that would be too much."""
    given, shape = arguments(node), shape_of(node.args[0])
    k, axis, is_down = given["k"], given["dim"], given["largest"]
    if math.prod(shape) * shape[axis] <= MOST_COMPARISONS and k > 8:
        return lambda x: _by_rank(x, axis, range(k), is_down=is_down)
    if k > MOST_MAXIMA:
        return None
    return lambda x: _one_by_one(x, k, axis) if is_down else _negative(_one_by_one(-x, k, axis))


def _negative(found: tuple[Any, Any]) -> tuple[Any, Any]:
    return -found[0], found[1]


def _one_by_one(x: Any, k: int, axis: int) -> tuple[Any, Any]:
    import torch

    size, last = x.shape[axis], x.ndim - 1
    x = x.transpose(axis, last)
    places, values, indices = torch.arange(size, device=x.device), [], []
    for _ in range(k):
        index = x.argmax(last, keepdim=True)
        values.append(x.amax(last, keepdim=True))
        indices.append(index)
        x = torch.where(places == index, torch.full((), -math.inf, device=x.device), x)
    return torch.cat(values, last).transpose(axis, last), torch.cat(indices, last).transpose(axis, last)


def _by_rank(x: Any, axis: int, wanted: range, *, is_down: bool) -> tuple[Any, Any]:
    """The values at the wanted places of the order along an axis, and their indices.

    A value's rank is the number of those before it. Counted in whole numbers, which stay exact in a file of 8 bits.
    """
    import torch

    size, last = x.shape[axis], x.ndim - 1
    turned = x.transpose(axis, last)
    rows = turned.reshape(-1, size)
    places = torch.arange(size, dtype=torch.int32, device=x.device)
    one, other = rows.unsqueeze(2), rows.unsqueeze(1)  # of each value, all the others
    is_before = (other > one if is_down else other < one).to(torch.int32)
    is_earlier = (places.unsqueeze(0) < places.unsqueeze(1)).to(torch.int32)
    is_before = is_before + (other == one).to(torch.int32) * is_earlier
    rank = is_before.sum(2, dtype=torch.int32)
    at = torch.arange(wanted.start, wanted.stop, dtype=torch.int32, device=x.device).reshape(1, -1, 1)
    is_there = rank.unsqueeze(1) == at
    values = torch.where(is_there, other, torch.zeros((), dtype=x.dtype, device=x.device)).sum(2)
    indices = (is_there.to(torch.int32) * places).sum(2, dtype=torch.int32)
    shape = *turned.shape[:-1], len(wanted)
    return values.reshape(shape).transpose(axis, last), indices.to(torch.int64).reshape(shape).transpose(axis, last)
