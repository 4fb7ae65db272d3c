"""An ML Program as a PyTorch module: the evaluator's own operations, with the constants as parameters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.runtimes.mil.execution import unbound
from posekit.runtimes.mil.program import Program, open_program
from posekit.sources.network import Arrange, registered

if TYPE_CHECKING:
    from torch import Tensor, nn


def opened(path: Path) -> Program:
    """The program of a package."""
    return open_program(path)


def names(program: Program) -> set[str]:
    """Every value that could be an output."""
    return {name for op in program.ops for name in op.outputs} | {one.name for one in program.outputs}


def counts(program: Program) -> dict[str, int]:
    """Operations by name."""
    return dict(sorted(Counter(op.type for op in program.ops).items()))


def module(
    program: Program, input_name: str, example: Mapping[str, NDArray[np.float32]], outputs: Mapping[str, str],
    prepare: Callable[[Any], Any], arrange: Arrange,
) -> nn.Module:  # fmt: skip
    """The module from (1, C, H, W) to a dictionary of outputs; outputs: the program's names by those to give."""
    import torch
    from torch import nn

    constants, steps = unbound(program)
    described = {one.name: result for one, result in zip(program.outputs, program.results, strict=True)}
    wanted = {name: described.get(place, place) for name, place in outputs.items()}
    weights = {name: one for name, one in constants.items() if isinstance(one, torch.Tensor) and _is_weight(one)}

    paths = _paths(program)

    class Operations(nn.Module):
        """The program's operations in their order."""

        def __init__(self) -> None:
            super().__init__()
            self.places = {name: registered(self, paths[name], one.numpy()) for name, one in weights.items()}

        def forward(self, image: Tensor) -> dict[str, Tensor]:
            values = {**constants, **{name: self.get_parameter(place) for name, place in self.places.items()}}
            values[input_name] = prepare(image)
            for step in steps:
                step(values)
            return arrange({name: values[place] for name, place in wanted.items()})

    made = Operations().eval()
    with torch.no_grad():  # whatever does not fit is told now
        made(torch.from_numpy(next(iter(example.values()))))
    return made


def _paths(program: Program) -> dict[str, list[str]]:
    """Where each constant is put: the name of the operation that reads it, and of its parameter."""
    found: dict[str, list[str]] = {}
    for op in program.ops:
        for parameter, places in op.inputs.items():
            for place in places:
                found.setdefault(place, [re.sub(r"\W", "_", op.outputs[0]), re.sub(r"\W", "_", parameter)])
    return found


def _is_weight(value: Tensor) -> bool:
    return value.is_floating_point() and value.numel() > 1
