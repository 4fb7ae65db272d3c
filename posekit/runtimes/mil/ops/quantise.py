"""Activations in eight bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posekit.runtimes.mil.lazy import torch
from posekit.runtimes.mil.ops.table import op

if TYPE_CHECKING:
    from torch import Tensor


def _along(value: Tensor, x: Tensor, axis: int | None) -> Tensor:
    if value.ndim == 0 or axis is None:
        return value
    return value.reshape([-1 if position == axis % x.ndim else 1 for position in range(x.ndim)])


@op()
def quantize(
    input: Tensor, scale: Tensor, output_dtype: str, zero_point: Tensor | None = None, axis: int | None = None
) -> Tensor:
    low, high = {"int8": (-128, 127), "uint8": (0, 255)}[output_dtype]
    places = torch.round(input / _along(scale, input, axis))
    if zero_point is not None:
        places = places + _along(zero_point, input, axis).float()
    return torch.clamp(places, low, high)


@op()
def dequantize(input: Tensor, scale: Tensor, zero_point: Tensor | None = None, axis: int | None = None) -> Tensor:
    places = input.float()
    if zero_point is not None:
        places = places - _along(zero_point, input, axis).float()
    return places * _along(scale, input, axis)
