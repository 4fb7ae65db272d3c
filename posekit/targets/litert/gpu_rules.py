"""What LiteRT's GPU delegate asks of an operation, one rule a function.

The rules are TensorFlow's: lite/tools/versioning/gpu_compatibility.cc, with the broadcasts that a phone's delegate
allows rather than the wider ones of its offline check, and what the delegate asks of every tensor: four dimensions at
most, no 64-bit integers. Options are numbered as in TFLite's schema.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from posekit.targets.litert.tflite_signatures import Signature

MAX_RANK = 4
FLOATS = frozenset({"FLOAT32", "FLOAT16"})
COMPARISONS = ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")
MORE_TYPES: dict[str, tuple[str, ...]] = {
    "CAST": ("BOOL", "INT32", "INT64"), "GATHER": ("INT32", "INT64"), "DEQUANTIZE": ("INT16",),
    **dict.fromkeys(("CUMSUM", "DYNAMIC_UPDATE_SLICE", "EMBEDDING_LOOKUP", "ONE_HOT"), ("INT32",)),
    **dict.fromkeys((*COMPARISONS, "LOGICAL_AND", "SELECT", "SELECT_V2"), ("BOOL",)),
}  # fmt: skip
ACTIVATIONS = frozenset(range(5))  # none, relu, relu_n1_to_1, relu6, tanh; sign_bit is not taken
DECODER = "leave it to the decoder: return the heatmaps or logits before it"
REWRITE = "write it with operations that the delegate takes, or move it behind the outputs, into the decoder"
SAME_SHAPE = "give both sides the same number of dimensions, or store the constant at its full size"
ONE_SIZE = "convert with one fixed input size"


class Refusal(NamedTuple):
    """Why the delegate does not take an operation, in one sentence, and what to do instead."""

    rule: str
    remedy: str


Rule = Callable[[Signature], Refusal | None]


def rank(op: Signature) -> Refusal | None:
    found = max((len(one.shape) for one in (*op.given, *op.outputs)), default=0)
    if found <= MAX_RANK:
        return None
    remedy = "fold dimensions together before it: split heads with reshape and transpose in four dimensions"
    return Refusal(f"a tensor has {found} dimensions, the delegate takes {MAX_RANK} at most", remedy)


def fixed_size(op: Signature) -> Refusal | None:
    """Where a size gets lost; a size that the user left open at the input is fixed when the model is loaded."""
    if any(one.dynamic for one in op.outputs) and not any(one.dynamic for one in op.computed):
        return Refusal("the size of its output is known at run time only", f"{ONE_SIZE}, and {DECODER}")
    return None


def types(op: Signature) -> Refusal | None:
    """What is computed is float, or quantized to 8 bits; a few operations take indices or conditions."""
    takes = {"FLOAT32", "FLOAT16", "INT8", "UINT8", *MORE_TYPES.get(op.kind, ())}
    strange = next((one.dtype for one in (*op.computed, *op.outputs) if one.dtype not in takes), None)
    if strange is None:
        return None
    rule = f"it computes with {strange.lower()}, the delegate takes {', '.join(sorted(takes)).lower()} here"
    wide = "quantize activations to int8, or keep them float"
    return Refusal(rule, wide if strange == "INT16" else f"keep indices and counts out of the graph: {DECODER}")


def count(runtime: tuple[int, ...], constants: int | None = None, outputs: int = 1) -> Rule:
    """So many computed inputs, constant inputs (None: any) and outputs."""

    def rule(op: Signature) -> Refusal | None:
        found = len(op.computed), sum(one.constant for one in op.given), len(op.outputs)
        if found[0] in runtime and (constants is None or found[1] == constants) and found[2] == outputs:
            return None
        more = "" if constants is None else f" and {constants} constant"
        wanted = f"{' or '.join(map(str, runtime))} computed{more}"
        rule = f"it has {found[0]} computed and {found[1]} constant inputs and {found[2]} outputs"
        rule += f", the delegate takes {wanted} and {outputs}"
        return Refusal(rule, "compute constants before the conversion, and take sizes from the contract, not the input")

    return rule


def pair(op: Signature) -> Refusal | None:
    """Two computed inputs, or one and a constant."""
    constants = sum(one.constant for one in op.given)
    return count((2,), 0)(op) if constants == 0 else count((1,), 1)(op)


def two_inputs(op: Signature) -> Refusal | None:
    """Computed or constant."""
    if len(op.inputs) == 2:
        return None
    return Refusal(f"it has {len(op.inputs)} inputs, the delegate takes 2", "write it as a chain of two at a time")


def one_output(op: Signature) -> Refusal | None:
    """Where the delegate asks for nothing else."""
    return None if len(op.outputs) == 1 else Refusal(f"it has {len(op.outputs)} outputs, the delegate takes 1", REWRITE)


def broadcast(op: Signature) -> Refusal | None:
    """Of sides with different numbers of dimensions; a scalar or a vector fits everything."""
    first, second = op.given
    if min(len(first.shape), len(second.shape)) <= 1 or len(first.shape) == len(second.shape):
        return None
    short, long = sorted((first.shape, second.shape), key=len)
    if len(long) == 4 and (
        (len(short) == 3 and long[0] == 1)
        or (len(short) == 2 and long[0] == 1 and short == (1, 1))
        or (len(short) == 2 and (long[0], long[3]) == short)
    ):
        return None
    return Refusal(f"it cannot broadcast {size(short)} to {size(long)}", SAME_SHAPE)


def one_way(op: Signature) -> Refusal | None:
    """MUL: one side is at least as large as the other in every dimension."""
    first, second = (one.shape for one in op.given)
    if len(first) != len(second):
        return broadcast(op)
    smaller = [a < b for a, b in zip(first, second, strict=True)]
    larger = [a > b for a, b in zip(first, second, strict=True)]
    if not (any(smaller) and any(larger)):
        return None
    remedy = "tile one side to the full size first, store a constant at its full size, or write it as a convolution"
    rule = f"it broadcasts both sides, {size(first)} and {size(second)}; one must be the larger in every dimension"
    return Refusal(rule, remedy)


def activation(op: Signature) -> Refusal | None:
    if op.options.get("fusedActivationFunction", 0) in ACTIVATIONS:
        return None
    return Refusal(
        "its fused activation is not one that the delegate takes", "write the activation as its own operation"
    )


def positive(*names: str) -> Rule:
    """Kernels, strides and dilations."""

    def rule(op: Signature) -> Refusal | None:
        wrong = next((name for name in names if not op.options.get(name, 1) > 0), None)
        return None if wrong is None else Refusal(f"its {wrong} is {op.options[wrong]}, expected more than 0", REWRITE)

    return rule


def size(shape: tuple[int, ...]) -> str:
    """`1x48x64x17`; a scalar is `scalar`."""
    return "x".join(map(str, shape)) or "scalar"
