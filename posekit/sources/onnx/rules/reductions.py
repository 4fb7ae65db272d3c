"""Operations that put the numbers of an axis together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posekit.sources.network import Node, Operand, Rule, tensor, whole


def axes_of(node: Node, axes: Operand, rank: int) -> list[int]:
    """The axes of a reduction, an attribute or an operand by the version; all where none are said."""
    given = node.attributes.get("axes") if axes is None else whole(axes, "axes")
    if given is None or not list(given):
        return [] if node.attributes.get("noop_with_empty_axes") else list(range(rank))
    return [int(one) % rank for one in given]


def _reduced(function: Callable[[Any, list[int], bool], Any]) -> Rule:
    def rule(node: Node, x: Operand, axes: Operand = None) -> Any:
        x = tensor(x)
        over = axes_of(node, axes, x.ndim)
        return function(x, over, bool(node.attributes.get("keepdims", 1))) if over else x

    return rule


def _product(x: Any, axes: list[int], keep: bool) -> Any:
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


def _pooled(name: str) -> Rule:
    def rule(node: Node, x: Operand) -> Any:
        x = tensor(x)
        axes = list(range(2, x.ndim))
        return getattr(x, name)(axes, keepdim=True)

    return rule


def softmax(node: Node, x: Operand) -> Any:
    """Softmax over `axis`; before version 13 over all axes from it on, as one."""
    x, run = tensor(x), "log_softmax" if node.op == "LogSoftmax" else "softmax"
    axis = int(node.attributes.get("axis", -1 if node.version >= 13 else 1)) % x.ndim
    if node.version >= 13 or axis == x.ndim - 1 or all(side == 1 for side in x.shape[axis + 1 :]):
        return getattr(x, run)(axis)
    return getattr(x.flatten(axis), run)(axis).reshape(x.shape)


def extreme(node: Node, x: Operand) -> Any:
    """ArgMax and ArgMin."""
    x, axis = tensor(x), int(node.attributes.get("axis", 0))
    keep, last = bool(node.attributes.get("keepdims", 1)), bool(node.attributes.get("select_last_index", 0))
    find = x.argmax if node.op == "ArgMax" else x.argmin
    if not last:
        return find(axis, keepdim=keep)
    flipped = x.flip(axis)
    return x.shape[axis] - 1 - (flipped.argmax if node.op == "ArgMax" else flipped.argmin)(axis, keepdim=keep)


def top_k(node: Node, x: Operand, count: Operand = None) -> Any:
    """TopK: values and their places."""
    x = tensor(x)
    k = int(node.attributes["k"]) if count is None else whole(count, "k")[0]
    largest, ordered = bool(node.attributes.get("largest", 1)), bool(node.attributes.get("sorted", 1))
    return tuple(x.topk(k, int(node.attributes.get("axis", -1)), largest, ordered))


def cumulative(node: Node, x: Operand, axis: Operand) -> Any:
    """CumSum from either end, with or without the place itself."""
    x, over = tensor(x), whole(axis, "axis")[0]
    turned = x.flip(over) if node.attributes.get("reverse") else x
    sums = turned.cumsum(over) - (turned if node.attributes.get("exclusive") else 0)
    return sums.flip(over) if node.attributes.get("reverse") else sums


RULES: dict[str, Rule] = {
    "ReduceMean": _reduced(lambda x, axes, keep: x.mean(axes, keepdim=keep)),
    "ReduceSum": _reduced(lambda x, axes, keep: x.sum(axes, keepdim=keep)),
    "ReduceMax": _reduced(lambda x, axes, keep: x.amax(axes, keepdim=keep)),
    "ReduceMin": _reduced(lambda x, axes, keep: x.amin(axes, keepdim=keep)),
    "ReduceProd": _reduced(_product),
    "ReduceSumSquare": _reduced(lambda x, axes, keep: (x * x).sum(axes, keepdim=keep)),
    "ReduceL1": _reduced(lambda x, axes, keep: x.abs().sum(axes, keepdim=keep)),
    "ReduceL2": _reduced(lambda x, axes, keep: (x * x).sum(axes, keepdim=keep).sqrt()),
    "ReduceLogSumExp": _reduced(lambda x, axes, keep: x.logsumexp(axes, keepdim=keep)),
    "GlobalAveragePool": _pooled("mean"),
    "GlobalMaxPool": _pooled("amax"),
    "Softmax": softmax,
    "LogSoftmax": softmax,
    "ArgMax": extreme,
    "ArgMin": extreme,
    "TopK": top_k,
    "CumSum": cumulative,
}
