"""Figures of a comparison: tensors, keypoints, and where the worst is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats


@dataclass(frozen=True, slots=True)
class TensorError:
    """One output over all cases. snr_db: the noise of the worst case against the signal of the median one (a picture
    without anybody has little signal of its own); where: (case, index) of the largest difference.

    finite: every value of both sides; constant: the same values for every case and position, or all zero; one number a
    picture is never that, since a network may be as sure of all of them.
    """

    name: str
    max_abs: float
    rms: float
    snr_db: float
    where: str
    finite: bool
    constant: bool


@dataclass(frozen=True, slots=True)
class KeypointError:
    """Keypoints of M instances over all cases, source px.

    mean_px, p95_px, p99_px, max_px: distances of the gated keypoints; worst_case_p95_px: the largest p95 of one case.
    mean_of_size, p95_of_size: the same as fractions of the person's longer side. oks: mean OKS against the reference;
    min_oks: the worst instance. bias_px: mean (dx, dy), which shows a shift. per_keypoint_px: mean, p95 and bias of
    each of the K keypoints. score_error: largest difference of a score, visibility, presence or confidence, of the
    largest reference score or 1 if that is more. mean_z_px, max_z_px: differences of depth in the same px, or
    mean_z_mm, max_z_mm, None where there is none; max_box_px: of a side of a box, mean_world_mm and max_world_mm, of
    places in the world, alike.
    counted: keypoints that were compared. Whom one side alone has is told by matching.PeopleCount.
    """

    instances: int
    mean_px: float
    p95_px: float
    p99_px: float
    max_px: float
    worst_case_p95_px: float
    mean_of_size: float
    p95_of_size: float
    oks: float
    min_oks: float
    bias_px: tuple[float, float]
    per_keypoint: tuple[dict[str, Any], ...]
    score_error: float
    counted: int
    worst: str
    mean_z_px: float | None = None
    max_z_px: float | None = None
    mean_z_mm: float | None = None
    max_z_mm: float | None = None
    max_box_px: float | None = None
    mean_world_mm: float | None = None
    max_world_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The people of one case: keypoints (N, K, 2|3) source px, scores (N, K), each person's longer side and area in px,
    confidences (N,), the mean of the scores where none are given, and boxes (N, 4), visibility and presence (N, K) and
    world (N, K, 3) metres where the model gives them.

    partial: whether a keypoint of score 0 is one that was not found, whose place says nothing. has_metric_depth:
    whether z is in metres.
    """

    case: str
    keypoints: Floats
    scores: Floats
    sizes: Floats
    areas: Floats
    confidences: Floats | None = None
    boxes_xyxy: Floats | None = None
    visibility: Floats | None = None
    presence: Floats | None = None
    world: Floats | None = None
    partial: bool = False
    has_metric_depth: bool = False

    def __post_init__(self) -> None:
        if self.confidences is None:
            object.__setattr__(self, "confidences", self.scores.mean(axis=1) if len(self.scores) else np.zeros(0))

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which keypoints were found (N, K)."""
        return np.asarray(self.scores != 0) if self.partial else np.ones(self.scores.shape, bool)

    def taken(self, places: Sequence[int]) -> Found:
        """The instances at `places`, in that order."""
        rows = list(places)
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        chosen: dict[str, Any] = {name: v[rows] for name, v in values.items() if isinstance(v, np.ndarray)}
        return replace(self, **chosen)


class TensorTally:
    """Accumulates TensorError one case at a time, so that memory does not grow with the number of images."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._squares = self._count = self._noise = 0.0
        self._signals: list[float] = []
        self._max, self._where = 0.0, ""
        self._finite = self._same = True
        self._first: float | None = None

    def add(self, case: str, seen: NDArray[Any], expected: NDArray[Any]) -> None:
        """Add one case; shapes are equal."""
        if not self._finite:
            return
        self._first = float(seen.flat[0]) if self._first is None else self._first
        self._same &= bool((seen == self._first).all()) and seen.size > 1
        difference = seen.astype(np.float64) - expected
        if not np.isfinite(difference).all():
            self._finite, self._max, self._where = False, float("nan"), case
            return
        worst = int(np.abs(difference).argmax())
        if abs(difference.flat[worst]) >= self._max:
            index = tuple(int(i) for i in np.unravel_index(worst, difference.shape))
            self._max, self._where = float(abs(difference.flat[worst])), f"{case} at {index}"
        noise = float((difference**2).sum())
        self._squares, self._count = self._squares + noise, self._count + difference.size
        self._noise = max(self._noise, noise)
        self._signals.append(float((expected.astype(np.float64) ** 2).sum()))

    def result(self) -> TensorError:
        """The figures so far."""
        rms = float(np.sqrt(self._squares / max(self._count, 1))) if self._finite else float("nan")
        return TensorError(self.name, self._max, rms, self._snr_db(), self._where, self._finite, self._same)

    def _snr_db(self) -> float:
        if not self._finite:
            return math.nan
        if self._noise == 0:
            return math.inf
        return 10 * math.log10(max(float(np.median(self._signals)), 1e-30) / self._noise)


