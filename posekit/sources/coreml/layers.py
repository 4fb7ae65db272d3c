"""The layers of Core ML's old neural networks as PyTorch's operations: NeuralNetwork.proto of coremltools.

Tensors are (1, C, H, W); what the format calls a sequence has one entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posekit.sources import operations
from posekit.sources.coreml import newer_layers
from posekit.sources.network import Node, Operand, Rule, RuleError, tensor
from posekit.sources.operations import same_margins
from posekit.sources.resampling import Resampling, resampled

BILINEAR = 1
# UpsampleLayerParams.LinearUpsampleMode: where pixel i of the result lies among those of the operand
UPSAMPLING = {0: "asymmetric", 1: "align_corners", 2: "half_pixel"}


def _named(node: Node, weights: Sequence[Operand]) -> dict[str, Any]:
    return {name: tensor(one) for name, one in zip(node.attributes["names"], weights, strict=True)}


def _pair(values: Any, default: int = 1) -> list[int]:
    return [int(one) for one in values] or [default, default]


def _pads(given: Any, size_hw: Sequence[int], kernel: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Top, bottom, left, right, of `valid` with its amounts or `same`."""
    if given.WhichOneof(_padding_of(given)) == "same":
        sides = same_margins(size_hw, kernel, strides, (1, 1))
        sides = [pair[::-1] for pair in sides] if given.same.asymmetryMode == 1 else sides
        return [side for pair in sides for side in pair]
    amounts = [(int(one.startEdgeSize), int(one.endEdgeSize)) for one in given.valid.paddingAmounts.borderAmounts]
    (top, bottom), (left, right) = amounts if len(amounts) == 2 else ((0, 0), (0, 0))
    return [top, bottom, left, right]


def _padding_of(given: Any) -> str:
    return next(str(one.name) for one in given.DESCRIPTOR.oneofs if "Padding" in one.name)


def convolution(node: Node, x: Operand, *weights: Operand) -> Any:
    """A convolution, or a transposed one whose padding is cut from its result."""
    import torch
    from torch.nn import functional

    given, named, x = node.attributes["of"], _named(node, weights), tensor(x)
    strides, dilations, groups = _pair(given.stride), _pair(given.dilationFactor), max(int(given.nGroups), 1)
    weight, bias = named["weights"], named.get("bias")
    spans = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilations, strict=True)]
    if not given.isDeconvolution:
        top, bottom, left, right = _pads(given, x.shape[2:], spans, strides)
        if top != bottom or left != right:
            x, top, left = functional.pad(x, (left, right, top, bottom)), 0, 0
        return torch.conv2d(x, weight, bias, strides, [top, left], dilations, groups)
    y = _uncut(given, torch.conv_transpose2d(x, weight, bias, strides, 0, 0, groups, dilations), x, spans, strides)
    said = [int(side) for side in given.outputShape]
    if said and said != list(y.shape[2:]):
        raise RuleError(f"an outputShape of {said}, and its padding gives {list(y.shape[2:])}")
    return y


def _uncut(given: Any, y: Any, x: Any, spans: Sequence[int], strides: Sequence[int]) -> Any:
    """The result of a transposed convolution without its padding."""
    if given.WhichOneof("ConvolutionPaddingType") == "same":
        sizes = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
        over = [whole - size for whole, size in zip(y.shape[2:], sizes, strict=True)]
        top, left = over[0] // 2, over[1] // 2
        return y[:, :, top : top + sizes[0], left : left + sizes[1]]
    top, bottom, left, right = _pads(given, x.shape[2:], spans, strides)
    return y[:, :, top : y.shape[2] - bottom, left : y.shape[3] - right]


def inner_product(node: Node, x: Operand, *weights: Operand) -> Any:
    """A matrix product over the channels of one pixel, or over the last axis of what has no pixels."""
    from torch.nn import functional

    named, x = _named(node, weights), tensor(x)
    is_pixel = x.ndim == 4 and x.shape[2:] == (1, 1) and x.shape[1] == named["weights"].shape[1]
    if not is_pixel:
        return functional.linear(x, named["weights"], named.get("bias"))
    return functional.linear(x.flatten(1), named["weights"], named.get("bias"))[:, :, None, None]


def batch_norm(node: Node, x: Operand, *weights: Operand) -> Any:
    """A norm by the statistics of training, or of the picture."""
    from torch.nn import functional

    given, named, x = node.attributes["of"], _named(node, weights), tensor(x)
    epsilon = float(given.epsilon) or 1e-5
    if given.instanceNormalization:
        return functional.instance_norm(x, weight=named["gamma"], bias=named["beta"], eps=epsilon)
    if given.computeMeanVar:
        raise RuleError("statistics over a batch")
    mean, variance, gamma, beta = (named[name] for name in ("mean", "variance", "gamma", "beta"))
    return functional.batch_norm(x, mean, variance, gamma, beta, False, 0.0, epsilon)


