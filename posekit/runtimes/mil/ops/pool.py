"""Pooling over one to three spatial dimensions."""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING, Any

from posekit.runtimes.mil.lazy import F, torch
from posekit.runtimes.mil.ops.convolution import padded, pads
from posekit.runtimes.mil.ops.table import op

if TYPE_CHECKING:
    from torch import Tensor


@op(exact=True)
def max_pool(
    x: Tensor,
    kernel_sizes: list[int],
    strides: list[int] | None = None,
    pad_type: str = "valid",
    pad: list[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    strides = strides or [1] * len(kernel_sizes)
    both = pads(pad_type, pad, x.shape[2:], kernel_sizes, strides)
    if any(2 * max(pair) > size for pair, size in zip(both, kernel_sizes, strict=True)):
        x, both = F.pad(x, [side for pair in reversed(both) for side in pair], value=-inf), [(0, 0)] * len(both)
    x, padding = padded(x, both, -inf)
    pool: Any = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(kernel_sizes) - 1]
    result: Tensor = pool(x, kernel_sizes, strides, padding, 1, ceil_mode)
    return result


@op()
def avg_pool(
    x: Tensor,
    kernel_sizes: list[int],
    strides: list[int] | None = None,
    pad_type: str = "valid",
    pad: list[int] | None = None,
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Tensor:
    """Sum over the window divided by its size, or by what of it lies on the picture."""
    strides = strides or [1] * len(kernel_sizes)
    both = pads(pad_type, pad, x.shape[2:], kernel_sizes, strides)
    pool: Any = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel_sizes) - 1]
    even = all(before == after and 2 * before <= size for (before, after), size in zip(both, kernel_sizes, strict=True))
    if even:
        padding = [before for before, _ in both]
        result: Tensor = pool(x, kernel_sizes, strides, padding, ceil_mode, not exclude_padding_from_average)
        return result
    sides = [side for pair in reversed(both) for side in pair]
    mean: Tensor = pool(F.pad(x, sides), kernel_sizes, strides, 0, ceil_mode)
    if exclude_padding_from_average:
        inside = F.pad(torch.ones_like(x[:1, :1]), sides)
        mean = mean / pool(inside, kernel_sizes, strides, 0, ceil_mode)
    return mean


@op()
def l2_pool(
    x: Tensor,
    kernel_sizes: list[int],
    strides: list[int] | None = None,
    pad_type: str = "valid",
    pad: list[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    mean = avg_pool(x * x, kernel_sizes, strides, pad_type, pad, False, ceil_mode)
    return torch.sqrt(mean * prod(kernel_sizes))
