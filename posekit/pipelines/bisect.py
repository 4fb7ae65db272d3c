"""Where a packaged model parts ways with the network that it was made from: the first op, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import bundle
from posekit.contract.precisions import TFLITE, Precision
from posekit.errors import InputError
from posekit.parity.cases import recorded
from posekit.parity.divergence import Compared, Comparison, PackagedOp, compare
from posekit.parity.trace import Trace, TracedOp, read
from posekit.progress import Progress, announced, silent
from posekit.runtimes import litert, mil
from posekit.targets.litert import tflite_file

FP16_LARGEST, FP16_SMALLEST = 65504.0, 6e-8
FP16_SMALLEST_EXACT = 6.1e-5  # below it, float16 drops digits
HALF = ("fp16", "float16")  # as Core ML and LiteRT name it
# relative RMS of one op's output up to which it is the network's: rounding, and what its inputs already differ by
# of a compressed file also what the ops before have lost: of the samples w8a8 reaches 0.09, w4 0.44
TOLERANCES: dict[Precision, float] = {
    "fp32": 1e-3,
    "fp16": 2e-2,
    "w8": 0.1,
    "pal8": 0.1,
    "w8a16": 0.1,
    "w8a32": 0.2,
    "w8a8": 0.3,
    "pal6": 0.2,
}
COARSE = 0.48  # of those with fewer bits or weights


@dataclass(frozen=True, slots=True)
class Bisection:
    """The comparison op by op, the runtime that ran them, and the remedy for the op that parts ways, if one does.

    beyond_fp16: ops whose values no 16-bit arithmetic holds, though nothing went wrong here.
    """

    bundle: bundle.Bundle
    runtime: str
    case: str
    tolerance: float
    comparison: Comparison
    remedy: str
    beyond_fp16: tuple[Compared, ...]

    def as_json(self) -> dict[str, Any]:
        """As plain values: the op that parts ways, the last that agrees, and every op's error."""
        part, agreed = self.comparison.parting, self.comparison.agreed
        return {
            "name": self.bundle.spec.name, "platform": self.bundle.platform, "runtime": self.runtime, "case": self.case,
            "tolerance": self.tolerance, "parting": part and _plain(part), "agreed": agreed and _plain(agreed),
            "remedy": self.remedy, "operations": [_plain(op) for op in self.comparison.ops],
            "beyond_fp16": [op.name for op in self.beyond_fp16],
        }  # fmt: skip


def _plain(op: Compared) -> dict[str, Any]:
    numbers = {"error": op.error, "lowest": op.lowest, "highest": op.highest}
    nearest = op.nearest
    return {
        "name": op.name,
        "op": op.op,
        "dtype": op.dtype,
        "shape": list(op.shape),
        "not_finite": op.not_finite,
        "verdict": op.verdict,
        **{key: value if math.isfinite(value) else None for key, value in numbers.items()},
        "expected": None
        if nearest is None
        else {
            "name": nearest.name,
            "op": nearest.op,
            "layer": nearest.layer,
            "lowest": nearest.lowest,
            "highest": nearest.highest,
        },
    }


def bisect(folder: Path, step: Progress = silent) -> Bisection:
    """Run the packaged model of a bundle op by op on its first case, and compare with what the network computed.

    InputError where the bundle is damaged or carries no trace of the network.
    """
    with announced(step, "verify the bundle"):
        opened = bundle.open_bundle(folder)
        network = read(folder / bundle.EVALUATION)
        case = next(case for case, _ in recorded(folder / bundle.EVALUATION, opened.spec))
        _check_origin(network, opened, case.name)
    tolerance = TOLERANCES.get(opened.manifest["precision"], COARSE)
    with announced(step, "compare op by op"):
        outputs, ops, runtime = (_litert if opened.platform in TFLITE else _mil)(opened.model_path, case.pixels)
        comparison = compare(ops, network.steps, outputs, tolerance)
    if comparison.parting is None and comparison.agreed is None:
        raise InputError(
            f"no operation of {opened.model_path.name} can be compared with the trace of the network",
            "package the model again with this version of posekit",
        )
    large = tuple(op for op in comparison.ops if not op.is_index and _largest(op) > FP16_LARGEST)
    return Bisection(opened, runtime, case.name, tolerance, comparison, _remedy(comparison), large)


