"""A plan carried out by ai-edge-quantizer, and what is put right in the float file before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import Precision
from posekit.targets.converted import Calibration
from posekit.targets.litert.plan import STATIC, Plan, paddings_of_maxima
from posekit.targets.litert.tflite_graph import Node, weights_of
from posekit.targets.rounding import cancelling

BITS: Mapping[Precision, int] = {"w8a32": 8, "w8a8": 8, "w8a16": 8, "w8": 8, "w4": 4}  # of weights
FLOAT32 = 0  # of TensorType
LEAST_WEIGHT = np.float32(1e-9)  # the quantizer takes a channel's largest weight for no less
LARGEST_BIAS = 2.0**30  # half of what an int32 holds, so that rounding stays within


def settled(unpacked: Any, nodes: list[Node], made: Plan, calibration: Calibration) -> Any:
    """The float model with what quantization would lose put right.

    Maxima are padded with the least value that 8 bits hold instead of minus infinity. A channel whose weights are next
    to nothing beside its bias, as BatchNorm leaves those that died, would get a scale in which the bias does not fit 32
    bits (relative error of such a network 0.42 instead of 0.005): one of its weights is raised until it does. Weights
    that are to be integers lie on their scale's steps already, rounded so that errors cancel; the quantizer finds the
    same ones.
    """
    graph = unpacked.subgraphs[0]
    ranges = calibration.ranges
    for index in paddings_of_maxima(nodes):
        if made.done[index] in STATIC:
            low = min(ranges[nodes[nodes[index].sources[0]].name][0], 0.0)
            value = graph.tensors[nodes[index].inputs[2]]
            unpacked.buffers[value.buffer].data = np.full(1, low, np.float32).view(np.uint8)
    for index, node in enumerate(nodes):
        bits = STATIC.get(made.done[index] or "fp32")
        if not node.layer or bits is None or not node.sources or (bias := _bias(unpacked, node)) is None:
            continue
        low, high = ranges[nodes[node.sources[0]].name]
        low, high = min(low, 0.0), max(high, 0.0)
        step = (high - low) / 255 if bits == 8 else max(-low, high) / 32767
        _raise_weights(unpacked, node, np.abs(bias) * 127 / (max(step, 1e-30) * LARGEST_BIAS))
    wanted: dict[int, set[str | None]] = {}  # of what reads each buffer: weights of two precisions stay as they are
    for node, one in zip(nodes, made.done, strict=True):
        for tensor in node.inputs:
            wanted.setdefault(graph.tensors[tensor].buffer, set()).add(one)
    for index, node in enumerate(nodes):
        bits = BITS.get(made.done[index] or "fp32")
        is_alone = node.weight >= 0 and len(wanted[graph.tensors[node.weight].buffer]) == 1
        if node.layer and bits is not None and is_alone and graph.tensors[node.weight].type == FLOAT32:
            _round_weights(unpacked, index, node, (1 << (bits - 1)) - 1)
    return unpacked


def _raise_weights(unpacked: Any, node: Node, least: NDArray[Any]) -> None:
    """Give every output channel a weight of at least `least` (channels,) in size, where it has none."""
    weights = _weights(unpacked, node)
    raised = np.moveaxis(weights, -1 if node.op == "DEPTHWISE_CONV_2D" else 0, 0)
    by_channel = raised.reshape(len(least), -1)
    largest = np.abs(by_channel).max(axis=1)
    if not (small := largest < least).any():
        return
    places = np.abs(by_channel).argmax(axis=1)
    for channel in np.flatnonzero(small):
        at = np.unravel_index(places[channel], raised.shape[1:])
        raised[(channel, *at)] = least[channel]
    _put(unpacked, node, weights)


def _round_weights(unpacked: Any, index: int, node: Node, most: int) -> None:
    """Round a layer's weights to the steps of a scale for each output channel, up to its largest weight."""
    weights = _weights(unpacked, node)
    # output channels first, then input channels, of which a depthwise convolution has one each
    if node.op == "DEPTHWISE_CONV_2D":
        order = [weights.ndim - 1, *range(weights.ndim - 1)]
    elif node.op == "BATCH_MATMUL":
        last = (weights.ndim - 2, weights.ndim - 1)
        is_turned = unpacked.subgraphs[0].operators[index].builtinOptions.adjY
        order = [*(last if is_turned else last[::-1]), *range(weights.ndim - 2)]
    else:
        order = [0, weights.ndim - 1, *range(1, weights.ndim - 1)]
    turned = weights.transpose(order)
    groups = turned.reshape(*turned.shape[:2], -1)
    scale = np.maximum(np.abs(groups).max(axis=(1, 2), keepdims=True), LEAST_WEIGHT) / np.float32(most)
    rounded = cancelling(groups / scale, most) * scale
    _put(unpacked, node, rounded.reshape(turned.shape).transpose(np.argsort(order)))


