"""What runs a packaged model on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posekit.contract.outputs import Run
from posekit.contract.precisions import TFLITE
from posekit.errors import MissingToolError
from posekit.runtimes import coreml, litert
from posekit.runtimes.timing import LEAST_ROUNDS, medians

UNTIMED = "evaluated op by op, which says nothing of a device's time"


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs a model: pixels (H, W, 3) float32 RGB 0-255 to outputs by name, and how far its word counts.

    status: HOST for the runtime that ships, run on this machine; SIMULATED for a stand-in. accelerated: the same model
    on whatever an app would run it on here, None where this machine has no such runtime; it is loaded as it is asked.
    """

    run: Run
    name: str
    status: Literal["HOST", "SIMULATED"]
    accelerated: Run | None = None


def runtime_for(platform: str, path: Path, threads: int = 0) -> Runtime:
    """What runs a platform's model file here: LiteRT; Core ML on a Mac, else the evaluator of ML Programs.

    threads: of LiteRT and the evaluator; 0 for what they do by themselves.
    InputError where the file does not load; MissingToolError where the runtime is not installed.
    """
    if platform in TFLITE:
        return Runtime(litert.open_model(path, threads or 2), litert.runtime_name(), "HOST")
    if coreml.is_available():
        return Runtime(coreml.open_model(path), coreml.runtime_name(), "HOST", _on_all_units(path))
    from posekit.runtimes import mil  # many files, which Android needs none of

    return Runtime(mil.open_model(path, threads), mil.runtime_name(), "SIMULATED")


def why_untimed(platform: str) -> str:
    """Why nothing here tells how long a platform's files take on a device like it, empty where something does."""
    return UNTIMED if platform == "ios" and not coreml.is_available() else ""


def timed_run(platform: str, path: Path) -> Run:
    """What an app's inference time is compared with here: LiteRT on one thread, since those of busy cores wait for each
    other; Core ML as an app would run it. MissingToolError where nothing here runs the file as a device does."""
    if platform in TFLITE:
        return litert.open_model(path, threads=1)
    if coreml.is_available():
        return coreml.open_model(path, "all")
    raise MissingToolError(UNTIMED, "run it on a Mac")


def time_ratio(platform: str, path: Path, baseline: Path, pixels: NDArray[np.float32]) -> float | None:
    """How long an inference of a file takes in parts of another's, on the same pixels (H, W, 3); None where nothing
    here tells."""
    if why_untimed(platform):
        return None
    runs = {one: timed_run(platform, one) for one in (path, baseline)}
    taken = medians(runs, pixels, LEAST_ROUNDS)
    return taken[path] / taken[baseline]


def _on_all_units(path: Path) -> Run:
    opened = cache(partial(coreml.open_model, path, "all"))
    return lambda pixels: opened()(pixels)
