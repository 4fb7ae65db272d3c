"""Activation functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posekit.runtimes.mil.lazy import F, torch
from posekit.runtimes.mil.ops.table import op

if TYPE_CHECKING:
    from torch import Tensor


@op(exact=True)
def relu(x: Tensor) -> Tensor:
    return torch.relu(x)


@op(exact=True)
def relu6(x: Tensor) -> Tensor:
    return torch.clamp(x, 0, 6)


@op()
def leaky_relu(x: Tensor, alpha: float) -> Tensor:
    return F.leaky_relu(x, alpha)


@op()
def clamped_relu(x: Tensor, alpha: float, beta: float) -> Tensor:
    return torch.clamp_max(F.leaky_relu(x, alpha), beta)


@op(exact=True)
def thresholded_relu(x: Tensor, alpha: float) -> Tensor:
    return torch.where(x >= alpha, x, 0)


@op()
def prelu(x: Tensor, alpha: Tensor) -> Tensor:
    return F.prelu(x, alpha)


@op()
def elu(x: Tensor, alpha: float) -> Tensor:
    return F.elu(x, alpha)


@op()
def gelu(x: Tensor, mode: str = "EXACT") -> Tensor:
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return F.gelu(x, approximate={"EXACT": "none", "TANH_APPROXIMATION": "tanh"}[mode])


@op()
def sigmoid(x: Tensor) -> Tensor:
    return torch.sigmoid(x)


@op()
def sigmoid_hard(x: Tensor, alpha: float, beta: float) -> Tensor:
    return torch.clamp(alpha * x + beta, 0, 1)


@op()
def silu(x: Tensor) -> Tensor:
    return F.silu(x)


@op()
def scaled_tanh(x: Tensor, alpha: float, beta: float) -> Tensor:
    return alpha * torch.tanh(beta * x)


@op()
def softplus(x: Tensor) -> Tensor:
    return torch.logaddexp(x, torch.zeros((), dtype=x.dtype))


@op()
def softplus_parametric(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    shape = (-1, *(1,) * (x.ndim - 2))
    return alpha.reshape(shape) * softplus(beta.reshape(shape) * x)


@op()
def softsign(x: Tensor) -> Tensor:
    return x / (1 + torch.abs(x))


@op()
def linear_activation(x: Tensor, alpha: float, beta: float) -> Tensor:
    return alpha * x + beta


@op()
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    return torch.softmax(x, axis)
