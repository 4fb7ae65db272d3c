"""Faults to plant."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from posekit.targets.tflite_file import append_files, pack, unpack


def scale_weight(model: bytes, factor: float, position: int) -> bytes:
    """The .tflite with its `position`-th largest float32 constant multiplied by `factor`."""
    unpacked = unpack(model)
    sizes = {
        id(t): len(data) if (data := unpacked.buffers[t.buffer].data) is not None else 0
        for t in unpacked.subgraphs[0].tensors
    }
    constants = sorted(
        (t for t in unpacked.subgraphs[0].tensors if t.type == 0 and sizes[id(t)]), key=lambda t: -sizes[id(t)]
    )
    buffer = unpacked.buffers[constants[position].buffer]
    values = np.frombuffer(bytes(buffer.data), "<f4") * np.float32(factor)
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return append_files(pack(unpacked), files)
