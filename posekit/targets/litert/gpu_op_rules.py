"""What LiteRT's GPU delegate asks of single kinds of operations; see gpu_rules.py."""

from __future__ import annotations

from math import prod

from posekit.targets.litert.gpu_rules import DECODER, FLOATS, REWRITE, Refusal, count, size
from posekit.targets.litert.tflite_signatures import Signature, Tensor

TANH = 4  # of the schema's activations


def convolution(op: Signature) -> Refusal | None:
    if len(op.computed) <= 2 and len(op.outputs) == 1 and len(op.inputs) >= 2:
        return None
    rule = f"it has {len(op.computed)} computed inputs, the delegate takes 2 at most"
    return Refusal(rule, "keep weights and bias constant")


def depthwise(op: Signature) -> Refusal | None:
    source, weight, target = op.given[0].shape, op.given[1].shape, op.outputs[0].shape
    multiplier = int(op.options.get("depthMultiplier", 1)) or 1
    if not len(source) == len(weight) == len(target) == 4:
        return Refusal("input, weight and output must have four dimensions", REWRITE)
    bias = op.given[2] if len(op.given) > 2 else None
    if source[0] != target[0] or weight[3] != target[3] or target[3] != source[3] * multiplier:
        return Refusal(
            f"channels do not fit: {source[3]} times {multiplier} give {target[3]}, weights {weight[3]}", REWRITE
        )
    if bias is not None and prod(bias.shape) != target[3]:
        return Refusal(f"its bias has {prod(bias.shape)} values, expected {target[3]}", REWRITE)
    if multiplier != 1 and source[3] != 1:
        return Refusal(
            f"it makes {multiplier} of each of {source[3]} channels", "use a multiplier of 1, or a plain convolution"
        )
    return None


def cast(op: Signature) -> Refusal | None:
    source, target = op.given[0].dtype, op.outputs[0].dtype
    condition = {source, target} in ({"BOOL", one} for one in FLOATS)
    if condition or {source, target} <= {"FLOAT32", "INT32"}:
        return None
    return Refusal(
        f"it casts {source.lower()} to {target.lower()}",
        "give the model float inputs, and compute in float to its outputs",
    )


def axes(op: Signature) -> Refusal | None:
    """Of a reduction: constant, int32."""
    found = op.given[1]
    if found.constant and found.dtype == "INT32":
        return None
    kind = "constant" if found.constant else "computed"
    return Refusal(f"its axes are {kind} {found.dtype.lower()}, expected constant int32", REWRITE)


def gather(op: Signature) -> Refusal | None:
    source, indices = op.given[:2]
    if source.dtype != "INT32" and indices.dtype == "INT32" and len(indices.shape) == 1:
        return None
    told = f"{indices.dtype.lower()} indices of {len(indices.shape)} dimensions from {source.dtype.lower()}"
    return Refusal(f"it gathers {told}; the delegate takes a list of int32 indices", f"use slices; or {DECODER}")


def sliced(op: Signature) -> Refusal | None:
    masks = [name for name in ("ellipsisMask", "newAxisMask", "shrinkAxisMask") if op.options.get(name)]
    if masks:
        return Refusal(f"it uses {masks[0]}", "slice with start:stop, keep the dimension and reshape afterwards")
    found = len(op.given[0].shape)
    if found in (3, 4) and len(op.inputs) >= (4 if op.kind == "STRIDED_SLICE" else 3):
        return None
    return Refusal(f"it slices {found} dimensions, the delegate takes 3 or 4", "reshape to 3 or 4 dimensions before it")


def padding(op: Signature) -> Refusal | None:
    if op.options.get("mode", 0) != 0:
        return Refusal("it pads by symmetric mirroring", "use reflection, or zeros")
    sizes = op.given[1].shape
    if sizes in ((3, 2), (4, 2)):
        return None
    return Refusal(f"it pads {size(sizes)}, the delegate takes 3 or 4 dimensions", "reshape before it")


def softmax(op: Signature) -> Refusal | None:
    beta = op.options.get("beta", 0.0)
    return None if beta == 1 else Refusal(f"its beta is {beta:g}, the delegate takes 1", "multiply before the softmax")


def bilinear(op: Signature) -> Refusal | None:
    if op.options.get("alignCorners") and op.options.get("halfPixelCenters"):
        return Refusal("it asks for aligned corners and half pixels at once", "choose align_corners=False")
    return None


def block(op: Signature) -> Refusal | None:
    found = op.options.get("blockSize", 0)
    return None if found > 1 else Refusal(f"its block size is {found}, expected more than 1", "leave it out")


