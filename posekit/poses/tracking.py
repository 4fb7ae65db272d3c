"""From frame to frame: the next region from the last keypoints, and the One-Euro filter.

Mirrored by RegionTracker and OneEuroFilter in Kotlin and Swift; both are off unless the app asks for them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from posekit.poses import Floats
from posekit.poses.regions import FARTHEST_PX, Region, region_from_box

MIN_KEYPOINTS = 4  # fewer say too little about where the person is; a skeleton with fewer needs them all
SIZE_OF_A_POINT = 100.0  # px: a single keypoint has no size of its own
MIN_SCORE = 0.3  # where scores go from 0 to 1


def next_region(
    keypoints: Floats,
    scores: Floats,
    size_wh: tuple[int, int],
    padding: float,
    min_score: float = MIN_SCORE,
    margin: float = 1.2,
) -> Region | None:
    """The region for the next frame, or None when the person is lost and the app should look anew.

    keypoints (K, 2) source px, scores (K,). The box of the keypoints with at least `min_score` is grown by `margin`,
    because a person reaches beyond the keypoints, and becomes a region as any box does.
    """
    box = sure_box(keypoints, scores, min_score)
    if box is None:
        return None
    low, high = np.array(box[:2]), np.array(box[2:])
    centre, half = (low + high) / 2, (high - low) / 2 * margin
    return region_from_box((*(centre - half), *(centre + half)), size_wh, padding)


def sure_box(keypoints: Floats, scores: Floats, min_score: float) -> tuple[float, float, float, float] | None:
    """The box around the keypoints (K, 2 or 3) with at least `min_score`; None where they are too few, one place,
    or farther than FARTHEST_PX."""
    seen = keypoints[scores >= min_score, :2]
    if len(seen) < max(min(MIN_KEYPOINTS, len(scores)), 1):
        return None
    (left, top), (right, bottom) = seen.min(axis=0).tolist(), seen.max(axis=0).tolist()
    box = (left, top, right, bottom)
    is_sound = max(right - left, bottom - top) > 0 and all(abs(value) <= FARTHEST_PX for value in box)
    return box if is_sound else None


@dataclass
class OneEuroFilter:
    """Smooths keypoints over time: slow motion strongly, fast motion little.

    min_cutoff (Hz): lower is smoother at rest. beta (Hz per size of the person a second): higher lags less in motion;
    the size is the longer side of the box around the keypoints, so that near and far people are smoothed alike.
    derivative_cutoff (Hz). Source: Casiez, Roussel, Vogel 2012, "1 Euro Filter".
    """

    min_cutoff: float = 0.5
    beta: float = 5.0
    derivative_cutoff: float = 1.0
    _time: float = field(default=math.nan, init=False)
    _value: Floats = field(default_factory=lambda: np.zeros(0), init=False)
    _derivative: Floats = field(default_factory=lambda: np.zeros(0), init=False)

    def smooth(self, keypoints: Floats, time_seconds: float) -> Floats:
        """The smoothed keypoints (K, 2|3); time must go forward, else the filter starts anew."""
        elapsed = time_seconds - self._time
        if not elapsed > 0 or keypoints.shape != self._value.shape:
            self._time, self._value, self._derivative = time_seconds, keypoints, np.zeros_like(keypoints)
            return keypoints
        derivative = (keypoints - self._value) / elapsed
        learnt = weight_of(np.asarray(self.derivative_cutoff), elapsed)
        self._derivative = self._derivative + learnt * (derivative - self._derivative)
        cutoff = self.min_cutoff + self.beta / size_of(keypoints) * np.abs(self._derivative)
        self._value = self._value + weight_of(cutoff, elapsed) * (keypoints - self._value)
        self._time = time_seconds
        return self._value


def size_of(keypoints: Floats) -> float:
    """The longer side (px) of the box around keypoints (K, 2|3), a tenth of them left out at each end of each axis: one
    that flies off makes nobody larger."""
    count, spare = len(keypoints), len(keypoints) // 10
    along = np.sort(keypoints[:, :2], axis=0)
    return float((along[count - 1 - spare] - along[spare]).max()) or SIZE_OF_A_POINT


def weight_of(cutoff: Floats, elapsed: float) -> Floats:
    """How much of a new value a low-pass filter of that cutoff (Hz) takes after so many seconds."""
    return 1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff * elapsed))