def _weights(unpacked: Any, node: Node) -> NDArray[np.float32]:
    """A layer's float32 weights, in the tensor's shape."""
    tensor = unpacked.subgraphs[0].tensors[node.weight]
    return np.frombuffer(bytes(unpacked.buffers[tensor.buffer].data), np.float32).reshape(tensor.shape).copy()


def _put(unpacked: Any, node: Node, weights: NDArray[Any]) -> None:
    tensor = unpacked.subgraphs[0].tensors[node.weight]
    unpacked.buffers[tensor.buffer].data = np.ascontiguousarray(weights, np.float32).reshape(-1).view(np.uint8)


def _bias(unpacked: Any, node: Node) -> NDArray[Any] | None:
    """A layer's constant bias, None without one."""
    place = 3 if node.op == "TRANSPOSE_CONV" else 2
    if place >= len(node.inputs):
        return None
    return weights_of(unpacked, node.inputs[place])


def quantize(model: bytes, nodes: list[Node], made: Plan, calibration: Calibration) -> bytes:
    """The .tflite with the plan carried out; float inputs and outputs."""
    from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe_manager

    ops, algorithms = qtyping.TFLOperationName, algorithm_manager.AlgorithmName
    told = recipe_manager.RecipeManager()
    for precision in sorted({one for one in made.done if one is not None}):
        names = [node.name for node, one in zip(nodes, made.done, strict=True) if one == precision]
        # an operation's scope is the names of its outputs, a semicolon behind each
        scope = f"^({'|'.join(map(re.escape, names))})(;|$)"
        if precision in STATIC:
            told.add_static_config(scope, ops.ALL_SUPPORTED, STATIC[precision], 8)
        elif precision == "w8a32":
            told.add_dynamic_config(scope, ops.ALL_SUPPORTED, 8)
        elif precision == "fp16":
            told.add_weight_only_config(
                scope, ops.ALL_SUPPORTED, 16, qtyping.QuantGranularity.TENSORWISE, algorithms.FLOAT_CASTING
            )
        else:
            told.add_weight_only_config(scope, ops.ALL_SUPPORTED, BITS[precision])
    for edge in (ops.INPUT, ops.OUTPUT):
        told.add_quantization_config(".*", edge, algorithm_key=algorithms.NO_QUANTIZE)
    work = quantizer.Quantizer(bytearray(model), told.get_quantization_recipe())
    statistics = _statistics(model, calibration.ranges) if calibration.ranges else None
    return bytes(work.quantize(statistics).quantized_model)


def _statistics(model: bytes, ranges: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Ranges as the quantizer wants them: arrays of the tensors' ranks."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(model, 0).Subgraphs(0)
    ranks = {graph.Tensors(i).Name().decode(): graph.Tensors(i).ShapeLength() for i in range(graph.TensorsLength())}
    return {
        name: {
            side: np.full((1,) * ranks[name], value, np.float32)
            for side, value in zip(("min", "max"), ends, strict=True)
        }
        for name, ends in ranges.items()
        if name in ranks
    }
