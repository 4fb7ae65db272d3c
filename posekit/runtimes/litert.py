"""Run a .tflite with LiteRT on this machine's CPU, inputs and outputs bound by name."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.outputs import Run
from posekit.errors import InputError, MissingToolError, said, told
from posekit.progress import captured

NODE = re.compile(r"Node number (\d+) \((\w+)\) failed to \w+\.?")  # LiteRT's last words on it
HINTS = {
    "load": "is the file damaged, or of a newer LiteRT?",
    "run": "posekit ladder tells the precisions at which a network runs",
}


def open_model(path: Path, threads: int = 2) -> Run:
    """A function from pixels (H, W, 3) float32 RGB 0-255 to the outputs by name, with their batch axis.

    InputError where the runtime does not load the file; MissingToolError without ai-edge-litert.
    """
    interpreter = loaded(path, num_threads=threads)
    with refusals(path, "load", interpreter):
        runner = interpreter.get_signature_runner()
        details = runner.get_input_details()
    if set(details) != {"image"}:
        raise InputError(f"{path.name} has inputs {sorted(details)}, expected one named 'image'")
    shape = tuple(int(size) for size in details["image"]["shape"])

    def run(pixels: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        if (1, *pixels.shape) != shape:
            raise InputError(f"{path.name} takes an image of shape {shape}, the contract makes {(1, *pixels.shape)}")
        with refusals(path, "run", interpreter):
            return dict(runner(image=np.ascontiguousarray(pixels[None], np.float32)))

    return run


def check_loads(path: Path) -> None:
    """InputError where the runtime does not load the file, as of an operation that it does not have."""
    loaded(path)


def loaded(path: Path, **options: Any) -> Any:
    """LiteRT's Interpreter of a file, its tensors allocated; options and errors as of opened()."""
    interpreter = opened(path, **options)
    with captured(), refusals(path, "load", interpreter):
        interpreter.allocate_tensors()
    return interpreter


def opened(path: Path, *, content: bytes = b"", **options: Any) -> Any:
    """LiteRT's Interpreter of a file, which may hold operations that it does not have.

    content: bytes that are run instead of the file's, which alone is named then. options: of the Interpreter.
    InputError where it is no .tflite; MissingToolError without ai-edge-litert.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingToolError("ai-edge-litert is not installed", "pip install 'posekit[litert]'") from error
    with captured(), refusals(path, "load"):
        if content:
            return Interpreter(model_content=content, **options)
        return Interpreter(model_path=str(path), **options)


def loaded_with_all_tensors(path: Path, content: bytes = b"") -> Any:
    """The same, kernel by kernel without XNNPACK, with every tensor kept to be looked at."""
    from ai_edge_litert.interpreter import OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return loaded(
        path, content=content, experimental_preserve_all_tensors=True, experimental_op_resolver_type=resolver,
        num_threads=2,
    )  # fmt: skip


def refusals(path: Path, verb: str, interpreter: Any = None) -> contextlib.AbstractContextManager[None]:
    """What LiteRT raises as it loads or runs a file, as an InputError that names the operation and what it gives."""
    return told(partial(_refused, path, verb, interpreter), HINTS[verb], kind=InputError)


def _refused(path: Path, verb: str, interpreter: Any, error: Exception) -> str:
    text = str(error)
    node = NODE.search(text)
    where = f": {node[2]}{_gives(interpreter, int(node[1]))}" if node else ""
    return f"LiteRT cannot {verb} {path.name}{where}{said(NODE.sub('', text))}"


def _gives(interpreter: Any, number: int) -> str:
    """` (operation 3, which gives 'head')`: converters' files name results after their layers."""
    with contextlib.suppress(Exception):  # of a file that does not load there may be nothing to ask
        output = interpreter._get_ops_details()[number]["outputs"][0]
        name = next(one["name"] for one in interpreter.get_tensor_details() if one["index"] == output)
        return f" (operation {number}, which gives {name!r})"
    return f" (operation {number})"


def open_tensors(
    path: Path, pixels: NDArray[np.float32]
) -> tuple[list[int], Callable[[int], NDArray[Any]], dict[int, dict[str, Any]]]:
    """Run a .tflite once, kernel by kernel without XNNPACK, and keep every tensor: the numbers of the outputs, a
    function from a tensor's number to its values, and LiteRT's details of the tensors."""
    interpreter = loaded_with_all_tensors(path)
    with captured(), refusals(path, "run", interpreter):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.ascontiguousarray(pixels[None]))
        interpreter.invoke()
    outputs = [int(details["index"]) for details in interpreter.get_output_details()]
    return outputs, interpreter.get_tensor, {int(one["index"]): one for one in interpreter.get_tensor_details()}


def dequantised(values: NDArray[Any], details: dict[str, Any]) -> NDArray[Any]:
    """Numbers of a scale as the values that they stand for; others as they are. details: as LiteRT has them of a
    tensor."""
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
