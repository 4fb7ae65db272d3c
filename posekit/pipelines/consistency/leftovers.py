"""Does the model file hold anything that nothing reads? Such bytes could be anything, and no run would tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posekit.contract.precisions import TFLITE
from posekit.contract.spec import PoseSpec
from posekit.parity.gate import Check
from posekit.pipelines.consistency.finding import differing, judged, listed
from posekit.runtimes.mlpackage import blobs_of, data_folder, operations_of, read_specification, specification_file
from posekit.targets.coreml import target as coreml
from posekit.targets.litert import tflite_file

NAME = "the model file holds nothing beside the model"
RECORD = 64  # bytes of the header of a weight file, and of what stands before each constant
VERSION = re.compile(rb"\d+(\.\d+)*\0*")


def check(platform: str, path: Path, spec: PoseSpec) -> Check:
    """Whether all of a .tflite or .mlpackage is what the model is made of."""
    found = _tflite(path, spec) if platform in TFLITE else _mlpackage(path)
    return judged(NAME, list(found), "every byte is read")


def _tflite(path: Path, spec: PoseSpec) -> Iterator[str]:
    model = path.read_bytes()
    unpacked = tflite_file.read(model)
    if tflite_file.as_written(model, spec) != model:
        yield f"{path.name} has bytes that are neither of its flatbuffer nor of the files in it"
    if names := tflite_file.unread(unpacked):
        yield f"no operation reads {listed(names)}"
    for one in unpacked.metadata or []:
        name, data = tflite_file.text(one.name), bytes(unpacked.buffers[one.buffer].data)
        if name != tflite_file.METADATA_BUFFER and not (name == tflite_file.RUNTIME_BUFFER and VERSION.fullmatch(data)):
            yield f"its metadata {name!r} is none that posekit writes"


def _mlpackage(path: Path) -> Iterator[str]:
    model = read_specification(path)
    stored = specification_file(path).read_bytes()
    model.DiscardUnknownFields()
    if model.SerializeToString(deterministic=True) != stored:
        yield "model.mlmodel has bytes that are none of its fields"
    if names := _unread(model):
        yield f"no operation reads {listed(names)}"
    weights = data_folder(path) / "weights" / "weight.bin"
    yield from differing(
        "the text of Manifest.json", (path / "Manifest.json").read_text(), coreml.manifest_of(weights.exists())
    )
    if weights.exists() and not _is_of_records(weights.read_bytes(), sorted(blobs_of(model))):
        yield "weight.bin has bytes that are of no constant"


def _unread(model: Any) -> list[str]:
    """What operations give that neither another operation nor the model's outputs take."""
    taken, given = set[str](), list[list[str]]()
    for operation, results in operations_of(model):
        taken |= {bound.name for one in operation.inputs.values() for bound in one.arguments if bound.name}
        taken |= set(results)
        given.append([output.name for output in operation.outputs])
    return [names[0] for names in given if names and not taken & set(names)]


def _is_of_records(data: bytes, offsets: list[int]) -> bool:
    """Whether a weight file is its header and the constants at these offsets, one behind the other, zeros between."""
    end = RECORD
    if data[:end] != len(offsets).to_bytes(4, "little") + (2).to_bytes(4, "little") + bytes(end - 8):
        return False
    for offset in offsets:
        record = data[offset : offset + RECORD]
        size, start = (int.from_bytes(record[at : at + 8], "little") for at in (8, 16))
        if offset != -(-end // RECORD) * RECORD or any(data[end:offset]) or any(record[32:]):
            return False
        unused_bits = int.from_bytes(record[24:32], "little")
        if start != offset + RECORD or unused_bits >= 8:
            return False
        end = start + size
    return end == len(data)
