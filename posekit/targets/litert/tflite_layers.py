"""What each layer of a written .tflite is: bits and type of its weight, and the type that it computes in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import Precision
from posekit.contract.recipe import Recipe
from posekit.errors import ConversionError
from posekit.targets.converted import Held, Layer
from posekit.targets.litert import tflite_file
from posekit.targets.litert.tflite_graph import WEIGHTED, Node, constant_behind, is_ramp, op_name, stamp, weights_of

# TensorType: name and bits
FAR = 0.7  # of a weight's norm
UNEXPLAINED = "ai-edge-quantizer left it so, and did not say why"
DYNAMIC = "float32, made int8 as it runs"
MEANT: Mapping[Precision, tuple[str, str]] = {
    "fp32": ("float32", "float32"),
    "fp16": ("float16", "float32"),
    "w8": ("int8", "float32"),
    "w4": ("int4", "float32"),
    "w8a32": ("int8", DYNAMIC),
    "w8a8": ("int8", "int8"),
    "w8a16": ("int8", "int16"),
}
TYPES = {
    0: ("float32", 32),
    1: ("float16", 16),
    3: ("uint8", 8),
    9: ("int8", 8),
    17: ("int4", 4),
    7: ("int16", 16),
    2: ("int32", 32),
}


def named(nodes: list[Node], unpacked: Any) -> dict[str, str]:
    """The layers that a file has, by the fingerprint of their weights; empty names are of arithmetic."""
    found = {}
    for node in nodes:
        if node.weight >= 0:
            found[stamp(unpacked, node.weight)] = node.layer
    return found


def held(model: bytes) -> tuple[Held, ...]:
    """The layers of a file in the order of execution, told from the file alone."""
    unpacked = tflite_file.read(model)
    graph = unpacked.subgraphs[0]
    makers = {int(output): operator for operator in graph.operators for output in operator.outputs}
    found = []
    for operator in graph.operators:
        op = op_name(unpacked, operator)
        number = _weight_of(makers, unpacked, operator) if op in WEIGHTED else -1
        if number >= 0 and not _counts(unpacked, number):
            kind, bits, words = _kept(graph.tensors[number])
            count = math.prod(int(size) for size in graph.tensors[number].shape)
            found.append(Held(op, count, bits, words, kind, _kind(graph.tensors[_data(operator, op)])[0]))
    return tuple(found)


def stored(model: bytes) -> dict[str, int]:
    """How many layers of a file are stored and computed in which way, told from the file alone."""
    ways = Counter(f"{one.stored.partition(',')[0]}, computed in {one.activations}" for one in held(model))
    return dict(ways.most_common())


def _counts(unpacked: Any, number: int) -> bool:
    """Whether a weight only counts 0, 1, 2 ..., which is no layer's."""
    values = weights_of(unpacked, number)
    return values is not None and is_ramp(values)


def _kind(tensor: Any) -> tuple[str, int]:
    return TYPES.get(tensor.type, (f"type {tensor.type}", 32))


def _kept(tensor: Any) -> tuple[str, int, str]:
    """Type, bits and words of how a weight lies in the file."""
    kind, bits = _kind(tensor)
    scales = 0 if tensor.quantization is None or tensor.quantization.scale is None else len(tensor.quantization.scale)
    return kind, bits, kind + (f", {scales} scales" if scales > 1 else ", 1 scale" if scales else "")


