"""Which instance of one side is which of the other: people are matched before they are compared.

By OKS, the most alike first; each instance once. Ties go to the first of the reference, then to the first that was
seen, so that the same evidence is always matched in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posekit.parity.metrics import Found
from posekit.poses import Floats

LEAST_OKS = 0.5  # less alike are two people; COCO counts a detection from there on


@dataclass(frozen=True, slots=True)
class Match:
    """reference, seen: places of the matched instances, pair by pair in the reference's order; missed: of the reference
    alone; invented: of what was seen alone."""

    reference: tuple[int, ...]
    seen: tuple[int, ...]
    missed: tuple[int, ...]
    invented: tuple[int, ...]


def matched(seen: Floats, reference: Floats, areas: Floats, sigmas: Sequence[float], least: float = LEAST_OKS) -> Match:
    """Match keypoints `seen` (M, K, 2+) with those of the reference (N, K, 2+) by OKS, at least `least`.

    areas: (N,) px^2 of the reference's instances. One and one are always a pair: a region has one person, however far
    the keypoints are off. NaN is like nothing.
    """
    if len(seen) == len(reference) == 1:
        return Match((0,), (0,), (), ())
    alike = similarities(seen, reference, areas, sigmas)
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    # of equal ones a stable sort keeps the order of rows and columns
    for place in np.argsort(-alike, axis=None, kind="stable"):
        one, other = (int(i) for i in np.unravel_index(place, alike.shape))
        if not alike[one, other] >= least:
            break
        if one not in pairs and other not in taken:
            pairs[one] = other
            taken.add(other)
    order = sorted(pairs)
    return Match(
        tuple(order),
        tuple(pairs[one] for one in order),
        tuple(one for one in range(len(reference)) if one not in pairs),
        tuple(other for other in range(len(seen)) if other not in taken),
    )


def similarities(seen: Floats, reference: Floats, areas: Floats, sigmas: Sequence[float]) -> NDArray[np.float64]:
    """OKS (N, M) of every instance of the reference with every one that was seen, over all keypoints; 0 for NaN."""
    squared = ((reference[:, None, :, :2] - seen[None, :, :, :2]) ** 2).sum(axis=-1)
    variance = (2 * np.asarray(sigmas)) ** 2
    scaled = squared / (2 * variance * np.maximum(areas, 1.0)[:, None, None])
    return np.asarray(np.nan_to_num(np.exp(-scaled).mean(axis=-1), nan=0.0))


@dataclass(frozen=True, slots=True)
class People:
    """How many instances the reference has and how many were seen, and the cases of those that have no partner."""

    reference: int
    seen: int
    missed: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()


def aligned(
    seen: Sequence[Found], expected: Sequence[Found], sigmas: Sequence[float]
) -> tuple[list[Found], list[Found], People]:
    """The matched instances of both sides, case by case in the reference's order, and who has no partner."""
    pairs: list[tuple[Found, Found]] = []
    missed: list[str] = []
    invented: list[str] = []
    for one, other in zip(seen, expected, strict=True):
        match = matched(one.keypoints, other.keypoints, other.areas, sigmas)
        pairs.append((one.taken(match.seen), other.taken(match.reference)))
        missed += [other.case] * len(match.missed)
        invented += [other.case] * len(match.invented)
    reference, found = (sum(len(one.keypoints) for one in side) for side in (expected, seen))
    people = People(reference, found, tuple(missed), tuple(invented))
    return [one for one, _ in pairs], [other for _, other in pairs], people
