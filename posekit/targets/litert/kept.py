"""A .tflite of anybody's as Android's: pixels in and floats out by operations added to it, its graph as it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from posekit.contract.outputs import packaged
from posekit.contract.spec import PoseSpec
from posekit.poses.input_spec import GRAY_OF_RGB, InputSpec
from posekit.runtimes.flatbuffer import pack, text, unpack
from posekit.sources.tflite.editing import drop_unread, unique
from posekit.sources.tflite.ports import Network, Port, offset_of_pixels
from posekit.targets.litert.added import Adding
from posekit.targets.litert.tflite_file import RUNTIME_BUFFER
from posekit.targets.litert.tflite_graph import nodes_of, stamp

LONGEST_NAME = 200


def base_of(network: Network, spec: PoseSpec) -> tuple[bytes, dict[str, str], str]:
    """The file with `image`, (1, H, W, 3) RGB 0-255, as its input and the outputs packaged, in float32.

    Also names of its layers by the stamps of their weights, and why no other precision can be made of it: empty where
    it is in float32.
    """
    unpacked = unpack(network.content)
    before = _with_pixels(unpacked, network.input, spec, is_last=network.is_last)
    after, outputs = _with_floats(unpacked, network, spec)
    graph = unpacked.subgraphs[0]
    graph.operators = [*before, *graph.operators, *after]
    graph.outputs = list(outputs)
    unpacked.metadata = [one for one in unpacked.metadata or [] if text(one.name) == RUNTIME_BUFFER]
    unpacked.metadataBuffer = None
    for code in unpacked.operatorCodes:  # old files have the first alone, which the quantizer does not read
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    unpacked.signatureDefs = None
    drop_unread(unpacked)
    _name(unpacked, spec, list(network.outputs))
    nodes = nodes_of(unpacked, {})
    layers = {stamp(unpacked, node.weight): node.name for node in nodes if node.layer}
    kinds = {int(graph.tensors[node.weight].type) for node in nodes if node.layer}
    return pack(unpacked), layers, _own(kinds)


def _own(kinds: set[int]) -> str:
    names = {1: "16-bit floats", 3: "8 bits", 9: "8 bits", 17: "4 bits", 7: "16 bits", 19: "2 bits"}
    stored = sorted({names.get(kind, f"type {kind}") for kind in kinds - {0}})
    return f"the file has its weights in {' and '.join(stored)} already" if stored else ""


def _with_pixels(unpacked: Any, port: Port, spec: PoseSpec, *, is_last: bool) -> list[Any]:
    """Let the main graph begin with pixels; the operations up to what was its input."""
    adding, graph = Adding(unpacked), unpacked.subgraphs[0]
    width, height = spec.input.size_wh
    pixels = adding.tensor("image", (1, height, width, 3))
    number, offset = _coloured(adding, pixels, spec.input), offset_of_pixels(port, spec.input)
    if offset is None:
        number = _normalised(adding, number, spec.input)
    if not is_last:
        number = adding.transposed(number, (0, 3, 1, 2))
    if offset is not None:
        _as_they_are(adding, number, port, offset)
    elif port.is_whole or port.dtype == "float16":
        _entered(adding, number, port)
    elif not adding.made:
        graph.tensors.pop()  # the file takes pixels as they are
        return []
    else:
        adding.made[-1].outputs = [port.number]
    graph.inputs = [pixels]
    return adding.made


def _coloured(adding: Adding, number: int, image: InputSpec) -> int:
    """The channels that the network sees."""
    if image.color_order == "rgb":
        return number
    parts = [adding.cut(number, 3, channel, 1) for channel in range(3)]
    if image.color_order == "bgr":
        return adding.joined(parts[::-1])
    weighed = [
        adding.of_two("MUL", "MulOptions", part, np.array([weight], np.float32))
        for part, weight in zip(parts, GRAY_OF_RGB, strict=True)
    ]
    red, green, blue = weighed
    return adding.both("ADD", "AddOptions", adding.both("ADD", "AddOptions", red, green), blue)


def _normalised(adding: Adding, number: int, image: InputSpec) -> int:
    if any(image.mean):
        number = adding.of_two("SUB", "SubOptions", number, np.array(image.mean, np.float32))
    if any(one != 1 for one in image.std):
        number = adding.of_two("MUL", "MulOptions", number, (1 / np.array(image.std, np.float64)).astype(np.float32))
    return number


def _as_they_are(adding: Adding, number: int, port: Port, offset: float) -> None:
    """What was the input, whose steps are the pixels' own: no scale comes between them."""
    if offset:
        number = adding.of_two("ADD", "AddOptions", number, np.array([offset], np.float32))
    _cast_whole(adding, adding.rounded(number), port)


