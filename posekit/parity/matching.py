"""Which instance of one side is which of the other: people are matched before they are compared.

By OKS, the most alike first; each instance once. Ties go to the first of the reference, then to the first that was
seen, so that the same evidence is always matched in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def matched(
    seen: Floats, reference: Floats, areas: Floats, sigmas: Sequence[float], *, one_each: bool = False
) -> Match:
    """Match keypoints `seen` (M, K, 2+) with those of the reference (N, K, 2+) by OKS, at least LEAST_OKS.

    areas: (N,) px^2 of the reference's instances. one_each: a region has one person, so that one and one are a pair
    however far the keypoints are off. NaN is like nothing.
    """
    if one_each and len(seen) == len(reference) == 1:
        return Match((0,), (0,), (), ())
    pairs = dict(best_pairs(similarities(seen, reference, areas, sigmas), LEAST_OKS))
    taken = set(pairs.values())
    order = sorted(pairs)
    return Match(
        tuple(order),
        tuple(pairs[one] for one in order),
        tuple(one for one in range(len(reference)) if one not in pairs),
        tuple(other for other in range(len(seen)) if other not in taken),
    )


def best_pairs(alike: Floats, least: float) -> Iterator[tuple[int, int]]:
    """Pairs of a row and a column of `alike` (N, M), each used once, the most alike first, down to `least`."""
    rows: set[int] = set()
    columns: set[int] = set()
    # of equal ones a stable sort keeps the order of rows and columns
    for place in np.argsort(-alike, axis=None, kind="stable"):
        one, other = (int(i) for i in np.unravel_index(place, alike.shape))
        if not alike[one, other] >= least:
            return
        if one not in rows and other not in columns:
            rows.add(one)
            columns.add(other)
            yield one, other


def similarities(seen: Floats, reference: Floats, areas: Floats, sigmas: Sequence[float]) -> NDArray[np.float64]:
    """OKS (N, M) of every instance of the reference with every one that was seen, over all keypoints; 0 for NaN."""
    squared = ((reference[:, None, :, :2] - seen[None, :, :, :2]) ** 2).sum(axis=-1)
    variance = (2 * np.asarray(sigmas)) ** 2
    scaled = squared / (2 * variance * np.maximum(areas, 1.0)[:, None, None])
    return np.asarray(np.nan_to_num(np.exp(-scaled).mean(axis=-1), nan=0.0))


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """How many people the reference has and how many were seen, and the cases of those without a partner: missed,
    invented.

    barely: how many others have none, but would if a threshold were a little lower on the other side. reordered: the
    cases whose people are the same, in another order.
    """

    reference: int
    seen: int
    missed: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()
    barely: int = 0
    reordered: tuple[str, ...] = ()


def aligned(
    seen: Sequence[Found],
    expected: Sequence[Found],
    sigmas: Sequence[float],
    barely: Sequence[tuple[Found, Found] | None] | None = None,
    *,
    one_each: bool = False,
) -> tuple[list[Found], list[Found], PeopleCount]:
    """The matched people of both sides, case by case in the reference's order, and who has no partner.

    barely: of each case who else would be on either side, seen and expected, if thresholds were a little lower; None
    excuses nobody, of a case or of all. one_each: as in `matched`.
    """
    pairs: list[tuple[Found, Found]] = []
    missed: list[str] = []
    invented: list[str] = []
    reordered: list[str] = []
    excused = 0
    for one, other, others in zip(seen, expected, barely or [None] * len(seen), strict=True):
        match = matched(one.keypoints, other.keypoints, other.areas, sigmas, one_each=one_each)
        pairs.append((one.taken(match.seen), other.taken(match.reference)))
        reordered += [other.case] if list(match.seen) != sorted(match.seen) else []
        gone, new = other.taken(match.missed), one.taken(match.invented)
        if others is not None:
            gone, new = without(gone, others[0], sigmas), without(new, others[1], sigmas)
        excused += len(match.missed) + len(match.invented) - len(gone.sizes) - len(new.sizes)
        missed += [other.case] * len(gone.sizes)
        invented += [other.case] * len(new.sizes)
    reference, found = (sum(len(one.keypoints) for one in side) for side in (expected, seen))
    people = PeopleCount(reference, found, tuple(missed), tuple(invented), excused, tuple(reordered))
    return [one for one, _ in pairs], [other for _, other in pairs], people


def without(some: Found, others: Found, sigmas: Sequence[float]) -> Found:
    """Those of `some` who are like nobody of `others`."""
    if not len(some.keypoints) or not len(others.keypoints):
        return some
    alike = similarities(others.keypoints, some.keypoints, some.areas, sigmas).max(axis=1)
    return some.taken(np.flatnonzero(~(alike >= LEAST_OKS)).tolist())
