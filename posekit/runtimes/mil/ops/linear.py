"""Products of matrices: linear, matmul, einsum, attention; and their sums in fp16 for the pessimistic profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from posekit.runtimes.mil.lazy import F, torch
from posekit.runtimes.mil.ops.table import ACCUMULATING, op

if TYPE_CHECKING:
    from torch import Tensor

HALF_STEP = 16  # products that are summed in fp32 before the running sum is rounded to fp16


def summed_in_half(part: Callable[[int, int], Tensor], count: int, width: int = 1) -> Tensor:
    """The sum of part(first, last) over `count` terms of `width` products each, rounded to fp16 after each step."""
    step = max(1, HALF_STEP // max(width, 1))
    total = part(0, min(step, count)).half().float()
    for first in range(step, count, step):
        total = (total + part(first, min(first + step, count)).half().float()).half().float()
    return total


@op()
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(x, weight, bias)


@op("linear", table=ACCUMULATING)
def linear_in_half(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    total = summed_in_half(lambda a, b: F.linear(x[..., a:b], weight[:, a:b]), weight.shape[1])
    return total if bias is None else total + bias


@op()
def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    x = x.transpose(-1, -2) if transpose_x and x.ndim > 1 else x
    y = y.transpose(-1, -2) if transpose_y and y.ndim > 1 else y
    return torch.matmul(x, y)


@op("matmul", table=ACCUMULATING)
def matmul_in_half(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    x = x.transpose(-1, -2) if transpose_x and x.ndim > 1 else x
    y = y.transpose(-1, -2) if transpose_y and y.ndim > 1 else y
    y = y if y.ndim > 1 else y[:, None]
    return summed_in_half(lambda a, b: torch.matmul(x[..., a:b], y[..., a:b, :]), x.shape[-1])


@op()
def einsum(values: list[Tensor], equation: str) -> Tensor:
    return torch.einsum(equation, *values)


@op("einsum", table=ACCUMULATING)
def einsum_in_half(values: list[Tensor], equation: str) -> Tensor:
    """MIL's two equations sum over the last axis of the first and the third-last of the second."""
    x, y = values
    return summed_in_half(lambda a, b: torch.einsum(equation, x[..., a:b], y.narrow(-3, a, b - a)), x.shape[-1])


@op()
def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, attn_mask)


@op("scaled_dot_product_attention", table=ACCUMULATING)
def attention_in_half(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    scores = matmul_in_half(query, key, transpose_y=True) / query.shape[-1] ** 0.5
    if attn_mask is not None:
        kept = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -torch.inf) if kept else scores + attn_mask
    return matmul_in_half(torch.softmax(scores, -1).half().float(), value)
