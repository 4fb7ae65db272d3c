"""What converters do beside their work is left out: none of it changes the file that they write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def litert_torch_traces_once(graph_module: Any) -> Iterator[None]:
    """Without litert-torch's first tracing, where the graph has no operation that it would take apart, and without
    looking for lines of code whenever it traces; of a version that has not these parts, nothing is left out."""
    from torch import fx

    try:
        from litert_torch import fx_infra

        whole, known = fx_infra.safe_run_decompositions, fx_infra.decomp.pre_convert_decomp()
    except (AttributeError, ImportError):
        yield
        return
    is_done = all(_is_as_traced(node, known) for node in graph_module.graph.nodes)

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


def _is_as_traced(node: Any, known: Any) -> bool:
    """Whether tracing anew leaves an operation as it is. Those that are a view in other words it takes apart: narrow."""
    import torch

    if node.op != "call_function":
        return True
    if not isinstance(node.target, torch._ops.OpOverload) or node.target in known:
        return False
    is_composed = torch._C._dispatch_has_kernel_for_dispatch_key(node.target.name(), "CompositeImplicitAutograd")
    return not is_composed or node.target in (torch.ops.aten.conv2d.default, torch.ops.aten.reshape.default)
