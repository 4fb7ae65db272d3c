"""Stand in for Core ML's prediction where coremltools needs one off a Mac: to calibrate activations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from posekit.chatter import captured
from posekit.errors import InputError
from posekit.runtimes.mil.execution import Profile, run
from posekit.runtimes.mil.program import Program, open_program


@contextmanager
def predicting(profile: Profile = "fp16") -> Iterator[None]:
    """Inside, coremltools' MLModel.predict evaluates the model's package here, on any system.

    `coremltools.optimize.coreml.experimental.linear_quantize_activations` then runs off a Mac. Not for threads: the
    method is replaced for the whole process.
    """
    with captured():
        from coremltools.models import MLModel
    programs: WeakKeyDictionary[Any, Program] = WeakKeyDictionary()

    def predict(self: Any, data: Mapping[str, Any] | list[Mapping[str, Any]], state: Any = None) -> Any:
        if state is not None:
            raise InputError("a model with state is not evaluated here", "run it on a Mac")
        if self not in programs:
            programs[self] = open_program(Path(self.package_path))
        if isinstance(data, list):
            return [run(programs[self], _arrays(one), profile) for one in data]
        return run(programs[self], _arrays(data), profile)

    original = MLModel.predict
    MLModel.predict = predict
    try:
        yield
    finally:
        MLModel.predict = original


def _arrays(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value) for name, value in data.items()}
