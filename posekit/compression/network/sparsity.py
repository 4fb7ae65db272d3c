"""Magnitude pruning: the smallest weights of each layer become zero, and stay zero while the rest recovers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from posekit.compression.network.graph import Graph
from posekit.compression.network.layers import layers_of
from posekit.compression.network.result import LayerChange


@dataclass(frozen=True, slots=True)
class Masks:
    """Pairs of a parameter and its mask of ones and zeros."""

    pairs: tuple[tuple[Any, Any], ...] = ()

    def apply(self) -> None:
        """Make the masked weights zero."""
        import torch

        with torch.no_grad():
            for parameter, mask in self.pairs:
                parameter.mul_(mask)


def sparsify(graph_module: Graph, fraction: float, size_wh: tuple[int, int]) -> tuple[Masks, list[LayerChange]]:
    """Make `fraction` of each layer's weights zero, the smallest (torch.nn.utils.prune.L1Unstructured)."""
    import torch
    from torch.nn.utils.prune import L1Unstructured

    pairs, changes = [], []
    for layer in layers_of(graph_module, size_wh):
        weight, cost = layer.weight, layer.multiply_adds
        mask = L1Unstructured(fraction).compute_mask(weight.detach(), torch.ones_like(weight))  # type: ignore[no-untyped-call]
        pairs.append((weight, mask))
        changes.append(LayerChange(layer.name, "sparsity", cost, cost, weight.numel(), int(mask.sum())))
    masks = Masks(tuple(pairs))
    masks.apply()
    return masks, changes
