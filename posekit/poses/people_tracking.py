"""Several people from frame to frame: who is who, and each one smoothed.

Mirrored by PeopleTracker and PeopleSmoother in Kotlin and Swift; both are off unless the app asks for them. Source of
the rules: the trackers of TensorFlow.js' pose detection.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from posekit.poses import Floats, Poses
from posekit.poses.tracking import MIN_KEYPOINTS, MIN_SCORE, OneEuroFilter

MIN_SIMILARITY = {"oks": 0.2, "iou": 0.15}


@dataclass(frozen=True, slots=True)
class Track:
    """One person as last seen: keypoints (K, 2) source px, scores (K,), box, and when."""

    id: int
    keypoints: Floats
    scores: Floats
    box_xyxy: Floats
    time_seconds: float


@dataclass
class PeopleTracker:
    """Gives every person an id that stays the same from frame to frame.

    similarity: `oks` of the keypoints that both times have at least `min_score`, or `iou` of the boxes. A person takes
    the id of the most similar track that nobody before took, from `min_similarity` on; of equal ones the smallest.
    max_age_seconds: for how long somebody who is not seen is remembered. max_tracks: how many people are; who was seen
    longest ago is forgotten first, of those seen at once the largest id.
    """

    sigmas: Sequence[float]
    similarity: Literal["oks", "iou"] = "oks"
    min_similarity: float | None = None
    min_score: float = MIN_SCORE
    max_age_seconds: float = 1.0
    max_tracks: int = 18
    tracks: tuple[Track, ...] = field(default=(), init=False)
    _next_id: int = field(default=1, init=False)

    def update(self, poses: Poses, time_seconds: float) -> list[int]:
        """The id of each person of `poses`, whose first ones choose first; where time goes back everybody is new.

        poses: source px, with boxes where `similarity` is `iou`.
        """
        if any(track.time_seconds > time_seconds for track in self.tracks):
            self.tracks = ()
        free = [track for track in self.tracks if time_seconds - track.time_seconds <= self.max_age_seconds]
        seen: list[Track] = []
        for person in range(poses.count):
            box = np.zeros(4) if poses.boxes_xyxy is None else poses.boxes_xyxy[person]
            track = Track(0, poses.keypoints[person, :, :2], poses.scores[person], box, time_seconds)
            known = self._most_similar(track, free)
            if known is None:
                seen.append(replace(track, id=self._next_id))
                self._next_id += 1
            else:
                free.remove(known)
                seen.append(replace(track, id=known.id))
        kept = sorted([*free, *seen], key=lambda track: (-track.time_seconds, track.id))[: self.max_tracks]
        self.tracks = tuple(sorted(kept, key=lambda track: track.id))
        return [track.id for track in seen]

    def _most_similar(self, person: Track, free: Sequence[Track]) -> Track | None:
        least = MIN_SIMILARITY[self.similarity] if self.min_similarity is None else self.min_similarity
        best, found = least, None
        for track in free:
            alike = self._oks(person, track) if self.similarity == "oks" else iou(person.box_xyxy, track.box_xyxy)
            if alike > best or (alike == best and found is None):
                best, found = alike, track
        return found

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

    min_cutoff: float = 1.0
    beta: float = 0.01
    derivative_cutoff: float = 1.0
    max_age_seconds: float = 1.0
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
