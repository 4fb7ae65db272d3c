"""Several people from frame to frame: who is who, and each one smoothed.

Mirrored by PeopleTracker and PeopleSmoother in Kotlin and Swift; both are off unless the app asks for them. People are
compared as the trackers of TensorFlow.js' pose detection compare them, with where they must have come to by now.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from posekit.poses import Floats, Poses
from posekit.poses.tracking import MIN_KEYPOINTS, MIN_SCORE, OneEuroFilter, weight_of

VELOCITY_CUTOFF = 1.0  # Hz: how fast a person's velocity is learnt
DRIFT = 0.3  # sizes a second: how far from where they must have come to somebody may be who was not seen
MIN_SIMILARITY = {"oks": 0.2, "iou": 0.15}


@dataclass(frozen=True, slots=True)
class Track:
    """One person as last seen: keypoints (K, 2) source px, scores (K,), box, when, and the velocity (2,) in px per
    second."""

    id: int
    keypoints: Floats
    scores: Floats
    box_xyxy: Floats
    time_seconds: float
    velocity: Floats = field(default_factory=lambda: np.zeros(2))

    def at(self, time_seconds: float) -> Track:
        """The person moved on to a later time."""
        return self.moved(self.velocity * (time_seconds - self.time_seconds))

    def moved(self, way: Floats) -> Track:
        """The person somewhere else; way (2,), source px."""
        return replace(self, keypoints=self.keypoints + way, box_xyxy=self.box_xyxy + np.tile(way, 2))


@dataclass
class PeopleTracker:
    """Gives every person an id that stays the same from frame to frame.

    similarity: `oks` of the keypoints that both times have at least `min_score`, or `iou` of the boxes. Each track is
    looked for where its velocity has brought it, about there after a frame without it, since who is half hidden seems
    to slow down, and where it was, for who stops unseen. Of all pairs of a person and a track the most similar one is
    matched first, of equal ones that of the first person and the smallest id; none under `min_similarity`.
    max_age_seconds: for how long somebody who is not seen is remembered. max_tracks: how many people are; who was seen
    longest ago is forgotten first, of those seen at once the largest id.
    """

    sigmas: Sequence[float]
    similarity: Literal["oks", "iou"] = "oks"
    min_similarity: float | None = None
    min_score: float = MIN_SCORE
    max_age_seconds: float = 2.0
    max_tracks: int = 18
    tracks: tuple[Track, ...] = field(default=(), init=False)
    _next_id: int = field(default=1, init=False)
    _last_seconds: float = field(default=-math.inf, init=False)

    def update(self, poses: Poses, time_seconds: float) -> list[int]:
        """The id of each person of `poses`; where time goes back everybody is new.

        poses: source px, with boxes where `similarity` is `iou`.
        """
        if any(track.time_seconds > time_seconds for track in self.tracks):
            self.tracks = ()
        free = [track for track in self.tracks if time_seconds - track.time_seconds <= self.max_age_seconds]
        boxes = np.zeros((poses.count, 4)) if poses.boxes_xyxy is None else poses.boxes_xyxy
        people = [
            Track(0, points[:, :2], scores, box, time_seconds)
            for points, scores, box in zip(poses.keypoints, poses.scores, boxes, strict=True)
        ]
        known = self._matched(people, free, time_seconds)
        seen = [self._followed(known[at], one) if at in known else self._new(one) for at, one in enumerate(people)]
        left = [track for track in free if all(track is not one for one in known.values())]
        kept = sorted([*left, *seen], key=lambda track: (-track.time_seconds, track.id))[: self.max_tracks]
        self.tracks = tuple(sorted(kept, key=lambda track: track.id))
        self._last_seconds = time_seconds
        return [track.id for track in seen]

    def _matched(self, people: Sequence[Track], free: Sequence[Track], now: float) -> dict[int, Track]:
        """The track of each person who has one, by place."""
        least = MIN_SIMILARITY[self.similarity] if self.min_similarity is None else self.min_similarity
        moved = [track.at(now) for track in free]
        pairs = [
            (-alike, at, place)
            for at, person in enumerate(people)
            for place, track in enumerate(free)
            if (alike := max(self._alike(person, track), self._alike_about(person, moved[place], now))) >= least
        ]
        found: dict[int, int] = {}
        for _, at, place in sorted(pairs):
            if at not in found and place not in found.values():
                found[at] = place
        return {at: free[place] for at, place in found.items()}

    def _new(self, person: Track) -> Track:
        self._next_id += 1
        return replace(person, id=self._next_id - 1)

    def _followed(self, track: Track, person: Track) -> Track:
        """The person with the track's id, its velocity brought up to date by the keypoints that are sure in both."""
        elapsed = person.time_seconds - track.time_seconds
        both = (person.scores >= self.min_score) & (track.scores >= self.min_score)
        if not elapsed > 0 or not both.any():
            return replace(person, id=track.id, velocity=track.velocity)
        moved = (person.keypoints - track.keypoints)[both].mean(axis=0) / elapsed
        learnt = float(weight_of(np.asarray(VELOCITY_CUTOFF), elapsed))
        return replace(person, id=track.id, velocity=track.velocity + learnt * (moved - track.velocity))

    def _alike_about(self, person: Track, track: Track, now: float) -> float:
        """How alike the person is to a moved track, which may have come elsewhere if the last frame was without it."""
        if track.time_seconds >= self._last_seconds:
            return self._alike(person, track)
        away, size = self._away(person, track)
        length, reach = math.hypot(*away.tolist()), DRIFT * size * (now - track.time_seconds)
        return self._alike(person, track.moved(away if length <= reach else away * (reach / length)))

    def _away(self, person: Track, track: Track) -> tuple[Floats, float]:
        """From the track to the person, px, by what is compared, and the longer side of the track."""
        if self.similarity == "iou":
            sides = person.box_xyxy - track.box_xyxy
            return (sides[:2] + sides[2:]) / 2, float((track.box_xyxy[2:] - track.box_xyxy[:2]).max())
        sure = track.scores >= self.min_score
        both = sure & (person.scores >= self.min_score)
        if not both.any():
            return np.zeros(2), 0.0
        away = (person.keypoints - track.keypoints)[both].mean(axis=0)
        return away, float(np.ptp(track.keypoints[sure], axis=0).max())

    def _alike(self, person: Track, track: Track) -> float:
        return self._oks(person, track) if self.similarity == "oks" else iou(person.box_xyxy, track.box_xyxy)

    def _oks(self, person: Track, track: Track) -> float:
        return oks_of_two(person.keypoints, person.scores, track.keypoints, track.scores, self.sigmas, self.min_score)


