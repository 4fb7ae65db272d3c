"""Dense results of two sides: how many of their cells say the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posekit.contract.outputs import decode_dense
from posekit.contract.spec import PoseSpec
from posekit.decoders import dense
from posekit.decoders.decoder import Outputs
from posekit.poses.dense import DenseMap


@dataclass(frozen=True, slots=True)
class DenseError:
    """One dense result over all cases. agreement: cells with the same label on both sides, as a fraction of `cells`,
    those that are not background on both; of a mask that is the intersection over the union. max_abs: the largest
    difference of a mask's value, or of U and V where the labels agree, 0 for labels alone; mean_uv: the mean of that,
    None without U and V. worst: the case with the least agreement."""

    name: str
    agreement: float
    cells: int
    max_abs: float
    worst: str
    mean_uv: float | None = None


class DenseTally:
    """Accumulates DenseError one case at a time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._same = self._cells = 0
        self._max_abs, self._uv, self._has_uv = 0.0, 0.0, False
        self._worst = (math.inf, "")

    def add(self, case: str, seen: DenseMap | None, expected: DenseMap) -> None:
        """Add a case; None: the side has no numbers to make it of."""
        if seen is None:
            self._max_abs, self._worst = math.nan, (-1.0, case)
            return
        one, other = seen.numbers, expected.numbers
        cells = int(((one > 0) | (other > 0)).sum())
        same = int(((one == other) & (one > 0)).sum())
        self._cells, self._same = self._cells + cells, self._same + same
        if expected.is_mask:
            self._max_abs = max(self._max_abs, float(np.abs(seen.values - expected.values).max(initial=0.0)))
        if expected.uv is not None and seen.uv is not None:
            apart = np.abs(seen.uv - expected.uv)[(one == other) & (one > 0)].astype(np.float64)
            self._has_uv, self._uv = True, self._uv + float(apart.sum()) / 2
            self._max_abs = max(self._max_abs, float(apart.max(initial=0.0)))
        if cells:
            self._worst = min(self._worst, (same / cells, case))

    def result(self) -> DenseError:
        """All cases so far; agreement is NaN where one of them had no numbers, 1 where all of it was background."""
        agreement = math.nan if math.isnan(self._max_abs) else self._same / self._cells if self._cells else 1.0
        mean_uv = self._uv / max(self._same, 1) if self._has_uv else None
        return DenseError(self.name, agreement, self._cells, self._max_abs, self._worst[1], mean_uv)


def dense_in(outputs: Outputs, spec: PoseSpec) -> tuple[DenseMap, ...]:
    """The dense results of a case over the input; none where the outputs are not finite."""
    if not all(np.isfinite(outputs[name]).all() for name in dense.shapes(spec.dense)):
        return ()
    return decode_dense(outputs, spec)


def worst_of(errors: Sequence[DenseError]) -> float:
    """The least agreement of all; 1 where there is nothing dense."""
    return min((one.agreement for one in errors), default=1.0)
