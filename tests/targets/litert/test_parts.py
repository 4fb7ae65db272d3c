"""The parts of one layer that are only put together have one range, and are rounded once."""

from __future__ import annotations

import pytest

from posekit.targets.litert.parts import with_joint_ranges
from posekit.targets.litert.tflite_graph import Node

RANGES = {"a": (-1.0, 2.0), "b": (-3.0, 1.0), "moved": (-3.0, 1.0), "joined": (-2.5, 2.0), "last": (-2.5, 2.0)}


def graph(layers: tuple[str, str], op: str = "CONCATENATION") -> list[Node]:
    """Two layers, one of them moved, and what puts them together."""
    return [
        Node("a", "CONV_2D", layers[0], (), (), (0,), 5),
        Node("b", "CONV_2D", layers[1], (), (), (1,), 6),
        Node("moved", "RESHAPE", "", (1,), (1,), (2,), -1),
        Node("joined", op, "", (0, 2), (0, 2), (3,), -1),
        Node("last", "SLICE", "", (3,), (3,), (4,), -1),
    ]


def test_parts_of_one_layer_have_the_range_of_the_whole() -> None:
    found = with_joint_ranges(graph(("up", "up")), RANGES)
    assert found == dict.fromkeys(["a", "b", "moved", "joined", "last"], (-2.5, 2.0))


@pytest.mark.parametrize(
    ("layers", "op"), [(("one", "two"), "CONCATENATION"), (("", ""), "CONCATENATION"), (("up", "up"), "ADD")], ids=str
)
def test_what_is_no_part_keeps_its_own(layers: tuple[str, str], op: str) -> None:
    assert with_joint_ranges(graph(layers, op), RANGES) == RANGES


def test_a_range_that_is_not_known_stays_unknown() -> None:
    known = {name: one for name, one in RANGES.items() if name != "b"}
    assert "b" not in with_joint_ranges(graph(("up", "up")), known)
    assert with_joint_ranges(graph(("up", "up")), {"a": (-1.0, 2.0)}) == {"a": (-1.0, 2.0)}
