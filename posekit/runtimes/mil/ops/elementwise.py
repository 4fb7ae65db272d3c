"""Elementwise arithmetic, comparisons, logic and casts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from posekit.runtimes.mil.lazy import torch
from posekit.runtimes.mil.ops.table import op

if TYPE_CHECKING:
    from torch import Tensor

_UNARY: dict[str, Callable[[Any], Any]] = {
    "abs": lambda x: torch.abs(x), "acos": lambda x: torch.acos(x), "asin": lambda x: torch.asin(x),
    "atan": lambda x: torch.atan(x), "atanh": lambda x: torch.atanh(x), "ceil": lambda x: torch.ceil(x),
    "cos": lambda x: torch.cos(x), "cosh": lambda x: torch.cosh(x), "erf": lambda x: torch.erf(x),
    "exp": lambda x: torch.exp(x), "exp2": lambda x: torch.exp2(x), "floor": lambda x: torch.floor(x),
    "logical_not": lambda x: torch.logical_not(x), "round": lambda x: torch.round(x), "sign": lambda x: torch.sign(x),
    "sin": lambda x: torch.sin(x), "sinh": lambda x: torch.sinh(x), "sqrt": lambda x: torch.sqrt(x),
    "square": lambda x: torch.square(x), "tan": lambda x: torch.tan(x), "tanh": lambda x: torch.tanh(x),
}  # fmt: skip
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: torch.add(x, y), "sub": lambda x, y: torch.sub(x, y), "mul": lambda x, y: torch.mul(x, y),
    "maximum": lambda x, y: torch.maximum(x, y), "minimum": lambda x, y: torch.minimum(x, y),
    "mod": lambda x, y: torch.remainder(x, y), "pow": lambda x, y: torch.pow(x, y),
    "equal": lambda x, y: torch.eq(x, y), "not_equal": lambda x, y: torch.ne(x, y),
    "greater": lambda x, y: torch.gt(x, y), "greater_equal": lambda x, y: torch.ge(x, y),
    "less": lambda x, y: torch.lt(x, y), "less_equal": lambda x, y: torch.le(x, y),
    "logical_and": lambda x, y: torch.logical_and(x, y), "logical_or": lambda x, y: torch.logical_or(x, y),
    "logical_xor": lambda x, y: torch.logical_xor(x, y),
}  # fmt: skip
_DTYPES = ("fp32", "fp16", "int32", "int64", "int16", "uint16", "int8", "uint8", "bool")

for _name, _unary in _UNARY.items():
    op(_name, exact=_name in ("abs", "sign"))(_unary)
for _name, _binary in _BINARY.items():
    op(_name, exact=_name in ("maximum", "minimum"))(_binary)


@op()
def real_div(x: Tensor, y: Tensor) -> Tensor:
    return torch.div(x, y)


@op()
def floor_div(x: Tensor, y: Tensor) -> Tensor:
    return torch.div(x, y, rounding_mode="floor")


@op(exact=True)
def clip(x: Tensor, alpha: float, beta: float) -> Tensor:
    return torch.clamp(x, alpha, beta)


@op()
def inverse(x: Tensor, epsilon: float = 1e-4) -> Tensor:
    return 1 / (x + epsilon)


@op()
def log(x: Tensor, epsilon: float = 1e-45) -> Tensor:
    return torch.log(x + epsilon)


@op()
def rsqrt(x: Tensor, epsilon: float = 1e-12) -> Tensor:
    return torch.rsqrt(x + epsilon)


@op(exact=True)
def threshold(x: Tensor, alpha: float) -> Tensor:
    return torch.clamp_min(x, alpha)


@op(exact=True)
def select(cond: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(cond, a, b)


@op()
def cast(x: Tensor, dtype: str) -> Tensor:
    """The plan turns every output into the type that the program states, so a cast has nothing left to do."""
    if dtype not in _DTYPES:
        raise ValueError(f"a cast to {dtype!r}, expected one of {', '.join(_DTYPES)}")
    return x


@op(exact=True)
def identity(x: Tensor) -> Tensor:
    return x