def oks_of_two(
    one: Floats, one_scores: Floats, other: Floats, other_scores: Floats, sigmas: Sequence[float], min_score: float
) -> float:
    """How alike one pose is to another, over the keypoints that are sure in both; 0 where those are too few.

    one, other: (K, 2 or 3) px; the size is that of the other's sure keypoints.
    """
    sure = other_scores >= min_score
    both = sure & (one_scores >= min_score)
    if both.sum() < max(min(MIN_KEYPOINTS, len(both)), 1):
        return 0.0
    width, height = np.ptp(other[sure, :2], axis=0).tolist()
    variance = (2 * np.asarray(sigmas)) ** 2
    squared = ((one[:, :2] - other[:, :2]) ** 2).sum(axis=-1)
    return float(np.exp(-squared / (2 * (width * height + 1e-6) * variance))[both].mean())


def iou(one_xyxy: Floats, other_xyxy: Floats) -> float:
    """Intersection over union of two boxes; 0 where both are empty."""
    sides = np.minimum(one_xyxy[2:], other_xyxy[2:]) - np.maximum(one_xyxy[:2], other_xyxy[:2])
    shared = float(np.maximum(sides, 0.0).prod())
    areas = (float(np.maximum(box[2:] - box[:2], 0.0).prod()) for box in (one_xyxy, other_xyxy))
    return shared / max(sum(areas) - shared, 1e-12)


@dataclass
class PeopleSmoother:
    """A One-Euro filter for each tracked person, forgotten after `max_age_seconds` without them."""

    min_cutoff: float = 0.5
    beta: float = 5.0
    derivative_cutoff: float = 1.0
    max_age_seconds: float = 2.0
    _filters: dict[int, tuple[OneEuroFilter, float]] = field(default_factory=dict, init=False)

    def smooth(self, ids: Sequence[int], keypoints: Floats, time_seconds: float) -> Floats:
        """The smoothed keypoints (N, K, 2|3) of the people with those ids."""
        smoothed = [
            self._filters.setdefault(one, (self._new(), math.nan))[0].smooth(points, time_seconds)
            for one, points in zip(ids, keypoints, strict=True)
        ]
        self._filters |= {one: (self._filters[one][0], time_seconds) for one in ids}
        self._filters = {
            one: entry for one, entry in self._filters.items() if time_seconds - entry[1] <= self.max_age_seconds
        }
        return np.stack(smoothed) if smoothed else keypoints

    def _new(self) -> OneEuroFilter:
        return OneEuroFilter(self.min_cutoff, self.beta, self.derivative_cutoff)