def _cast_whole(adding: Adding, number: int, port: Port) -> None:
    if port.dtype != "bool":
        ends = np.iinfo(port.dtype)
        number = adding.of_two("MAXIMUM", "MaximumMinimumOptions", number, np.array([ends.min], np.float32))
        number = adding.of_two("MINIMUM", "MaximumMinimumOptions", number, np.array([ends.max], np.float32))
    adding.cast(number, port.dtype, port.number)


def _entered(adding: Adding, number: int, port: Port) -> None:
    """What was the input: whole numbers rounded half to even by ROUND, since kernels of QUANTIZE differ in it."""
    if port.dtype == "float16":
        adding.cast(number, port.dtype, port.number)
        return
    if port.scale and port.scale != 1:
        number = adding.of_two("MUL", "MulOptions", number, np.array([1 / port.scale], np.float32))
    number = adding.rounded(number)
    if not port.scale:
        _cast_whole(adding, number, port)
        return
    if port.scale != 1:
        number = adding.of_two("MUL", "MulOptions", number, np.array([port.scale], np.float32))
    adding.add("QUANTIZE", (number,), port.number, "QuantizeOptions")


def _with_floats(unpacked: Any, network: Network, spec: PoseSpec) -> tuple[list[Any], list[int]]:
    """The operations that make floats of the outputs and package them, and the numbers of their results."""
    adding = Adding(unpacked)
    results: list[int] = []
    for name, port in network.outputs.items():
        number = port.number
        if port.is_whole and not port.scale:
            number = adding.cast(number, "float32")
        elif port.dtype != "float32":
            floats = adding.tensor("floats", adding.shape(number))
            number = adding.add("DEQUANTIZE", (number,), floats, "DequantizeOptions")
        layout = Layout(adding, number)
        if name in network.turned:
            layout = layout.permute((0, 3, 1, 2))
        number = packaged(name, layout, spec).settled()
        if number in results or number == network.input.number:
            number = adding.reshaped(number, adding.shape(number))  # an output has a tensor of its own
        results.append(number)
    return adding.made, results


class Layout:
    """A tensor that is laid out as arrays are, by operations added to the file: what a head's packaging is given.

    Axes are not moved until something depends on them, so that maps that a file gives as they are packaged are left
    alone.
    """

    def __init__(self, adding: Adding, number: int, order: tuple[int, ...] = ()) -> None:
        self._adding, self._number = adding, number
        self._order = order or tuple(range(len(adding.shape(number))))

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array's."""
        sides = self._adding.shape(self._number)
        return tuple(sides[axis] for axis in self._order)

    def permute(self, order: tuple[int, ...]) -> Layout:
        """As of torch."""
        return Layout(self._adding, self._number, tuple(self._order[axis] for axis in order))

    def reshape(self, shape: tuple[int, ...]) -> Layout:
        """As an array's."""
        return Layout(self._adding, self._adding.reshaped(self.settled(), shape))

    def __getitem__(self, parts: slice | tuple[slice, ...]) -> Layout:
        number = self._number
        for axis, part in enumerate(parts if isinstance(parts, tuple) else (parts,)):
            places = range(self.shape[axis])[part]
            if places.step != 1:
                raise ValueError("only parts without steps are taken")
            if len(places) != self.shape[axis]:
                number = self._adding.cut(number, self._order[axis], places.start, len(places))
        return Layout(self._adding, number, self._order)

    def settled(self) -> int:
        """The number of the tensor, its axes in order."""
        if self._order == tuple(range(len(self._order))):
            return self._number
        return self._adding.transposed(self._number, self._order)


def _name(unpacked: Any, spec: PoseSpec, outputs: list[str]) -> None:
    """No two tensors of one name, none without, none that the contract gives another; and a signature in its order."""
    from ai_edge_litert import schema_py_generated as schema

    graph = unpacked.subgraphs[0]
    taken = {"image", "", *outputs}
    given = [int(one) for operator in graph.operators for one in operator.outputs]  # these name layers, so come first
    for number in dict.fromkeys([*given, *range(len(graph.tensors))]):
        tensor = graph.tensors[number]
        name = text(tensor.name or b"").partition(";")[0][:LONGEST_NAME]
        tensor.name = unique(name or "tensor", taken)
        tensor.shapeSignature = None
        taken.add(tensor.name)
    graph.tensors[int(graph.inputs[0])].name = "image"
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs = [_entry(schema, "image", int(graph.inputs[0]))]
    signature.outputs = [_entry(schema, f"output_{place}", int(one)) for place, one in enumerate(graph.outputs)]
    unpacked.signatureDefs = [signature]


def _entry(schema: Any, name: str, number: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, number
    return entry
