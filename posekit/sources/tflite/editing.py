"""The graph of a .tflite changed: sizes fixed, its end moved, and what nothing needs left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from posekit.errors import InputError
from posekit.progress import captured
from posekit.runtimes import litert
from posekit.runtimes.flatbuffer import pack


def with_sizes(unpacked: Any, shape: Sequence[int], path: Path) -> None:
    """Give the input this shape, and every tensor the one that follows; InputError where the graph does not take it."""
    graph = unpacked.subgraphs[0]
    interpreter = litert.opened(path, content=pack(unpacked))
    with captured(), litert.refusals(path, "load", interpreter):
        interpreter.resize_tensor_input(int(graph.inputs[0]), list(shape))
        interpreter.allocate_tensors()
        details = {int(one["index"]): one for one in interpreter.get_tensor_details()}
    for number, tensor in enumerate(graph.tensors):
        if number in details:
            tensor.shape = [int(side) for side in details[number]["shape"]]
        tensor.shapeSignature = None
    if any(side < 1 for number in graph.outputs for side in details[int(number)]["shape"]):
        raise InputError(
            f"{path} gives outputs whose sizes depend on the picture", "export it with outputs of fixed sizes"
        )


def cut(unpacked: Any, outputs: Sequence[int]) -> None:
    """Let the main graph end at these tensors, and drop what they do not need."""
    graph = unpacked.subgraphs[0]
    graph.outputs = list(outputs)
    wanted, kept = set(outputs), []
    for operator in reversed(graph.operators):
        gives = [] if operator.outputs is None else [int(one) for one in operator.outputs]
        if not gives or wanted.intersection(gives):  # what gives nothing is there for what it does
            kept.append(operator)
            wanted.update(int(one) for one in operator.inputs if one >= 0)
    graph.operators = kept[::-1]
    unpacked.signatureDefs = None
    drop_unread(unpacked)


def drop_unread(unpacked: Any) -> None:
    """Leave out tensors of the main graph that no operation has, and number the others anew."""
    graph = unpacked.subgraphs[0]
    read = {int(one) for side in (graph.inputs, graph.outputs) for one in side}
    for operator in graph.operators:
        for side in (operator.inputs, operator.outputs, operator.intermediates):
            read |= set() if side is None else {int(one) for one in side if one >= 0}
    places = {number: place for place, number in enumerate(sorted(read))}
    graph.tensors = [graph.tensors[number] for number in sorted(read)]
    graph.inputs, graph.outputs = _moved(graph.inputs, places), _moved(graph.outputs, places)
    for operator in graph.operators:
        operator.inputs, operator.outputs = _moved(operator.inputs, places), _moved(operator.outputs, places)
        operator.intermediates = _moved(operator.intermediates, places)
    _drop_codes(unpacked)
    _drop_buffers(unpacked)


def _moved(numbers: Any, places: dict[int, int]) -> Any:
    return numbers if numbers is None else [places.get(int(one), -1) for one in numbers]


def _drop_codes(unpacked: Any) -> None:
    operators = [one for graph in unpacked.subgraphs for one in graph.operators or []]
    used = sorted({one.opcodeIndex for one in operators})
    places = {number: place for place, number in enumerate(used)}
    unpacked.operatorCodes = [unpacked.operatorCodes[number] for number in used]
    for one in operators:
        one.opcodeIndex = places[one.opcodeIndex]


def _drop_buffers(unpacked: Any) -> None:
    """Keep the buffers that tensors and metadata have, the first one empty, as the schema wants it."""
    holders = [tensor for graph in unpacked.subgraphs for tensor in graph.tensors]
    holders += list(unpacked.metadata or [])
    used = sorted({0, *(one.buffer for one in holders)})
    places = {number: place for place, number in enumerate(used)}
    unpacked.buffers = [unpacked.buffers[number] for number in used]
    for one in holders:
        one.buffer = places[one.buffer]


def unique(name: str, taken: Collection[str]) -> str:
    """The name, or one like it that is not taken."""
    while name in taken:
        name += "+"
    return name
