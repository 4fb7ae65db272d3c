"""The constants of a model file, each to be read and written, and the file with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posekit import bundle
from posekit.contract.spec import canonical_json, read_spec
from posekit.runtimes.mlpackage import data_folder, read_specification, specification_file
from posekit.targets.litert import tflite_file
from tests.faults.files import model_of, shipped_model_of

Array = np.ndarray[Any, Any]
TFLITE = {0: "<f4", 1: "<f2", 2: "<i4", 4: "<i8", 7: "<i2", 9: "i1", 17: "u1"}
BLOBS = {1: "<f2", 2: "<f4", 4: "i1"}  # else bytes


@dataclass(frozen=True)
class Constant:
    """A constant's name, the operation's word for what it is, its flat values, and what writes others in their
    place."""

    name: str
    part: str
    values: Array
    store: Callable[[Array], None]


@dataclass(frozen=True)
class OpenModel:
    """content: the unpacked .tflite, or the Core ML specification. save() writes it back, into the wrapper too."""

    content: Any
    constants: list[Constant]
    save: Callable[[], None]


def opened(folder: Path) -> OpenModel:
    """The bundle's model file, to be changed."""
    model = model_of(folder)
    return _tflite(folder, model) if model.suffix == ".tflite" else _mlpackage(folder, model)


def _tflite(folder: Path, model: Path) -> OpenModel:
    found = tflite_file.unpack(model.read_bytes())
    constants = []
    for tensor in found.subgraphs[0].tensors:
        buffer = found.buffers[tensor.buffer]
        if buffer.data is not None and len(buffer.data) and tensor.type in TFLITE:
            values = np.frombuffer(bytes(buffer.data), TFLITE[tensor.type]).copy()
            constants.append(Constant(tflite_file.text(tensor.name), "weight", values, _into(buffer)))

    def save() -> None:
        write_tflite(folder, tflite_file.pack(found))

    return OpenModel(found, constants, save)


def _into(buffer: Any) -> Callable[[Array], None]:
    def store(values: Array) -> None:
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)

    return store


def write_tflite(folder: Path, data: bytes) -> None:
    """A flatbuffer with the contract's files behind it, in both places."""
    spec, model = read_spec(folder / bundle.CONTRACT), model_of(folder)
    names = "\n".join(spec.keypoints.names) + "\n"
    model.write_bytes(
        tflite_file.append_files(data, {"keypoints.txt": names.encode(), "pose.json": canonical_json(spec)})
    )
    shutil.copyfile(model, shipped_model_of(folder))


def _mlpackage(folder: Path, model: Path) -> OpenModel:
    proto = read_specification(model)
    weights = data_folder(model) / "weights" / "weight.bin"
    data = bytearray(weights.read_bytes()) if weights.exists() else bytearray()
    constants = [
        _constant(f"{operation.type} {operation.outputs[0].name}", part, value, data)
        for operation in operations_of(proto) if operation.outputs
        for part, value in _values(operation)
    ]  # fmt: skip

    shipped = shipped_model_of(folder)

    def save() -> None:
        specification_file(model).write_bytes(proto.SerializeToString(deterministic=True))
        if weights.exists():
            weights.write_bytes(bytes(data))
        shutil.rmtree(shipped)
        shutil.copytree(model, shipped)

    return OpenModel(proto, [one for one in constants if one is not None and one.values.size], save)


def operations_of(proto: Any) -> Iterator[Any]:
    """The operations of a Core ML specification."""
    for function in proto.mlProgram.functions.values():
        for block in function.block_specializations.values():
            yield from block.operations


def _values(operation: Any) -> Iterator[tuple[str, Any]]:
    for name, value in operation.attributes.items():
        if name != "name":
            yield name, value
    for name, given in operation.inputs.items():
        for bound in given.arguments:
            if not bound.name:
                yield name, bound.value


def _constant(name: str, part: str, value: Any, data: bytearray) -> Constant | None:
    if value.WhichOneof("value") == "blobFileValue":
        record = value.blobFileValue.offset
        code = int.from_bytes(data[record + 4 : record + 8], "little")
        size, start = (int.from_bytes(data[record + at : record + at + 8], "little") for at in (8, 16))

        def store(values: Array) -> None:
            data[start : start + size] = values.tobytes()

        return Constant(
            name, part, np.frombuffer(bytes(data[start : start + size]), BLOBS.get(code, "u1")).copy(), store
        )
    tensor = value.immediateValue.tensor
    which = tensor.WhichOneof("value")
    if which == "bytes":
        dtype = {10: "<f2", 21: "i1"}.get(value.type.tensorType.dataType, "u1")

        def store_bytes(values: Array) -> None:
            tensor.bytes.values = values.tobytes()

        return Constant(name, part, np.frombuffer(tensor.bytes.values, dtype).copy(), store_bytes)
    if which not in ("floats", "ints"):
        return None

    def store_numbers(values: Array) -> None:
        del getattr(tensor, which).values[:]
        getattr(tensor, which).values.extend(values.tolist())

    dtype = np.float32 if which == "floats" else np.int32
    return Constant(name, part, np.array(list(getattr(tensor, which).values), dtype), store_numbers)
