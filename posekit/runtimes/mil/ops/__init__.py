"""Every op that is evaluated here, by family."""

from __future__ import annotations

from posekit.runtimes.mil.ops import (
    activation,
    arrange,
    convolution,
    elementwise,
    gather,
    linear,
    normalise,
    pool,
    quantise,
    reduce,
    resize,
    shape,
)
from posekit.runtimes.mil.ops.table import ACCUMULATING, KERNELS, Kernel

__all__ = [
    "ACCUMULATING", "KERNELS", "Kernel",
    "activation", "arrange", "convolution", "elementwise", "gather", "linear", "normalise", "pool", "quantise",
    "reduce", "resize", "shape",
]  # fmt: skip