def activation(node: Node, x: Operand, *weights: Operand) -> Any:
    """An activation, by its own name."""
    from torch.nn import functional

    given, named, x = node.attributes["of"], _named(node, weights), tensor(x)
    kind = str(given.WhichOneof("NonlinearityType"))
    one: Any = getattr(given, kind, None)
    simple = {"ReLU": "relu", "tanh": "tanh", "sigmoid": "sigmoid"}
    if kind in simple:
        return getattr(x, simple[kind])()
    if kind in ("softsign", "softplus"):
        return getattr(functional, kind)(x)
    if kind == "linear":
        return _line(x, float(one.alpha), float(one.beta))
    if kind == "leakyReLU":
        return functional.leaky_relu(x, float(one.alpha))
    if kind == "ELU":
        return functional.elu(x, float(one.alpha))
    if kind == "thresholdedReLU":
        return x * (x >= float(one.alpha))
    if kind == "PReLU":
        return functional.prelu(x, named["alpha"])
    if kind == "sigmoidHard":
        return (x * float(one.alpha) + float(one.beta)).clamp(0, 1)
    if kind == "scaledTanh":
        return (x * float(one.beta)).tanh() * float(one.alpha)
    if kind == "parametricSoftplus":
        alpha, beta = (named[name].reshape(-1, 1, 1) for name in ("alpha", "beta"))
        return alpha * functional.softplus(beta * x)
    raise RuleError(f"the activation {kind}")


def _line(x: Any, slope: float, shift: float) -> Any:
    x = x if slope == 1 else -x if slope == -1 else x * slope
    return x if shift == 0 else x + shift


def pooling(node: Node, x: Operand) -> Any:
    """The largest or the mean of a window."""
    from torch.nn import functional

    given, x = node.attributes["of"], tensor(x)
    if given.type not in (0, 1):
        raise RuleError("pooling by the sum of squares")
    if given.globalPooling:
        return x.amax((2, 3), keepdim=True) if given.type == 0 else x.mean((2, 3), keepdim=True)
    kernel, strides = _pair(given.kernelSize, 3), _pair(given.stride)
    kind = given.WhichOneof("PoolingPaddingType")
    if kind == "includeLastPixel":
        top, left = _pair(given.includeLastPixel.paddingAmounts, 0)
        counts_pads = not given.avgPoolExcludePadding
        if given.type == 0:
            return functional.max_pool2d(x, kernel, strides, [top, left], ceil_mode=True)
        return functional.avg_pool2d(x, kernel, strides, [top, left], True, counts_pads)
    top, bottom, left, right = _pads(given, x.shape[2:], kernel, strides)
    sides = (left, right, top, bottom)
    if given.type == 0:
        padded = functional.pad(x, sides, value=float("-inf")) if any(sides) else x
        return functional.max_pool2d(padded, kernel, strides)
    if given.avgPoolExcludePadding and any(sides):
        return operations.inner_mean(x, kernel, strides, [(top, bottom), (left, right)])
    return functional.avg_pool2d(functional.pad(x, sides), kernel, strides)


def padding(node: Node, x: Operand) -> Any:
    """Values, a reflection or the edge outside."""
    from torch.nn import functional

    given, x = node.attributes["of"], tensor(x)
    amounts = [(int(one.startEdgeSize), int(one.endEdgeSize)) for one in given.paddingAmounts.borderAmounts]
    (top, bottom), (left, right) = amounts if len(amounts) == 2 else ((0, 0), (0, 0))
    kind = given.WhichOneof("PaddingType")
    if kind == "constant":
        return functional.pad(x, (left, right, top, bottom), value=float(given.constant.value))
    return functional.pad(x, (left, right, top, bottom), mode={"reflection": "reflect"}.get(str(kind), "replicate"))


def upsample(node: Node, x: Operand) -> Any:
    """Nearest or linear between pixels, by whole factors."""
    given, x = node.attributes["of"], tensor(x)
    by = (
        [float(one) for one in given.fractionalScalingFactor]
        or [float(one) for one in given.scalingFactor]
        or [1.0] * 2
    )
    sides = [(side, 1.0) for side in x.shape[:2]]
    sides += [(int(side * factor), factor) for side, factor in zip(x.shape[2:], by, strict=True)]
    linear = Resampling("linear", UPSAMPLING[int(given.linearUpsampleMode)])
    return resampled(x, sides, linear if given.mode == BILINEAR else Resampling("nearest", "asymmetric"))


def unary(node: Node, x: Operand) -> Any:
    """A function of scale x + shift."""
    given = node.attributes["of"]
    scale = float(given.scale) or 1.0
    x = _line(tensor(x), scale, float(given.shift))
    epsilon, alpha = float(given.epsilon), float(given.alpha)
    done = (
        lambda: x.sqrt(), lambda: (x + epsilon).rsqrt(), lambda: 1 / (x + epsilon), lambda: x**alpha, lambda: x.exp(),
        lambda: x.clamp(min=epsilon).log(), lambda: x.abs(), lambda: x.clamp(min=alpha),
    )  # fmt: skip
    return done[int(given.type)]()