def read_back(
    model: bytes, nodes: list[Node], recipe: Recipe, why: Mapping[int, str], renamed: Mapping[str, str],
    floats: Mapping[int, NDArray[Any] | None],
) -> tuple[Layer, ...]:  # fmt: skip
    """The layers of `model`, which was made of `nodes`; ConversionError where one is missing or holds other weights.

    why: reasons by the number of a node. renamed: results that have the contract's names in `model`. floats: the
    weights that each node had.
    """
    unpacked = tflite_file.read(model)
    graph = unpacked.subgraphs[0]
    makers = {int(output): operator for operator in graph.operators for output in operator.outputs}
    names = {tflite_file.text(tensor.name): number for number, tensor in enumerate(graph.tensors)}
    found = []
    for index, node in enumerate(nodes):
        if not node.layer:
            continue
        operator = _operator_of(renamed.get(node.name, node.name), node, names, makers, graph, unpacked)
        number = -1 if operator is None else _weight_of(makers, unpacked, operator)
        if operator is None or number < 0:
            raise ConversionError(f"layer {node.layer!r} is not in the written file", "please report this network")
        tensor = graph.tensors[number]
        kind, bits, stored = _kept(tensor)
        original = floats.get(index)
        if original is not None and not _is_alike(_real(unpacked, tensor, kind), original):
            raise ConversionError(
                f"layer {node.layer!r} holds other weights than the network", "please report this network"
            )
        activations = _kind(graph.tensors[_data(operator, node.op)])[0]
        wanted = recipe.of(node.layer)
        if wanted == "w8a32" and (kind, activations) == ("int8", "float32"):
            activations = DYNAMIC
        reason = why.get(index, "") if is_as_wanted(wanted, kind, activations) else why.get(index, UNEXPLAINED)
        count = math.prod(int(size) for size in tensor.shape)
        found.append(Layer(node.layer, node.op, count, bits, stored, activations, wanted, reason))
    return tuple(found)


def is_as_wanted(wanted: Precision, kind: str, activations: str) -> bool:
    """Whether what the file holds is what the precision's name says."""
    return (kind, activations) == MEANT.get(wanted)


def _operator_of(
    name: str, node: Node, names: Mapping[str, int], makers: Mapping[int, Any], graph: Any, unpacked: Any
) -> Any:
    """What makes the tensor of that name, before it is made float again or rounded; None where nothing does."""
    operator = makers.get(names.get(name, -1))
    while operator is not None and op_name(unpacked, operator) in ("DEQUANTIZE", "QUANTIZE"):
        operator = makers.get(int(operator.inputs[0]))
    return operator if operator is not None and op_name(unpacked, operator) == node.op else None


def _real(unpacked: Any, tensor: Any, kind: str) -> NDArray[Any]:
    """A weight's values as the file gives them back."""
    data = np.frombuffer(bytes(unpacked.buffers[tensor.buffer].data), np.uint8)
    if kind in ("float32", "float16"):
        return np.asarray(data.view(kind), np.float64)
    shape = [int(size) for size in tensor.shape]
    if kind == "int4":  # two to a byte, the lower half first
        halves = np.stack([data & 15, data >> 4], axis=1).ravel()[: math.prod(shape)].astype(np.int16)
        numbers = np.where(halves > 7, halves - 16, halves)
    else:
        numbers = data.view(np.int8)
    scales = np.asarray(tensor.quantization.scale, np.float64)
    along = [1] * len(shape)
    along[tensor.quantization.quantizedDimension] = -1
    return np.asarray((numbers.reshape(shape) * (scales.reshape(along) if scales.size > 1 else scales)).ravel())


def _is_alike(seen: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Whether rounding explains the difference; 4 bits a channel lose 0.2 of a weight's norm at the most usual."""
    known = expected.ravel().astype(np.float64)  # half of it overflows where a norm is summed up
    whole = float(np.linalg.norm(known))
    return seen.size == known.size and float(np.linalg.norm(seen - known)) <= FAR * max(whole, 1e-30)


def _data(operator: Any, op: str) -> int:
    """The tensor that a layer reads; a transposed convolution's first input is its output's shape."""
    return int(operator.inputs[2 if op == "TRANSPOSE_CONV" else 0])


def _weight_of(makers: Mapping[int, Any], unpacked: Any, operator: Any) -> int:
    """The constant behind a layer's weight, through the operation that makes it float; -1 where there is none."""
    return constant_behind(unpacked, int(operator.inputs[1]), makers)
