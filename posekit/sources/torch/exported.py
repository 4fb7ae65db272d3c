"""What a torch.export program says of the machine that made it, which no file of ours carries."""

from __future__ import annotations

from typing import Any


def forget_machine(program: Any) -> None:
    """Remove the stack traces, which hold paths, and the example inputs from an exported program."""
    for module in program.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            node.meta.pop("stack_trace", None)
    program.example_inputs = None
