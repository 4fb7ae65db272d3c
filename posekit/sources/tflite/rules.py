"""TFLite's operations in PyTorch: layers, pools and resizes. Pictures are (1, h, w, c) throughout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from posekit.sources.network import Constant, Node, Operand, Rule, RuleError, tensor, whole
from posekit.sources.operations import inner_mean, same_margins
from posekit.sources.resampling import Resampling, resampled
from posekit.sources.tflite import rules_of_numbers, rules_of_shapes

ACTIVATIONS = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH"}
INF = float("inf")
ENDS = {0: (-INF, INF), 1: (0.0, INF), 2: (-1.0, 1.0), 3: (0.0, 6.0)}
SAME = 0


def activated(node: Node, values: Any) -> Any:
    """The activation that is fused into an operation."""
    number = int(node.attributes.get("fusedActivationFunction", 0))
    if number not in ACTIVATIONS:
        raise RuleError(f"it has the fused activation {number}")
    ends = node.attributes["ranges"][0]
    if ends is not None and number in ENDS:
        low, high = ENDS[number]
        return values.clamp(max(low, ends[0]), min(high, ends[1]))
    return values if number == 0 else rules_of_numbers.RULES[ACTIVATIONS[number]](node, values)


def _first(x: Any) -> Any:
    return x.permute(0, 3, 1, 2)


def _last(x: Any) -> Any:
    return x.permute(0, 2, 3, 1)


def _margins(
    sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], padding: int
) -> list[tuple[int, int]]:
    """What is added before and behind each axis."""
    return same_margins(sizes, kernel, strides, dilations) if padding == SAME else [(0, 0)] * len(sizes)


def _padded(x: Any, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], padding: int,
            value: float = 0.0) -> tuple[Any, tuple[int, int]]:  # fmt: skip
    """(1, c, h, w) with its margins, those that are even left to the operation."""
    from torch.nn import functional

    (top, bottom), (left, right) = _margins(x.shape[2:], kernel, stride, dilation, padding)
    if top == bottom and left == right and value == 0.0:
        return x, (top, left)
    if top == bottom == left == right == 0:
        return x, (0, 0)
    return functional.pad(x, (left, right, top, bottom), value=value), (0, 0)


def _steps(node: Node) -> tuple[tuple[int, int], tuple[int, int]]:
    option = node.attributes
    return (option["strideH"], option["strideW"]), (option.get("dilationHFactor", 1), option.get("dilationWFactor", 1))


def _kernel(operand: Operand, node: Node, order: tuple[int, ...]) -> Any:
    """A kernel in torch's order, in which reading the file put it where it is a constant."""
    kernel = tensor(operand)
    return kernel if node.inputs[1].endswith(f".{node.op}") else kernel.permute(order)


def convolution(node: Node, x: Operand, kernel: Operand, bias: Operand = None) -> Any:
    from torch.nn import functional

    stride, dilation = _steps(node)
    weight, source = _kernel(kernel, node, (0, 3, 1, 2)), _first(tensor(x))
    source, padding = _padded(source, tuple(weight.shape[2:]), stride, dilation, node.attributes["padding"])
    groups = int(source.shape[1]) // int(weight.shape[1])
    added = None if bias is None else tensor(bias)
    return activated(node, _last(functional.conv2d(source, weight, added, stride, padding, dilation, groups)))


def depthwise(node: Node, x: Operand, kernel: Operand, bias: Operand = None) -> Any:
    from torch.nn import functional

    stride, dilation = _steps(node)
    weight, source = _kernel(kernel, node, (3, 0, 1, 2)), _first(tensor(x))
    source, padding = _padded(source, tuple(weight.shape[2:]), stride, dilation, node.attributes["padding"])
    added = None if bias is None else tensor(bias)
    found = functional.conv2d(source, weight, added, stride, padding, dilation, int(source.shape[1]))
    return activated(node, _last(found))


