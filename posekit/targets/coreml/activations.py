"""Activations in 8 bits: their ranges, read by evaluating the float program, and the operations that round them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.runtimes.eight_bits import channel_sums, lost
from posekit.targets.converted import Calibration
from posekit.targets.coreml.program import Opened

Range = tuple[float, float]
# What takes 8-bit integers. A transposed convolution does not; additions and pooling would, and are left float: of both
# samples the keypoints moved more with them (mean 0.33 px for 0.27, 0.57 for 0.56) and the file was larger.
ROUNDED = ("conv", "linear", "matmul")


def read_ranges(package: Path, inputs: Sequence[NDArray[np.float32]]) -> Calibration:
    """Lowest and highest value of each product's input over pictures (H, W, 3), one at least, and what 8 bits lose of
    it."""
    from posekit.runtimes import mil

    program = mil.open_program(package)
    wanted = {op.inputs["x"][0]: 1 if op.type == "conv" else -1 for op in program.ops if op.type in ROUNDED}  # channels
    ranges: dict[str, Range] = {}
    sums: dict[str, NDArray[np.float64]] = {}
    broken: set[str] = set()

    def note(name: str, values: NDArray[Any]) -> None:
        if name in wanted and np.isfinite(values).all():
            low, high = ranges.get(name, (np.inf, -np.inf))
            ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
            sums[name] = sums.get(name, 0.0) + channel_sums(values, wanted[name])
        elif name in wanted:
            broken.add(name)

    def observe(done: mil.OpRun) -> None:
        for name, values in done.outputs.items():
            note(name, values)

    for pixels in inputs:
        note(program.inputs[0].name, pixels)
        mil.run(program, {program.inputs[0].name: pixels[None]}, "fp32", observe)
    known = sorted(set(ranges) - broken)
    return Calibration(
        tuple(inputs),
        {name: ranges[name] for name in known},
        lost={name: lost(sums[name], ranges[name]) for name in known},
    )


def steps(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of int8 for a range, which is widened to hold zero."""
    low, high = min(low, 0.0), max(high, 0.0)
    exact = max((high - low) / 255, 2.0**-20)
    half = np.float16(exact)
    scale = float(half if float(half) >= exact else np.nextafter(half, np.float16(np.inf)))  # the ends stay inside
    return scale, int(np.clip(round(-128 - low / scale), -128, 127))


def round_input(model: Opened, op: Any, limits: Range) -> None:
    """Let the input of a product pass through 8 bits."""
    from coremltools.converters.mil import Builder as mb

    scale, zero = steps(*limits)
    how = {"scale": np.float32(scale), "zero_point": np.int8(zero), "before_op": op}
    with model.block:
        rounded = mb.dequantize(input=mb.quantize(input=op.x, output_dtype="int8", **how), **how)
        model.block.replace_uses_of_var_after_op(
            anchor_op=rounded.op, end_op=op, old_var=op.x, new_var=rounded, no_check_var_types=True
        )
