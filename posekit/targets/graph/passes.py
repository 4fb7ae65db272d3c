"""Rewrites of an exported graph that change no value but what converters make of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

UNTIDY = "posekit_untidy"  # in a graph's meta: tidied_once() sees to the rest
WEIGHT = "posekit_weight"  # in a node's meta: where its weight was before it was folded
ARITHMETIC = "posekit_arithmetic"  # in a node's meta: its constant is none of the network's weights


def fuse_batch_norm(graph_module: Any) -> int:
    """Fold each BatchNorm into the convolution before it, transposed ones too; returns how many.

    Left alone, a BatchNorm after a ConvTranspose2d becomes a bias of shape [1, 1, 1, C] in the .tflite, which
    quantizes to a file that does not load ("num_scales must be 1").
    """
    import torch

    aten = torch.ops.aten
    transposed = {
        aten.conv2d.default: False, aten.conv1d.default: False, aten.conv_transpose2d.input: True,
        aten.conv_transpose1d.default: True,
    }  # fmt: skip
    fused = 0
    for norm in list(graph_module.graph.nodes):
        if norm.target is not aten.batch_norm.default or norm.args[5]:  # args[5]: training
            continue
        conv = norm.args[0]
        if conv.target not in transposed or len(conv.users) != 1:
            continue
        is_transposed = transposed[conv.target]
        groups = conv.args[6] if is_transposed and len(conv.args) > 6 else 1
        sources = [*(*conv.args, None)[1:3], *norm.args[1:5]]
        tensors = [_value(graph_module, node) for node in sources]
        if tensors[0] is None or any(value is None for value in tensors[4:]):
            continue
        if any(value is None for node, value in zip(sources, tensors, strict=True) if node is not None):
            continue  # computed from the input: nothing constant to fold
        weight, bias = _fused_weights(tensors, float(norm.args[7]), is_transposed, groups)
        with graph_module.graph.inserting_before(conv):
            new = [_parameter(graph_module, f"fused_{fused}_{n}", v) for n, v in (("weight", weight), ("bias", bias))]
        conv.meta[WEIGHT] = sources[0].meta.get(WEIGHT, sources[0].target)
        conv.args = (conv.args[0], *new, *conv.args[3:])
        norm.replace_all_uses_with(conv)
        graph_module.graph.erase_node(norm)
        fused += 1
    tidy(graph_module)
    return fused


def name_convolutions(graph_module: Any) -> int:
    """A traced network's `_convolution`, which no converter knows, as the convolution that it is; returns how many."""
    import torch

    aten = torch.ops.aten
    plain = {1: aten.conv1d.default, 2: aten.conv2d.default}
    transposed = {1: aten.conv_transpose1d.default, 2: aten.conv_transpose2d.input}
    count = 0
    for node in list(graph_module.graph.nodes):
        if node.target is not aten._convolution.default:
            continue
        x, weight, bias, stride, padding, dilation, is_transposed, output_padding, groups = node.args[:9]
        if len(stride) not in plain:
            continue
        with graph_module.graph.inserting_before(node):
            call = graph_module.graph.call_function
            if is_transposed:
                target = transposed[len(stride)]
                new = call(target, (x, weight, bias, stride, padding, output_padding, groups, dilation))
            else:
                new = call(plain[len(stride)], (x, weight, bias, stride, padding, dilation, groups))
        new.meta = dict(node.meta)
        node.replace_all_uses_with(new)
        graph_module.graph.erase_node(node)
        count += 1
    tidy(graph_module)
    return count


