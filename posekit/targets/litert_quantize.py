"""A recipe turned into what ai-edge-quantizer is told, operation by operation, with the reason for every exception.

What is prepared for a static precision: normalisation, decode arithmetic, the layers whose results are the outputs, and
operations without a fast 8-bit kernel compute in float32. One scale cannot hold coordinates and scores together, and a
SimCC map of 8 bits has peaks of equal height: of the sample's SimCC network the worst person's OKS is 0.968 with 8-bit
outputs and 0.998 without, in a file of the same size.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.precisions import Precision
from posekit.recipe import Recipe
from posekit.targets.converted import Calibration
from posekit.targets.tflite_graph import Node, after_layers, before_layers, weights_of

STATIC: Mapping[Precision, int] = {"w8a8": 8, "w8a16": 16}  # bits of activations
FOUR_BIT = ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")
# XNNPACK has no 8-bit kernel for these: of the samples, w8a8 takes 1.2 to 1.4 times fp32's time with 8-bit hard-swish,
# which leaves the delegate a dozen times, and 0.5 to 0.7 times with it in float
NO_FAST_KERNEL = ("HARD_SWISH", "GELU")
INEXACT = ("DIV",)  # a divisor of 8 bits rounds to zero, at which the kernel ends the run, or the result is infinite
# whose kernels want a symmetric weight, which one that is computed is not
SYMMETRIC = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
JOINS = ("CONCATENATION", "PACK")
LARGEST_BIAS = 2.0**30  # half of what an int32 holds, so that rounding stays within
UNLIKE = 16.0  # ranges further apart lose 4 of 8 bits in a joint scale
OUTPUT_LAYER = "its result is an output: it computes in float32"


@dataclass(frozen=True, slots=True)
class Plan:
    """done: what each node is made; why: the reason by node, where that is not the recipe's; notes: for the user."""

    done: tuple[Precision | None, ...]
    why: Mapping[int, str]
    notes: tuple[str, ...]


def plan(nodes: list[Node], recipe: Recipe, calibration: Calibration) -> Plan:
    """What to do with every operation. None is float32."""
    first, (last, giving) = before_layers(nodes), after_layers(nodes)
    done: list[Precision | None] = []
    why: dict[int, str] = {}
    kept: Counter[str] = Counter()
    unlike: list[str] = []
    padded, exact = paddings_of_maxima(nodes), divisions(nodes)
    for index, node in enumerate(nodes):
        wanted = recipe.of(node.layer) if node.layer else recipe.precision
        known = all(
            name in calibration.ranges for name in (node.name, *(nodes[source].name for source in node.sources))
        )
        if node.layer:
            made: Precision | None = wanted
            if wanted in STATIC and index in giving:
                made, why[index] = "w8", OUTPUT_LAYER
            elif wanted in STATIC and not known:
                made, why[index] = "w8", "its values are not finite on the calibration pictures"
            elif wanted == "w4" and node.op not in FOUR_BIT:
                made, why[index] = "w8", f"LiteRT has no 4-bit {node.op}"
        elif wanted not in STATIC or index in first or index in last:
            made = None
        elif not known or (node.has_infinite and index not in padded) or node.op in SYMMETRIC:
            made = None  # what is not finite has no scale; a weight that is computed has no symmetric one
        elif node.op in NO_FAST_KERNEL:
            made = None
            kept[node.op] += 1
        elif index in exact or node.weight >= 0:
            made = None  # a product that is no layer is arithmetic: weights of a resize, bins that are counted
        elif node.op in JOINS and (ratio := _unlike(node, nodes, calibration)) > UNLIKE:
            made = None
            unlike.append(f"{node.name} ({ratio:.0f} times)")
        else:
            made = wanted
        done.append(None if made == "fp32" else made)
    notes = []
    if recipe.precision in STATIC:
        if last:
            notes.append(_of_decoding(nodes, last, calibration))
        notes += [f"{count} {op} compute in float32: there is no fast 8-bit kernel" for op, count in kept.items()]
        if unlike:
            notes.append(f"joined in float32, since their parts' ranges are unlike: {', '.join(unlike)}")
    return Plan(tuple(done), why, tuple(notes))


