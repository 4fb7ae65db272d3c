"""What becomes of every operation of a .tflite under a recipe, with the reason for every exception.

Under a static precision these compute in float32: normalisation, decode arithmetic, the layers whose results are the
outputs, operations without a fast 8-bit kernel, attention and what is computed from tensors that 8 bits hold too
coarsely. One scale cannot hold coordinates and scores together, and a SimCC map of 8 bits has peaks of equal height: of
the sample's SimCC network the worst person's OKS is 0.968 with 8-bit outputs and 0.998 without, in a file of the same
size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from posekit.contract.precisions import Precision
from posekit.contract.recipe import Recipe
from posekit.runtimes.eight_bits import coarse
from posekit.targets.converted import COARSE, Calibration
from posekit.targets.litert.tflite_graph import Node, after_layers, before_layers, borders, readers_of
from posekit.targets.rounding import size_of_small, why_eight

STATIC: Mapping[Precision, int] = {"w8a8": 8, "w8a16": 16}  # bits of activations
FOUR_BIT = ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")
# XNNPACK has no 8-bit kernel for these: of the samples, w8a8 takes 1.2 to 1.4 times fp32's time with 8-bit hard-swish,
# which leaves the delegate a dozen times, and 0.5 to 0.7 times with it in float
NO_FAST_KERNEL = ("HARD_SWISH", "GELU")
# Nor for these, of which attention and norms are made: all that is between them and the next layers computes in float,
# or every one would be left and entered again
ATTENTION = ("BATCH_MATMUL", "SOFTMAX", "RSQRT", "SQRT", "SQUARED_DIFFERENCE")
INEXACT = ("DIV",)  # a divisor of 8 bits rounds to zero, at which the kernel ends the run, or the result is infinite
# whose kernels want a symmetric weight, which one that is computed is not
SYMMETRIC = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
JOINS = ("CONCATENATION", "PACK")
UNLIKE = 16.0  # ranges further apart lose 4 of 8 bits in a joint scale
# whose own channels say nothing: a factor between 0 and 1 has steps that are fine enough, and what moves values may mix
# them
UNJUDGED = ("LOGISTIC", "RESHAPE", "TRANSPOSE")
OUTPUT_LAYER = "its result is an output: it computes in float32"
NOT_FINITE = "its values are not finite on the calibration pictures"


@dataclass(frozen=True, slots=True)
class Plan:
    """done: what each node is made; why: the reason by node, where that is not the recipe's; notes: for the user."""

    done: tuple[Precision | None, ...]
    why: Mapping[int, str]
    notes: tuple[str, ...]


def plan(nodes: list[Node], recipe: Recipe, calibration: Calibration) -> Plan:
    """What to do with every operation. None is float32."""
    lossy = _coarse(nodes, calibration)
    layers = dict(_layers(nodes, recipe, calibration, lossy))
    done: list[Precision | None] = [layers[index][0] if index in layers else None for index in range(len(nodes))]
    why = {index: reason for index, (_, reason) in layers.items() if reason}
    count = list(why.values()).count(COARSE)
    notes = [f"{count} layers: {COARSE.replace('it computes', 'they compute')}"] if count else []
    if recipe.precision in STATIC:
        floats, said = _in_float(nodes, recipe.precision, done, calibration, lossy)
        for index, node in enumerate(nodes):
            if not node.layer and index not in floats:
                done[index] = recipe.precision
        notes = said + notes
    return Plan(tuple(None if one == "fp32" else one for one in done), why, tuple(notes))


def _layers(
    nodes: list[Node], recipe: Recipe, calibration: Calibration, lossy: Collection[int]
) -> Iterator[tuple[int, tuple[Precision, str]]]:
    """What each layer is made, and the reason where that is not what the recipe says."""
    _, giving = after_layers(nodes)
    small = size_of_small(node.weights for node in nodes if node.layer)
    for index, node in enumerate(nodes):
        if not node.layer:
            continue
        wanted, reason = recipe.of(node.layer), ""
        if wanted in STATIC:
            if index in giving:
                reason = OUTPUT_LAYER
            elif not _known(node, nodes, calibration):
                reason = NOT_FINITE
            elif wanted == "w8a8" and index in lossy:
                reason = COARSE
        elif wanted == "w4" and node.op not in FOUR_BIT:
            reason = f"LiteRT has no 4-bit {node.op}"
        elif wanted == "w4" and node.weights <= small:
            reason = why_eight(node.weights)
        yield index, ("w8" if reason else wanted, reason)


