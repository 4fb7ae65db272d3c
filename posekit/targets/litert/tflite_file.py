"""Edit a .tflite: names, TFLite metadata, the contract as an associated file.

The metadata schema (file id M001) has no generated Python that can be imported beside current protobuf
(tflite-support needs < 4), so its tables are written with `flatbuffers` by field number; the numbers are those of
metadata_schema.fbs 1.1.0.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import PoseSpec, canonical_json
from posekit.errors import ConversionError
from posekit.runtimes.flatbuffer import op_names as op_names
from posekit.runtimes.flatbuffer import pack as pack
from posekit.runtimes.flatbuffer import read as read
from posekit.runtimes.flatbuffer import text as text
from posekit.runtimes.flatbuffer import unpack as unpack

METADATA_BUFFER, RUNTIME_BUFFER = "TFLITE_METADATA", "min_runtime_version"
TENSOR_AXIS_LABELS, DESCRIPTIONS = 2, 1  # AssociatedFileType
IMAGE_PROPERTIES, NORMALIZATION_OPTIONS, RGB = 2, 1, 1
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # same input, same bytes


def with_contract(model: bytes, spec: PoseSpec, shapes: dict[str, tuple[int, ...]]) -> bytes:
    """The model with its signature bound to `image` and the output names, metadata, pose.json and labels appended.

    shapes: of the outputs by name in the network's order, batch 1, channels last.
    """
    from ai_edge_litert import schema_py_generated as schema

    outputs = list(shapes)
    unpacked = unpack(model)
    graph = unpacked.subgraphs[0]
    order = result_order(unpacked, len(outputs))
    # litert-torch names tensors by machinery; the contract binds by name in every runtime
    _name(unpacked, graph, list(graph.inputs), ["image"], "inputs")
    _name(unpacked, graph, order, outputs, "outputs")
    graph.outputs = order
    for name, index in zip(outputs, order, strict=True):
        found = tuple(int(size) for size in graph.tensors[index].shape)
        if found != tuple(shapes[name]):
            raise ConversionError(f"output {name!r} of the .tflite has shape {found}, the network's is {shapes[name]}")
    labels = _labelled(spec, outputs)
    metadata_buffer = schema.BufferT()
    metadata_buffer.data = metadata_of(spec, outputs, labels)
    metadata = schema.MetadataT()
    metadata.name, metadata.buffer = METADATA_BUFFER, len(unpacked.buffers)
    unpacked.buffers.append(metadata_buffer)
    unpacked.metadata = [m for m in unpacked.metadata or [] if text(m.name) == RUNTIME_BUFFER] + [metadata]
    unpacked.description = f"{spec.name} {spec.version}"
    _empty_unread(unpacked)
    return as_written(pack(unpacked), spec)


def as_written(model: bytes, spec: PoseSpec) -> bytes:
    """A flatbuffer in the one form that posekit writes, with the contract's files behind it: what a file holds beside
    that, nothing reads."""
    return append_files(pack(unpack(model)), _associated(spec))


def unread(unpacked: Any) -> list[str]:
    """Names of tensors that no operation reads or gives, and numbers of buffers with values of nothing."""
    found, buffers = [], {int(one.buffer) for one in unpacked.metadata or []}
    for graph in unpacked.subgraphs:
        known = {int(number) for side in (graph.inputs, graph.outputs) for number in side}
        for operator in graph.operators:
            sides = (operator.inputs, operator.outputs, operator.intermediates)
            known |= {int(number) for side in sides if side is not None for number in side}
        found += [text(tensor.name) for number, tensor in enumerate(graph.tensors) if number not in known]
        buffers |= {int(tensor.buffer) for tensor in graph.tensors}
    held = (number for number, buffer in enumerate(unpacked.buffers) if buffer.data is not None and len(buffer.data))
    return [*found, *(f"buffer {number}" for number in held if number not in buffers)]


def _empty_unread(unpacked: Any) -> None:
    """Let go of values that nothing has, as those of a converter's metadata."""
    known = {int(tensor.buffer) for graph in unpacked.subgraphs for tensor in graph.tensors}
    known |= {int(one.buffer) for one in unpacked.metadata}
    for number, buffer in enumerate(unpacked.buffers):
        if number not in known:
            buffer.data = None


def described_otherwise(model: bytes, spec: PoseSpec, outputs: list[str]) -> list[str]:
    """What the file's description, metadata and associated files say that the contract does not; outputs: their
    names."""
    unpacked = read(model)
    told = []
    if text(unpacked.description) != f"{spec.name} {spec.version}":
        told.append(f"the model's description is {text(unpacked.description)!r}, expected '{spec.name} {spec.version}'")
    found = [
        bytes(unpacked.buffers[one.buffer].data) for one in unpacked.metadata or [] if text(one.name) == METADATA_BUFFER
    ]
    if found != [metadata_of(spec, outputs, _labelled(spec, outputs))]:
        told.append("the model's metadata (name, version, license, tensors) is not that of the contract")
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    return [*told, *(["the files in the model are not those of the contract"] if held != _associated(spec) else [])]


def _labelled(spec: PoseSpec, outputs: list[str]) -> list[str]:
    return [name for name in spec.outputs_read if name in outputs]


