"""Layers that neural networks have since Core ML 3, on tensors of any axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from posekit.sources.network import Constant, Node, Operand, Rule, tensor


def _of(node: Node) -> Any:
    return node.attributes["of"]


def _whole(values: Any) -> list[int]:
    return [int(one) for one in values]


def split(node: Node, x: Operand) -> Any:
    """Parts of given sizes, or equal ones."""
    given, x = _of(node), tensor(x)
    axis = int(given.axis)
    return tuple(x.split(_whole(given.splitSizes) or x.shape[axis] // int(given.numSplits), axis))


def concatenation(node: Node, *operands: Operand) -> Any:
    """Along an axis."""
    import torch

    return torch.cat([tensor(one) for one in operands], int(_of(node).axis))


def slices(node: Node, x: Operand) -> Any:
    """A part of each axis; masks leave an end open, or take the axis away."""
    given, x = _of(node), tensor(x)
    index: list[Any] = []
    for axis in range(len(given.beginIds)):
        begin, end, step = int(given.beginIds[axis]), int(given.endIds[axis]), int(given.strides[axis])
        if axis < len(given.squeezeMasks) and given.squeezeMasks[axis]:
            index.append(begin)
            continue
        index.append(slice(None if given.beginMasks[axis] else begin, None if given.endMasks[axis] else end, step))
    return x[tuple(index)]


def squeeze(node: Node, x: Operand) -> Any:
    """Without axes of one."""
    given, x = _of(node), tensor(x)
    gone = {axis % x.ndim for axis in _whole(given.axes)}
    gone = {axis for axis, side in enumerate(x.shape) if side == 1} if given.squeezeAll else gone
    return x.reshape([side for axis, side in enumerate(x.shape) if axis not in gone])


def expand(node: Node, x: Operand) -> Any:
    """With axes of one, counted in the result."""
    x, axes = tensor(x), _whole(_of(node).axes)
    for axis in sorted(one % (x.ndim + len(axes)) for one in axes):
        x = x.unsqueeze(axis)
    return x


def product(node: Node, *operands: Operand) -> Any:
    """A matrix product of two operands, or of one with weights."""
    given, names = _of(node), node.attributes["names"]
    plain = operands[: len(operands) - len(names)]
    named = {name: tensor(one) for name, one in zip(names, operands[len(plain) :], strict=True)}
    a = tensor(plain[0])
    if len(plain) == 1:
        sides = int(given.weightMatrixFirstDimension), int(given.weightMatrixSecondDimension)
        y = a @ named["weights"].reshape(sides)
        return y + named["bias"] if "bias" in named else y
    b = tensor(plain[1])
    return (a.transpose(-1, -2) if given.transposeA else a) @ (b.transpose(-1, -2) if given.transposeB else b)


def layer_norm(node: Node, x: Operand, *weights: Operand) -> Any:
    """A norm over the last axes."""
    from torch.nn import functional

    given = _of(node)
    named = {name: tensor(one) for name, one in zip(node.attributes["names"], weights, strict=True)}
    shape = _whole(given.normalizedShape)
    gamma, beta = (named[name].reshape(shape) for name in ("gamma", "beta"))
    return functional.layer_norm(tensor(x), shape, gamma, beta, float(given.eps))


def gelu(node: Node, x: Operand) -> Any:
    """GELU, exact or by tanh."""
    from torch.nn import functional

    return functional.gelu(tensor(x), approximate="none" if _of(node).mode == 0 else "tanh")


def reduction(name: str) -> Rule:
    """Over some axes, or all."""

    def rule(node: Node, x: Operand) -> Any:
        given, x = _of(node), tensor(x)
        axes = list(range(x.ndim)) if given.reduceAll or not len(given.axes) else _whole(given.axes)
        if name == "norm":
            return x.square().sum(axes, keepdim=bool(given.keepDims)).sqrt()
        return getattr(x, name)(axes, keepdim=bool(given.keepDims))

    return rule


def binary(name: str) -> Rule:
    """Arithmetic of two, whose sides spread."""

    def rule(node: Node, x: Operand, y: Operand) -> Any:
        import torch

        return getattr(torch, name)(tensor(x), tensor(y))

    return rule


def constant(node: Node) -> Constant:
    """Numbers that the file holds."""
    given = _of(node)
    return Constant(np.array(given.data.floatValue, np.float32).reshape(_whole(given.shape)))


def clip(node: Node, x: Operand) -> Any:
    """Within two ends."""
    return tensor(x).clamp(float(_of(node).minVal), float(_of(node).maxVal))


def pad(node: Node, x: Operand) -> Any:
    """A value outside, given from the first axis on."""
    from torch.nn import functional

    x, amounts = tensor(x), _whole(_of(node).padAmounts)
    pairs = [(amounts[2 * axis], amounts[2 * axis + 1]) for axis in range(len(amounts) // 2)]
    return functional.pad(x, [one for pair in reversed(pairs) for one in pair], value=float(_of(node).value))


RULES: dict[str, Rule] = {
    "splitND": split, "concatND": concatenation, "sliceStatic": slices, "squeeze": squeeze, "expandDims": expand,
    "batchedMatmul": product, "layerNormalization": layer_norm, "gelu": gelu, "loadConstantND": constant,
    "clip": clip, "constantPad": pad,
    "reshapeStatic": lambda node, x: tensor(x).reshape(_whole(_of(node).targetShape)),
    "transpose": lambda node, x: tensor(x).permute(_whole(_of(node).axes)),
    "softmaxND": lambda node, x: tensor(x).softmax(int(_of(node).axis)),
    "copy": lambda node, x: tensor(x), "tanh": lambda node, x: tensor(x).tanh(), "erf": lambda node, x: tensor(x).erf(),
    "reduceMean": reduction("mean"), "reduceSum": reduction("sum"), "reduceMax": reduction("amax"),
    "reduceMin": reduction("amin"), "reduceL2": reduction("norm"),
    "addBroadcastable": binary("add"), "subtractBroadcastable": binary("sub"), "multiplyBroadcastable": binary("mul"),
    "divideBroadcastable": binary("div"), "maxBroadcastable": binary("maximum"), "minBroadcastable": binary("minimum"),
    "powBroadcastable": binary("pow"),
}  # fmt: skip