def select(op: Signature) -> Refusal | None:
    if len(op.given) != 3:
        return Refusal(f"it has {len(op.given)} inputs, expected 3", REWRITE)
    condition, *sides = op.given
    target = op.outputs[0].shape
    typed = condition.dtype in FLOATS | {"BOOL"} and all(one.dtype in FLOATS for one in sides)
    if typed and all(_is_whole(one, target) for one in sides):
        return None
    rule = "both sides must be float and either of the output's size or a scalar"
    return Refusal(rule, "multiply by a mask of 0 and 1 instead")


def _is_whole(side: Tensor, target: tuple[int, ...]) -> bool:
    if side.constant and len(side.shape) == 2:
        return False
    return side.shape in ((), (1,)) or side.shape == target


def one_hot(op: Signature) -> Refusal | None:
    indices, _, on, off = op.given
    lone = all(one == 1 for one in indices.shape[(1 if len(indices.shape) > 3 else 0) : -1])
    scalars = all(one.constant and one.dtype == "FLOAT32" and prod(one.shape) == 1 for one in (on, off))
    if indices.dtype == "INT32" and lone and scalars and op.options.get("axis", 0) in (-1, indices.shape[-1]):
        return None
    return Refusal("it needs int32 indices along the last axis, and constant float on and off values", DECODER)


def cumsum(op: Signature) -> Refusal | None:
    source, axis = op.given
    if source.dtype in FLOATS and source.dtype == op.outputs[0].dtype and axis.constant and axis.dtype == "INT32":
        return None
    return Refusal("it needs float values and a constant int32 axis", DECODER)


def dense(op: Signature) -> Refusal | None:
    source, target = op.given[0], op.outputs[0]
    if op.options.get("weightsFormat", 0) != 0:
        return Refusal("its weights are shuffled", "keep the default format of weights")
    if len(op.computed) > 2 or source.constant:
        kind = "constant" if source.constant else "computed"
        rule = f"it has {len(op.computed)} computed inputs, its first is {kind}; the delegate takes 2 with the first"
        return Refusal(rule, "keep weights and bias constant")
    if op.options.get("keepNumDims") and len(source.shape) != len(target.shape):
        return Refusal("input and output have different numbers of dimensions", "reshape before it")
    return None


def dequantize(op: Signature) -> Refusal | None:
    if len(op.inputs) == len(op.outputs) == 1 and op.given[0].dtype != "INT16":
        return None
    return Refusal("it dequantizes int16", "quantize activations to int8, or keep them float")


def clamp(op: Signature) -> Refusal | None:
    low, value, high = op.given
    if low.dtype == value.dtype == high.dtype and (low.shape == value.shape == high.shape or prod(low.shape) == 1):
        return None
    return Refusal("its bounds must have the type and size of the value, or be scalars", "use minimum and maximum")


def lookup(op: Signature) -> Refusal | None:
    """A table's rows by a list of numbers."""
    ids, table = op.given
    target = op.outputs[0]
    fits = len(ids.shape) == 1 and len(table.shape) > 1 and table.shape[1:] == target.shape[1:]
    if fits and len(table.shape) == len(target.shape) and table.dtype in ("INT8", "INT4", "FLOAT32"):
        return None
    return Refusal("it takes a list of numbers and a table of int4, int8 or float32", REWRITE)


def update(op: Signature) -> Refusal | None:
    """DYNAMIC_UPDATE_SLICE."""
    whole, part, start = op.given
    one_batch = len(whole.shape) != 4 or whole.shape[0] == 1
    fits = whole.dtype == part.dtype and len(whole.shape) == len(part.shape)
    if one_batch and fits and len(start.shape) == 1 and start.dtype == "INT32":
        return None
    return Refusal("it takes one batch, a part of the same type, and a list of int32 to start at", REWRITE)


def lstm(op: Signature) -> Refusal | None:
    """Of the full kernel 20 or 24 inputs; of the basic one 5, without clipping; both with tanh."""
    basic, tanh = op.options.get("kernelType", 0) == 1, op.options.get("fusedActivationFunction", 0) == TANH
    clips = op.options.get("cellClip", 0.0) or op.options.get("projClip", 0.0)
    if tanh and not basic and len(op.inputs) in (20, 24) and len(op.outputs) == 1:
        return None
    if tanh and basic and not clips and count((3,), 2, 4)(op) is None:
        return None
    return Refusal(
        "it is not one of the two kinds of LSTM that the delegate takes", "keep what has a memory out of the graph"
    )
