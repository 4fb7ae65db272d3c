"""Low-rank factorisation: a dense layer as one with few outputs, and a 1x1 layer that spreads them.

The few outputs are the principal components of the layer's own outputs, which leave the smallest error that any
factorisation of that rank can leave on the pictures (Zhang et al. 2015); without pictures they are those of the rows of
its weights, which is the truncated SVD.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posekit.compression.network.graph import Graph, tidy
from posekit.compression.network.layers import REPLACES, CompressibleLayer, Moments, layers_of, moments
from posekit.compression.network.result import LayerChange


@dataclass(frozen=True, slots=True)
class Factors:
    """first: weight of the layer to r outputs; spread (out, r) and bias (out,) of the layer after it.

    error: RMS of what is lost over the RMS of the outputs about their mean.
    """

    first: Any
    spread: Any
    bias: Any
    error: float


def factorise(graph_module: Graph, error: float, size_wh: tuple[int, int], inputs: Sequence[Any]) -> list[LayerChange]:
    """Replace every dense layer whose factors of relative error <= `error` need fewer multiply-adds.

    inputs: (1, 3, H, W) of pictures; without any, the error is that of the weights.
    """
    layers = layers_of(graph_module, size_wh)
    axes = {layer.node.name: layer.channel_axis for layer in layers if layer.groups == 1}
    seen = moments(graph_module, axes, inputs) if inputs else {}
    changes = []
    for layer in layers:
        before = layer.multiply_adds
        if layer.groups != 1:
            changes.append(
                LayerChange(layer.name, "low_rank", before, before, left="grouped, with few inputs an output")
            )
            continue
        factors = factors_of(layer, seen.get(layer.node.name), error)
        full, rank = factors.spread.shape
        after = layer.positions * factors.first.numel() + layer.outputs * factors.spread.numel()
        if after < before:
            replace(graph_module, layer, factors)
            changes.append(LayerChange(layer.name, "low_rank", before, after, full, rank, factors.error))
        else:
            left = f"it needs rank {rank} of {full} for that error, which takes no fewer multiply-adds"
            changes.append(LayerChange(layer.name, "low_rank", before, before, full, full, left=left))
    tidy(graph_module)
    return changes


def factors_of(layer: CompressibleLayer, seen: Moments | None, error: float) -> Factors:
    """The smallest factors of a dense layer whose relative error is at most `error`.

    seen: moments of the layer's outputs, bias included; None takes the inputs as white noise.
    """
    import torch

    rows = layer.weight.detach().double().movedim(layer.out_axis, 0)
    flat = rows.reshape(len(rows), -1)
    bias = torch.zeros(len(rows), dtype=torch.float64) if layer.bias is None else layer.bias.detach().double()
    covariance, mean = (flat @ flat.T, bias) if seen is None else (seen.covariance, seen.mean)
    power, axes = torch.linalg.eigh(covariance)  # ascending
    power, axes = power.flip(0).clamp(min=0), axes.flip(1)
    lost = (power.sum() - power.cumsum(0)).clamp(min=0) / power.sum().clamp(min=1e-30)
    rank = min(int((lost.sqrt() > error).sum()) + 1, len(rows))
    kept = axes[:, :rank]
    first = (kept.T @ flat).reshape(rank, *rows.shape[1:]).movedim(0, layer.out_axis)
    # y ~ mean + kept kept' (y - mean): what does not depend on the input goes into the bias
    return Factors(
        first.float(), kept.float(), (mean + kept @ (kept.T @ (bias - mean))).float(), float(lost[rank - 1].sqrt())
    )


def replace(graph_module: Graph, layer: CompressibleLayer, factors: Factors) -> None:
    """Put the two layers in the place of the one."""
    import torch
    from torch import nn

    aten, graph, node = torch.ops.aten, graph_module.graph, layer.node
    spatial = layer.weight.ndim - 2
    spread = factors.spread.reshape(*factors.spread.shape, *[1] * spatial)
    target = {0: aten.linear.default, 1: aten.conv1d.default, 2: aten.conv2d.default}[spatial]
    with graph.inserting_before(node):
        reads = []
        for part, value in (("first", factors.first), ("spread", spread), ("bias", factors.bias)):
            name = f"low_rank_{node.name}_{part}"
            graph_module.register_parameter(name, nn.Parameter(value.contiguous(), requires_grad=False))
            reads.append(graph.get_attr(name))
        first, second, bias = reads
        few = graph.create_node("call_function", node.target, (node.args[0], first, None, *node.args[3:]), node.kwargs)
        many = graph.create_node("call_function", target, (few, second, bias))
    many.meta[REPLACES] = node.meta.get(REPLACES, node.name)
    node.replace_all_uses_with(many)
    graph.erase_node(node)