def compare_keypoints(
    seen: Sequence[Found], expected: Sequence[Found], names: Sequence[str], sigmas: Sequence[float], min_score: float
) -> KeypointError:
    """Compare instance by instance; NaN anywhere makes every figure NaN, which fails any gate.

    Only keypoints with a reference score of at least `min_score` count, and those that both sides found; in OKS one
    that a side alone found counts 0.
    """
    reference, candidate = (np.concatenate([f.keypoints[..., :2] for f in side]) for side in (expected, seen))
    scores = np.concatenate([f.scores for f in expected])
    sizes, areas = (np.concatenate([getattr(f, key) for f in expected]) for key in ("sizes", "areas"))
    difference = candidate - reference
    distance = np.linalg.norm(difference, axis=-1)
    counted = scores >= min_score
    counted |= np.isnan(distance)
    counted |= ~counted.any()  # nothing above the score: judge everything rather than nothing
    both, either = both_there(seen, expected), either_there(seen, expected)
    alike = counted & either
    people = alike.any(axis=1)  # the others say nothing
    oks_values = oks(candidate, reference, areas, sigmas, alike, both)[people]
    counted &= both
    cases = np.repeat(np.arange(len(expected)), [len(f.keypoints) for f in expected])
    p95_by_case = [_quantile(distance[cases == i][counted[cases == i]], 95) for i in range(len(expected))]
    depth, world = depth_errors(seen, expected), world_errors(seen, expected)
    return KeypointError(
        instances=len(reference),
        mean_px=float(distance[counted].mean()),
        p95_px=_quantile(distance[counted], 95),
        p99_px=_quantile(distance[counted], 99),
        max_px=float(distance[counted].max()),
        worst_case_p95_px=float(np.max(p95_by_case)),  # of NaN NaN, unlike max()
        mean_of_size=float((distance / sizes[:, None])[counted].mean()),
        p95_of_size=_quantile((distance / sizes[:, None])[counted], 95),
        oks=float(oks_values.mean()),
        min_oks=float(oks_values.min()),
        bias_px=_bias(difference[counted]),
        per_keypoint=_by_keypoint(names, distance, difference, counted),
        score_error=_score_error(seen, expected),
        counted=int(counted.sum()),
        worst=largest(np.where(counted, distance, -1), names, [one.case for one in expected for _ in one.keypoints]),
        **_of_depth(depth, counted, expected),
        max_box_px=_box_error(seen, expected),
        mean_world_mm=None if world is None else float(1000 * world[counted].mean()),
        max_world_mm=None if world is None else float(1000 * world[counted].max()),
    )


def largest(values: Floats, names: Sequence[str], owners: Sequence[str]) -> str:
    """Which keypoint of which case has the largest of `values` (M, K), in words; owners: the case of each person."""
    person, keypoint = (int(i) for i in np.unravel_index(int(values.argmax()), values.shape))
    return f"{names[keypoint]} in {owners[person]}"


def both_there(seen: Sequence[Found], expected: Sequence[Found]) -> NDArray[np.bool_]:
    """Which keypoints of matched people (M, K) both sides found."""
    return np.concatenate([one.there & other.there for one, other in zip(seen, expected, strict=True)])


def either_there(seen: Sequence[Found], expected: Sequence[Found]) -> NDArray[np.bool_]:
    """Which keypoints of matched people (M, K) a side found."""
    return np.concatenate([one.there | other.there for one, other in zip(seen, expected, strict=True)])


def _score_error(seen: Sequence[Found], expected: Sequence[Found]) -> float:
    """The largest difference of a score, visibility or presence that both sides have, or of a confidence, of the
    largest score of the reference or 1 if that is more."""
    scores = np.concatenate([f.scores for f in expected])
    sure, other_sure = (np.concatenate([f.confidences for f in side]) for side in (expected, seen))
    pairs = [_both(seen, expected, name) for name in ("scores", "visibility", "presence")]
    both = both_there(seen, expected)
    apart = [np.where(both, np.abs(pair[0] - pair[1]), 0.0).max() for pair in pairs if pair is not None]
    difference = np.max([*apart, np.abs(other_sure - sure).max()])
    return float(difference / max(float(np.abs(scores).max()), 1.0))


