"""How large each operation's values grow: what fp16 cannot hold is found before a device shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from posekit.runtimes.mil.execution import OpRun, run
from posekit.runtimes.mil.program import Program

FP16_MAX = 65504.0


@dataclass(frozen=True, slots=True)
class OpRange:
    """One operation's values, evaluated in float32: their number, the largest finite |value|, how many are not finite
    and how many finite ones lie beyond fp16 (65504)."""

    name: str
    type: str
    dtype: str
    count: int
    largest: float
    non_finite: int
    beyond_fp16: int

    @property
    def overflows(self) -> bool:
        """Whether the program stores as fp16 what fp16 cannot hold."""
        return self.dtype == "fp16" and self.beyond_fp16 > 0


def magnitudes(program: Program, inputs: Mapping[str, Any]) -> list[OpRange]:
    """The range of each floating-point operation's outputs, in the order of execution."""
    ranges: list[OpRange] = []

    def measure(done: OpRun) -> None:
        kinds = zip(done.outputs.values(), done.op.types, strict=True)
        arrays = [array.reshape(-1) for array, kind in kinds if kind.is_float]
        if not arrays:
            return
        values = np.abs(np.concatenate(arrays))
        finite = values[np.isfinite(values)]
        ranges.append(
            OpRange(
                done.op.name,
                done.op.type,
                done.op.dtype,
                int(values.size),
                float(finite.max(initial=0.0)),
                int(values.size - finite.size),
                int(np.count_nonzero(finite > FP16_MAX)),
            )
        )

    run(program, inputs, "fp32", measure)
    return ranges
