"""What is shared between retracings changes no byte of a file, and nothing of torch afterwards."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from posekit.targets import retracing
from tests import networks

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.xdist_group("torch")


def test_a_converted_file_is_the_same_to_the_byte(tmp_path: Path) -> None:
    litert_torch = pytest.importorskip("litert_torch")
    network = networks.build("hardswish_se").eval()
    image = (torch.rand(1, 3, 64, 48),)
    files = []
    for sharing in (contextlib.nullcontext, retracing.shared):
        with sharing():
            files.append(bytes(litert_torch.convert(network, image).model_content()))
    assert files[0] == files[1]


def test_histories_are_shared_and_complete() -> None:
    """Each node knows whence it comes, back to the first graph, and no history is copied for it."""
    from torch.fx.traceback import NodeSource

    class Twice(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.relu() * 2

    example = (torch.rand(3),)

    def traced() -> torch.fx.Node:
        program = torch.export.export(Twice(), example).run_decompositions({}).run_decompositions({})
        return next(node for node in program.graph.nodes if "relu" in str(node.target))

    def pedigree(node: torch.fx.Node) -> list[str]:
        (first,) = node.meta["from_node"]
        names = [first.name]
        while first.from_node:
            first = first.from_node[0]
            names.append(first.name)
        return names

    plain = pedigree(traced())
    with retracing.shared():
        node = traced()
        assert pedigree(node) == plain
        assert NodeSource(node).from_node[0] is node.meta["from_node"][0]
    assert NodeSource(node).from_node[0] is not node.meta["from_node"][0]


def test_torch_is_as_it_was_afterwards() -> None:
    import copy

    from torch._export import utils
    from torch.fx import traceback

    before = utils._materialize_cpp_cia_ops
    with pytest.raises(KeyError), retracing.shared():
        assert utils._materialize_cpp_cia_ops is not before
        raise KeyError
    assert utils._materialize_cpp_cia_ops is before
    assert traceback.copy is copy  # type: ignore[attr-defined]
