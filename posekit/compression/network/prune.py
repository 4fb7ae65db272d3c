"""Channel pruning: channels that only the next layer reads are removed, from both layers and from what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posekit.compression.network.graph import Graph, set_tensor, tensor_of, tidy
from posekit.compression.network.layers import CompressibleLayer, layers_of, moments
from posekit.compression.network.result import LayerChange

RIDGE = 1e-3  # of the mean power, added when channels are told from others: two that are alike divide by nothing
# operations whose channels depend on the same channel of the input alone, and on no weight
_OF_A_VALUE = [
    "relu",
    "relu6",
    "hardswish",
    "silu",
    "gelu",
    "elu",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "hardtanh",
    "hardsigmoid",
    "clamp",
    "clamp_min",
    "mish",
    "softplus",
    "dropout",
    "clone",
]
_OF_A_MAP = ["max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "upsample_nearest2d", "upsample_bilinear2d"]


@dataclass(frozen=True, slots=True)
class Chain:
    """A layer whose outputs reach one other layer and nothing else.

    between: nodes of depthwise convolutions and of BatchNorms, which have tensors with as many channels.
    """

    first: CompressibleLayer
    between: tuple[Any, ...]
    last: CompressibleLayer

    @property
    def channels(self) -> int:
        """How many channels lie between the two."""
        return int(self.first.weight.shape[self.first.out_axis])


def prune(graph_module: Graph, fraction: float, size_wh: tuple[int, int], inputs: Sequence[Any]) -> list[LayerChange]:
    """Remove `fraction` of the channels of every chain.

    inputs: (1, 3, H, W) of pictures: those channels stay that tell most of the others, and the next layer is fitted to
    them; without any, those with the largest weights stay.
    """
    layers = layers_of(graph_module, size_wh)
    found = {layer.node.name: chain_from(layer, layers) for layer in layers}
    chains = [chain for chain in found.values() if isinstance(chain, Chain)]
    axes = {chain.last.node.args[0].name: chain.last.channel_axis for chain in chains}
    seen = moments(graph_module, axes, inputs) if inputs else {}
    kept = {}
    for chain in chains:
        count = max(round(chain.channels * (1 - fraction)), 1)
        kept[chain.first.node.name] = count
        if count < chain.channels:
            second = seen[chain.last.node.args[0].name].second if seen else None
            shrink(graph_module, chain, *choose(graph_module, chain, count, second))
    tidy(graph_module)
    after = {layer.node.name: layer.multiply_adds for layer in layers_of(graph_module, size_wh)}
    changes = []
    for layer in layers:
        start = found[layer.node.name]
        sizes = (start.channels, kept[layer.node.name]) if isinstance(start, Chain) else (0, 0)
        left = start if isinstance(start, str) else "" if sizes[1] < sizes[0] else f"has {sizes[0]} channels only"
        changes.append(LayerChange(layer.name, "prune", layer.multiply_adds, after[layer.node.name], *sizes, left=left))
    return changes


def chain_from(layer: CompressibleLayer, layers: Sequence[CompressibleLayer]) -> Chain | str:
    """The chain that starts with `layer`, or why there is none."""
    by_node = {other.node: other for other in layers}
    if layer.groups != 1:
        return "grouped: its channels are those of the layer before it"
    if layer.shared:
        return "its weights are used twice"
    node, between = layer.node, list[Any]()
    while True:
        if len(node.users) != 1:
            return f"{len(node.users)} operations read its outputs"
        node, reader = next(iter(node.users)), node
        if node.op == "output":
            return "its outputs are the network's"
        other = by_node.get(node)
        if (other is None and not _keeps_channels(node, layer.kind)) or node.args[0] is not reader:
            return f"its outputs reach {getattr(node.target, '_opname', node.target)}, which mixes them with others"
        if other is not None and other.shared:
            return f"the weights of {other.name} are used twice"
        if other is not None and other.groups == 1:
            if (other.kind == "linear") != (layer.kind == "linear"):
                return f"its outputs reach {other.name}, which counts channels on another axis"
            return Chain(layer, tuple(between), other)
        if other is not None and (other.kind != "conv" or other.weight.shape[:2] != (other.groups, 1)):
            return f"its outputs reach {other.name}, which is grouped"
        if other is not None or node.target._opname == "batch_norm":
            between.append(node)


def _keeps_channels(node: Any, kind: str) -> bool:
    name = getattr(node.target, "_opname", "")
    constants = not any(hasattr(part, "op") for part in (*node.args[1:], *node.kwargs.values()))
    if name == "batch_norm":
        # folded where it could be; in training mode it would mix the pictures
        return kind != "linear" and not node.args[5] and all(len(part.users) == 1 for part in node.args[1:5] if part)
    return constants and (name in _OF_A_VALUE or (name in _OF_A_MAP and kind != "linear"))


def choose(graph_module: Graph, chain: Chain, count: int, second: Any) -> tuple[Any, Any]:
    """Which channels stay (count,), and how the others are told from them: (channels, count), or None.

    second: mean products (C, C) of the channels as the last layer reads them, or None.
    """
    import torch

    last = tensor_of(graph_module, chain.last.node.args[1]).detach().double().movedim(chain.last.in_axis, 0)
    reach = last.reshape(len(last), -1).norm(dim=1)
    if second is None:
        first = tensor_of(graph_module, chain.first.node.args[1]).detach().double().movedim(chain.first.out_axis, 0)
        strength = reach * first.reshape(len(first), -1).norm(dim=1)
        return strength.topk(count).indices.sort().values, None
    # pivoted Cholesky: each time the channel of which most is not yet told by those taken, as the last layer weighs it
    rest, taken = reach[:, None] * second * reach[None], list[int]()
    for _ in range(count):
        power = rest.diagonal().clone()
        power[taken] = -1.0
        taken.append(int(power.argmax()))
        column = rest[:, taken[-1]]
        rest = rest - torch.outer(column, column) / column[taken[-1]].clamp(min=1e-30)
    kept = torch.tensor(sorted(taken))
    known = second[kept][:, kept]
    damped = known + RIDGE * known.diagonal().mean().clamp(min=1e-30) * torch.eye(count, dtype=torch.float64)
    told = torch.linalg.solve(damped, second[kept]).T
    told[kept] = torch.eye(count, dtype=torch.float64)
    return kept, told


def shrink(graph_module: Graph, chain: Chain, kept: Any, told: Any) -> None:
    """Keep those channels of a chain; `told` (channels, kept) spreads the last layer's weights for the others on
    them."""
    first, last = chain.first.node, chain.last.node
    weight = tensor_of(graph_module, last.args[1]).movedim(chain.last.in_axis, -1)
    fewer = weight[..., kept] if told is None else (weight.double() @ told).float()
    set_tensor(graph_module, last.args[1], fewer.movedim(-1, chain.last.in_axis))
    _take(graph_module, first.args[1], kept, chain.first.out_axis)
    for part in first.args[2:3]:
        _take(graph_module, part, kept, 0)
    for node in chain.between:
        for part in node.args[1:5] if node.target._opname == "batch_norm" else node.args[1:3]:
            _take(graph_module, part, kept, 0)
        if node.target._opname != "batch_norm":  # depthwise
            node.update_arg(6, len(kept))


def _take(graph_module: Graph, node: Any, kept: Any, axis: int) -> None:
    value = tensor_of(graph_module, node)
    if value is not None:
        set_tensor(graph_module, node, value.index_select(axis, kept))