def concatenation(node: Node, *operands: Operand) -> Any:
    """Along the channels."""
    import torch

    if node.attributes["of"].sequenceConcat:
        raise RuleError("a concatenation of sequences")
    return torch.cat([tensor(one) for one in operands], 1)


def addition(node: Node, *operands: Operand) -> Any:
    """The sum of all, or one and a number."""
    alpha = float(node.attributes["of"].alpha)
    return _line(tensor(operands[0]), 1.0, alpha) if len(operands) == 1 else sum(map(tensor, operands))


def multiplication(node: Node, *operands: Operand) -> Any:
    """The product of all, or of one and a number."""
    if len(operands) == 1:
        return _line(tensor(operands[0]), float(node.attributes["of"].alpha), 0.0)
    product = tensor(operands[0])
    for one in operands[1:]:
        product = product * tensor(one)
    return product


def bias(node: Node, x: Operand, *weights: Operand) -> Any:
    """A number a channel added."""
    return tensor(x) + _spread(_named(node, weights)["bias"], node.attributes["of"].shape)


def scale(node: Node, x: Operand, *weights: Operand) -> Any:
    """A number a channel multiplied, and one added."""
    given, named = node.attributes["of"], _named(node, weights)
    scaled = tensor(x) * _spread(named["scale"], given.shapeScale)
    return scaled + _spread(named["bias"], given.shapeBias) if "bias" in named else scaled


def _spread(values: Any, shape: Any) -> Any:
    """Of one number, one a channel, or of C, H, W with ones among them."""
    sides = [int(one) for one in shape] or [1]
    return values.reshape([*sides, 1, 1] if len(sides) == 1 else sides)


def softmax(node: Node, x: Operand) -> Any:
    """Over the channels."""
    return tensor(x).softmax(1)


def reorganise(node: Node, x: Operand) -> Any:
    """Blocks of pixels to channels, or back."""
    from torch.nn import functional

    given = node.attributes["of"]
    run = {0: operations.space_to_depth, 1: operations.depth_to_space, 2: functional.pixel_shuffle}[int(given.mode)]
    return run(tensor(x), int(given.blockSize))


def permute(node: Node, x: Operand) -> Any:
    """The axes of sequence, C, H, W in another order."""
    return tensor(x).permute([int(one) for one in node.attributes["of"].axis])


def reshape(node: Node, x: Operand) -> Any:
    """Other sides, channels first or last."""
    given, x = node.attributes["of"], tensor(x)
    sides = [int(one) for one in given.targetShape]
    sides = sides if len(sides) == 4 else [1, *sides]
    if given.mode == 0:
        return x.reshape(sides)
    last = x.permute(0, 2, 3, 1).reshape(sides[0], sides[2], sides[3], sides[1])
    return last.permute(0, 3, 1, 2)


def flatten(node: Node, x: Operand) -> Any:
    """All numbers as channels."""
    x = tensor(x)
    x = x if node.attributes["of"].mode == 0 else x.permute(0, 2, 3, 1)
    return x.reshape(1, -1, 1, 1)


def crop(node: Node, *operands: Operand) -> Any:
    """A part of the picture, of given borders or of another's size."""
    given, x = node.attributes["of"], tensor(operands[0])
    if len(operands) > 1:
        (top, left), other = _pair(given.offset, 0), tensor(operands[1])
        return x[:, :, top : top + other.shape[2], left : left + other.shape[3]]
    (top, bottom), (left, right) = [
        (int(one.startEdgeSize), int(one.endEdgeSize)) for one in given.cropAmounts.borderAmounts
    ]
    return x[:, :, top : x.shape[2] - bottom, left : x.shape[3] - right]


def part(node: Node, x: Operand) -> Any:
    """From one place of an axis to before another, in steps; an end below zero counts from behind, -1 is the last."""
    given, x = node.attributes["of"], tensor(x)
    index = [slice(None)] * x.ndim
    index[int(given.axis) - 3] = slice(int(given.startIndex), int(given.endIndex), max(int(given.stride), 1))
    return x[tuple(index)]


def split(node: Node, x: Operand) -> Any:
    """Equal parts of the channels."""
    return tuple(tensor(x).chunk(int(node.attributes["of"].nOutputs), 1))


RULES: dict[str, Rule] = {
    "convolution": convolution, "innerProduct": inner_product, "batchnorm": batch_norm, "activation": activation,
    "pooling": pooling, "padding": padding, "upsample": upsample, "unary": unary, "concat": concatenation,
    "add": addition, "multiply": multiplication, "bias": bias, "scale": scale, "softmax": softmax,
    "reorganizeData": reorganise, "permute": permute, "reshape": reshape, "flatten": flatten, "crop": crop,
    "split": split, "slice": part, **newer_layers.RULES,
}  # fmt: skip
