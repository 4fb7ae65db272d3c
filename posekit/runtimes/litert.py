"""Run a .tflite with LiteRT on this machine's CPU, inputs and outputs bound by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.chatter import captured
from posekit.errors import InputError, MissingToolError

Run = Callable[[NDArray[np.float32]], dict[str, NDArray[Any]]]


def open_model(path: Path, threads: int = 2) -> Run:
    """A function from pixels (H, W, 3) float32 RGB 0-255 to the outputs by name, with their batch axis.

    InputError where the runtime does not load the file; MissingToolError without ai-edge-litert.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingToolError("ai-edge-litert is not installed", "pip install 'posekit[litert]'") from error
    try:
        with captured():
            interpreter = Interpreter(model_path=str(path), num_threads=threads)
            interpreter.allocate_tensors()
            runner = interpreter.get_signature_runner()
            details = runner.get_input_details()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"LiteRT does not load {path.name}: {_first(error)}") from error
    if set(details) != {"image"}:
        raise InputError(f"{path.name} has inputs {sorted(details)}, expected one named 'image'")
    shape = tuple(int(size) for size in details["image"]["shape"])

    def run(pixels: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        if (1, *pixels.shape) != shape:
            raise InputError(f"{path.name} takes an image of shape {shape}, the contract makes {(1, *pixels.shape)}")
        try:
            return dict(runner(image=np.ascontiguousarray(pixels[None], np.float32)))
        except (ValueError, RuntimeError) as error:
            raise InputError(f"LiteRT fails as it runs {path.name}: {_first(error)}") from error

    return run


def check_loads(path: Path) -> None:
    """InputError where the runtime does not load the file, as of an operation that it does not have."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        with captured():
            Interpreter(model_path=str(path)).allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"LiteRT does not load what was converted: {_first(error)}") from error


def _first(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def open_tensors(
    path: Path, pixels: NDArray[np.float32]
) -> tuple[list[int], Callable[[int], NDArray[Any]], dict[int, dict[str, Any]]]:
    """Run a .tflite once, kernel by kernel without XNNPACK, and keep every tensor: the numbers of the outputs, a function
    from a tensor's number to its values, and LiteRT's details of the tensors."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        with captured():
            interpreter = Interpreter(
                model_path=str(path), experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )  # fmt: skip
            interpreter.allocate_tensors()
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.ascontiguousarray(pixels[None]))
            interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"LiteRT does not run {path.name}: {_first(error)}") from error
    outputs = [int(details["index"]) for details in interpreter.get_output_details()]
    return outputs, interpreter.get_tensor, {int(one["index"]): one for one in interpreter.get_tensor_details()}


def dequantised(values: NDArray[Any], details: dict[str, Any]) -> NDArray[Any]:
    """Numbers of a scale as the values that they stand for; others as they are. details: as LiteRT has them of a tensor."""
    known = details["quantization_parameters"]
    scales, zeros = np.asarray(known["scales"]), np.asarray(known["zero_points"])
    if not scales.size or values.dtype.kind not in "iu":
        return values
    shape = [1] * values.ndim
    if scales.size > 1:
        shape[known["quantized_dimension"]] = -1
    real = (values.astype(np.float64) - zeros.reshape(shape)) * scales.reshape(shape)
    return np.asarray(real, np.float32)


def runtime_name() -> str:
    """Runtime and version, as figures carry it."""
    return f"LiteRT {version('ai-edge-litert')}, CPU"
