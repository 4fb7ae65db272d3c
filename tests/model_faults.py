"""Faults to plant in the constants of a .tflite."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posekit.targets.litert.tflite_file import append_files, pack, unpack


def scale_weight(model: bytes, factor: float, position: int) -> bytes:
    """The .tflite with its `position`-th largest float32 constant multiplied by `factor`."""
    return _edited(model, lambda constants: constants[position][1].__imul__(np.float32(factor)))


def replace_constant(model: bytes, old: Sequence[float], new: Sequence[float]) -> bytes:
    """The .tflite with the one constant that holds the values `old`, once or over and over, given the values `new`."""

    def change(constants: list[tuple[Any, np.ndarray]]) -> None:
        count = len(old)
        (values,) = (
            v
            for _, v in constants
            if not v.size % count and v.size and np.allclose(v.reshape(-1, count), old, rtol=1e-4)
        )
        values[:] = np.tile(np.asarray(new, np.float32), values.size // count)

    return _edited(model, change)


def change_constants(model: bytes, change: Callable[[list[np.ndarray]], object]) -> bytes:
    """The .tflite after `change` was given its float32 constants in their shapes, the largest first, to change in
    place."""

    def shaped(constants: list[tuple[Any, np.ndarray]]) -> None:
        change([values.reshape(tensor.shape) if tensor.shape is not None else values for tensor, values in constants])

    return _edited(model, shaped)


def _edited(model: bytes, change: Callable[[list[tuple[Any, np.ndarray]]], object]) -> bytes:
    """Change the float32 constants, largest first, in place."""
    unpacked = unpack(model)
    tensors = [t for t in unpacked.subgraphs[0].tensors if t.type == 0 and unpacked.buffers[t.buffer].data is not None]
    constants = [(t, np.frombuffer(bytes(unpacked.buffers[t.buffer].data), "<f4").copy()) for t in tensors]
    constants.sort(key=lambda pair: -pair[1].size)
    change(constants)
    for tensor, values in constants:
        unpacked.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return append_files(pack(unpacked), files)


def with_model(folder: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the .tflite of a bundle, both copies, and write the manifest anew as a careful forger would."""
    from posekit import bundle

    for path in folder.rglob("*.tflite"):
        path.write_bytes(change(path.read_bytes()))
    facts = json.loads((folder / bundle.MANIFEST).read_text())
    bundle.write_manifest(folder, {key: value for key, value in facts.items() if key not in ("files", "schema")})
