"""Run a .mlpackage with Core ML, which only macOS has."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.outputs import Run
from posekit.errors import InputError, MissingToolError, told
from posekit.runtimes.mlpackage import coremltools

WHY_NOT = "Core ML runs on macOS only"
UNITS = {"cpu": "CPU_ONLY", "gpu": "CPU_AND_GPU", "npu": "CPU_AND_NE", "all": "ALL"}


def is_available() -> bool:
    """Whether this machine has Core ML."""
    return platform.system() == "Darwin"


def open_model(path: Path, units: str = "cpu") -> Run:
    """A function from pixels (H, W, 3) float32 RGB 0-255 to the outputs by name; MissingToolError off macOS.

    InputError where Core ML refuses the package, or fails as it runs it. units: a key of UNITS; `cpu` is the reference,
    `all` what an app gets if it does not choose.
    """
    if not is_available():
        raise MissingToolError(f"{path.name} cannot be run on this machine: {WHY_NOT}", "run it on a Mac")
    ct = coremltools()

    with told(f"Core ML cannot load {path.name}", "is the package damaged, or of a newer system?", kind=InputError):
        model = ct.models.MLModel(str(path), compute_units=ct.ComputeUnit[UNITS[units]])

    def run(pixels: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        with told(f"Core ML cannot run {path.name}", "posekit ladder tells the precisions that work", kind=InputError):
            outputs = model.predict({"image": np.ascontiguousarray(pixels[None], np.float32)})
        return {name: np.asarray(value) for name, value in outputs.items()}

    return run


def runtime_name() -> str:
    """Runtime and version, as figures carry it."""
    return f"Core ML, macOS {platform.mac_ver()[0]}"
