"""Left and right by anatomy: who faces the camera has their left side on the picture's right."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from posekit.parity.contract.alternatives import other_side
from posekit.poses import Floats

FACE = ("nose", "left_eye", "right_eye")
PAIRED = ("left_eye", "left_ear", "left_shoulder", "left_hip")
FACE_SCORE = 0.5  # of the median score: a face seen from behind has less
TURNED = 0.05  # of the person: with left and right nearer than this on the whole, the person stands sideways


def has_face(names: Sequence[str]) -> bool:
    """Whether the keypoints can tell who faces the camera."""
    return all(name in names for name in FACE)


def left_on_right(places: Floats, scores: Floats, names: Sequence[str]) -> Floats:
    """For each person 1 where left lies on the picture's right, 0 where it does not, NaN where nobody can say.

    places (S, K, 2) in units of the person, scores (S, K).
    """
    votes = np.full(len(places), np.nan)
    if not has_face(names):
        return votes
    place = {name: index for index, name in enumerate(names)}
    pairs = [(place[name], place[other_side(name)]) for name in PAIRED if {name, other_side(name)} <= place.keys()]
    face = [place[name] for name in FACE]
    left, right = np.transpose(pairs)
    for index, (points, score) in enumerate(zip(places, scores, strict=True)):
        if not (np.isfinite(points).all() and np.isfinite(score).all()):
            continue
        apart = np.clip(points[left, 0] - points[right, 0], -0.1, 0.1).sum()
        if abs(apart) > TURNED and score[face].min() >= FACE_SCORE * np.median(score):
            votes[index] = float(apart > 0)
    return votes


def chance(wins: int, of: int) -> float:
    """How probable at least `wins` heads are in `of` throws of a coin."""
    return float(sum(comb(of, k) for k in range(wins, of + 1)) / 2**of)
