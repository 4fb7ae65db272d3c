"""The parts of a layer that is computed in several: what is joined of them is rounded once, if all have one range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posekit.targets.litert.tflite_graph import Node

MOVES = frozenset(["CONCATENATION", "RESHAPE", "SLICE", "TRANSPOSE"])


def with_joint_ranges(
    nodes: Sequence[Node], ranges: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Ranges of tensors in which the parts of one layer that are only put together have that of the whole."""
    found = dict(ranges)
    for index, node in enumerate(nodes):
        if node.op != "CONCATENATION" or node.name not in ranges:
            continue
        moved, ends = _behind(nodes, index)
        if len(ends) > 1 and len({nodes[one].layer for one in ends}) == 1 and nodes[next(iter(ends))].layer:
            found.update({nodes[one].name: ranges[node.name] for one in moved | ends if nodes[one].name in ranges})
    return found


def _behind(nodes: Sequence[Node], index: int) -> tuple[set[int], set[int]]:
    """The nodes that only move what comes to a node, and those that compute it."""
    moved, ends = set[int](), set[int]()
    waiting = list(nodes[index].sources)
    while waiting:
        one = waiting.pop()
        if nodes[one].op in MOVES:
            moved.add(one)
            waiting += nodes[one].sources
        else:
            ends.add(one)
    return moved, ends
