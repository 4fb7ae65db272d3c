"""What converters do beside their work is left out: none of it changes the file that they write."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any


@contextlib.contextmanager
def litert_torch_traces_once(graph_module: Any) -> Iterator[None]:
    """Without litert-torch's first tracing, where the graph has no operation that it would take apart, and without
    looking for lines of code whenever it traces; of a version that has not these parts, nothing is left out."""
    from torch import fx

    try:
        from litert_torch import fx_infra

        whole = fx_infra.safe_run_decompositions
        first, second = fx_infra.decomp.pre_convert_decomp(), fx_infra.decomp.pre_lower_decomp()
    except (AttributeError, ImportError):
        yield
        return
    is_done = all(_is_as_traced(node, first, second) for node in graph_module.graph.nodes)

    def run(program: Any, table: Any = None, can_skip: bool = True) -> Any:
        nonlocal is_done
        if is_done:
            is_done = False
            return program
        return whole(program, table, can_skip)

    silent, fx.config.do_not_emit_stack_traces = fx.config.do_not_emit_stack_traces, True
    fx_infra.safe_run_decompositions = run
    try:
        yield
    finally:
        fx_infra.safe_run_decompositions = whole
        fx.config.do_not_emit_stack_traces = silent


@contextlib.contextmanager
def coremltools_validates_less() -> Iterator[None]:
    """Without coremltools' check of the whole program after each of its hundred passes: what is read, what is left of
    dead code and what is written is checked still, and the file itself is read back and run."""
    try:
        from coremltools.converters.mil.mil import Program

        whole = Program.validate
    except (AttributeError, ImportError):
        yield
        return

    def validate(self: Any, check_essential_scope: bool = False) -> None:
        if check_essential_scope:
            whole(self, check_essential_scope)

    Program.validate = validate
    try:
        yield
    finally:
        Program.validate = whole


@contextlib.contextmanager
def coremltools_keeps_garbage() -> Iterator[None]:
    """Without coremltools' walk over every object of the process once it has converted."""
    try:
        entry: Any = importlib.import_module("coremltools.converters._converters_entry")
        whole = entry.gc
    except (AttributeError, ImportError):
        yield
        return
    entry.gc = SimpleNamespace(collect=lambda: 0)
    try:
        yield
    finally:
        entry.gc = whole


@contextlib.contextmanager
def jax_keeps_its_context() -> Iterator[None]:
    """With one MLIR context for all operations that litert-torch writes by way of JAX, which makes one for each: its
    dialects take as long to load as all the rest."""
    try:
        mlir: Any = importlib.import_module("jax._src.interpreters.mlir")
        whole = mlir.make_ir_context
    except (AttributeError, ImportError):
        yield
        return
    mlir.make_ir_context = functools.cache(whole)
    try:
        yield
    finally:
        mlir.make_ir_context = whole


@contextlib.contextmanager
def torch_lists_operations_once() -> Iterator[None]:
    """Without torch.export's listing of its compiled operations for each of its hundred namespaces anew; where modules
    were imported meanwhile, which may add some, they are listed again."""
    try:
        utils: Any = importlib.import_module("torch._export.utils")
        whole = utils._materialize_cpp_cia_ops
    except (AttributeError, ImportError):
        yield
        return
    listed = 0

    def materialize() -> None:
        nonlocal listed
        if listed != len(sys.modules):
            listed = len(sys.modules)
            whole()

    utils._materialize_cpp_cia_ops = materialize
    try:
        yield
    finally:
        utils._materialize_cpp_cia_ops = whole


def _is_as_traced(node: Any, first: Any, second: Any) -> bool:
    """Whether tracing anew leaves an operation as it is.

    first, second: what litert-torch takes apart when it traces for the first and the second time; what is in the second
    alone it keeps whole until then. Others that are composed are taken apart each time, as narrow.
    """
    import torch

    if node.op != "call_function":
        return True
    op: Any = node.target
    if not isinstance(op, torch._ops.OpOverload) or op in first:
        return False
    is_composed = torch._C._dispatch_has_kernel_for_dispatch_key(op.name(), "CompositeImplicitAutograd")  # type: ignore[no-untyped-call]
    return not is_composed or op in second or op is torch.ops.aten.reshape.default