def _in_float(
    nodes: list[Node],
    precision: Precision,
    done: Sequence[Precision | None],
    calibration: Calibration,
    lossy: Collection[int],
) -> tuple[set[int], list[str]]:
    """The operations that are no layers and compute in float32 under a static precision, and what to say of them."""
    last, _ = after_layers(nodes)
    padded, exact, attention = paddings_of_maxima(nodes), divisions(nodes), _attention(nodes)
    floats = (
        (before_layers(nodes) - borders(nodes, {index for index, one in enumerate(done) if one in STATIC}))
        | last
        | exact
        | attention
    )
    kept: Counter[str] = Counter()
    unlike: list[str] = []
    for index, node in enumerate(nodes):
        if node.layer or index in floats:
            continue
        if node.op in NO_FAST_KERNEL:
            floats.add(index)
            kept[node.op] += 1
        elif not _known(node, nodes, calibration) or (node.has_infinite and index not in padded):
            floats.add(index)  # what is not finite has no scale
        elif node.op in SYMMETRIC or node.weight >= 0:
            # a weight that is computed is not symmetric; a product that is no layer is the weights of a resize, or bins
            floats.add(index)
        elif precision == "w8a8" and index in lossy:
            floats.add(index)
        elif node.op in JOINS and (ratio := _unlike(node, nodes, calibration)) > UNLIKE:
            floats.add(index)
            unlike.append(f"{node.name} ({ratio:.0f} times)")
    notes = [_of_decoding(nodes, last, calibration)] if last else []
    notes += [f"{count} {op} compute in float32: there is no fast 8-bit kernel" for op, count in kept.items()]
    if attention:
        notes.append(
            f"{len(attention)} operations of attention and norms compute in float32: there is no fast 8-bit kernel"
        )
    if unlike:
        notes.append(f"joined in float32, since their parts' ranges are unlike: {', '.join(unlike)}")
    return _filled(nodes, floats, done), notes


def _filled(nodes: list[Node], floats: Collection[int], done: Sequence[Precision | None]) -> set[int]:
    """With the operations that read floats alone and are read by such alone: rounding them would be work for
    nothing."""
    found = set(floats)
    readers = readers_of(nodes)

    def is_float(index: int) -> bool:
        return done[index] not in STATIC if nodes[index].layer else index in found

    while True:
        more = {
            index
            for index, node in enumerate(nodes)
            if not node.layer and index not in found and node.sources and readers[index]
            and all(map(is_float, [*node.sources, *readers[index]]))
        }  # fmt: skip
        if not more:
            return found
        found |= more


def _attention(nodes: list[Node]) -> set[int]:
    """The operations of attention and norms, with all that is between them and the layers around."""
    readers = readers_of(nodes)
    found = {index for index, node in enumerate(nodes) if node.op in ATTENTION and not node.layer and node.weight < 0}
    ahead = list(found)
    while ahead:
        index = ahead.pop()
        around = {one for one in (*nodes[index].sources, *readers[index]) if not nodes[one].layer} - found
        found |= around
        ahead += around
    return found


def _around(node: Node, nodes: list[Node]) -> list[Node]:
    """A node and those that it reads."""
    return [node, *(nodes[source] for source in node.sources)]


def _known(node: Node, nodes: list[Node], calibration: Calibration) -> bool:
    return all(one.name in calibration.ranges for one in _around(node, nodes))


def _coarse(nodes: list[Node], calibration: Calibration) -> set[int]:
    """The nodes that read or make what 8 bits would lose too much of."""
    judged = {
        node.name
        for node in nodes
        if node.op not in UNJUDGED
        and not (node.op in JOINS and all(nodes[part].op == "RESHAPE" for part in node.sources))
    }
    names = coarse(calibration.lost, judged)
    return {index for index, node in enumerate(nodes) if any(one.name in names for one in _around(node, nodes))}


def paddings_of_maxima(nodes: list[Node]) -> set[int]:
    """Paddings with minus infinity of which only maxima are taken: any value below all others serves as well."""
    readers = readers_of(nodes)
    return {
        index
        for index, node in enumerate(nodes)
        if node.op == "PADV2" and node.has_infinite and {nodes[one].op for one in readers[index]} == {"MAX_POOL_2D"}
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
