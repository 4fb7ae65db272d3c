"""What only devices get wrong: operations that Core ML is known to evaluate otherwise than their definition says.

No figure taken off a device can show these, so they are named from the program alone. Numbers with # are issues of
coremltools' tracker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posekit.runtimes.mil.program import Op, Program

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
    "some compute units ignore output_shape and shift or cut the result (#2281, #2324)",
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


def _asks_for_a_shape(op: Op, program: Program, givers: dict[str, Op]) -> bool:
    return op.type == "conv_transpose" and "output_shape" in op.inputs


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
    (_asks_for_a_shape, _OUTPUT_SHAPE),
    (_is_dynamic, _DYNAMIC),
    (_has_high_rank, _RANK),
    (_loses_its_epsilon, _FP16_LOG),
)
