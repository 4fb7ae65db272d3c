"""TFLite's operations in PyTorch: arithmetic, activations, comparisons and sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posekit.sources.network import Node, Operand, Rule, RuleError, tensor, whole

INTEGERS = (2, 3, 4, 7, 9)  # of TensorType
TORCH = {0: "float32", 1: "float32", 2: "int32", 4: "int64", 6: "bool", 10: "float64"}


def _of_one(function: Callable[[Any], Any]) -> Rule:
    return lambda node, x: function(tensor(x))


def _of_two(function: Callable[[Any, Any], Any]) -> Rule:
    return lambda node, a, b: function(tensor(a), tensor(b))


def _named(name: str) -> Callable[..., Any]:
    """A function of torch, looked up as it is called."""

    def call(*given: Any) -> Any:
        import torch

        return getattr(torch, name)(*given)

    return call


def _function(name: str) -> Callable[..., Any]:
    def call(*given: Any, **options: Any) -> Any:
        from torch.nn import functional

        return getattr(functional, name)(*given, **options)

    return call


def divided(node: Node, a: Operand, b: Operand) -> Any:
    del node
    top, bottom = tensor(a), tensor(b)
    if top.is_floating_point():
        return top / bottom
    return (top / bottom).trunc().to(top.dtype)


def floor_divided(node: Node, a: Operand, b: Operand) -> Any:
    import torch

    del node
    return torch.div(tensor(a), tensor(b), rounding_mode="floor")


def parametric(node: Node, x: Operand, slope: Operand) -> Any:
    """max(x, 0) + slope * min(x, 0), the slope of any shape that fits."""
    del node
    values = tensor(x)
    return values.clamp(min=0) + tensor(slope) * values.clamp(max=0)


def reduced(function: str) -> Rule:
    def reduce(node: Node, x: Operand, axes: Operand) -> Any:
        import torch

        values, kept = tensor(x), bool(node.attributes["keepDims"])
        places = sorted({one % values.ndim for one in whole(axes, "axes")})
        if not places:
            return values
        if function in ("sum", "mean", "amax", "amin", "any"):
            return getattr(torch, function)(values, dim=tuple(places), keepdim=kept)
        for one in reversed(places):
            values = torch.prod(values, dim=one, keepdim=kept)
        return values

    return reduce


def chosen(function: str) -> Rule:
    """The first place of the largest or smallest value along an axis."""

    def choose(node: Node, x: Operand, axis: Operand) -> Any:
        import torch

        (along,) = whole(axis, "axis")
        found = getattr(torch, function)(tensor(x), dim=along)
        return found.to(torch.int64 if node.attributes["outputType"] == 4 else torch.int32)

    return choose


def cast(node: Node, x: Operand) -> Any:
    import torch

    values, (wanted,), (given,) = tensor(x), node.attributes["types"], node.attributes["input_types"]
    if given in (3, 9, 7) and values.is_floating_point() and wanted in (0, 1):
        return values  # a picture's numbers, which are floats here
    if wanted not in TORCH:
        raise RuleError(f"it makes type {wanted}")
    return values.to(getattr(torch, TORCH[wanted]))


def same(node: Node, x: Operand) -> Any:
    """Rounding, and what undoes it, but for the ends of what can be held: this module computes in float."""
    ends = node.attributes["ranges"][0]
    values = tensor(x).float()
    return values if ends is None else values.clamp(*ends)


def softmax(node: Node, x: Operand) -> Any:
    import torch

    return torch.softmax(tensor(x) * float(node.attributes.get("beta", 1.0)), dim=-1)


def leaky(node: Node, x: Operand) -> Any:
    return _function("leaky_relu")(tensor(x), float(node.attributes["alpha"]))


def gelu(node: Node, x: Operand) -> Any:
    return _function("gelu")(tensor(x), approximate="tanh" if node.attributes.get("approximate") else "none")


def product(node: Node, a: Operand, b: Operand) -> Any:
    left, right = tensor(a), tensor(b)
    left = left.transpose(-1, -2) if node.attributes["adjX"] else left
    return left @ (right.transpose(-1, -2) if node.attributes["adjY"] else right)


def selected(node: Node, condition: Operand, a: Operand, b: Operand) -> Any:
    import torch

    del node
    return torch.where(tensor(condition).bool(), tensor(a), tensor(b))


def unit(node: Node, x: Operand) -> Any:
    del node
    values = tensor(x)
    return values / values.square().sum(dim=-1, keepdim=True).clamp(min=1e-6).sqrt()


RULES: dict[str, Rule] = {
    "ADD": _of_two(lambda a, b: a + b), "SUB": _of_two(lambda a, b: a - b), "MUL": _of_two(lambda a, b: a * b),
    "DIV": divided, "FLOOR_DIV": floor_divided, "FLOOR_MOD": _of_two(_named("remainder")),
    "POW": _of_two(_named("pow")),
    "MAXIMUM": _of_two(_named("maximum")), "MINIMUM": _of_two(_named("minimum")),
    "SQUARED_DIFFERENCE": _of_two(lambda a, b: (a - b).square()),
    "GREATER": _of_two(lambda a, b: a > b), "GREATER_EQUAL": _of_two(lambda a, b: a >= b),
    "LESS": _of_two(lambda a, b: a < b), "LESS_EQUAL": _of_two(lambda a, b: a <= b),
    "EQUAL": _of_two(lambda a, b: a == b), "NOT_EQUAL": _of_two(lambda a, b: a != b),
    "LOGICAL_AND": _of_two(_named("logical_and")), "LOGICAL_OR": _of_two(_named("logical_or")),
    "LOGICAL_NOT": _of_one(_named("logical_not")),
    "ABS": _of_one(_named("abs")), "NEG": _of_one(lambda x: -x), "EXP": _of_one(_named("exp")),
    "LOG": _of_one(_named("log")), "SQRT": _of_one(_named("sqrt")), "RSQRT": _of_one(_named("rsqrt")),
    "SQUARE": _of_one(lambda x: x * x), "SIN": _of_one(_named("sin")), "COS": _of_one(_named("cos")),
    "FLOOR": _of_one(_named("floor")), "CEIL": _of_one(_named("ceil")), "ROUND": _of_one(_named("round")),
    "SIGN": _of_one(_named("sign")),
    "RELU": _of_one(_named("relu")), "RELU6": _of_one(_function("relu6")), "TANH": _of_one(_named("tanh")),
    "RELU_N1_TO_1": _of_one(lambda x: x.clamp(-1, 1)), "RELU_0_TO_1": _of_one(lambda x: x.clamp(0, 1)),
    "LOGISTIC": _of_one(_named("sigmoid")), "HARD_SWISH": _of_one(_function("hardswish")),
    "ELU": _of_one(_function("elu")),
    "LEAKY_RELU": leaky, "GELU": gelu, "PRELU": parametric, "SOFTMAX": softmax,
    "LOG_SOFTMAX": _of_one(lambda x: _named("log_softmax")(x, -1)), "L2_NORMALIZATION": unit,
    "SUM": reduced("sum"), "MEAN": reduced("mean"), "REDUCE_MAX": reduced("amax"), "REDUCE_MIN": reduced("amin"),
    "REDUCE_PROD": reduced("prod"), "REDUCE_ANY": reduced("any"),
    "ARG_MAX": chosen("argmax"), "ARG_MIN": chosen("argmin"), "CAST": cast, "QUANTIZE": same, "DEQUANTIZE": same,
    "BATCH_MATMUL": product, "SELECT": selected, "SELECT_V2": selected,
}  # fmt: skip
