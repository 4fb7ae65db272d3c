"""Which instance of one side is which of the other: people are matched before they are compared.

By OKS, the most alike first; each instance once. Ties go to the first of the reference, then to the first that was
seen, so that the same evidence is always matched in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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


def matched(seen: Found, reference: Found, sigmas: Sequence[float], *, one_each: bool = False) -> Match:
    """Match the people of a case with those of the reference by OKS, at least LEAST_OKS.

    one_each: a region has one person, so that one and one are a pair however far the keypoints are off. NaN is like
    nothing.
    """
    if one_each and len(seen.sizes) == len(reference.sizes) == 1:
        return Match((0,), (0,), (), ())
    pairs = dict(best_pairs(similarities(seen, reference, sigmas), LEAST_OKS))
    taken = set(pairs.values())
    order = sorted(pairs)
    return Match(
        tuple(order),
        tuple(pairs[one] for one in order),
        tuple(one for one in range(len(reference.sizes)) if one not in pairs),
        tuple(other for other in range(len(seen.sizes)) if other not in taken),
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


def similarities(seen: Found, reference: Found, sigmas: Sequence[float]) -> NDArray[np.float64]:
    """OKS (N, M) of every person of the reference with every one that was seen, over the keypoints that either has; 0
    for NaN and where one alone has a keypoint."""
    squared = ((reference.keypoints[:, None, :, :2] - seen.keypoints[None, :, :, :2]) ** 2).sum(axis=-1)
    variance = (2 * np.asarray(sigmas)) ** 2
    scaled = squared / (2 * variance * np.maximum(reference.areas, 1.0)[:, None, None])
    one, other = reference.there[:, None], seen.there[None]
    alike = np.where(one & other, np.exp(-scaled), 0.0).sum(axis=-1) / np.maximum((one | other).sum(axis=-1), 1)
    return np.asarray(np.nan_to_num(alike, nan=0.0))


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """How many people the reference has and how many were seen, and the cases of those without a partner: missed,
    invented.

    barely: how many others have none, but would if a threshold were a little lower on the other side. reordered: the
    cases whose people are the same, in another order. keypoints: how many the reference found of those who have a
    partner; keypoints_missed, keypoints_invented: the cases of those that one side alone found; keypoints_barely: how
    many others, but for a threshold.
    """

    reference: int
    seen: int
    missed: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()
    barely: int = 0
    reordered: tuple[str, ...] = ()
    keypoints: int = 0
    keypoints_missed: tuple[str, ...] = ()
    keypoints_invented: tuple[str, ...] = ()
    keypoints_barely: int = 0


@dataclass(frozen=True, slots=True)
class Barely:
    """Who would be there too on one side if thresholds were a little lower.

    there: who is there; more: who would be, as a rule the same people and others; anew: which keypoints (N, K) of
    theirs are not there: all of those of a person who is new.
    """

    there: Found
    more: Found
    anew: NDArray[np.bool_]

    @property
    def people(self) -> Found:
        """Those who are new."""
        return self.more.taken(np.flatnonzero(self.anew.all(axis=1)).tolist())


def barely_of(there: Found, others: Found) -> Barely:
    """`others`, who are all new."""
    return Barely(there, others, np.ones(others.scores.shape, bool))


def aligned(
    seen: Sequence[Found],
    expected: Sequence[Found],
    sigmas: Sequence[float],
    barely: Sequence[tuple[Barely, Barely] | None] | None = None,
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
    lost = LostKeypoints()
    excused = 0
    for one, other, others in zip(seen, expected, barely or [None] * len(seen), strict=True):
        match = matched(one, other, sigmas, one_each=one_each)
        pairs.append((one.taken(match.seen), other.taken(match.reference)))
        lost.add(*pairs[-1], others, sigmas)
        reordered += [other.case] if list(match.seen) != sorted(match.seen) else []
        gone, new = other.taken(match.missed), one.taken(match.invented)
        if others is not None:
            gone, new = _not_excused(gone, others[0], sigmas), _not_excused(new, others[1], sigmas)
        excused += len(match.missed) + len(match.invented) - len(gone.sizes) - len(new.sizes)
        missed += [other.case] * len(gone.sizes)
        invented += [other.case] * len(new.sizes)
    reference, found = (sum(len(one.keypoints) for one in side) for side in (expected, seen))
    people = PeopleCount(
        reference, found, tuple(missed), tuple(invented), excused, tuple(reordered),
        lost.keypoints, tuple(lost.missed), tuple(lost.invented), lost.barely,
    )  # fmt: skip
    return [one for one, _ in pairs], [other for _, other in pairs], people


def unlike(some: Found, others: Found, sigmas: Sequence[float]) -> list[int]:
    """The places of those of `some` who are like nobody of `others`."""
    places: list[int] = np.flatnonzero(~(_most_alike(some, others, sigmas) >= LEAST_OKS)).tolist()
    return places


def _not_excused(some: Found, barely: Barely, sigmas: Sequence[float]) -> Found:
    """Those of `some` who are like nobody who is new, or more like somebody who is there anyway and was lost."""
    new, there = (_most_alike(some, side, sigmas) for side in (barely.people, barely.there))
    return some.taken(np.flatnonzero(~((new >= LEAST_OKS) & (new > there))).tolist())


def _most_alike(some: Found, others: Found, sigmas: Sequence[float]) -> Floats:
    """How much each of `some` is like whom they are most like of `others` (N,); 0 where there is nobody."""
    if not len(some.keypoints) or not len(others.keypoints):
        return np.zeros(len(some.keypoints))
    return np.asarray(similarities(others, some, sigmas).max(axis=1))


@dataclass
class LostKeypoints:
    """Keypoints of matched people that one side alone found, case by case."""

    keypoints: int = 0
    barely: int = 0
    missed: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)

    def add(self, seen: Found, expected: Found, others: tuple[Barely, Barely] | None, sigmas: Sequence[float]) -> None:
        """Add the matched people of a case; others: as `barely` of `aligned`, who excuse a keypoint that they have."""
        self.keypoints += int(expected.there.sum())
        sides = ((seen, expected, self.missed), (expected, seen, self.invented))
        for place, (side, other, cases) in enumerate(sides):
            gone = other.there & ~side.there
            there = _there_nearby(side, others[place], sigmas) if others is not None and gone.any() else ~gone
            self.barely += int((gone & there).sum())
            cases += [other.case] * int((gone & ~there).sum())


def _there_nearby(people: Found, others: Barely, sigmas: Sequence[float]) -> NDArray[np.bool_]:
    """Which keypoints (N, K) are new in somebody of `others` who is like the person."""
    alike = similarities(others.more, people, sigmas) >= LEAST_OKS
    return np.asarray((alike[..., None] & (others.more.there & others.anew)[None]).any(axis=1))
