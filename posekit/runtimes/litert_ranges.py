"""The range of every tensor of a .tflite over pictures, and what 8 bits lose of it is told by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.runtimes.eight_bits import channel_sums
from posekit.runtimes.litert import loaded_with_all_tensors, refusals


@dataclass(frozen=True, slots=True)
class TensorRange:
    """Of the finite values. by_input: (n, 2) lowest and highest of each picture. sums: of channels, as of
    `channel_sums`, over all pictures. is_finite: whether there were no others."""

    by_input: NDArray[np.float64]
    sums: NDArray[np.float64]
    is_finite: bool = True

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest value of all."""
        return float(self.by_input[:, 0].min()), float(self.by_input[:, 1].max())


def tensor_ranges(path: Path, inputs: Sequence[NDArray[np.float32]]) -> dict[str, TensorRange]:
    """Run a float .tflite over (H, W, 3) inputs and look at what every operation makes; constants are left out.

    InputError where the file does not run.
    """
    interpreter = loaded_with_all_tensors(path)
    wanted = _computed(interpreter)
    ends: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted.values()}
    infinite: set[str] = set()
    sums: dict[str, NDArray[np.float64]] = {}
    for values in _runs(path, interpreter, wanted, inputs):
        for name, array in values.items():
            low, high = float(array.min()), float(array.max())
            if not np.isfinite(low) or not np.isfinite(high):  # padding of a maximum, a mask, or a fault
                infinite.add(name)
                some = array[np.isfinite(array)]
                low, high = (float(some.min()), float(some.max())) if some.size else (0.0, 0.0)
            ends[name].append((low, high))
            sums[name] = sums.get(name, 0.0) + channel_sums(array)
    return {name: TensorRange(np.array(pairs), sums[name], name not in infinite) for name, pairs in ends.items()}


def _computed(interpreter: Any) -> dict[int, str]:
    """Names by number of the float tensors that operations make, and the input."""
    made = {int(number) for op in interpreter._get_ops_details() for number in op["outputs"]}
    made |= {int(one["index"]) for one in interpreter.get_input_details()}
    return {
        int(one["index"]): str(one["name"])
        for one in interpreter.get_tensor_details()
        if int(one["index"]) in made and one["dtype"] == np.float32
    }


def _runs(path: Path, interpreter: Any, wanted: dict[int, str], inputs: Sequence[NDArray[np.float32]]) -> Any:
    image = interpreter.get_input_details()[0]["index"]
    for pixels in inputs:
        with refusals(path, "run", interpreter):
            interpreter.set_tensor(image, np.ascontiguousarray(pixels[None], np.float32))
            interpreter.invoke()
        yield {name: interpreter.get_tensor(number) for number, name in wanted.items()}
