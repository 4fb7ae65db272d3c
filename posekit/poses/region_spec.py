"""What a contract of two stages says of regions: how they come from detections, and from frame to frame from poses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from posekit.documents import Part, tuple_of_list

PointName = Annotated[str, Field(min_length=1, max_length=64)]


class PointsSpec(Part):
    """How a region comes from two points by name; the vector from `first` to `second` is turned to `target_degrees`.

    with_second: further names, the vector then goes to the mean of all; one that is named twice counts twice. about:
    the middle of the region, and its size: `first`, with twice the distance of both as its side; `box`, the
    detection's, or of a pose the one around its keypoints; or `extent`, of the points `among` along the turned axes.
    scale, shift, target_degrees: as of regions.PointsRule.
    """

    first: PointName
    second: PointName
    with_second: Annotated[tuple[PointName, ...], Field(max_length=64)] = ()
    about: Literal["first", "box", "extent"] = "first"
    among: Annotated[tuple[PointName, ...], Field(max_length=1000)] = ()
    scale: Annotated[float, Field(gt=0, le=100)]
    shift: Annotated[float, Field(ge=-10, le=10)] = 0.0
    target_degrees: Annotated[float, Field(ge=-360, le=360)] = 90.0

    _lists = field_validator("with_second", "among", mode="before")(tuple_of_list)

    @model_validator(mode="after")
    def _fits_together(self) -> PointsSpec:
        if (self.about == "extent") != (len(self.among) > 1):
            raise ValueError(
                f"about is {self.about!r} and among names {len(self.among)} points: expected two or more with "
                "'extent', and none without it"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Of all points."""
        return (self.first, self.second, *self.with_second, *self.among)


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
