"""The region of a person from shoulders and hips, as MoveNet's own crop follows one: always a square.

Mirrored by TorsoTracker in Kotlin and Swift; off unless the app asks for it. Source: MoveNet's published tutorial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posekit.poses import Floats
from posekit.poses.regions import Region


@dataclass(frozen=True, slots=True)
class TorsoRule:
    """left_shoulder to right_hip: places of the keypoints. min_score: from it on a keypoint belongs to the body; above
    it the torso is seen. torso_margin, body_margin: by how much the farthest of either is exceeded."""

    left_shoulder: int
    right_shoulder: int
    left_hip: int
    right_hip: int
    min_score: float = 0.2
    torso_margin: float = 1.9
    body_margin: float = 1.2


def torso_region(keypoints: Floats, scores: Floats, source_size_wh: tuple[int, int], rule: TorsoRule) -> Region:
    """The square about the middle of the hips that holds torso and body, source px; it may reach out of the picture.

    keypoints (K, 2) source px, scores (K,). The whole picture where the torso is not seen, or fills it.
    """
    shoulders, hips = [rule.left_shoulder, rule.right_shoulder], [rule.left_hip, rule.right_hip]
    if min(scores[shoulders].max(), scores[hips].max()) <= rule.min_score:
        return whole_square(source_size_wh)
    centre = keypoints[hips].mean(axis=0)
    away = np.abs(keypoints[:, :2] - centre)
    body = away[scores >= rule.min_score].max()
    half = max(rule.torso_margin * away[[*shoulders, *hips]].max(), rule.body_margin * body)
    half = min(half, max(*centre, *(np.asarray(source_size_wh) - centre)))
    if not 0 < half <= max(source_size_wh) / 2:
        return whole_square(source_size_wh)
    return Region((float(centre[0]), float(centre[1])), (float(2 * half), float(2 * half)))


def whole_square(source_size_wh: tuple[int, int]) -> Region:
    """The whole picture as a square, whose shorter side is padded; for the first frame."""
    side = float(max(source_size_wh))
    return Region((source_size_wh[0] / 2, source_size_wh[1] / 2), (side, side))
