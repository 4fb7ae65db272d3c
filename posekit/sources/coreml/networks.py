"""The layers of one of Core ML's old neural networks as nodes, with their weights as numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.errors import InputError
from posekit.sources.network import Node

# of WeightParams, in a rule's order
WEIGHTS = ("weights", "scale", "bias", "gamma", "beta", "mean", "variance", "alpha")


@dataclass(frozen=True, slots=True)
class Graph:
    """Layers as nodes, their weights by name, and every name that could be an output."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, NDArray[Any]]

    @property
    def names(self) -> set[str]:
        """Of all results."""
        return {name for node in self.nodes for name in node.outputs}


def counts(network: Any) -> dict[str, int]:
    """Layers by kind."""
    return dict(sorted(Counter(str(one.WhichOneof("layer")) for one in network.layers).items()))


def read(network: Any, path: Path) -> Graph:
    """The layers of a neural network; InputError where weights are damaged."""
    nodes: list[Node] = []
    constants: dict[str, NDArray[Any]] = {}
    for layer in network.layers:
        kind = str(layer.WhichOneof("layer"))
        given = getattr(layer, kind, None)
        inputs = [*layer.input]
        for name, weight in _weights(given):
            values = _values(weight, f"{path}: {name} of layer {layer.name!r}")
            if values is None:
                continue
            constants[f"{layer.name}/{name}"] = _shaped(values, name, kind, given, f"{path}: layer {layer.name!r}")
            inputs.append(f"{layer.name}/{name}")
        attributes = {"of": given, "names": tuple(name.rpartition("/")[2] for name in inputs[len(layer.input) :])}
        nodes.append(Node(kind, layer.name, tuple(inputs), tuple(layer.output), attributes))
    return Graph(tuple(nodes), constants)


def _weights(given: Any) -> list[tuple[str, Any]]:
    """The weights of a layer's message, those of an activation one message deeper."""
    if given is None:
        return []
    if given.DESCRIPTOR.name == "ActivationParams":
        inner = getattr(given, str(given.WhichOneof("NonlinearityType")), None)
        return _weights(inner)
    fields = {one.name: one for one in given.DESCRIPTOR.fields}
    kinds = {name: fields[name] for name in WEIGHTS if name in fields}
    there = [name for name, one in kinds.items() if one.message_type and one.has_presence and given.HasField(name)]
    has_bias = "hasBias" not in fields or given.hasBias
    return [(name, getattr(given, name)) for name in there if name != "bias" or has_bias]


def _values(weight: Any, where: str) -> NDArray[np.float32] | None:
    """The numbers of a WeightParams, whatever they are stored as; None where there are none."""
    if weight.floatValue:
        return np.array(weight.floatValue, np.float32)
    if len(weight.float16Value) % 2:
        raise InputError(f"{where} has {len(weight.float16Value)} bytes of 16-bit numbers", "save the model anew")
    if weight.float16Value:
        return np.frombuffer(weight.float16Value, np.float16).astype(np.float32)
    if not weight.rawValue:
        return None
    bits = int(weight.quantization.numberOfBits)
    if not 1 <= bits <= 8:
        raise InputError(f"{where} has {bits} bits a number, expected 1 to 8", "save the model anew")
    count = len(weight.rawValue) * 8 // bits
    lanes = np.unpackbits(np.frombuffer(weight.rawValue, np.uint8))[: count * bits].reshape(count, bits)
    codes = lanes @ (1 << np.arange(bits)[::-1])
    kind = weight.quantization.WhichOneof("QuantizationType")
    if kind == "lookupTableQuantization":
        table = np.array(weight.quantization.lookupTableQuantization.floatValue, np.float32)
        if len(table) <= codes.max():
            raise InputError(f"{where} has a table of {len(table)} numbers for {bits} bits", "save the model anew")
        return table[codes]
    line = weight.quantization.linearQuantization
    return _lines(codes, np.array(line.scale, np.float32), np.array(line.bias, np.float32), where)


def _lines(
    codes: NDArray[Any], scale: NDArray[np.float32], bias: NDArray[np.float32], where: str
) -> NDArray[np.float32]:
    """Codes by one line for all, or one for each of the first axis's entries."""
    if not len(scale) or len(codes) < len(scale):
        raise InputError(f"{where} has {len(codes)} numbers and {len(scale)} scales", "save the model anew")
    each = len(codes) // len(scale)
    rows = codes[: each * len(scale)].reshape(len(scale), each) * scale[:, None]
    return np.asarray(rows + (bias.reshape(-1, 1) if len(bias) else 0), np.float32).reshape(-1)


def _shaped(values: NDArray[Any], name: str, kind: str, given: Any, where: str) -> NDArray[Any]:
    """Weights of convolutions and products in their axes; codes are packed, so there may be a few more than needed."""
    shape: tuple[int, ...] = (-1,)
    if name == "weights" and kind == "convolution":
        groups, outputs, inputs = max(int(given.nGroups), 1), int(given.outputChannels), int(given.kernelChannels)
        sides = tuple(int(side) for side in given.kernelSize) or (3, 3)
        shape = (inputs, outputs // groups, *sides) if given.isDeconvolution else (outputs, inputs, *sides)
    elif name == "weights" and kind == "innerProduct":
        shape = (int(given.outputChannels), int(given.inputChannels))
    count = math.prod(shape)
    if count >= 0 and len(values) < count:
        raise InputError(f"{where} has {len(values)} {name}, expected {count}", "save the model anew")
    return values[: count if count >= 0 else None].reshape(shape)
