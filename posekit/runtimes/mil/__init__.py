"""Core ML evaluated anywhere: a saved .mlpackage's ML Program, executed op by op with torch.

What comes out is simulated, not measured on a device: fp16 is rounded where the program states it, sums are float32.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.outputs import Run
from posekit.errors import InputError
from posekit.runtimes.mil.execution import OpRun, Profile, prepare, run
from posekit.runtimes.mil.lazy import torch
from posekit.runtimes.mil.lint import Finding, lint
from posekit.runtimes.mil.prediction import predicting
from posekit.runtimes.mil.program import Feature, Op, Program, open_program
from posekit.runtimes.mil.ranges import OpRange, magnitudes

__all__ = [
    "Feature", "Finding", "Op", "OpRange", "OpRun", "Profile", "Program", "Run",
    "lint", "magnitudes", "open_model", "open_program", "predicting", "run", "runtime_name",
]  # fmt: skip


def open_model(path: Path, threads: int = 0) -> Run:
    """A function from pixels (H, W, 3) float32 RGB 0-255 to the outputs by name, as devices would run the program.

    threads: of torch while it runs, 0 for as many as it has.
    InputError where the package is damaged or takes more than one image; MissingToolError where it cannot be evaluated.
    """
    program = open_program(path)
    if len(program.inputs) != 1:
        raise InputError(f"{path.name} has inputs {[one.name for one in program.inputs]}, expected one image")
    prepare(program, "fp16")
    image = program.inputs[0]

    def model(pixels: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        with _threads(threads):
            return run(program, {image.name: pixels if image.colour else pixels[None]}, "fp16")

    return model


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def runtime_name() -> str:
    """Runtime and version, as figures carry it."""
    return f"ML Program evaluated with torch {version('torch')}"
