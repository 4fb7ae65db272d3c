"""What is left out of the converters' work changes nothing of what they write, and is put back."""

from __future__ import annotations

import gc
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from posekit.progress import captured
from posekit.targets import sparing
from posekit.targets.graph import passes, simplify

torch = pytest.importorskip("torch")
litert_torch = pytest.importorskip("litert_torch")


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = torch.nn.Conv2d(3, 4, 3, 2, 1), torch.nn.Conv2d(4, 2, 1)

    def forward(self, image: Any) -> Any:
        return (self.two(torch.relu(self.one(image.permute(0, 3, 1, 2)))).permute(0, 2, 3, 1),)


class Narrowed(Net):
    def forward(self, image: Any) -> Any:
        return super().forward(image.narrow(1, 2, 8))


PIXELS = torch.arange(1 * 12 * 8 * 3, dtype=torch.float32).reshape(1, 12, 8, 3)


def graph_of(network: Any) -> Any:
    graph = torch.export.export(network.eval(), (PIXELS,)).module(check_guards=False)
    for module in graph.modules():
        module.training = False
    return graph


def converted(graph: Any, log: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, int]:
    """The file, and how often the graph was traced again for it."""
    program, traced = torch.export.ExportedProgram, []
    whole = program.run_decompositions
    with monkeypatch.context() as patch, captured(log):
        patch.setattr(
            program, "run_decompositions", lambda *given, **more: (traced.append(1), whole(*given, **more))[1]
        )
        model = litert_torch.convert(graph, (PIXELS,))
        return bytes(model.model_content()), len(traced)


def test_a_graph_with_nothing_to_take_apart_is_traced_once_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from litert_torch import fx_infra

    graph, log, whole = graph_of(Net()), tmp_path / "log", fx_infra.safe_run_decompositions
    file, times = converted(graph, log, monkeypatch)
    with sparing.litert_torch_traces_once(graph):
        same, fewer = converted(graph, log, monkeypatch)
    assert same == file
    assert fewer == times - 1
    assert fx_infra.safe_run_decompositions is whole
    assert not torch.fx.config.do_not_emit_stack_traces


def test_what_tracing_takes_apart_is_traced() -> None:
    from litert_torch import fx_infra

    tables = fx_infra.decomp.pre_convert_decomp(), fx_infra.decomp.pre_lower_decomp()
    graph = graph_of(Narrowed())
    open_ones = [node.name for node in graph.graph.nodes if not sparing._is_as_traced(node, *tables)]
    assert open_ones == ["narrow"]
    before = graph(PIXELS)[0]
    assert simplify.name_slices(graph) == 1
    assert all(sparing._is_as_traced(node, *tables) for node in graph.graph.nodes)
    assert torch.equal(graph(PIXELS)[0], before)


def test_coremltools_checks_what_it_reads_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("coremltools")
    from coremltools.converters.mil.mil import Program

    asked: list[bool] = []
    monkeypatch.setattr(
        Program, "validate", lambda self, check_essential_scope=False: asked.append(check_essential_scope)
    )
    whole = Program.validate
    with sparing.coremltools_validates_less():
        program = Program()
        program.validate()
        program.validate(check_essential_scope=True)
    assert asked == [True]
    assert Program.validate is whole


def test_coremltools_does_not_walk_over_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("coremltools")
    from coremltools.converters import _converters_entry as entry

    asked: list[bool] = []
    monkeypatch.setattr(gc, "collect", lambda *_: asked.append(True))
    with sparing.coremltools_keeps_garbage():
        entry.gc.collect()
    assert asked == []
    assert entry.gc is gc


def test_one_context_of_jax_writes_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jax._src.interpreters import mlir

    made: list[Any] = []
    whole = mlir.make_ir_context
    monkeypatch.setattr(mlir, "make_ir_context", lambda: made.append(whole()) or made[-1])
    counting = mlir.make_ir_context
    graph, log = graph_of(Net()), tmp_path / "log"
    file, _ = converted(graph, log, monkeypatch)
    times = len(made)
    with sparing.jax_keeps_its_context():
        same, _ = converted(graph, log, monkeypatch)
    assert same == file
    assert times > 1
    assert len(made) == times + 1
    assert mlir.make_ir_context is counting


def test_torch_lists_its_operations_once_for_all_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._export import utils

    asked: list[int] = []
    whole = utils._materialize_cpp_cia_ops
    monkeypatch.setattr(utils, "_materialize_cpp_cia_ops", lambda: (asked.append(1), whole())[1])
    counting = utils._materialize_cpp_cia_ops
    listed = utils._collect_all_valid_cia_ops()
    assert len(asked) > 1
    asked.clear()
    with sparing.torch_lists_operations_once():
        assert utils._collect_all_valid_cia_ops() == listed
        assert asked == [1]
        monkeypatch.setitem(sys.modules, "posekit_of_new_operations", types.ModuleType("posekit_of_new_operations"))
        utils._collect_all_valid_cia_ops()
        assert asked == [1, 1]
    assert utils._materialize_cpp_cia_ops is counting


def test_many_passes_are_tidied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(Net())
    times: list[int] = []
    whole = type(graph).recompile
    monkeypatch.setattr(type(graph), "recompile", lambda self: (times.append(1), whole(self))[1])
    before = graph(PIXELS)[0]
    with passes.tidied_once(graph):
        for _ in range(3):
            passes.tidy(graph)
        relu = next(node for node in graph.graph.nodes if "relu" in str(node.target))
        relu.replace_all_uses_with(relu.args[0])
    assert times == [1]
    assert passes.UNTIDY not in graph.meta
    assert relu not in graph.graph.nodes
    assert not torch.equal(graph(PIXELS)[0], before)
