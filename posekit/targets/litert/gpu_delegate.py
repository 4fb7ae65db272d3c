"""Which operations of a .tflite LiteRT's GPU delegate takes, judged from the file alone.

TensorFlow's own analyzer no longer checks anything. An operation that is not in RULES is not taken. The rules are of
TensorFlow Lite's delegate; LiteRT 2 has a GPU backend of its own, which may take more or less.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from posekit.errors import InputError
from posekit.targets.litert import gpu_op_rules as of
from posekit.targets.litert import gpu_rules as rules
from posekit.targets.litert.gpu_rules import DECODER, ONE_SIZE, REWRITE, Refusal, Rule, size
from posekit.targets.litert.tflite_signatures import DAMAGED, Signature, Tensor, signatures


@dataclass(frozen=True, slots=True)
class Finding:
    """One operation that stays on the CPU; number: in the order of execution, from 0."""

    number: int
    kind: str
    shapes: str
    rule: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Delegated:
    """What the GPU takes of a model. operations: without `folded` ones, which only widen constant float16; partitions:
    runs of operations on the GPU, with a copy between the processors at each end."""

    operations: int
    folded: int
    partitions: int
    quantized: bool
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """`52 of 54 operations can run on the GPU by TensorFlow's rules, in 3 partitions; not run`."""
        taken = self.operations - len(self.findings)
        told = f"{taken} of {self.operations} operations can run on the GPU by TensorFlow's rules"
        if taken:
            told += f", in {self.partitions} partition{'s' if self.partitions != 1 else ''}"
        if self.folded:
            told += f"; {self.folded} that widen float16 weights cost nothing there"
        told += "; it computes the int8 ones in float" if self.quantized and taken else ""
        return f"{told}; not run"


def delegated(model: bytes) -> Delegated:
    """Judge the main graph of a .tflite; InputError where the file is damaged."""
    found = signatures(model)
    ops = [op for op in found if not op.folded]
    try:
        refused = [(op, refusal(op)) for op in ops]
    except DAMAGED as error:
        raise InputError("the .tflite is damaged: an operation lacks inputs or outputs", "make it again") from error
    return Delegated(
        operations=len(ops),
        folded=len(found) - len(ops),
        partitions=sum(taken for taken, _ in groupby(broken is None for _, broken in refused)),
        quantized=any(one.dtype == "INT8" for op in ops for one in (*op.computed, *op.outputs)),
        findings=tuple(
            Finding(op.number, op.kind, _shapes(op), *broken) for op, broken in refused if broken is not None
        ),
    )


def refusal(op: Signature) -> Refusal | None:
    """The first rule that the operation breaks; None where the GPU takes it."""
    own = RULES.get(op.kind) if op.custom == (op.kind in CUSTOM) else None
    if own is None:
        kind = "custom operation" if op.custom else "operation"
        return Refusal(f"the delegate does not know the {kind} {op.kind}", UNKNOWN.get(op.kind, REWRITE))
    return next((broken for rule in (*EVERY, *own) if (broken := rule(op)) is not None), None)


def _shapes(op: Signature) -> str:
    """`1x17x1x16, 2x16 constant -> 1x17x2x16`."""

    def told(one: Tensor) -> str:
        return size(one.shape) + (" constant" if one.constant else "")

    return f"{', '.join(told(one) for one in op.given)} -> {', '.join(told(one) for one in op.outputs)}"


def _each(kinds: str, *own: Rule) -> dict[str, tuple[Rule, ...]]:
    return dict.fromkeys(kinds.split(), own)


EVERY: tuple[Rule, ...] = (rules.rank, rules.fixed_size, rules.types)
_ONE, _TWO = rules.count((1,)), rules.count((2,))
_STRIDES = rules.positive("strideH", "strideW", "dilationHFactor", "dilationWFactor")
_KERNELS = rules.positive("filterHeight", "filterWidth", "strideH", "strideW")
CUSTOM: dict[str, tuple[Rule, ...]] = {
    **_each("Convolution2DTransposeBias"),
    **_each("MaxPoolingWithArgmax2D", rules.count((1,), outputs=2)),
    **_each("MaxUnpooling2D Resampler", _TWO),
}
RULES: dict[str, tuple[Rule, ...]] = {
    **CUSTOM,
    **_each("CONCATENATION LEAKY_RELU PACK PRELU RELU RELU6 RELU_N1_TO_1 SPLIT SPLIT_V"),
    **_each("ABS CEIL COS ELU EXP FLOOR GELU LOG LOGISTIC NEG RSQRT SIGN SIN SQRT SQUARE TANH", rules.count((1,), 0)),
    **_each("ATAN2 DIV FLOOR_DIV FLOOR_MOD MAXIMUM MINIMUM POW SQUARED_DIFFERENCE SUB", rules.pair, rules.activation),
    **dict.fromkeys((*rules.COMPARISONS, "LOGICAL_AND"), (rules.pair,)),
    **_each("HARD_SWISH QUANTIZE RESHAPE RESIZE_NEAREST_NEIGHBOR TILE TRANSPOSE", _ONE),
    **_each("RESIZE_BILINEAR", _ONE, of.bilinear),
    **_each("CAST", _ONE, of.cast),
    **_each("REDUCE_MAX REDUCE_MIN REDUCE_PROD SUM", _ONE, of.axes),
    **_each("MEAN", rules.count((1,), 1), of.axes),
    **_each("MIRROR_PAD PAD PADV2", _ONE, of.padding),
    **_each("DEPTH_TO_SPACE SPACE_TO_DEPTH", _ONE, of.block),
    **_each("AVERAGE_POOL_2D MAX_POOL_2D", _ONE, _KERNELS, rules.activation),
    **_each("CONV_2D", of.convolution, _STRIDES, rules.activation),
    **_each("DEPTHWISE_CONV_2D", of.convolution, _STRIDES, rules.activation, of.depthwise),
    **_each("TRANSPOSE_CONV", of.convolution, _STRIDES),
    **_each("FULLY_CONNECTED", of.dense),
    **_each("BATCH_MATMUL", rules.two_inputs, rules.one_output),
    **_each("ADD", rules.two_inputs, rules.broadcast),
    **_each("ADD_N", rules.two_inputs),
    **_each("MUL", rules.two_inputs, rules.one_way, rules.activation),
    **_each("SELECT SELECT_V2", rules.one_output, of.select),
    **_each("SLICE STRIDED_SLICE", of.sliced),
    **_each("GATHER", rules.pair, of.gather),
    **_each("SOFTMAX", of.softmax),
    **_each("ONE_HOT", of.one_hot),
    **_each("CUMSUM", of.cumsum),
    **_each("DENSIFY", rules.count((0,))),
    **_each("DEQUANTIZE", of.dequantize),
    **_each("EMBEDDING_LOOKUP", of.lookup),
    **_each("DYNAMIC_UPDATE_SLICE", of.update),
    **_each("LSTM", of.lstm),
    **_each("STABLEHLO_CLAMP", of.clamp, rules.count((3,), 0)),
}
_FOUND = "ARG_MAX ARG_MIN TOPK_V2 GATHER_ND NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 WHERE LOG_SOFTMAX"
UNKNOWN: dict[str, str] = {
    **dict.fromkeys(_FOUND.split(), DECODER),
    **dict.fromkeys(("SHAPE", "RANGE", "FILL", "IF", "WHILE"), ONE_SIZE),
    **dict.fromkeys(("SQUEEZE", "EXPAND_DIMS"), "use reshape, which the delegate takes"),
    "UNPACK": "slice with start:stop and reshape, rather than taking dimensions apart",
    "BROADCAST_TO": "let ADD and MUL broadcast it, or store the constant at its full size",
    "REVERSE_V2": "store the weights reversed",
    "L2_NORMALIZATION": "write it as x times the reciprocal square root of the sum of squares",
}
