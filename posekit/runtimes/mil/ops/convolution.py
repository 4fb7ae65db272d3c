"""Convolutions, forward and transposed, over one to three spatial dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from posekit.runtimes.mil.lazy import F, torch
from posekit.runtimes.mil.ops.linear import summed_in_half
from posekit.runtimes.mil.ops.table import ACCUMULATING, op

if TYPE_CHECKING:
    from torch import Tensor


def pads(
    pad_type: str, pad: Sequence[int] | None, sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int]
) -> list[tuple[int, int]]:
    """Padding before and after each spatial dimension; `kernel` with its dilation counted in."""
    if pad_type == "valid" or (pad_type == "custom" and pad is None):
        return [(0, 0)] * len(sizes)
    if pad_type == "custom" and pad is not None:
        return list(zip(pad[::2], pad[1::2], strict=True))
    if pad_type not in ("same", "same_lower"):
        raise ValueError(f"padding {pad_type!r}, expected valid, custom, same or same_lower")
    both = []
    for size, width, stride in zip(sizes, kernel, strides, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + width - size)
        small, large = total // 2, total - total // 2
        both.append((small, large) if pad_type == "same" else (large, small))
    return both


def padded(x: Tensor, both: Sequence[tuple[int, int]], value: float = 0.0) -> tuple[Tensor, list[int]]:
    """x padded where the two sides differ, else as it is with the padding that is left to do, equal on both sides."""
    if all(before == after >= 0 for before, after in both):
        return x, [before for before, _ in both]
    return F.pad(x, [side for pair in reversed(both) for side in pair], value=value), [0] * len(both)


@op()
def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: list[int] | None = None,
    pad_type: str = "valid",
    pad: list[int] | None = None,
    dilations: list[int] | None = None,
    groups: int = 1,
) -> Tensor:
    spatial = x.ndim - 2
    strides, dilations = strides or [1] * spatial, dilations or [1] * spatial
    kernel = [(size - 1) * step + 1 for size, step in zip(weight.shape[2:], dilations, strict=True)]
    x, padding = padded(x, pads(pad_type, pad, x.shape[2:], kernel, strides))
    convolve: Any = (F.conv1d, F.conv2d, F.conv3d)[spatial - 1]
    result: Tensor = convolve(x, weight, bias, strides, padding, dilations, groups)
    return result


@op()
def conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    pad: list[int] | None = None,
    output_shape: list[int] | None = None,
    pad_type: str = "valid",
    strides: list[int] | None = None,
    dilations: list[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """The gradient of a convolution, cut to the size that is asked for; what lies beyond it is bias alone."""
    spatial = x.ndim - 2
    strides, dilations = strides or [1] * spatial, dilations or [1] * spatial
    transpose: Any = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[spatial - 1]
    cuts = []
    for axis, (size, stride, dilation) in enumerate(zip(x.shape[2:], strides, dilations, strict=True)):
        full = (size - 1) * stride + (weight.shape[2 + axis] - 1) * dilation + 1
        before, after = (
            pads(pad_type, pad, x.shape[2:], [0] * spatial, strides)[axis] if pad_type == "custom" else (0, 0)
        )
        wanted = (
            output_shape[2 + axis] if output_shape else size * stride if pad_type == "same" else full - before - after
        )
        before = max(0, full - wanted) // 2 if pad_type == "same" else before
        cuts.append((before, wanted, wanted - (full - 2 * before)))
    if all(0 <= extra < max(s, d) for (_, _, extra), s, d in zip(cuts, strides, dilations, strict=True)):
        before_each, extras = [cut[0] for cut in cuts], [cut[2] for cut in cuts]
        result: Tensor = transpose(x, weight, bias, strides, before_each, extras, groups, dilations)
        return result
    y = transpose(x, weight, None, strides, 0, 0, groups, dilations)
    for axis, (before, wanted, _) in enumerate(cuts):
        y = y.narrow(2 + axis, before, min(wanted, y.shape[2 + axis] - before))
        missing = wanted - y.shape[2 + axis]
        y = F.pad(y, [0, 0] * (spatial - 1 - axis) + [0, missing]) if missing else y
    return y if bias is None else torch.add(y, bias.reshape(-1, *(1,) * spatial))


@op("conv", table=ACCUMULATING)
def conv_in_half(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: list[int] | None = None,
    pad_type: str = "valid",
    pad: list[int] | None = None,
    dilations: list[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """The sum over input channels in fp16, kernel positions of one step of it in fp32."""

    def part(first: int, last: int) -> Tensor:
        chosen = _of_each_group(x, 1, groups, first, last)
        return conv(chosen, weight[:, first:last], None, strides, pad_type, pad, dilations, groups)

    return _with_bias(summed_in_half(part, weight.shape[1], weight[0, 0].numel()), bias)


@op("conv_transpose", table=ACCUMULATING)
def conv_transpose_in_half(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    pad: list[int] | None = None,
    output_shape: list[int] | None = None,
    pad_type: str = "valid",
    strides: list[int] | None = None,
    dilations: list[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """As conv_in_half."""

    def part(first: int, last: int) -> Tensor:
        chosen, kernel = _of_each_group(x, 1, groups, first, last), _of_each_group(weight, 0, groups, first, last)
        return conv_transpose(chosen, kernel, None, pad, output_shape, pad_type, strides, dilations, groups)

    return _with_bias(summed_in_half(part, weight.shape[0] // groups, weight[0, 0].numel()), bias)


def _of_each_group(x: Tensor, axis: int, groups: int, first: int, last: int) -> Tensor:
    """Channels first to last of each group."""
    split = x.reshape(*x.shape[:axis], groups, -1, *x.shape[axis + 1 :])
    return split.narrow(axis + 1, first, last - first).flatten(axis, axis + 1)


def _with_bias(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))