def _associated(spec: PoseSpec) -> dict[str, bytes]:
    names = "\n".join(spec.keypoints.names) + "\n"
    return {"keypoints.txt": names.encode(), CONTRACT: canonical_json(spec)}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the main graph; inputs, outputs: tensor numbers, constants and missing ones left out."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def operations(model: bytes) -> list[Operation]:
    """The operations of the main graph in the order of execution."""
    from ai_edge_litert import schema_py_generated as schema

    unpacked = schema.Model.GetRootAs(model, 0)
    codes = [unpacked.OperatorCodes(i) for i in range(unpacked.OperatorCodesLength())]
    graph = unpacked.Subgraphs(0)
    computed = {int(graph.Inputs(i)) for i in range(graph.InputsLength())}
    found = []
    for operator in (graph.Operators(i) for i in range(graph.OperatorsLength())):
        code = codes[operator.OpcodeIndex()]
        inputs = tuple(i for i in map(int, operator.InputsAsNumpy()) if i in computed)
        outputs = tuple(map(int, operator.OutputsAsNumpy()))
        computed.update(outputs if inputs else ())  # what is made of constants alone is constant
        found.append(Operation(op_names()[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())], inputs, outputs))
    return found


def op_counts(model: bytes) -> dict[str, int]:
    """Operations by name."""
    return dict(sorted(Counter(operation.name for operation in operations(model)).items()))


def result_order(unpacked: Any, count: int) -> list[int]:
    """Tensor indices of the outputs in the order in which the network returns them.

    litert-torch names them output_0, output_1 ... in the signature; converters may reorder the subgraph's own list.
    """
    definitions = unpacked.signatureDefs or []
    indices = list(unpacked.subgraphs[0].outputs)
    if len(indices) != count:
        raise ConversionError(f"the .tflite has {len(indices)} outputs, the network {count}")
    if not definitions:
        return indices
    numbered = sorted(definitions[0].outputs, key=lambda output: int(text(output.name).rsplit("_", 1)[-1]))
    return [output.tensorIndex for output in numbered]


def _name(unpacked: Any, graph: Any, indices: list[int], names: list[str], side: str) -> None:
    from ai_edge_litert import schema_py_generated as schema

    if not unpacked.signatureDefs:
        definition = schema.SignatureDefT()
        definition.signatureKey, definition.subgraphIndex = "serving_default", 0
        definition.inputs, definition.outputs = [], []
        unpacked.signatureDefs = [definition]
    maps = []
    for index, name in zip(indices, names, strict=True):
        graph.tensors[index].name = name
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        maps.append(entry)
    setattr(unpacked.signatureDefs[0], side, maps)


def append_files(model: bytes, files: dict[str, bytes]) -> bytes:
    """The model with an uncompressed zip behind it, as TFLite's metadata prescribes for associated files."""
    stream = io.BytesIO(model)
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), data)
    return stream.getvalue()


class _Writer:
    """Writes flatbuffer tables given as {field number: writer of its value}."""

    def __init__(self) -> None:
        import flatbuffers

        self.builder = flatbuffers.Builder(1024)

    def text(self, value: str) -> Callable[[int], None]:
        return self._offset(self.builder.CreateString(value))

    def numbers(self, values: list[float]) -> Callable[[int], None]:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependFloat32(value)
        return self._offset(self.builder.EndVector())

    def tables(self, offsets: list[int]) -> Callable[[int], None]:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return self._offset(self.builder.EndVector())

    def byte(self, value: int) -> Callable[[int], None]:
        return lambda slot: self.builder.PrependUint8Slot(slot, value, 0)

    def unsigned(self, value: int) -> Callable[[int], None]:
        return lambda slot: self.builder.PrependUint32Slot(slot, value, 0)

    def table(self, fields: dict[int, Callable[[int], None]]) -> int:
        self.builder.StartObject(max(fields) + 1)
        for slot, write in fields.items():
            write(slot)
        return int(self.builder.EndObject())

    def child(self, offset: int) -> Callable[[int], None]:
        return self._offset(offset)

    def _offset(self, offset: int) -> Callable[[int], None]:
        return lambda slot: self.builder.PrependUOffsetTRelativeSlot(slot, offset, 0)


def metadata_of(spec: PoseSpec, outputs: list[str], labelled: list[str]) -> bytes:
    w = _Writer()
    width, height = spec.input.size_wh
    size = w.table({0: w.unsigned(width), 1: w.unsigned(height)})
    image = w.table({0: w.byte(RGB), 1: w.child(size)})
    content = w.table({0: w.byte(IMAGE_PROPERTIES), 1: w.child(image)})
    normalization = w.table({0: w.numbers([0.0]), 1: w.numbers([1.0])})
    unit = w.table({0: w.byte(NORMALIZATION_OPTIONS), 1: w.child(normalization)})
    image_text = "RGB, 0-255; normalisation is inside the graph. pose.json says how the image is cropped."
    tensors = [w.table({
        0: w.text("image"), 1: w.text(image_text), 3: w.child(content), 4: w.tables([unit]),
    })]  # fmt: skip
    results = []
    for name in outputs:
        fields = {0: w.text(name), 1: w.text(f"{spec.decoder.kind} output; pose.json says how it is decoded")}
        if name in labelled:
            label = w.table({0: w.text("keypoints.txt"), 1: w.text("keypoint names"), 2: w.byte(TENSOR_AXIS_LABELS)})
            fields[6] = w.tables([label])
        results.append(w.table(fields))
    graph = w.table({0: w.text(spec.name), 2: w.tables(tensors), 3: w.tables(results)})
    contract = w.table({0: w.text(CONTRACT), 1: w.text("posekit contract"), 2: w.byte(DESCRIPTIONS)})
    description = f"{spec.kind} pose model, {spec.keypoint_count} keypoints, packaged by posekit"
    root = w.table({
        0: w.text(spec.name), 1: w.text(description), 2: w.text(spec.version), 3: w.tables([graph]),
        5: w.text(spec.license), 6: w.tables([contract]), 7: w.text("1.0.0"),
    })  # fmt: skip
    w.builder.Finish(root, b"M001")
    return bytes(w.builder.Output())
