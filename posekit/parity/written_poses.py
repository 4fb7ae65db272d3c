"""People as evaluation cases and device runs write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

import numpy as np
from pydantic import Field, field_validator, model_validator

from posekit.documents import Part, tuple_of_list
from posekit.errors import InputError
from posekit.poses import Floats, Poses, nobody

MAX_POSES = 4096  # of one picture
Coordinate = Annotated[float, Field(ge=-1e9, le=1e9)]


EACH = ("visibility", "presence", "world")  # of a keypoint, where the model gives them
LISTS = ("keypoints", "scores", "box_xyxy", *EACH)


class WrittenPose(Part):
    """One person: keypoints x, y (and z) in source px, a score each, confidence, and, where the model gives them, the
    box, a visibility and a presence a keypoint, and x, y, z in metres."""

    keypoints: tuple[tuple[Coordinate, ...], ...]
    scores: tuple[Coordinate, ...]
    confidence: Coordinate
    box_xyxy: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None
    visibility: tuple[Coordinate, ...] | None = None
    presence: tuple[Coordinate, ...] | None = None
    world: tuple[tuple[Coordinate, Coordinate, Coordinate], ...] | None = None

    _lists = field_validator(*LISTS, mode="before")(tuple_of_list)

    @model_validator(mode="after")
    def _rows_are_alike(self) -> WrittenPose:
        if len({len(point) for point in self.keypoints}) > 1 or not {len(one) for one in self.keypoints} <= {2, 3}:
            raise ValueError("keypoints have x, y, or x, y, z, all of them the same")
        if len(self.keypoints) != len(self.scores):
            raise ValueError(f"{len(self.keypoints)} keypoints have {len(self.scores)} scores")
        for name in EACH:
            values = getattr(self, name)
            if values is not None and len(values) != len(self.keypoints):
                raise ValueError(f"{len(self.keypoints)} keypoints have {len(values)} numbers of {name}")
        return self


class _HasPoses(Protocol):
    """Poses, or what was found in a case."""

    @property
    def keypoints(self) -> Floats: ...
    @property
    def scores(self) -> Floats: ...
    @property
    def confidences(self) -> Floats | None: ...
    @property
    def boxes_xyxy(self) -> Floats | None: ...
    @property
    def visibility(self) -> Floats | None: ...
    @property
    def presence(self) -> Floats | None: ...
    @property
    def world(self) -> Floats | None: ...


def written_poses(poses: _HasPoses) -> list[dict[str, Any]]:
    """The people as plain values, in their order."""
    assert poses.confidences is not None
    boxes = poses.boxes_xyxy
    return [
        {
            "keypoints": poses.keypoints[one].tolist(), "scores": poses.scores[one].tolist(),
            "confidence": float(poses.confidences[one]), "box_xyxy": None if boxes is None else boxes[one].tolist(),
            **{name: values[one].tolist() for name in EACH if (values := getattr(poses, name)) is not None},
        }
        for one in range(len(poses.keypoints))
    ]  # fmt: skip


def poses_of_written(people: Sequence[WrittenPose], keypoint_count: int, what: str) -> Poses:
    """The people as one value; InputError where somebody has another number of keypoints, or other values than the
    others.

    what: whose people they are, for the message.
    """
    if not people:
        return nobody(keypoint_count)
    for one in people:
        if len(one.keypoints) != keypoint_count:
            raise InputError(f"{what} has {len(one.keypoints)} keypoints, the contract {keypoint_count}")
    if len({len(one.keypoints[0]) for one in people}) > 1 or len({one.box_xyxy is None for one in people}) > 1:
        raise InputError(f"{what} has people with and without depth or boxes")
    for name in EACH:
        if len({getattr(one, name) is None for one in people}) > 1:
            raise InputError(f"{what} has people with and without {name}")
    boxes = [one.box_xyxy for one in people if one.box_xyxy is not None]
    return Poses(
        np.array([one.keypoints for one in people], np.float64),
        np.array([one.scores for one in people], np.float64),
        np.array([one.confidence for one in people], np.float64),
        np.array(boxes, np.float64) if boxes else None,
        *(np.array(each, np.float64) if None not in each else None
          for each in ([getattr(one, name) for one in people] for name in EACH)),
    )  # fmt: skip
