"""Whether more pictures would still widen the ranges of a network's values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from posekit.documents import Part
from posekit.errors import InputError

GREW = 0.05  # of a range: 13 of 256 steps
LAST = 4  # the last quarter of the inputs
ORDERS = 16  # shuffles: which quarter comes last is luck, and the greatest of N values is in it once in four times
UNSETTLED = 0.5  # of the tensors


class Saturation(Part):
    """How far ranges still grow when the last quarter of the inputs is added, the mean over shuffles of their order.

    last: how many inputs that is. growing: share of the tensors whose range grows by more than GREW. typical_growth and
    worst_growth: of the median tensor and of the worst, as shares of the range before; worst: index of that tensor.
    """

    inputs: int
    last: int
    tensors: int
    growing: float
    typical_growth: float
    worst_growth: float
    worst: int

    @property
    def is_settled(self) -> bool:
        """Whether few ranges still grow."""
        return self.growing <= UNSETTLED

    @property
    def sentence(self) -> str:
        """For the report, and as a warning where it is not settled."""
        return (
            f"a quarter of the {self.inputs} calibration inputs widens the range of {self.growing:.0%} of "
            f"{self.tensors} tensors by more than {GREW:.0%}, the typical by {self.typical_growth:.1%}, the worst by "
            f"{self.worst_growth:.0%}"
        )


def saturation(ranges: ArrayLike) -> Saturation:
    """How settled ranges (N, T, 2) are: the least and greatest value of T tensors for each of N inputs.

    InputError for fewer than 2 inputs, another shape, or values that are not finite or not in order.
    """
    values = np.asarray(ranges, np.float64)
    if values.ndim != 3 or values.shape[2] != 2 or values.shape[0] < 2 or not values.shape[1]:
        raise InputError(
            f"ranges of values have shape {values.shape}, expected (inputs, tensors, 2) with 2 inputs or more"
        )
    if not np.isfinite(values).all():
        tensor = int(np.argwhere(~np.isfinite(values))[0, 1])
        raise InputError(f"tensor {tensor} has values that are not finite on the calibration pictures")
    if (values[..., 0] > values[..., 1]).any():
        raise InputError("the least value of a tensor is greater than its greatest")
    last = -(-len(values) // LAST)
    shuffles = [np.random.default_rng(seed).permutation(len(values)) for seed in range(ORDERS)]
    growth = np.mean([_growth(values[order], last) for order in shuffles], axis=0)
    worst = int(growth.argmax())
    return Saturation(
        inputs=len(values), last=last, tensors=values.shape[1], growing=float((growth > GREW).mean()),
        typical_growth=float(np.median(growth)), worst_growth=float(growth[worst]), worst=worst,
    )  # fmt: skip


def _growth(values: np.ndarray, last: int) -> np.ndarray:
    """(T,) by which share the last inputs widen the range of those before; 1 for what was constant and moves."""
    before, after = (part[..., 1].max(axis=0) - part[..., 0].min(axis=0) for part in (values[:-last], values))
    return np.asarray((after - before) / np.where(before > 0, before, np.where(after > 0, after, 1.0)))
