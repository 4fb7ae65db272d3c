"""What only devices get wrong: operations that Core ML is known to evaluate otherwise than their definition says.

No figure taken off a device can show these, so they are named from the program alone. Numbers with # are issues of
coremltools' tracker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posekit.runtimes.mil.program import Op, Program
from posekit.runtimes.mil.values import TensorType

MAX_RANK = 5
SMALLEST_FP16 = 2.0**-24


@dataclass(frozen=True, slots=True)
class Finding:
    """One operation, the rule that it meets, what is wrong on devices, and what to do instead."""

    op: str
    type: str
    rule: str
    sentence: str
    remedy: str


_SOFTPLUS = (
    "softplus-overflow",
    "devices compute it in fp16 as log(1 + exp(x)), which overflows for x > 10.4 (#2687)",
    "write it as max(x, 0) + log(1 + exp(-|x|)), or keep the op in float32",
)
_LOG_SUM = (
    "log-sum-exp-overflow",
    "devices do not subtract the maximum first, so exp(x) overflows in fp16 for x > 11 (#2690)",
    "subtract the maximum before it and add it afterwards",
)
_LOG_SOFTMAX = (
    "log-of-softmax",
    "a log of a softmax loses small probabilities to 0 in fp16, and log(0) is not finite (#2728)",
    "write it as x - max(x) - log(sum(exp(x - max(x)))), or leave it to the decoder",
)
_OUTPUT_SHAPE = (
    "transposed-convolution-output-shape",
    "its output_shape is not what its kernel gives, and some compute units then shift or cut it (#2281, #2324)",
    "choose kernel, stride and padding so that the size follows from them: kernel 4, stride 2, padding 1",
)
_DYNAMIC = (
    "dynamic-shape",
    "its size is known at run time only, which keeps it and what follows off the Neural Engine",
    "convert with one fixed input size, and move what depends on values into the decoder",
)
_RANK = (
    "rank-above-five",
    f"it has more than {MAX_RANK} dimensions, which Core ML refuses or copies at each step",
    "fold dimensions together before it",
)
_FP16_LOG = (
    "epsilon-below-fp16",
    "its epsilon is 0 in fp16, so an input of 0 gives a value that is not finite",
    "use an epsilon of at least 6e-8, or keep the op in float32",
)


def lint(program: Program) -> tuple[Finding, ...]:
    """Findings in the order of execution; none where nothing is known against the program."""
    found = []
    givers = {output: op for op in program.ops for output in op.outputs}
    for op in program.ops:
        for holds, (rule, sentence, remedy) in _RULES:
            if holds(op, program, givers):
                found.append(Finding(op.name, op.type, rule, f"{op.type} {op.name!r}: {sentence}", remedy))
    return tuple(found)


def _is_softplus(op: Op, program: Program, givers: dict[str, Op]) -> bool:
    """softplus itself, or the one inside a mish; in float32 it is computed as it should be."""
    return op.type in ("softplus", "softplus_parametric") and op.dtype == "fp16"


def _is_log_sum_exp(op: Op, program: Program, givers: dict[str, Op]) -> bool:
    return op.type == "reduce_log_sum_exp" and op.dtype == "fp16"


def _is_log_softmax(op: Op, program: Program, givers: dict[str, Op]) -> bool:
    given = givers.get(op.inputs.get("x", ("",))[0])
    return op.type == "log" and op.dtype == "fp16" and given is not None and given.type == "softmax"


def _asks_for_another_shape(op: Op, program: Program, givers: dict[str, Op]) -> bool:
    """Where output_shape is not what kernel, stride and padding give by themselves; coremltools writes it always."""
    if op.type != "conv_transpose" or "output_shape" not in op.inputs:
        return False
    x, weight = (_type_of(op.inputs.get(name, ("",))[0], program, givers) for name in ("x", "weight"))
    if x is None or weight is None:
        return True
    spatial = len(x.shape) - 2
    strides, dilations = (_numbers(op, program, name) or [1] * spatial for name in ("strides", "dilations"))
    padding = _numbers(op, program, "pad") if _text(op, program, "pad_type") == "custom" else []
    padding = padding or [0] * 2 * spatial
    own = [
        (size or 0) * stride
        if _text(op, program, "pad_type") == "same"
        else ((size or 0) - 1) * stride + ((width or 0) - 1) * dilation + 1 - before - after
        for size, width, stride, dilation, before, after in zip(
            x.shape[2:], weight.shape[2:], strides, dilations, padding[::2], padding[1::2], strict=False
        )
    ]
    return _numbers(op, program, "output_shape")[2:] != own


def _type_of(name: str, program: Program, givers: dict[str, Op]) -> TensorType | None:
    if name in givers:
        return givers[name].types[givers[name].outputs.index(name)]
    return program.constants[name].type if name in program.constants else program.parameters.get(name)


def _numbers(op: Op, program: Program, parameter: str) -> list[int]:
    names = op.inputs.get(parameter, ())
    known = names and names[0] in program.constants
    return [int(one) for one in program.constant(names[0]).reshape(-1)] if known else []


def _text(op: Op, program: Program, parameter: str) -> str:
    names = op.inputs.get(parameter, ())
    return str(program.constant(names[0]).reshape(-1)[0]) if names and names[0] in program.constants else ""


def _is_dynamic(op: Op, program: Program, givers: dict[str, Op]) -> bool:
    """Where a size gets lost, not every op after it."""
    read = (name for names in op.inputs.values() for name in names if name in givers)
    before = any(None in kind.shape for name in read for kind in givers[name].types)
    return not before and any(None in kind.shape for kind in op.types)


def _has_high_rank(op: Op, program: Program, givers: dict[str, Op]) -> bool:
    return any(len(kind.shape) > MAX_RANK for kind in op.types)


def _loses_its_epsilon(op: Op, program: Program, givers: dict[str, Op]) -> bool:
    if op.type not in ("log", "rsqrt", "inverse") or op.dtype != "fp16":
        return False
    given = op.inputs.get("epsilon", ())
    if given and given[0] in program.constants:
        return abs(float(program.constant(given[0]).reshape(-1)[0])) < SMALLEST_FP16 / 2
    return op.type in ("log", "rsqrt")  # MIL's defaults for them, 1e-45 and 1e-12, round to 0


_Rule = Callable[[Op, Program, dict[str, Op]], bool]
_RULES: tuple[tuple[_Rule, tuple[str, str, str]], ...] = (
    (_is_softplus, _SOFTPLUS),
    (_is_log_sum_exp, _LOG_SUM),
    (_is_log_softmax, _LOG_SOFTMAX),
    (_asks_for_another_shape, _OUTPUT_SHAPE),
    (_is_dynamic, _DYNAMIC),
    (_has_high_rank, _RANK),
    (_loses_its_epsilon, _FP16_LOG),
)
