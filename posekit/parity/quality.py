"""How good the keypoints of a model are, in the few numbers that a table and a budget have room for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from posekit.contract.spec import PoseSpec
from posekit.parity.accuracy import Accuracy, Truth, accuracy
from posekit.parity.matching import PeopleCount, aligned
from posekit.parity.metrics import Found, KeypointError, compare_keypoints


@dataclass(frozen=True, slots=True)
class Quality:
    """Against the reference: oks (mean and worst person; who is missed or invented counts as 0), mean_px and p95_px in
    source px of those who are there, NaN where nobody is. Against annotations, None without any: ap and pck as
    parity/accuracy.py has them, ap_drop and pck_drop from the reference's, in points of 100."""

    people: int
    oks: float
    worst_oks: float
    mean_px: float
    p95_px: float
    ap: float | None = None
    pck: float | None = None
    ap_drop: float | None = None
    pck_drop: float | None = None

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def quality(
    found: Sequence[Found], reference: Sequence[Found], truth: Sequence[Truth | None], spec: PoseSpec
) -> Quality | None:
    """Compare the people of the same cases; NaN in any keypoint makes the figures NaN. None where nobody is on either
    side."""
    names, sigmas = spec.keypoints.names, spec.keypoints.oks_sigmas
    seen, expected, people = aligned(found, reference, sigmas, one_each=not spec.has_several)
    error = None
    if any(len(one.keypoints) for one in expected):
        error = compare_keypoints(seen, expected, names, sigmas, -np.inf)
    before, after = (accuracy(side, truth, spec) for side in (reference, found))
    return quality_of(error, before, after, people if spec.has_several else None)


def quality_of(
    error: KeypointError | None, before: Accuracy | None, after: Accuracy | None, people: PeopleCount | None = None
) -> Quality | None:
    """The same from figures that are there already; before, after: accuracy of the reference and of the model; people:
    where there may be several, who is on one side alone."""
    matched = 0 if error is None else error.instances
    lost = 0 if people is None else len(people.missed) + len(people.invented)
    if not matched + lost:
        return None
    if error is None:
        known = (matched + lost, 0.0, 0.0, math.nan, math.nan)
    else:
        oks = error.oks * matched / (matched + lost)
        known = (matched + lost, oks, 0.0 if lost else error.min_oks, error.mean_px, error.p95_px)
    if before is None or after is None:
        return Quality(*known)
    ap_drop = None if before.ap is None or after.ap is None else 100 * (before.ap - after.ap)
    return Quality(*known, after.ap, after.pck, ap_drop, 100 * (before.pck - after.pck))
