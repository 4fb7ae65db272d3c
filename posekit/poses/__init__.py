"""The result of pose estimation: keypoints of N instances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Poses:
    """Keypoints of the instances of one image.

    keypoints: (N, K, 2) x, y in source px, or (N, K, 3) with z in the same unit.
    scores: (N, K), one a keypoint.
    boxes_xyxy: (N, 4) source px, or None where the model gives no boxes.
    """

    keypoints: Floats
    scores: Floats
    boxes_xyxy: Floats | None = None

    def __post_init__(self) -> None:
        shape = self.keypoints.shape
        if len(shape) != 3 or shape[2] not in (2, 3):
            raise ValueError(f"keypoints have shape {shape}, expected (N, K, 2) or (N, K, 3)")
        if self.scores.shape != shape[:2]:
            raise ValueError(f"scores have shape {self.scores.shape}, expected {shape[:2]}")
        if self.boxes_xyxy is not None and self.boxes_xyxy.shape != (shape[0], 4):
            raise ValueError(f"boxes_xyxy have shape {self.boxes_xyxy.shape}, expected {(shape[0], 4)}")


def concatenate(parts: list[Poses], keypoint_count: int) -> Poses:
    """Poses of several regions of one image as one value; `keypoint_count` serves when `parts` is empty."""
    if not parts:
        return Poses(np.zeros((0, keypoint_count, 2)), np.zeros((0, keypoint_count)))
    return Poses(
        np.concatenate([part.keypoints for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