def _fused_weights(tensors: list[Any], eps: float, is_transposed: bool, groups: int) -> tuple[Any, Any]:
    """Weight and bias with the norm in them. Output j of group g of a transposed convolution is weight[inputs of g,
    j]."""
    import torch

    weight, bias, gamma, beta, mean, variance = tensors
    nothing = torch.zeros_like(mean, dtype=torch.float64)
    scale = (nothing + 1 if gamma is None else gamma.double()) / torch.sqrt(variance.double() + eps)
    shift = (nothing if bias is None else bias.double()) - mean.double()
    fused_bias = shift * scale + (nothing if beta is None else beta.double())
    if is_transposed:
        of_input = scale.reshape(groups, -1).repeat_interleave(weight.shape[0] // groups, dim=0)
        factor = of_input.reshape(*weight.shape[:2], *[1] * (weight.ndim - 2))
    else:
        factor = scale.reshape(-1, *[1] * (weight.ndim - 1))
    return (weight * factor).float(), fused_bias.float()


def rewrite_elu(graph_module: Any) -> int:
    """ELU as relu(x) + alpha * (exp(min(x, 0)) - 1); returns how many.

    litert-torch lowers elu itself to select() on NCHW tensors with a TRANSPOSE either side.
    """
    import torch

    aten = torch.ops.aten
    count = 0
    for node in list(graph_module.graph.nodes):
        if node.target not in (aten.elu.default, aten.elu_.default):
            continue
        x, alpha, scale, input_scale = [*node.args, 1, 1, 1][:4]
        with graph_module.graph.inserting_before(node):
            call = graph_module.graph.call_function
            negative = call(aten.clamp.default, (x, None, 0.0))
            if input_scale != 1:
                negative = call(aten.mul.Tensor, (negative, input_scale))
            negative = call(aten.sub.Tensor, (call(aten.exp.default, (negative,)), 1.0))
            if alpha != 1:
                negative = call(aten.mul.Tensor, (negative, alpha))
            new = call(aten.add.Tensor, (call(aten.relu.default, (x,)), negative))
            if scale != 1:
                new = call(aten.mul.Tensor, (new, scale))
        node.replace_all_uses_with(new)
        graph_module.graph.erase_node(node)
        count += 1
    tidy(graph_module)
    return count


def rewrite_scaled_add(graph_module: Any) -> int:
    """x + alpha * y as a product and a sum; returns how many.

    coremltools 9.0 refuses alpha when it reads a trace, and drops it without a word when it reads an exported program.
    """
    import torch

    aten = torch.ops.aten
    count = 0
    for node in list(graph_module.graph.nodes):
        if node.target not in (aten.add.Tensor, aten.add_.Tensor) or node.kwargs.get("alpha", 1) == 1:
            continue
        x, y = node.args
        with graph_module.graph.inserting_before(node):
            call = graph_module.graph.call_function
            new = call(aten.add.Tensor, (x, call(aten.mul.Tensor, (y, node.kwargs["alpha"]))))
        node.replace_all_uses_with(new)
        graph_module.graph.erase_node(node)
        count += 1
    tidy(graph_module)
    return count


def _value(graph_module: Any, node: Any) -> Any:
    """The tensor behind a get_attr node, or None."""
    if node is None or node.op != "get_attr":
        return None
    value = graph_module
    for part in node.target.split("."):
        value = getattr(value, part)
    return value.detach()


def _parameter(graph_module: Any, name: str, value: Any) -> Any:
    from torch import nn

    graph_module.register_parameter(name, nn.Parameter(value, requires_grad=False))
    return graph_module.graph.get_attr(name)


@contextlib.contextmanager
def tidied_once(graph_module: Any) -> Iterator[None]:
    """Leave what tidy() does beside the operations themselves to the end of the `with`: many passes change a graph, and
    nothing runs it between them."""
    graph_module.meta[UNTIDY] = True
    try:
        yield
    finally:
        del graph_module.meta[UNTIDY]
    tidy(graph_module)


def tidy(graph_module: Any) -> None:
    """Remove what is not used any more."""
    graph_module.graph.eliminate_dead_code()
    if UNTIDY in graph_module.meta:
        return
    graph_module.graph.lint()
    graph_module.delete_all_unused_submodules()
    graph_module.recompile()
