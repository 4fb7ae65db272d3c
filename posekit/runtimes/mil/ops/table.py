"""The op table: MIL's op names with the functions that evaluate them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Reads = Literal["tensor", "tensors", "plain"]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Kernel:
    """How an op is evaluated.

    reads: for each parameter, whether it comes as a tensor, as a list of tensors or as a plain Python value.
    exact: the op only moves or picks values, so that fp16 values in are fp16 values out.
    """

    call: Callable[..., Any]
    reads: Mapping[str, Reads]
    exact: bool


KERNELS: dict[str, Kernel] = {}
ACCUMULATING: dict[str, Kernel] = {}  # the same ops with fp16 sums, for the profile that says so


def op(*names: str, exact: bool = False, table: dict[str, Kernel] = KERNELS) -> Callable[[Function], Function]:
    """Enter a function under MIL's op names, by default its own; its parameters are MIL's, with MIL's defaults.

    What is annotated as a tensor, or not at all, arrives as torch.Tensor; everything else as a plain Python value.
    """

    def enter(function: Function) -> Function:
        parameters = inspect.signature(function).parameters.values()
        reads: dict[str, Reads] = {p.name.rstrip("_"): _reads(p.annotation) for p in parameters}
        for name in names or (function.__name__.rstrip("_"),):
            table[name] = Kernel(function, reads, exact)
        return function

    return enter


def _reads(annotation: Any) -> Reads:
    if annotation is inspect.Parameter.empty or str(annotation).startswith("Tensor"):
        return "tensor"
    return "tensors" if "Tensor" in str(annotation) else "plain"
