"""Operations on numbers one by one."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from posekit.sources.network import Constant, Node, Operand, Rule, RuleError, fixed, tensor

LARGEST = 3.4e38


def number(node: Node, name: str, default: float) -> float:
    """An attribute that is one number."""
    return float(node.attributes.get(name, default))


def clip(node: Node, x: Operand, low: Operand = None, high: Operand = None) -> Any:
    """Clip: its ends are attributes before version 11."""
    ends = [
        node.attributes.get(name) if one is None else float(np.asarray(fixed(one, name)).reshape(()))
        for name, one in (("min", low), ("max", high))
    ]
    ends = [None if end is None or abs(end) >= LARGEST else end for end in ends]
    x = tensor(x)
    if not x.is_floating_point():
        ends = [None if end is None else int(end) for end in ends]
    if ends == [0.0, None]:
        return x.relu()
    return x if ends == [None, None] else x.clamp(*ends)


def power(node: Node, x: Operand, exponent: Operand) -> Any:
    """Pow; a square and a root as what they are."""
    x = tensor(x)
    if isinstance(exponent, Constant) and exponent.values.size == 1:
        value = float(exponent.values.reshape(()))
        if value in (1.0, 2.0, 0.5):
            return {1.0: lambda: x, 2.0: lambda: x * x, 0.5: x.sqrt}[value]()
        return x**value
    return x ** tensor(exponent)


def divide(node: Node, x: Operand, y: Operand) -> Any:
    """Div: whole numbers are divided towards zero."""
    x, y = tensor(x), tensor(y)
    return x / y if x.is_floating_point() or y.is_floating_point() else x.div(y, rounding_mode="trunc")


def modulo(node: Node, x: Operand, y: Operand) -> Any:
    """Mod: the sign of the divisor, or with `fmod` that of the dividend."""
    return tensor(x).fmod(tensor(y)) if node.attributes.get("fmod") else tensor(x).remainder(tensor(y))


def hard_sigmoid(node: Node, x: Operand) -> Any:
    """HardSigmoid: max(0, min(1, alpha x + beta))."""
    from torch.nn import functional

    alpha, beta = number(node, "alpha", 0.2), number(node, "beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return functional.hardsigmoid(tensor(x))
    return (tensor(x) * alpha + beta).clamp(0, 1)


def selu(node: Node, x: Operand) -> Any:
    """Selu of any two constants: gamma times an Elu of alpha."""
    from torch.nn import functional

    alpha, gamma = number(node, "alpha", 1.6732632423543772), number(node, "gamma", 1.0507009873554805)
    return functional.elu(tensor(x), alpha) * gamma


def prelu(node: Node, x: Operand, slope: Operand) -> Any:
    """PRelu: its slope spreads over the axes from the last, as arithmetic does."""
    from torch.nn import functional

    x, slope = tensor(x), tensor(slope)
    if slope.ndim == x.ndim - 1 and slope.numel() == slope.shape[0] and x.ndim > 2:
        return functional.prelu(x, slope.reshape(-1))
    return x.relu() - slope * (-x).relu()


def gelu(node: Node, x: Operand) -> Any:
    """Gelu, exact or by tanh."""
    from torch.nn import functional

    text = node.attributes.get("approximate", "none")
    return functional.gelu(tensor(x), approximate=text)


def cast(node: Node, x: Operand, like: Operand = None) -> Any:
    """Cast and CastLike; every float is float32 here."""
    import torch

    if like is not None:
        of = tensor(like)
        return tensor(x).to(of.dtype)
    kinds = {6: torch.int32, 7: torch.int64, 9: torch.bool, 2: torch.uint8, 3: torch.int8, 4: torch.int32,
             5: torch.int16, 12: torch.int64, 13: torch.int64, 1: torch.float32, 10: torch.float32,
             11: torch.float32, 16: torch.float32}  # fmt: skip
    kind = kinds.get(int(node.attributes["to"]))
    if kind is None:
        raise RuleError(f"no numbers of ONNX's type {node.attributes['to']}")
    return tensor(x).to(kind)


def where(node: Node, condition: Operand, x: Operand, y: Operand) -> Any:
    """Where."""
    import torch

    return torch.where(tensor(condition).bool(), tensor(x), tensor(y))


def quantize(node: Node, x: Operand, scale: Operand, zero: Operand = None) -> Any:
    """QuantizeLinear, kept in float: whole numbers within the type's range."""
    low, high = (0, 255) if zero is None or fixed(zero, "zero point").dtype == np.uint8 else (-128, 127)
    x, axis = tensor(x), int(node.attributes.get("axis", 1))
    shift = 0 if zero is None else _along(tensor(zero).float(), x.ndim, axis)
    return ((x / _along(tensor(scale), x.ndim, axis)).round() + shift).clamp(low, high)