def transposed(node: Node, shape: Operand, kernel: Operand, x: Operand, bias: Operand = None) -> Any:
    """A convolution turned round, cut to the size that is given."""
    from torch.nn import functional

    (_, height, width, _), (stride, _) = whole(shape, "output's size"), _steps(node)
    weight, source = _kernel(kernel, node, (3, 0, 1, 2)), _first(tensor(x))
    added = None if bias is None else tensor(bias)
    found = functional.conv_transpose2d(source, weight, added, stride)
    margins = _margins((height, width), weight.shape[2:], stride, (1, 1), node.attributes["padding"])
    for axis, size, (before, _) in zip((2, 3), (height, width), margins, strict=True):
        short = before + size - int(found.shape[axis])
        if short > 0:
            sides = [0, 0, 0, 0]
            sides[1 if axis == 3 else 3] = short
            found = functional.pad(found, sides)
            if added is not None:
                raise RuleError("its result is wider than what it is made of, and has a bias")
        found = found.narrow(axis, before, size)
    return activated(node, _last(found))


def connected(node: Node, x: Operand, weight: Operand, bias: Operand = None) -> Any:
    from torch.nn import functional

    if node.attributes.get("weightsFormat", 0):
        raise RuleError("its weights are shuffled")
    rows, kernel = tensor(x), tensor(weight)
    if not node.attributes.get("keepNumDims", False):
        rows = rows.reshape(-1, int(kernel.shape[1]))
    found = functional.linear(rows, kernel, None if bias is None else tensor(bias))
    return activated(node, found)


def _pooled(is_mean: bool) -> Rule:
    def pool(node: Node, x: Operand) -> Any:
        from torch.nn import functional

        option = node.attributes
        kernel, (stride, _) = (option["filterHeight"], option["filterWidth"]), _steps(node)
        source = _first(tensor(x))
        if not is_mean:
            source, _ = _padded(source, kernel, stride, (1, 1), option["padding"], float("-inf"))
            return activated(node, _last(functional.max_pool2d(source, kernel, stride)))
        margins = _margins(source.shape[2:], kernel, stride, (1, 1), option["padding"])
        if all(before == after for before, after in margins):
            padding = tuple(before for before, _ in margins)
            found = functional.avg_pool2d(source, kernel, stride, padding, count_include_pad=False)
            return activated(node, _last(found))
        return activated(node, _last(inner_mean(source, kernel, stride, margins)))

    return pool


def _resized(mode: str) -> Rule:
    def resize(node: Node, x: Operand, size: Operand) -> Any:
        """TFLite's three ways: corners on corners, centres on centres, or the first pixel on the first."""
        source, (height, width) = _first(tensor(x)), whole(size, "size")
        transform, rounding = "asymmetric", "floor"
        if node.attributes["alignCorners"]:
            transform, rounding = "align_corners", "round_prefer_ceil"
        elif node.attributes["halfPixelCenters"]:
            transform = "tf_half_pixel_for_nn" if mode == "nearest" else "half_pixel"
        own = zip((height, width), source.shape[2:], strict=True)
        sides = [*((side, 1.0) for side in source.shape[:2]), *((count, count / had) for count, had in own)]
        return _last(resampled(source, sides, Resampling(mode, transform, rounding)))

    return resize


def _with_activation(rule: Rule) -> Rule:
    def both(node: Node, *operands: Operand) -> Any:
        found = rule(node, *operands)
        return found if isinstance(found, Constant) else activated(node, found)

    return both


FUSING = ("ADD", "SUB", "MUL", "DIV", "CONCATENATION", "L2_NORMALIZATION")
RULES: Mapping[str, Callable[..., Any]] = {
    **rules_of_numbers.RULES,
    **rules_of_shapes.RULES,
    **{op: _with_activation((rules_of_numbers.RULES | rules_of_shapes.RULES)[op]) for op in FUSING},
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": depthwise,
    "TRANSPOSE_CONV": transposed,
    "FULLY_CONNECTED": connected,
    "AVERAGE_POOL_2D": _pooled(True),
    "MAX_POOL_2D": _pooled(False),
    "RESIZE_BILINEAR": _resized("linear"),
    "RESIZE_NEAREST_NEIGHBOR": _resized("nearest"),
}
