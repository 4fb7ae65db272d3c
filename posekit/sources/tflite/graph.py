"""The main graph of a .tflite as nodes and constants of which a PyTorch module is built."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.runtimes.flatbuffer import op_names, text
from posekit.sources.network import Node
from posekit.sources.tflite.editing import unique

NUMPY = {
    0: "<f4", 1: "<f2", 2: "<i4", 3: "u1", 4: "<i8", 6: "?", 7: "<i2", 9: "i1", 10: "<f8", 15: "<u4", 16: "<u2",
}  # fmt: skip
FOUR_BITS = 17
ENDS = {3: (0, 255), 7: (-32768, 32767), 9: (-128, 127)}  # of whole numbers, by TensorType
# as torch has them
WEIGHTS = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2), "TRANSPOSE_CONV": (3, 0, 1, 2)}


@dataclass(frozen=True, slots=True)
class Graph:
    """nodes in the order of execution; constants, real values where the file has numbers of a scale; names of tensors
    by their numbers, no two alike."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, NDArray[Any]]
    names: tuple[str, ...]


def graph_of(unpacked: Any, densified: Callable[[int], NDArray[Any]]) -> Graph:
    """The main graph; densified: the values of a constant that is stored sparse, by its number."""
    graph = unpacked.subgraphs[0]
    names = _names(graph)
    values: dict[int, NDArray[Any]] = {}
    for number, tensor in enumerate(graph.tensors):
        data = unpacked.buffers[tensor.buffer].data
        if data is not None and len(data) and tensor.sparsity is None:
            values[number] = constant_of(tensor, np.asarray(data, np.uint8))
    nodes, constants = [], {names[number]: one for number, one in values.items()}
    for operator in graph.operators:
        op = kind_of(unpacked, operator)
        reads, gives = [[int(one) for one in side] for side in (operator.inputs, operator.outputs)]
        if op == "DENSIFY":
            values[gives[0]] = densified(gives[0])
        elif op == "DEQUANTIZE" and reads[0] in values:
            values[gives[0]] = values[reads[0]].astype(np.float32)
        else:
            nodes.append(_node(unpacked, operator, op, reads, gives, names, values, constants))
            continue
        constants[names[gives[0]]] = values[gives[0]]
    return Graph(tuple(nodes), constants, names)


def _node(
    unpacked: Any, operator: Any, op: str, reads: list[int], gives: list[int], names: tuple[str, ...],
    values: Mapping[int, NDArray[Any]], constants: dict[str, NDArray[Any]],
) -> Node:  # fmt: skip
    graph = unpacked.subgraphs[0]
    inputs = ["" if one < 0 else names[one] for one in reads]
    if op in WEIGHTS and len(reads) > 1 and (kernel := values.get(reads[1])) is not None:
        inputs[1] = f"{names[reads[1]]}.{op}"  # torch's order, once and for all
        constants[inputs[1]] = np.ascontiguousarray(kernel.transpose(WEIGHTS[op]))
    options = {} if operator.builtinOptions is None else dict(vars(operator.builtinOptions))
    options |= {
        "shapes": tuple(_shape(graph.tensors[one]) for one in gives),
        "ranges": tuple(range_of(graph.tensors[one]) for one in gives),
        "types": tuple(graph.tensors[one].type for one in gives),
        "input_types": tuple(-1 if one < 0 else graph.tensors[one].type for one in reads),
    }
    return Node(op, names[gives[0]] if gives else "", tuple(inputs), tuple(names[one] for one in gives), options)


def range_of(tensor: Any) -> tuple[float, float] | None:
    """The lowest and the highest value that a tensor's whole numbers can stand for; None where they are floats.

    Activations are often held by these ends alone.
    """
    given = tensor.quantization
    if tensor.type not in ENDS or given is None or given.scale is None or not len(given.scale):
        return None
    scale, zero = float(given.scale[0]), 0 if given.zeroPoint is None else int(given.zeroPoint[0])
    low, high = ENDS[tensor.type]
    return (low - zero) * scale, (high - zero) * scale


def kind_of(unpacked: Any, operator: Any) -> str:
    """An operation's name in the schema, of a custom one its own."""
    code = unpacked.operatorCodes[operator.opcodeIndex]
    name = op_names().get(max(code.builtinCode, code.deprecatedBuiltinCode), "unknown")
    return text(code.customCode) if name == "CUSTOM" and code.customCode is not None else name


def _names(graph: Any) -> tuple[str, ...]:
    taken: set[str] = {""}
    names = []
    for number, tensor in enumerate(graph.tensors):
        name = unique(text(tensor.name) if tensor.name else f"tensor_{number}", taken)
        taken.add(name)
        names.append(name)
    return tuple(names)


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(side) for side in tensor.shape)


def constant_of(tensor: Any, data: NDArray[np.uint8]) -> NDArray[Any]:
    """A constant's values, those that they stand for where they are of a scale; ValueError where they are too few."""
    shape = _shape(tensor)
    if tensor.type == FOUR_BITS:  # two to a byte, the lower half first
        halves = np.stack([data & 15, data >> 4], axis=1).ravel()[: math.prod(shape)].astype(np.int16)
        numbers = np.where(halves > 7, halves - 16, halves)
    else:
        numbers = np.frombuffer(data.tobytes(), NUMPY[tensor.type])
    numbers = numbers.reshape(shape)
    given = tensor.quantization
    if given is None or given.scale is None or not len(given.scale) or numbers.dtype.kind == "f":
        return numbers
    scales = np.asarray(given.scale, np.float64)
    zeros = np.zeros(len(scales)) if given.zeroPoint is None else np.asarray(given.zeroPoint, np.float64)
    if len(scales) > 1:
        along = [1] * len(shape)
        along[given.quantizedDimension] = -1
        scales, zeros = scales.reshape(along), zeros.reshape(along)
    return np.asarray((numbers - zeros) * scales, np.float32)