def _check_origin(network: Trace, opened: bundle.Bundle, case: str) -> None:
    """InputError where the trace is of another network, contract or case than the bundle."""
    source = opened.manifest.get("source")
    expected = {
        "network": (network.source_sha256, source.get("sha256") if isinstance(source, dict) else None),
        "contract": (network.contract_sha256, opened.manifest["contract_sha256"]),
        "case": (network.case, case),
    }
    for what, (found, wanted) in expected.items():
        if found != wanted:
            raise InputError(
                f"the trace in {opened.folder} is of the {what} {found!r}, the bundle is of {wanted!r}",
                "package the model again",
            )


def _largest(one: Compared | TracedOp) -> float:
    return max(abs(one.lowest), abs(one.highest))


def _litert(path: Path, pixels: NDArray[np.float32]) -> tuple[list[str], Iterator[PackagedOp], str]:
    outputs, tensor, details = litert.open_tensors(path, pixels)

    def ops() -> Iterator[PackagedOp]:
        for number, operation in enumerate(tflite_file.operations(path.read_bytes())):
            if operation.inputs and operation.outputs:
                raw = tensor(operation.outputs[0])
                values = litert.dequantised(raw, details[operation.outputs[0]])
                dtype = str(raw.dtype) if values is raw else f"quantised {raw.dtype}"
                texts = [tuple(map(str, numbers)) for numbers in (operation.inputs, operation.outputs)]
                yield PackagedOp(f"op {number}", operation.name, texts[0], texts[1], dtype, values)

    return [str(number) for number in outputs], ops(), litert.runtime_name().replace("CPU", "CPU without XNNPACK")


def _mil(path: Path, pixels: NDArray[np.float32]) -> tuple[list[str], Iterator[PackagedOp], str]:
    program = mil.open_program(path)
    seen: list[PackagedOp] = []

    def note(one: mil.OpRun) -> None:
        values = next(iter(one.outputs.values()), None)
        if values is not None:
            inputs = tuple(name for names in one.op.inputs.values() for name in names)
            seen.append(PackagedOp(one.op.name, one.op.type, inputs, one.op.outputs, one.op.dtype, values.copy()))

    mil.run(program, {program.inputs[0].name: pixels[None]}, "fp16", observe=note)
    return list(program.results), iter(seen), mil.runtime_name()


def _remedy(comparison: Comparison) -> str:
    """What to try for the op that parts ways."""
    op = comparison.parting
    if op is None:
        return ""
    expected = op.nearest
    if (expected is not None and _largest(expected) > FP16_LARGEST) or (op.not_finite and op.dtype in HALF):
        return (
            "keep this op in float32, or scale its input down and its output up: its values are beyond what 16 "
            "bits hold (65504)"
        )
    if op.not_finite:
        return "look for a division by zero, a logarithm or a root of what may be negative at this op"
    if op.dtype in HALF and (_largest(op) == 0 or (expected is not None and _largest(expected) < FP16_SMALLEST_EXACT)):
        return (
            "keep this op in float32, or scale its input or its constants up and its output down: they are below "
            f"what 16 bits hold ({FP16_SMALLEST:g})"
        )
    if op.op.lower() == "dequantize":
        return (
            "keep the ops before this one in float; where they join values of unlike range (coordinates and "
            "scores), split the output"
        )
    if op.is_index:
        return "the converter changed what this op chooses or counts: let the network end before it, or package again"
    if op.dtype in HALF:
        return "keep this op in float32, or rewrite it so that it sums fewer or smaller numbers"
    layer = f" {expected.layer!r}" if expected is not None and expected.layer else ""
    return (
        f"the converter changed this op or its weights: compare the layer{layer} with the file, rewrite it in "
        "other ops, or package again"
    )
