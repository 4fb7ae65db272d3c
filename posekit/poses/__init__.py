"""The result of pose estimation: keypoints of N instances."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Poses:
    """The instances of one image, N >= 0 of them, each with K keypoints.

    keypoints: (N, K, 2) x, y in px, or (N, K, 3) with z, in the same unit or as the contract's depth has it.
    scores: (N, K), one a keypoint.
    confidences: (N,), one an instance; the mean of its scores where none are given.
    boxes_xyxy: (N, 4) px; visibility, presence: (N, K), 0 to 1; world: (N, K, 3) metres. None where the model gives
    none.
    """

    keypoints: Floats
    scores: Floats
    confidences: Floats | None = None
    boxes_xyxy: Floats | None = None
    visibility: Floats | None = None
    presence: Floats | None = None
    world: Floats | None = None

    def __post_init__(self) -> None:
        shape = self.keypoints.shape
        if len(shape) != 3 or shape[2] not in (2, 3):
            raise ValueError(f"keypoints have shape {shape}, expected (N, K, 2) or (N, K, 3)")
        count, keypoints, _ = shape
        expected = {
            "scores": (count, keypoints), "confidences": (count,), "boxes_xyxy": (count, 4),
            "visibility": (count, keypoints), "presence": (count, keypoints), "world": (count, keypoints, 3),
        }  # fmt: skip
        for name, wanted in expected.items():
            values = getattr(self, name)
            if values is not None and values.shape != wanted:
                raise ValueError(f"{name} have shape {values.shape}, expected {wanted}")
        if self.confidences is None:
            object.__setattr__(self, "confidences", self.scores.mean(axis=1))

    @property
    def count(self) -> int:
        """N."""
        return len(self.keypoints)

    def taken(self, places: Sequence[int] | NDArray[np.intp]) -> Poses:
        """The instances at `places`, in that order."""
        chosen = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        rows = np.asarray(places, np.intp)
        return replace(self, **{name: values[rows] for name, values in chosen.items() if values is not None})


def nobody(keypoint_count: int, dimensions: int = 2) -> Poses:
    """No instance."""
    return Poses(np.zeros((0, keypoint_count, dimensions)), np.zeros((0, keypoint_count)), np.zeros(0))


def concatenate(parts: Sequence[Poses], keypoint_count: int) -> Poses:
    """Poses of several regions of one image as one value; `keypoint_count` serves when `parts` is empty."""
    if not parts:
        return nobody(keypoint_count)
    parts = [part for part in parts if part.count] or parts[:1]  # nobody has no world, nor lacks one
    joined: dict[str, Any] = {}
    for one in dataclasses.fields(Poses):
        values = [getattr(part, one.name) for part in parts]
        joined[one.name] = None if any(value is None for value in values) else np.concatenate(values)
    return Poses(**joined)