def paddings_of_maxima(nodes: list[Node]) -> set[int]:
    """Paddings with minus infinity of which only maxima are taken: any value below all others serves as well."""
    readers: dict[int, list[str]] = {}
    for node in nodes:
        for source in node.sources:
            readers.setdefault(source, []).append(node.op)
    return {
        index
        for index, node in enumerate(nodes)
        if node.op == "PADV2" and node.has_infinite and set(readers.get(index, ())) == {"MAX_POOL_2D"}
    }


def divisions(nodes: list[Node]) -> set[int]:
    """The divisions, and what their divisors are computed by since the last layer."""
    found = {index for index, node in enumerate(nodes) if node.op in INEXACT and not node.layer}
    ahead = [
        source for index in found for source in nodes[index].sources if nodes[index].inputs[1] in nodes[source].outputs
    ]
    while ahead:
        index = ahead.pop()
        if index not in found and not nodes[index].layer:
            found.add(index)
            ahead += nodes[index].sources
    return found


def settled(unpacked: Any, nodes: list[Node], made: Plan, calibration: Calibration) -> Any:
    """The float model with what static quantization would lose put right; its values stay as they are.

    Maxima are padded with the least value that 8 bits hold instead of minus infinity. A channel whose weights are next to
    nothing beside its bias, as BatchNorm leaves those that died, would get a scale in which the bias does not fit 32 bits
    (relative error of such a network 0.42 instead of 0.005): one of its weights is raised until it does.
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
    return unpacked


def _raise_weights(unpacked: Any, node: Node, least: NDArray[Any]) -> None:
    """Give every output channel a weight of at least `least` (channels,) in size, where it has none."""
    tensor = unpacked.subgraphs[0].tensors[node.weight]
    buffer = unpacked.buffers[tensor.buffer]
    weights = np.frombuffer(bytes(buffer.data), np.float32).reshape(tensor.shape).copy()
    by_channel = np.moveaxis(weights, -1 if node.op == "DEPTHWISE_CONV_2D" else 0, 0).reshape(len(least), -1)
    largest = np.abs(by_channel).max(axis=1)
    if not (small := largest < least).any():
        return
    places = np.abs(by_channel).argmax(axis=1)
    raised = np.moveaxis(weights, -1 if node.op == "DEPTHWISE_CONV_2D" else 0, 0)
    for channel in np.flatnonzero(small):
        at = np.unravel_index(places[channel], raised.shape[1:])
        raised[(channel, *at)] = least[channel]
    buffer.data = weights.reshape(-1).view(np.uint8)


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
            told.add_weight_only_config(scope, ops.ALL_SUPPORTED, {"w8": 8, "w4": 4}[precision])
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


def _unlike(node: Node, nodes: list[Node], calibration: Calibration) -> float:
    """How many times larger the largest range of the parts is than the smallest."""
    sizes = [_magnitude(calibration, nodes[source].name) for source in node.sources]
    known = [size for size in sizes if size > 0]
    return max(known) / min(known) if len(known) > 1 else 1.0


def _magnitude(calibration: Calibration, name: str) -> float:
    return max(map(abs, calibration.ranges.get(name, (0.0, 0.0))))


def _of_decoding(nodes: list[Node], last: set[int], calibration: Calibration) -> str:
    """How many operations, and the most unlike values that they join."""
    text = f"{len(last)} operations behind the last layers compute in float32"
    joined = [
        sorted(size for source in nodes[index].sources if (size := _magnitude(calibration, nodes[source].name)) > 0)
        for index in sorted(last)
        if nodes[index].op in JOINS
    ]
    unlike = max((sizes for sizes in joined if len(sizes) > 1), key=lambda sizes: sizes[-1] / sizes[0], default=None)
    return (
        text if unlike is None else f"{text}: they join values of up to {unlike[0]:.3g} and of up to {unlike[-1]:.3g}"
    )
