"""Transposed convolutions as every runtime has them: LiteRT's reads only two ways of padding, and no output padding."""

from __future__ import annotations

from typing import Any

from posekit.targets.graph.inlining import arguments, attribute, inline, name_of, shape_of
from posekit.targets.graph.passes import WEIGHT, tidy


def rewrite_deconvolutions(graph_module: Any) -> int:
    """Transposed convolutions that are not plain as an unpadded one and a cut, or as a convolution; returns how
    many."""
    changed = 0
    for node in list(graph_module.graph.nodes):
        if name_of(node) not in ("conv_transpose1d", "conv_transpose2d") or node.args[1].op != "get_attr":
            continue
        given = arguments(node)
        count = len(shape_of(node)) - 2
        stride, padding, more, dilation = (
            each(given[name], count) for name in ("stride", "padding", "output_padding", "dilation")
        )
        kernel = shape_of(node.args[1])[2:]
        size = shape_of(node)[2:]
        weight, bias, groups = attribute(node.args[1]).detach(), given["bias"], given["groups"]
        biases = [] if bias is None else [bias]
        if max(stride) == 1:
            function = _as_convolution(dilation, _around(kernel, padding, more, dilation), groups)
            new = turned(weight, groups)
        elif max(dilation) == 1 and max(more) == 0 and _is_plain(kernel, stride, padding):
            continue
        else:
            function = _unpadded(stride, padding, size, groups)
            new = _spread(weight, dilation)
        path = node.meta.get(WEIGHT) or node.args[1].meta.get(WEIGHT) or node.args[1].target
        for added in inline(graph_module, node, function, [node.args[0], new, *biases]):
            added.meta[WEIGHT] = path
        changed += 1
    tidy(graph_module)
    return changed


def each(value: Any, count: int) -> list[int]:
    """A setting of every axis, where it may be given once for all."""
    values = [value] if isinstance(value, int) else list(value)
    return values * count if len(values) == 1 else values


def _is_plain(kernel: tuple[int, ...], stride: list[int], padding: list[int]) -> bool:
    """Whether it is not padded at all, or so that the result is `stride` times as large, evenly on both sides."""
    return max(padding) == 0 or all(
        wide - step == 2 * pad for wide, step, pad in zip(kernel, stride, padding, strict=True)
    )


def _around(kernel: tuple[int, ...], padding: list[int], more: list[int], dilation: list[int]) -> list[tuple[int, int]]:
    """Zeros before and after each axis of the input; negative where it is cut."""
    wide = [step * (size - 1) - pad for size, pad, step in zip(kernel, padding, dilation, strict=True)]
    return [(one, one + extra) for one, extra in zip(wide, more, strict=True)]


def _as_convolution(dilation: list[int], around: list[tuple[int, int]], groups: int) -> Any:
    """Of stride 1 it is a convolution by the turned kernel."""
    import torch

    aten = torch.ops.aten
    plain = {1: aten.conv1d.default, 2: aten.conv2d.default}[len(dilation)]

    def convolve(x: Any, weight: Any, bias: Any = None) -> Any:
        padding = [before for before, _ in around]
        if any(before != after or before < 0 for before, after in around):
            x, padding = padded(x, around), [0] * len(around)
        return plain(x, weight, bias, [1] * len(dilation), padding, dilation, groups)

    return convolve


def _unpadded(stride: list[int], padding: list[int], size: tuple[int, ...], groups: int) -> Any:
    """The whole result, cut to what is asked for; what lies beyond it is bias alone."""
    import torch

    aten = torch.ops.aten
    transposed = {1: aten.conv_transpose1d.default, 2: aten.conv_transpose2d.input}[len(stride)]
    nothing = [0] * len(stride)

    def convolve(x: Any, weight: Any, bias: Any = None) -> Any:
        whole = [(one - 1) * step + wide for one, step, wide in zip(x.shape[2:], stride, weight.shape[2:], strict=True)]
        missing = any(pad + now > full for pad, now, full in zip(padding, size, whole, strict=True))
        inner = None if missing else bias
        x = transposed(x, weight, inner, stride, nothing, nothing, groups, [1] * len(stride))
        x = padded(x, [(-pad, pad + now - full) for pad, now, full in zip(padding, size, whole, strict=True)])
        return x + bias.reshape(1, -1, *[1] * len(stride)) if missing and bias is not None else x

    return convolve


def padded(x: Any, around: list[tuple[int, int]]) -> Any:
    """Zeros before and after each spatial axis; negative counts cut."""
    import torch

    for axis, (before, after) in enumerate(around, 2):
        if before < 0 or after < 0:
            x = torch.ops.aten.slice.Tensor(x, axis, max(-before, 0), x.shape[axis] - max(-after, 0), 1)
    zeros = [max(one, 0) for pair in reversed(around) for one in pair]
    return torch.ops.aten.constant_pad_nd.default(x, zeros, 0.0) if any(zeros) else x


def cut(x: Any, axis: int, start: int, size: int) -> Any:
    """`size` places of an axis from `start` on; the tensor itself where those are all."""
    return x if (start, size) == (0, x.shape[axis]) else x.narrow(axis, start, size)


def turned(weight: Any, groups: int) -> Any:
    """(in, out of a group, ...) as a convolution's (out, in of a group, ...), the kernel turned round."""
    parts = weight.reshape(groups, -1, *weight.shape[1:]).transpose(1, 2)
    return parts.reshape(-1, parts.shape[2], *weight.shape[2:]).flip(*range(2, weight.ndim))


def _spread(weight: Any, dilation: list[int]) -> Any:
    """A kernel with its dilation written out in zeros."""
    shape = [step * (size - 1) + 1 for size, step in zip(weight.shape[2:], dilation, strict=True)]
    whole = weight.new_zeros(*weight.shape[:2], *shape)
    whole[(slice(None), slice(None), *(slice(None, None, step) for step in dilation))] = weight
    return whole
