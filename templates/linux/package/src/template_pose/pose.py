# SPDX-License-Identifier: Apache-2.0
"""What an estimate gives: the keypoints of one person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from ._posekit.poses import Floats, Poses
from ._posekit.poses.regions import Region
from .keypoints import Keypoint


class KeypointPosition(NamedTuple):
    """Where a keypoint is: px of the upright picture, y downwards.

    z: depth, None where the model gives none. score: the model's own. visibility, presence: 0 to 1, None where the
    model does not say.
    """

    x: float
    y: float
    z: float | None
    score: float
    visibility: float | None = None
    presence: float | None = None


@dataclass(frozen=True, eq=False)
class Pose:
    """The keypoints of one person, px of the upright picture: `for keypoint, position in pose`.

    Low scores mean that the model is unsure; what is too low is for the app to say.

    keypoints: (K, 2) x, y, or (K, 3) with z. scores: (K,). confidence: how sure the model is of the person; the mean of
    the scores where it says nothing of that. box_xyxy: (4,), None where the model gives none. region: where the model
    looked. visibility, presence: (K,); world: (K, 3) metres; None where the model gives none.
    """

    keypoints: Floats
    scores: Floats
    confidence: float
    box_xyxy: Floats | None = None
    region: Region | None = None
    visibility: Floats | None = None
    presence: Floats | None = None
    world: Floats | None = None

    def __len__(self) -> int:
        """K."""
        return len(self.scores)

    def __getitem__(self, keypoint: Keypoint) -> KeypointPosition:
        """Where a keypoint is."""
        x, y, *depth = self.keypoints[keypoint].tolist()
        seen, there = (
            None if values is None else float(values[keypoint]) for values in (self.visibility, self.presence)
        )
        return KeypointPosition(x, y, depth[0] if depth else None, float(self.scores[keypoint]), seen, there)

    def __iter__(self) -> Iterator[tuple[Keypoint, KeypointPosition]]:
        """The keypoints in the model's order, each with where it is."""
        return ((keypoint, self[keypoint]) for keypoint in Keypoint)

    def __eq__(self, other: object) -> bool:
        """Whether the other one has the same numbers."""
        return isinstance(other, Pose) and all(
            np.array_equal(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)
        )

    __hash__ = None  # type: ignore[assignment]

    def moved(self, keypoints: Floats) -> Pose:
        """The same person with other keypoints (K, 2 or 3)."""
        return replace(self, keypoints=keypoints)


def each_of(poses: Poses, region: Region | None) -> list[Pose]:
    """The people of one run, each by itself; region: where the model looked."""
    assert poses.confidences is not None
    each = (poses.boxes_xyxy, poses.visibility, poses.presence, poses.world)
    found = []
    for one in range(poses.count):
        box, visibility, presence, world = (None if values is None else values[one] for values in each)
        confidence = float(poses.confidences[one])
        found.append(
            Pose(poses.keypoints[one], poses.scores[one], confidence, box, region, visibility, presence, world)
        )
    return found


def together(poses: Sequence[Pose]) -> Poses:
    """People as one value, with boxes where all of them have one."""
    if not poses:
        return Poses(np.zeros((0, len(Keypoint), 2)), np.zeros((0, len(Keypoint))), np.zeros(0))
    boxes = [one.box_xyxy for one in poses if one.box_xyxy is not None]
    return Poses(
        np.stack([one.keypoints for one in poses]),
        np.stack([one.scores for one in poses]),
        np.array([one.confidence for one in poses]),
        np.stack(boxes) if len(boxes) == len(poses) else None,
    )
