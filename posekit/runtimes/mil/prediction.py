"""Stand in for Core ML's prediction where coremltools needs one off a Mac: to calibrate activations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from posekit.errors import InputError
from posekit.progress import captured
from posekit.runtimes.mil.execution import Profile, run
from posekit.runtimes.mil.program import Program, open_program
from posekit.runtimes.mlpackage import coremltools


@contextmanager
def predicting(profile: Profile = "fp16") -> Iterator[None]:
    """Inside, coremltools' MLModel.predict evaluates the model's package here, on any system.

    `coremltools.optimize.coreml.experimental.linear_quantize_activations` then runs off a Mac, with ranges over all of
    its samples: coremltools 9.0 itself keeps the last one's. Not for threads: methods are replaced for the process.
    """
    with captured():
        coremltools()
        from coremltools.models import MLModel
        from coremltools.optimize.coreml.experimental import _post_training_quantization as calibration
        from coremltools.optimize.coreml.experimental._model_debugger import ModelDebugger
    programs: WeakKeyDictionary[Any, Program] = WeakKeyDictionary()

    def predict(self: Any, data: Mapping[str, Any] | list[Mapping[str, Any]], state: Any = None) -> Any:
        if state is not None:
            raise InputError("a model with state is not evaluated here", "run it on a Mac")
        if self not in programs:
            programs[self] = open_program(Path(self.package_path))
        if isinstance(data, list):
            return [run(programs[self], _arrays(one), profile) for one in data]
        return run(programs[self], _arrays(data), profile)

    replaced: list[tuple[Any, str, Any]] = [
        (MLModel, "predict", predict),
        (ModelDebugger, "record_intermediate_output", staticmethod(_widen)),
        (calibration, "_update_tensor_range", lambda name, values, ranges: _widen(np.asarray(values), name, ranges)),
    ]
    originals = [vars(owner)[name] for owner, name, _ in replaced]
    for owner, name, ours in replaced:
        setattr(owner, name, ours)
    try:
        yield
    finally:
        for (owner, name, _), original in zip(replaced, originals, strict=True):
            setattr(owner, name, original)


def _widen(values: NDArray[Any], name: str, ranges: dict[str, dict[str, Any]]) -> None:
    """The range of a tensor so far, widened to these values."""
    known = ranges[name]
    known["rmin"] = min(values.min(), known.get("rmin", values.min()))
    known["rmax"] = max(values.max(), known.get("rmax", values.max()))


def _arrays(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value) for name, value in data.items()}
