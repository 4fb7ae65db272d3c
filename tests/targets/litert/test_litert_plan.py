"""What becomes of each operation under a recipe, on a small graph: two convolutions around swish and a
transposition."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from posekit.contract.recipe import uniform
from posekit.targets.converted import COARSE, Calibration
from posekit.targets.litert.plan import OUTPUT_LAYER, plan
from posekit.targets.litert.tflite_graph import Node

LAYERS = ("first", "second", "third", "out")


def nodes_of(ops: Sequence[tuple[str, str, tuple[int, ...]]]) -> list[Node]:
    """Nodes of names, operations and the numbers of those they read; LAYERS have weights, `out` is an output."""
    return [
        Node(
            name,
            op,
            name if name in LAYERS else "",
            sources,
            sources,
            (number,),
            99 if name in LAYERS else -1,
            name == "out",
        )
        for number, (name, op, sources) in enumerate(ops)
    ]


def graph(gate: str, moved: str) -> list[Node]:
    ops = [
        ("mean", "SUB", ()), ("first", "CONV_2D", (0,)), ("gate", gate, (1,)), ("product", "MUL", (1, 2)),
        ("moved", moved, (3,)), ("second", "CONV_2D", (4,)), ("third", "CONV_2D", (5,)), ("out", "CONV_2D", (6,)),
    ]  # fmt: skip
    return nodes_of(ops)


def floats(precision: str, lost: dict[str, float], gate: str = "LOGISTIC", moved: str = "TRANSPOSE") -> set[str]:
    """The operations that compute in float32 between normalisation and the last layer."""
    nodes = graph(gate, moved)
    known = Calibration(ranges={node.name: (-1.0, 1.0) for node in nodes}, lost=lost)
    made = plan(nodes, uniform(precision), known)  # type: ignore[arg-type]
    assert made.done[0] is None
    assert made.done[-1] == "w8"
    assert made.why[len(nodes) - 1] == OUTPUT_LAYER
    for index, (node, done) in enumerate(zip(nodes[:-1], made.done, strict=False)):
        assert (made.why.get(index) == COARSE) == (node.layer != "" and done == "w8")
    return {node.name for node, done in zip(nodes[1:-1], made.done[1:-1], strict=True) if done != precision}


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ({}, []),
        ({"product": 0.09, "first": 0.09}, []),  # none loses very much
        ({"product": 0.2}, ["product", "moved"]),
        ({"gate": 1.0, "moved": 1.0}, []),  # their own channels say nothing
        ({"product": 0.2, "third": 0.01}, ["product", "moved", "third"]),  # and where one does, a little counts
        ({"product": 0.2, "third": 0.004}, ["product", "moved"]),
        # what moves values between floats does not round them in between
        ({"first": 0.2, "second": 0.2}, ["first", "gate", "product", "moved", "second", "third"]),
    ],
    ids=str,
)
def test_what_8_bits_would_lose_computes_in_float(lost: dict[str, float], expected: list[str]) -> None:
    assert floats("w8a8", lost) == set(expected)
    assert floats("w8a16", lost) == set()  # 16 bits have steps to spare


@pytest.mark.parametrize("gate", ["SOFTMAX", "RSQRT", "SQRT", "BATCH_MATMUL", "SQUARED_DIFFERENCE"])
def test_attention_and_norms_compute_in_float_up_to_the_layers_around(gate: str) -> None:
    assert floats("w8a8", {}, gate) == {"gate", "product", "moved"}
    assert floats("w8a8", {}, moved=gate) == {"gate", "product", "moved"}


def test_an_operation_without_a_fast_kernel_computes_in_float_alone() -> None:
    assert floats("w8a8", {}, "GELU") == {"gate"}


@pytest.mark.parametrize(
    ("op", "lost", "precision", "expected"),
    [
        ("PAD", {}, "w8a8", "w8a8"),
        ("PAD", {}, "w8a16", "w8a16"),
        ("PAD", {"first": 0.2}, "w8a8", None),  # the layer computes in float, and so does what is before it
        ("MIRROR_PAD", {}, "w8a8", None),  # no kernel pads like that as it computes
        ("PAD", {}, "w8", None),
    ],
)
def test_a_border_is_rounded_with_the_layer_that_reads_it(
    op: str, lost: dict[str, float], precision: str, expected: str | None
) -> None:
    ops = [("mean", "SUB", ()), ("border", op, (0,)), ("first", "CONV_2D", (1,)), ("out", "CONV_2D", (2,))]
    nodes = nodes_of(ops)
    known = Calibration(ranges={node.name: (-1.0, 1.0) for node in nodes}, lost=lost)
    assert plan(nodes, uniform(precision), known).done[:2] == (None, expected)  # type: ignore[arg-type]
