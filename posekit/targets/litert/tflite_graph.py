"""The operations of a .tflite as a graph: which are layers of the network, and what comes before and after all of
them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.targets.graph.layers import fingerprint
from posekit.targets.litert.tflite_file import op_names, text

# operations that multiply their second input's weight, where that is a constant
STORING = ("DEQUANTIZE", "DENSIFY")  # what stands between a weight and how it is stored
WEIGHTED = frozenset(["CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL"])
INFINITE = 1e9  # converters write minus infinity as the lowest float32; no step of a range that wide is of use
CONSTANT_TYPES = {0: np.float32, 1: np.float16}  # of TensorType, those that a weight is fingerprinted in


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. name: of its first output; layer: the network's name for it, empty where it is no layer.

    sources, inputs, outputs: numbers of the nodes that it reads, of all its tensors, and of those that it makes.
    weight: number of the constant tensor that it multiplies with, -1 without one; weights: how many it holds.
    is_result: whether one of its outputs is the model's. has_infinite: whether it reads a constant beyond all use, as
    masks and the padding of maxima.
    """

    name: str
    op: str
    layer: str
    sources: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    weight: int
    is_result: bool = False
    has_infinite: bool = False
    weights: int = 0


def nodes_of(unpacked: Any, layers: Mapping[str, str]) -> list[Node]:
    """The operations of the main graph in the order of execution; layers: names by fingerprint (targets/layers.py)."""
    graph = unpacked.subgraphs[0]
    made: dict[int, int] = {}
    makers: dict[int, Any] = {}
    found: list[Node] = []
    results = set(map(int, graph.outputs))
    for index, operator in enumerate(graph.operators):
        op = op_name(unpacked, operator)
        inputs = tuple(int(i) for i in operator.inputs if i >= 0)
        weight = _weight(unpacked, op, inputs, makers)
        values = None if weight < 0 else weights_of(unpacked, weight)
        layer, held = "", 0 if weight < 0 else math.prod(int(side) for side in graph.tensors[weight].shape)
        if weight >= 0 and (values is None or not is_ramp(values)):
            layer = layers.get(stamp(unpacked, weight), f"{op.lower()}_{index}")  # empty where it is arithmetic
        outputs = tuple(map(int, operator.outputs))
        sources = tuple(made[i] for i in inputs if i in made)
        name, is_result = text(graph.tensors[outputs[0]].name), any(one in results for one in outputs)
        infinite = any(_is_infinite(unpacked, one) for one in inputs if one not in made)
        found.append(Node(name, op, layer, sources, inputs, outputs, weight, is_result, infinite, held))
        made.update(dict.fromkeys(outputs, index))
        makers.update(dict.fromkeys(outputs, operator))
    return found


def op_name(unpacked: Any, operator: Any) -> str:
    """An operator's name in the schema."""
    code = unpacked.operatorCodes[operator.opcodeIndex]
    return op_names()[max(code.builtinCode, code.deprecatedBuiltinCode)]


def rename_tensors(unpacked: Any, layers: Mapping[str, str], reserved: Collection[str] = ()) -> None:
    """Name every result after its layer, else its operation; converters name them by their own classes, at length.

    reserved: the names that the outputs are given later; no other tensor has them.
    """
    graph = unpacked.subgraphs[0]
    taken = {"image", *reserved, *(f"constant_{number}" for number in range(len(graph.tensors)))}
    named = set(graph.inputs)
    for index, node in enumerate(nodes_of(unpacked, layers)):
        for output in node.outputs:
            name = node.layer or f"{node.op.lower()}_{index}"
            while name in taken:
                name += "+"
            taken.add(name)
            graph.tensors[output].name = name
            named.add(output)
    for number, tensor in enumerate(graph.tensors):
        if number not in named:
            tensor.name = f"constant_{number}"
    for number in graph.inputs:
        graph.tensors[number].name = "image"


def before_layers(nodes: list[Node]) -> set[int]:
    """The nodes that no layer comes before: normalisation."""
    found: set[int] = set()
    for index, node in enumerate(nodes):
        if not node.layer and all(source in found for source in node.sources):
            found.add(index)
    return found


def readers_of(nodes: list[Node]) -> list[list[int]]:
    """The nodes that read each node's results."""
    found: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for source in node.sources:
            found[source].append(index)
    return found


def borders(nodes: list[Node], rounded: Collection[int]) -> set[int]:
    """Paddings that only `rounded` layers read: their kernels pad as they compute, if nothing is in between.

    Of a float padding before a rounding nothing can be made: it takes 10 ns a pixel, twice as long as the first layer.
    """
    readers = readers_of(nodes)
    return {
        index
        for index, node in enumerate(nodes)
        if node.op == "PAD" and readers[index] and all(nodes[one].layer and one in rounded for one in readers[index])
    }


def after_layers(nodes: list[Node]) -> tuple[set[int], set[int]]:
    """The nodes that no layer comes after: decode arithmetic, and the layers whose results are the outputs."""
    feeds_layer = [False] * len(nodes)
    for index in reversed(range(len(nodes))):
        for source in nodes[index].sources:
            feeds_layer[source] |= bool(nodes[index].layer) or feeds_layer[index]
    last = {index for index in range(len(nodes)) if not feeds_layer[index]}
    giving = {index for index, node in enumerate(nodes) if node.layer and (index in last or node.is_result)}
    return {index for index in last if not nodes[index].layer}, giving


def _weight(unpacked: Any, op: str, inputs: tuple[int, ...], makers: Mapping[int, Any]) -> int:
    return -1 if op not in WEIGHTED or len(inputs) < 2 else constant_behind(unpacked, inputs[1], makers)


def constant_behind(unpacked: Any, number: int, makers: Mapping[int, Any]) -> int:
    """The constant that a tensor is, or is made of by operations that only make it float or dense; -1 where there is
    none. makers: operations by the tensors that they give."""
    while (maker := makers.get(number)) is not None and op_name(unpacked, maker) in STORING:
        number = int(maker.inputs[0])
    data = unpacked.buffers[unpacked.subgraphs[0].tensors[number].buffer].data
    return number if data is not None and len(data) else -1


def stamp(unpacked: Any, number: int) -> str:
    """What a constant is known by: the fingerprint of its values, or the hash of whole numbers as they are stored."""
    values = weights_of(unpacked, number)
    if values is not None:
        return fingerprint(values)
    return hashlib.sha256(bytes(unpacked.buffers[unpacked.subgraphs[0].tensors[number].buffer].data)).hexdigest()[:32]


def weights_of(unpacked: Any, number: int) -> NDArray[Any] | None:
    """A constant's values, flat; None where it is not of a float type, or no constant."""
    tensor = unpacked.subgraphs[0].tensors[number]
    data = unpacked.buffers[tensor.buffer].data
    if tensor.type not in CONSTANT_TYPES or data is None or not len(data):
        return None
    return np.frombuffer(bytes(data), CONSTANT_TYPES[tensor.type])


def _is_infinite(unpacked: Any, number: int) -> bool:
    values = weights_of(unpacked, number)
    return values is not None and not (float(values.min()) > -INFINITE and float(values.max()) < INFINITE)


def is_ramp(values: NDArray[Any]) -> bool:
    """Whether a weight only counts 0, 1, 2 ...: the expectation over bins that YOLO's boxes end in, arithmetic and no
    layer."""
    flat = values.ravel()
    return bool(flat.size > 1 and flat[1] == 1 and np.array_equal(flat, np.arange(flat.size)))