def dequantize(node: Node, x: Operand, scale: Operand, zero: Operand = None) -> Any:
    """DequantizeLinear."""
    x, axis = tensor(x).float(), int(node.attributes.get("axis", 1))
    shift = 0 if zero is None else _along(tensor(zero).float(), x.ndim, axis)
    return (x - shift) * _along(tensor(scale), x.ndim, axis)


def _along(values: Any, rank: int, axis: int) -> Any:
    """One number an entry of an axis, to spread over the others."""
    if values.ndim == 0 or values.numel() == 1:
        return values.reshape(())
    shape = [1] * rank
    shape[axis] = -1
    return values.reshape(shape)


def _one(function: Callable[[Any], Any]) -> Rule:
    return lambda node, x: function(tensor(x))


def _two(name: str) -> Rule:
    def rule(node: Node, x: Operand, y: Operand) -> Any:
        import torch

        return getattr(torch, name)(tensor(x), tensor(y))

    return rule


def _many(name: str) -> Rule:
    def rule(node: Node, *operands: Operand) -> Any:
        import torch

        return functools.reduce(getattr(torch, name), map(tensor, operands))

    return rule


def _mean(node: Node, *operands: Operand) -> Any:
    return sum(map(tensor, operands)) / len(operands)


def _functional(name: str, **defaults: float) -> Rule:
    """A function of torch.nn.functional with the node's attributes in the order of `defaults`."""

    def rule(node: Node, x: Operand) -> Any:
        from torch.nn import functional

        return getattr(functional, name)(tensor(x), *(number(node, key, value) for key, value in defaults.items()))

    return rule


def _named(*names: str) -> dict[str, Rule]:
    return {name.capitalize(): _one(operator.methodcaller(name)) for name in names}


RULES: dict[str, Rule] = {
    **_named("relu", "sigmoid", "tanh", "exp", "log", "sqrt", "neg", "abs", "floor", "ceil", "round", "erf",
             "reciprocal", "sin", "cos", "tan", "atan", "sign", "sinh", "cosh", "asin", "acos"),
    "IsNaN": _one(lambda x: x.isnan()), "IsInf": _one(lambda x: x.isinf()), "Not": _one(lambda x: x.logical_not()),
    "Identity": _one(lambda x: x), "Dropout": lambda node, x, *rest: tensor(x),
    "Softplus": _functional("softplus"), "Softsign": _functional("softsign"), "Mish": _functional("mish"),
    "HardSwish": _functional("hardswish"), "Elu": _functional("elu", alpha=1.0), "Celu": _functional("celu", alpha=1.0),
    "Selu": selu, "LeakyRelu": _functional("leaky_relu", alpha=0.01),
    "ThresholdedRelu": lambda node, x: tensor(x) * (tensor(x) > number(node, "alpha", 1.0)),
    "HardSigmoid": hard_sigmoid, "PRelu": prelu, "Gelu": gelu, "Clip": clip, "Cast": cast, "CastLike": cast,
    "Pow": power, "Div": divide, "Mod": modulo, "Where": where,
    "Add": _two("add"), "Sub": _two("sub"), "Mul": _two("mul"), "Equal": _two("eq"), "Greater": _two("gt"),
    "Less": _two("lt"), "GreaterOrEqual": _two("ge"), "LessOrEqual": _two("le"), "And": _two("logical_and"),
    "Or": _two("logical_or"), "Xor": _two("logical_xor"), "Min": _many("minimum"), "Max": _many("maximum"),
    "Sum": _many("add"), "Mean": _mean, "QuantizeLinear": quantize, "DequantizeLinear": dequantize,
}  # fmt: skip
