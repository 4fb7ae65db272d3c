"""What a contract of two stages says of regions: how they come from detections, and from frame to frame from poses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from posekit.documents import Part

PointName = Annotated[str, Field(min_length=1, max_length=64)]


class PointsSpec(Part):
    """How a region comes from two points by name; the vector from `first` to `second` is turned to `target_degrees`.

    about: the middle of the region, and its size: `first`, with twice the distance of both as its side, or `box`, the
    detection's, or of a pose the one around its keypoints. scale, shift, target_degrees: as of regions.PointsRule.
    """

    first: PointName
    second: PointName
    about: Literal["first", "box"] = "first"
    scale: Annotated[float, Field(gt=0, le=100)]
    shift: Annotated[float, Field(ge=-10, le=10)] = 0.0
    target_degrees: Annotated[float, Field(ge=-360, le=360)] = 90.0


class RegionSpec(Part):
    """Where the pose network looks for each person: at first, in the next frame, and when the detector looks anew.

    points: of a detection; without them the region is its box, grown by `input.box_padding`. next_points: of a pose;
    without them the box around its keypoints, grown by `margin` and then as any box. min_score: from what score on a
    keypoint counts; None: what the head usually has. max_people: how many are followed. detect_every: after so many
    frames the detector looks for somebody new. min_overlap: intersection over union of regions, without their padding,
    from which a detection is somebody who is followed. max_alike: OKS from which two poses are one person.
    """

    points: PointsSpec | None = None
    next_points: PointsSpec | None = None
    min_score: float | None = None
    margin: Annotated[float, Field(ge=1, le=10)] = 1.2
    max_people: Annotated[int, Field(ge=1, le=256)] = 6
    detect_every: Annotated[int, Field(ge=1, le=100_000)] = 30
    min_overlap: Annotated[float, Field(gt=0, le=1)] = 0.3
    max_alike: Annotated[float, Field(gt=0, le=1)] = 0.8
