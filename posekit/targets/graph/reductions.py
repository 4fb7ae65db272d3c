"""Means, sums and largest values of maps as a .tflite computes them without transposing the map."""

from __future__ import annotations

from typing import Any

from posekit.targets.graph.inlining import arguments, inline, name_of, shape_of
from posekit.targets.graph.passes import tidy

MAP_AXES = 4
REDUCTIONS = ("amax", "amin", "mean", "sum")


def merge_reductions(graph_module: Any) -> int:
    """x.mean(3).mean(2) as x.mean([2, 3]), sums and extremes alike; returns how many are left out.

    Of one axis alone a .tflite's MEAN reads a map channels first: the whole map is transposed before it.
    """
    count = 0
    for node in list(graph_module.graph.nodes):
        before = node.args[0] if _is_plain(node) else None
        if before is None or name_of(before) != name_of(node) or not _is_plain(before) or len(before.users) != 1:
            continue
        first, then = _axes(before), _axes(node)
        if not arguments(before)["keepdim"]:
            kept = [axis for axis in range(len(shape_of(before.args[0]))) if axis not in first]
            then = [kept[axis] for axis in then]
        axes = sorted({*first, *then})
        is_kept = [arguments(one)["keepdim"] for one in (before, node)]
        if is_kept[0] != is_kept[1]:
            continue  # not as anybody writes it
        node.args = (before.args[0], axes, is_kept[1])
        count += 1
    tidy(graph_module)
    return count


def keep_axes(graph_module: Any) -> int:
    """x.mean([2, 3]) of a map as one that keeps its axes, which are taken away afterwards; returns how many.

    litert-torch lets a reduction read a map channels last only where four axes come out of it.
    """
    count = 0
    for node in list(graph_module.graph.nodes):
        if not _is_plain(node) or len(shape_of(node.args[0])) != MAP_AXES or arguments(node)["keepdim"]:
            continue
        axes, shape, target = list(arguments(node)["dim"]), shape_of(node), node.target
        if not shape:
            continue  # one number of the whole map
        inline(graph_module, node, lambda x, t=target, a=axes, s=shape: t(x, a, True).reshape(s), [node.args[0]])
        count += 1
    tidy(graph_module)
    return count


def _is_plain(node: Any) -> bool:
    """Whether a node reduces the axes that it names, in the type that it is given."""
    if node.op != "call_function" or name_of(node) not in REDUCTIONS:
        return False
    given = arguments(node)
    return bool(given.get("dim")) and given.get("dtype") is None


def _axes(node: Any) -> list[int]:
    rank = len(shape_of(node.args[0]))
    return [axis % rank for axis in arguments(node)["dim"]]
