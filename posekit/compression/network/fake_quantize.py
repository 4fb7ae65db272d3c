"""What 8 bits do to a network, simulated in float: where a static int8 file rounds, this graph rounds too.

Weights: symmetric, a scale for each output channel. Activations: a scale and a zero point for each tensor, from the
ranges that the float network has on pictures. Gradients pass through as if nothing were rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posekit.compression.network.graph import Graph, copied, tensor_of
from posekit.compression.network.layers import layer_kinds, watch

# a file rounds once after these and the layer before them, which run as one
_FUSED = ("relu", "relu6", "hardtanh", "clamp_min")
# these give values that they got, at the same scale
_MOVING = [
    "view",
    "reshape",
    "permute",
    "transpose",
    "flatten",
    "unflatten",
    "squeeze",
    "unsqueeze",
    "slice",
    "select",
    "split",
    "split_with_sizes",
    "chunk",
    "unbind",
    "expand",
    "contiguous",
    "clone",
    "dropout",
    "max_pool2d",
    "upsample_nearest2d",
    "getitem",
    "detach",
    "alias",
]


def rounding(graph_module: Graph, more: tuple[str, ...] = ()) -> Graph:
    """A graph over the same parameters that rounds as w8a8 does; its ranges must be set before it is run.

    more: as for `copied`; of a node that is rounded, the rounded values.
    """
    import torch

    result = copied(graph_module, more)
    graph, kinds = result.graph, layer_kinds()
    for node in list(graph.nodes):
        weight = tensor_of(result, node.args[1]) if node.target in kinds and len(node.args) > 1 else None
        if weight is not None:
            axis = 1 if kinds[node.target] == "deconv" else 0
            result.add_submodule(f"{node.name}_weight_rounding", _weight_rounding(axis))
            with graph.inserting_before(node):
                node.update_arg(1, graph.call_module(f"{node.name}_weight_rounding", (node.args[1],)))
        if _is_rounded(node):
            result.add_submodule(f"{node.name}_rounding", _activation_rounding(node.name))
            with graph.inserting_after(node):
                rounded = graph.call_module(f"{node.name}_rounding", (node,))
            node.replace_all_uses_with(rounded, delete_user_cb=lambda user, own=rounded: user is not own)
    result.recompile()
    assert isinstance(result, torch.fx.GraphModule)
    return result


def set_ranges(rounding_graph: Graph, graph_module: Graph, inputs: Sequence[Any]) -> None:
    """Take the ranges of the float graph's tensors on inputs (1, 3, H, W); 0 is in each, as a zero point needs."""
    ends: dict[str, tuple[float, float]] = {}

    def see(node: Any, value: Any) -> None:
        low, high = ends.get(node.name, (0.0, 0.0))
        if value.is_floating_point():
            ends[node.name] = (min(low, float(value.min())), max(high, float(value.max())))

    watch(graph_module, inputs, see)
    for module in rounding_graph.modules():
        if hasattr(module, "of"):
            low, high = ends[module.of]
            module.scale = max(high - low, 1e-8) / 255
            module.zero = min(max(round(-low / module.scale), 0), 255)


def _is_rounded(node: Any) -> bool:
    if node.op == "placeholder":
        return True
    if node.op != "call_function" or getattr(node.target, "_opname", node.target.__name__) in _MOVING:
        return False
    value = node.meta.get("val")
    if value is not None and not (hasattr(value, "is_floating_point") and value.is_floating_point()):
        return False  # several tensors, or indices
    readers = [getattr(user.target, "_opname", "") for user in node.users]
    return not (len(readers) == 1 and readers[0] in _FUSED)


def _weight_rounding(axis: int) -> Any:
    import torch
    from torch import Tensor, nn

    class WeightRounding(nn.Module):
        """int8, symmetric, a scale for each index of an axis, which follows the weights."""

        def forward(self, weight: Tensor) -> Tensor:
            others = [dim for dim in range(weight.ndim) if dim != axis]
            scale = (weight.detach().abs().amax(others) / 127).clamp(min=1e-12)
            zero = torch.zeros(len(scale), dtype=torch.int32)
            return torch.fake_quantize_per_channel_affine(weight, scale, zero, axis, -127, 127)

    return WeightRounding()


def _activation_rounding(name: str) -> Any:
    import torch
    from torch import Tensor, nn

    class ActivationRounding(nn.Module):
        """8 bits, one scale and zero point; of: whose values they are."""

        def __init__(self) -> None:
            super().__init__()
            self.of = name
            self.scale, self.zero = 1.0, 0

        def forward(self, values: Tensor) -> Tensor:
            return torch.fake_quantize_per_tensor_affine(values, self.scale, self.zero, 0, 255)

    return ActivationRounding()