def _both(seen: Sequence[Found], expected: Sequence[Found], name: str) -> tuple[Floats, Floats] | None:
    """What every person of both sides has of that name, one side after the other; None where somebody has none."""
    sides = [[getattr(found, name) for found in side if len(found.keypoints)] for side in (seen, expected)]
    if not all(sides) or any(values is None for side in sides for values in side):
        return None
    return np.concatenate(sides[0]), np.concatenate(sides[1])


def world_errors(seen: Sequence[Found], expected: Sequence[Found]) -> Floats | None:
    """How far off each keypoint is in the world (M, K), metres; None where a side does not say."""
    pair = _both(seen, expected, "world")
    return None if pair is None else np.asarray(np.linalg.norm(pair[0] - pair[1], axis=-1))


def in_metres(found: Sequence[Found]) -> bool:
    """Whether z of these people is in metres."""
    return any(one.has_metric_depth for one in found)


def _of_depth(errors: Floats | None, counted: NDArray[np.bool_], expected: Sequence[Found]) -> dict[str, float]:
    """Mean and largest error of z in its own unit."""
    if errors is None:
        return {}
    unit, factor = ("mm", 1000.0) if in_metres(expected) else ("px", 1.0)
    values = factor * errors[counted]
    return {f"mean_z_{unit}": float(values.mean()), f"max_z_{unit}": float(values.max())}


def _box_error(seen: Sequence[Found], expected: Sequence[Found]) -> float | None:
    sides = [[found for found in side if len(found.keypoints)] for side in (seen, expected)]
    boxes = [[found.boxes_xyxy for found in side if found.boxes_xyxy is not None] for side in sides]
    if not len(boxes[0]) == len(boxes[1]) == len(sides[0]):
        return None
    candidate, reference = (np.concatenate(side) for side in boxes)
    return float(np.abs(candidate - reference).max(initial=0.0))


def depth_errors(seen: Sequence[Found], expected: Sequence[Found]) -> Floats | None:
    """How far off each keypoint's z is (M, K), px or metres; None where a side has none."""
    sides = [[found.keypoints for found in side if len(found.keypoints)] for side in (seen, expected)]
    if any(points.shape[2] < 3 for side in sides for points in side):
        return None
    candidate, reference = (np.concatenate(side)[..., 2] for side in sides)
    return np.asarray(np.abs(candidate - reference))


def oks(
    keypoints: Floats,
    reference: Floats,
    areas: Floats,
    sigmas: Sequence[float],
    counted: NDArray[np.bool_],
    there: NDArray[np.bool_] | None = None,
) -> Floats:
    """Object keypoint similarity (M,) of keypoints (M, K, 2), areas px^2; NaN for who has none that is counted.

    there: which can be alike at all; the others that are counted count 0.
    Source: COCO keypoint evaluation.
    """
    squared = ((keypoints - reference) ** 2).sum(axis=-1)
    variance = (2 * np.asarray(sigmas)) ** 2
    similarity = np.exp(-squared / (2 * variance * np.maximum(areas, 1.0)[:, None]))
    similarity = similarity if there is None else np.where(there, similarity, 0.0)
    weight = counted.astype(np.float64)
    total = weight.sum(axis=1)
    return np.where(total > 0, (similarity * weight).sum(axis=1) / np.maximum(total, 1), np.nan)


def _quantile(values: Floats, percent: float) -> float:
    return float(np.percentile(values, percent)) if values.size else 0.0


def _bias(differences: Floats) -> tuple[float, float]:
    x, y = differences.mean(axis=0) if len(differences) else (0.0, 0.0)
    return float(x), float(y)


def _by_keypoint(
    names: Sequence[str], distance: Floats, difference: Floats, counted: NDArray[np.bool_]
) -> tuple[dict[str, Any], ...]:
    columns = enumerate(counted.T)
    return tuple(
        _one_keypoint(name, distance[those, k], difference[those, k])
        for name, (k, those) in zip(names, columns, strict=True)
    )


def _one_keypoint(name: str, distance: Floats, difference: Floats) -> dict[str, Any]:
    dx, dy = _bias(difference)
    if not distance.size:  # compared nowhere, which is not the same as without error
        return {"name": name, "mean_px": None, "p95_px": None, "bias_x_px": None, "bias_y_px": None}
    mean = float(distance.mean())
    return {"name": name, "mean_px": mean, "p95_px": _quantile(distance, 95), "bias_x_px": dx, "bias_y_px": dy}
