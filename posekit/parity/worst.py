"""The cases that are worth a look first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from posekit.contract.spec import PoseSpec
from posekit.parity.matching import matched
from posekit.parity.metrics import Found, oks


@dataclass(frozen=True, slots=True)
class CaseError:
    """One case: its largest keypoint error in source px, which keypoint has it, and its worst OKS, NaN where nobody can
    be compared. lost: how many people one side alone has."""

    case: str
    max_px: float
    keypoint: str
    oks: float
    lost: int = 0


def worst_cases(seen: Sequence[Found], expected: Sequence[Found], spec: PoseSpec, limit: int) -> tuple[CaseError, ...]:
    """At most `limit` cases, the worst first: who has people that the other side has not, keypoints that are not
    finite, then the largest keypoint errors."""
    errors = sorted(_errors(seen, expected, spec), key=_badness, reverse=True)
    return tuple(errors[:limit])


def _badness(error: CaseError) -> tuple[int, float]:
    nobody = not error.keypoint
    return error.lost, -1.0 if nobody else math.inf if math.isnan(error.max_px) else error.max_px


def _errors(seen: Sequence[Found], expected: Sequence[Found], spec: PoseSpec) -> Iterator[CaseError]:
    names, sigmas = spec.keypoints.names, spec.keypoints.oks_sigmas
    for one, other in zip(seen, expected, strict=True):
        match = matched(one, other, sigmas, one_each=not spec.has_several)
        lost = len(match.missed) + len(match.invented)
        if not match.seen:
            yield CaseError(other.case, math.nan, "", math.nan, lost)
            continue
        candidate, reference = one.taken(match.seen), other.taken(match.reference)
        points = candidate.keypoints[..., :2]
        distance = np.linalg.norm(points - reference.keypoints[..., :2], axis=-1)
        both, either = candidate.there & reference.there, candidate.there | reference.there
        at = int(np.where(np.isnan(distance), np.inf, np.where(both, distance, -1.0)).argmax())
        similarity = oks(points, reference.keypoints[..., :2], reference.areas, sigmas, either, both)
        yield CaseError(other.case, float(distance.flat[at]), names[at % len(names)], float(similarity.min()), lost)
