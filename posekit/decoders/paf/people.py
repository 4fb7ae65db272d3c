"""From peaks to people: limbs that the fields agree with, the best first, and people made of limbs pair by pair.

A peak that a person does not have is -1: the first peak of all is a peak like another. Mirrored by PafDecoderPeople.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders.paf.peaks import Peaks
from posekit.decoders.paf.spec import FieldsSpec, Grouping, LimbRules
from posekit.decoders.paf.upsampling import axis, values_at
from posekit.poses import Floats

ABSENT = -1
AT_ONCE = 20_000  # candidates whose samples are looked up together

Limb = tuple[int, int, float]  # from peak, to peak, score


@dataclass(frozen=True, slots=True)
class People:
    """Of each person the peaks (n, K), ABSENT where there is none, how many were counted, and the sum of scores."""

    peaks: NDArray[np.intp]
    parts: NDArray[np.intp]
    scores: Floats

    def taken(self, places: Any) -> People:
        """Those at these places."""
        return People(self.peaks[places], self.parts[places], self.scores[places])


def limbs_of(maps: NDArray[Any], peaks: Peaks, spec: FieldsSpec) -> list[list[Limb]]:
    """Of each pair the limbs, the best first; a peak belongs to one limb of a pair."""
    pairs = list(zip(spec.fields.pairs[::2], spec.fields.pairs[1::2], strict=True))
    sides = [(np.array(peaks.of(one), np.intp), np.array(peaks.of(other), np.intp)) for one, other in pairs]
    starts = np.concatenate([[0], np.cumsum([len(one) * len(other) for one, other in sides])]).astype(np.intp)
    none = np.zeros(0, np.intp)
    a = np.concatenate([none, *(np.repeat(one, len(other)) for one, other in sides)])
    b = np.concatenate([none, *(np.tile(other, len(one)) for one, other in sides)])
    pair = np.repeat(np.arange(len(pairs)), np.diff(starts))
    scores = np.full(len(a), -np.inf)
    for start in range(0, len(a), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        scores[part] = _agreement(maps, peaks, a[part], b[part], pair[part], spec)
    return [_best(a[one:end], b[one:end], scores[one:end]) for one, end in itertools.pairwise(starts)]


def _best(a: NDArray[np.intp], b: NDArray[np.intp], scores: Floats) -> list[Limb]:
    """Candidates with a score above -inf, the best first while both ends are free; equal ones in their order."""
    found: list[Limb] = []
    taken: set[int] = set()
    valid = np.flatnonzero(scores > -np.inf)
    for place in valid[np.argsort(-scores[valid], kind="stable")].tolist():
        one, other = int(a[place]), int(b[place])
        if one not in taken and other not in taken:
            taken |= {one, other}
            found.append((one, other, float(scores[place])))
    return found


def _agreement(
    maps: NDArray[Any], peaks: Peaks, a: NDArray[Any], b: NDArray[Any], pair: NDArray[Any], spec: FieldsSpec
) -> Floats:
    """How the fields of `pair` agree with going from peak a to peak b; -inf where that is no limb."""
    rules, scale = spec.limbs, spec.upsampling
    down, across = (axis(side, scale.factor, scale.method) for side in maps.shape[:2])
    dx, dy = peaks.x[b] - peaks.x[a], peaks.y[b] - peaks.y[a]
    length = np.sqrt(dx * dx + dy * dy)
    is_apart = length > 0
    safe = np.where(is_apart, length, 1.0)
    counts = _sample_counts(dx, dy, rules)
    steps = np.arange(int(counts.max(initial=0)))
    of = (counts - (rules.ends == "both"))[:, None]
    rows = _rounded(peaks.y[a, None] + dy[:, None] * steps / of, rules)
    columns = _rounded(peaks.x[a, None] + dx[:, None] * steps / of, rules)
    is_asked = steps < counts[:, None]
    rows, columns = np.where(is_asked, rows, 0), np.where(is_asked, columns, 0)
    channels = np.array(spec.fields.places).reshape(-1, 2)[pair].T[..., None]
    along_x, along_y = values_at(maps, down, across, channels, rows, columns)
    agrees = (dx / safe)[:, None] * along_x + (dy / safe)[:, None] * along_y
    passes = is_asked & (agrees > rules.min_value)
    total = np.zeros(len(a))
    for step in steps:  # one after another, as Kotlin and Swift add
        total += np.where((passes if rules.mean == "passing" else is_asked)[:, step], agrees[:, step], 0.0)
    passing = passes.sum(axis=1)
    score = total / (np.maximum(passing, 1) if rules.mean == "passing" else counts)
    if rules.full_length:
        score = score + np.minimum(0.0, rules.full_length * len(down.matrix) / safe - 1)
    return np.where(is_apart & (passing / counts > rules.min_ratio) & (score > 0), score, -np.inf)


def _sample_counts(dx: Floats, dy: Floats, rules: LimbRules) -> NDArray[np.intp]:
    if rules.most_samples is None:
        return np.full(len(dx), rules.samples)
    wanted = np.floor(np.sqrt(5 * np.maximum(np.abs(dx), np.abs(dy))) + 0.5)
    return np.asarray(np.clip(wanted, rules.samples, rules.most_samples).astype(np.intp))


def _rounded(places: Floats, rules: LimbRules) -> NDArray[np.intp]:
    return (np.rint(places) if rules.rounding == "half_even" else np.floor(places + 0.5)).astype(np.intp)


def people_of(limbs: list[list[Limb]], peaks: Peaks, spec: FieldsSpec, count: int) -> People:
    """Everybody whom the limbs make up, in the order in which they began."""
    rules, pairs = spec.grouping, spec.fields.pairs
    most = sum(map(len, limbs)) + (len(peaks.scores) if rules.min_parts == 1 else 0)
    rows = People(np.full((most, count), ABSENT), np.zeros(most, np.intp), np.zeros(most))
    used, join = 0, _merged if rules.kind == "merge" else _extended
    for number, found in enumerate(limbs):
        ends = (pairs[2 * number], pairs[2 * number + 1])
        is_closing = number >= len(limbs) - rules.closing
        for limb in found:
            is_held = join(rows.taken(slice(used)), limb, ends, peaks.scores, is_closing)
            if not is_held and not is_closing:
                _put(rows, used, ends[0], limb[0], peaks.scores[limb[0]])
                _put(rows, used, ends[1], limb[1], peaks.scores[limb[1]] + limb[2])
                used += 1
    if rules.min_parts == 1:  # a peak that no limb holds may be somebody
        for peak in np.setdiff1d(np.arange(len(peaks.scores)), rows.peaks[:used]).tolist():
            _put(rows, used, int(peaks.keypoints[peak]), peak, peaks.scores[peak])
            used += 1
    return rows.taken(np.flatnonzero(_count(rows, rules)))


def _count(rows: People, rules: Grouping) -> NDArray[np.bool_]:
    return (rows.parts >= rules.min_parts) & (rows.scores / np.maximum(rows.parts, 1) >= rules.min_score)


def _put(rows: People, row: Any, keypoint: int, peak: int, score: float) -> None:
    rows.peaks[row, keypoint] = peak
    rows.parts[row] += 1
    rows.scores[row] += score


def _extended(rows: People, limb: Limb, ends: tuple[int, int], scores: Floats, is_closing: bool) -> bool:
    """Gives everybody who has the limb's first end the second; a closing limb fills either end, and counts nothing."""
    (first, second), (one, other, score) = ends, limb
    has_one = rows.peaks[:, first] == one
    if not is_closing:
        for row in np.flatnonzero(has_one):
            _put(rows, row, second, other, scores[other] + score)
        return bool(has_one.any())
    has_other = rows.peaks[:, second] == other
    fills_second = has_one & (rows.peaks[:, second] == ABSENT)
    fills_first = has_other & (rows.peaks[:, first] == ABSENT)
    rows.peaks[fills_second, second] = other
    rows.peaks[fills_first, first] = one
    return True


def _merged(rows: People, limb: Limb, ends: tuple[int, int], scores: Floats, is_closing: bool) -> bool:
    """Adds the limb to the one person who has an end of it, or makes two one who share no keypoint."""
    del is_closing
    (first, second), (one, other, score) = ends, limb
    holders = np.flatnonzero((rows.peaks[:, first] == one) | (rows.peaks[:, second] == other))
    if len(holders) == 2:
        kept, gone = holders
        moved = rows.peaks[gone] != ABSENT
        if not (moved & (rows.peaks[kept] != ABSENT)).any():
            rows.peaks[kept, moved] = rows.peaks[gone, moved]
            rows.parts[kept] += rows.parts[gone]
            rows.scores[kept] += rows.scores[gone] + score
            rows.peaks[gone], rows.parts[gone] = ABSENT, 0
            return True
    if 1 <= len(holders) <= 2 and rows.peaks[holders[0], second] != other:
        _put(rows, holders[0], second, other, scores[other] + score)
    return len(holders) > 0
