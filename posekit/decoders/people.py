"""People of whom a network finds some keypoints and not others, as decoders of whole pictures group them.

A keypoint that was not found has score 0 and lies in the middle of those that were: its place says nothing, but
nothing that draws, tracks or averages meets a hole. Mirrored by PartialPeople in Kotlin and Swift.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats, Poses


def partial_people(keypoints: Floats, found: NDArray[np.bool_], scores: Floats, confidences: Floats) -> Poses:
    """People of keypoints (N, K, 2) input px, found (N, K) at least one each, with scores (N, K) and confidences (N,).

    Their boxes are the extents of the keypoints that were found.
    """
    if not len(keypoints):
        return Poses(keypoints, scores, confidences, np.zeros((0, 4)))
    there = found[..., None]
    middle = np.where(there, keypoints, 0.0).sum(axis=1) / found.sum(axis=1)[:, None]
    first = np.where(there, keypoints, np.inf).min(axis=1)
    last = np.where(there, keypoints, -np.inf).max(axis=1)
    return Poses(
        np.where(there, keypoints, middle[:, None]),
        np.where(found, scores, 0.0),
        confidences,
        np.concatenate([first, last], axis=1),
    )
