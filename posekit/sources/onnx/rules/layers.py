"""Operations with weights, pools and norms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from posekit.sources.network import Node, Operand, Rule, RuleError, tensor
from posekit.sources.onnx.rules.arithmetic import number
from posekit.sources.operations import inner_mean, same_margins, torch_pads


def whole_list(node: Node, name: str, default: Sequence[int]) -> list[int]:
    """An attribute that is a list of whole numbers."""
    return [int(one) for one in node.attributes.get(name, default)]


def convolution(node: Node, x: Operand, weight: Operand, bias: Operand = None) -> Any:
    """Conv of one or two axes; pads of unequal ends are an operation of their own."""
    import torch
    from torch.nn import functional

    x, weight = tensor(x), tensor(weight)
    axes = x.ndim - 2
    strides, dilations = whole_list(node, "strides", [1] * axes), whole_list(node, "dilations", [1] * axes)
    kernel = list(weight.shape[2:])
    begin, end = padding(node, list(x.shape[2:]), kernel, strides, dilations)
    if begin != end:
        x, begin = functional.pad(x, torch_pads([*zip(begin, end, strict=True)])), [0] * axes
    run = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}[axes]
    bias = None if bias is None else tensor(bias)
    return run(x, weight, bias, strides, begin, dilations, int(node.attributes.get("group", 1)))


def transposed_convolution(node: Node, x: Operand, weight: Operand, bias: Operand = None) -> Any:
    """ConvTranspose: the result is cut at both ends by the pads."""
    import torch

    x, weight = tensor(x), tensor(weight)
    axes = x.ndim - 2
    strides, dilations = whole_list(node, "strides", [1] * axes), whole_list(node, "dilations", [1] * axes)
    extra = whole_list(node, "output_padding", [0] * axes)
    spans = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilations, strict=True)]
    whole = [(n - 1) * s + span for n, s, span in zip(x.shape[2:], strides, spans, strict=True)]
    pads = whole_list(node, "pads", [0] * 2 * axes)
    begin, end = pads[:axes], pads[axes:]
    auto, shape = node.attributes.get("auto_pad", "NOTSET"), node.attributes.get("output_shape")
    if auto.startswith("SAME") or shape is not None:
        sizes = [n * s for n, s in zip(x.shape[2:], strides, strict=True)] if shape is None else list(shape)[-axes:]
        total = [max(w + e - int(size), 0) for w, e, size in zip(whole, extra, sizes, strict=True)]
        less, more = [one // 2 for one in total], [one - one // 2 for one in total]
        begin, end = (more, less) if auto != "SAME_UPPER" else (less, more)
    run = {1: torch.conv_transpose1d, 2: torch.conv_transpose2d, 3: torch.conv_transpose3d}[axes]
    bias, groups = None if bias is None else tensor(bias), int(node.attributes.get("group", 1))
    rest = [b - e + o for b, e, o in zip(begin, end, extra, strict=True)]  # torch cuts alike, then adds at the end
    if all(0 <= one < max(s, d) for one, s, d in zip(rest, strides, dilations, strict=True)):
        return run(x, weight, bias, strides, begin, rest, groups, dilations)
    y = run(x, weight, bias, strides, [0] * axes, [0] * axes, groups, dilations)
    for axis, (b, e, o) in enumerate(zip(begin, end, extra, strict=True), 2):
        if o > e:
            raise RuleError(f"an output_padding of {o} beyond its pads of {e}")
        y = y.narrow(axis, b, y.shape[axis] - b - e + o)
    return y


def padding(
    node: Node, sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> tuple[list[int], list[int]]:
    """What is added before and after each axis, as `pads` or `auto_pad` says."""
    axes, auto = len(sizes), node.attributes.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", ""):
        pads = whole_list(node, "pads", [0] * 2 * axes)
        return pads[:axes], pads[axes:]
    if auto == "VALID":
        return [0] * axes, [0] * axes
    sides = same_margins(sizes, kernel, strides, dilations)
    less, more = [one for one, _ in sides], [one for _, one in sides]
    return (less, more) if auto == "SAME_UPPER" else (more, less)


def max_pool(node: Node, x: Operand) -> Any:
    """MaxPool of one or two axes; outside is less than everything."""
    from torch.nn import functional

    if len([name for name in node.outputs if name]) > 1:
        raise RuleError("the places of what it took")

    x = tensor(x)
    kernel, strides, dilations, begin, end = _window(node, x)
    ceil = bool(node.attributes.get("ceil_mode", 0))
    if begin != end or any(2 * one > k for one, k in zip(begin, kernel, strict=True)):
        x, begin = functional.pad(x, torch_pads([*zip(begin, end, strict=True)]), value=-math.inf), [0] * len(kernel)
    run = {1: functional.max_pool1d, 2: functional.max_pool2d}[len(kernel)]
    return run(x, kernel, strides, begin, dilations, ceil_mode=ceil)


def average_pool(node: Node, x: Operand) -> Any:
    """AveragePool of one or two axes."""
    from torch.nn import functional

    x = tensor(x)
    kernel, strides, dilations, begin, end = _window(node, x)
    if any(one != 1 for one in dilations):
        raise RuleError(f"dilations of {dilations}")
    counts_pads, ceil = bool(node.attributes.get("count_include_pad", 0)), bool(node.attributes.get("ceil_mode", 0))
    if begin != end:
        if not counts_pads:
            if ceil or len(kernel) != 2:
                raise RuleError("unequal pads that do not count, and sizes rounded up or one axis")
            return inner_mean(x, kernel, strides, [*zip(begin, end, strict=True)])
        x, begin = functional.pad(x, torch_pads([*zip(begin, end, strict=True)])), [0] * len(kernel)
    run = {1: functional.avg_pool1d, 2: functional.avg_pool2d}[len(kernel)]
    return run(x, kernel, strides, begin, ceil, counts_pads)


def _window(node: Node, x: Any) -> tuple[list[int], list[int], list[int], list[int], list[int]]:
    kernel = whole_list(node, "kernel_shape", [])
    strides = whole_list(node, "strides", [1] * len(kernel))
    dilations = whole_list(node, "dilations", [1] * len(kernel))
    return kernel, strides, dilations, *padding(node, list(x.shape[2:]), kernel, strides, dilations)


def gemm(node: Node, a: Operand, b: Operand, c: Operand = None) -> Any:
    """Gemm: alpha a b + beta c."""
    from torch.nn import functional

    a, b = tensor(a), tensor(b)
    a = a.t() if node.attributes.get("transA") else a
    alpha, beta = number(node, "alpha", 1.0), number(node, "beta", 1.0)
    b = b if node.attributes.get("transB") else b.t()
    if alpha == beta == 1.0 and c is not None and tensor(c).ndim == 1:
        return functional.linear(a, b, tensor(c))
    y = functional.linear(a, b)
    y = y if alpha == 1.0 else y * alpha
    return y if c is None else y + (tensor(c) if beta == 1.0 else tensor(c) * beta)


def batch_norm(node: Node, x: Operand, scale: Operand, bias: Operand, mean: Operand, variance: Operand) -> Any:
    """BatchNormalization with the statistics of training."""
    from torch.nn import functional

    of = (tensor(mean), tensor(variance), tensor(scale), tensor(bias))
    return functional.batch_norm(tensor(x), *of, False, 0.0, number(node, "epsilon", 1e-5))


def instance_norm(node: Node, x: Operand, scale: Operand, bias: Operand) -> Any:
    """InstanceNormalization."""
    from torch.nn import functional

    epsilon = number(node, "epsilon", 1e-5)
    return functional.instance_norm(tensor(x), weight=tensor(scale), bias=tensor(bias), eps=epsilon)


def layer_norm(node: Node, x: Operand, scale: Operand, bias: Operand = None) -> Any:
    """LayerNormalization over the axes from `axis` on."""
    from torch.nn import functional

    x, scale = tensor(x), tensor(scale)
    axis = int(node.attributes.get("axis", -1)) % x.ndim
    shape = list(x.shape[axis:])
    bias = None if bias is None else tensor(bias).expand(shape)
    return functional.layer_norm(x, shape, scale.expand(shape), bias, number(node, "epsilon", 1e-5))


def rms_norm(node: Node, x: Operand, scale: Operand) -> Any:
    """RMSNormalization over the axes from `axis` on."""
    x = tensor(x)
    axes = list(range(int(node.attributes.get("axis", -1)) % x.ndim, x.ndim))
    return x * (x.square().mean(axes, keepdim=True) + number(node, "epsilon", 1e-5)).rsqrt() * tensor(scale)


def group_norm(node: Node, x: Operand, scale: Operand, bias: Operand) -> Any:
    """GroupNormalization; before version 21 scale and bias are of groups."""
    from torch.nn import functional

    x, scale, bias = tensor(x), tensor(scale), tensor(bias)
    groups = int(node.attributes["num_groups"])
    if scale.shape[0] != x.shape[1]:
        scale, bias = (one.repeat_interleave(x.shape[1] // groups) for one in (scale, bias))
    return functional.group_norm(x, groups, scale, bias, number(node, "epsilon", 1e-5))


def lrn(node: Node, x: Operand) -> Any:
    """LRN over channels."""
    from torch.nn import functional

    size = int(node.attributes["size"])
    given = (number(node, "alpha", 1e-4), number(node, "beta", 0.75), number(node, "bias", 1.0))
    return functional.local_response_norm(tensor(x), size, *given)


def lp_normalization(node: Node, x: Operand) -> Any:
    """LpNormalization."""
    axis, order = int(node.attributes.get("axis", -1)), int(node.attributes.get("p", 2))
    x = tensor(x)
    return x / x.norm(order, axis, keepdim=True)


def matmul(node: Node, a: Operand, b: Operand) -> Any:
    """MatMul."""
    return tensor(a) @ tensor(b)


def einsum(node: Node, *operands: Operand) -> Any:
    """Einsum."""
    import torch

    return torch.einsum(node.attributes["equation"], *map(tensor, operands))


RULES: dict[str, Rule] = {
    "Conv": convolution, "ConvTranspose": transposed_convolution, "MaxPool": max_pool, "AveragePool": average_pool,
    "Gemm": gemm, "MatMul": matmul, "Einsum": einsum, "BatchNormalization": batch_norm,
    "InstanceNormalization": instance_norm, "LayerNormalization": layer_norm, "RMSNormalization": rms_norm,
    "GroupNormalization": group_norm, "LRN": lrn, "LpNormalization": lp_normalization,
}  # fmt: skip
