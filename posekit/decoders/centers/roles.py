"""What the channels of centres and displacements are, and how they become people: all settings but the kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from posekit.decoders import layout
from posekit.decoders.boxes import Shift, Stride
from posekit.decoders.decoder import DecoderSpec, Odd
from posekit.decoders.map_roles import MapRole
from posekit.decoders.roles import Activation
from posekit.documents import Part

Score = Annotated[float, Field(ge=0, le=1000)]
Count = Annotated[int, Field(ge=1, le=300)]


class PeakChannels(MapRole):
    """Maps whose peaks count: cells above `threshold` and as high as the `window` cells by `window` about them, at most
    `most` of a map. activation: what makes scores of their values."""

    activation: Activation = "none"
    window: Annotated[Odd, Field(ge=1, le=31)] = 3
    threshold: Score
    most: Count = 100


class Displacements(MapRole):
    """Two channels a keypoint, x and y in cells. sign: whether a keypoint is the centre's cell with them `added`, as in
    CenterNet and MMPose, or `subtracted`, as in DEKR."""

    sign: Literal["added", "subtracted"]


class CenterBoxes(Part):
    """sizes: two channels, width and height in cells. offsets: two channels, from a centre's cell to the middle of the
    box; where nothing is said that is the middle of the cell."""

    sizes: MapRole
    offsets: MapRole | None = None


class Snapping(PeakChannels):
    """Heatmaps of the keypoints, to whose nearest peak a keypoint is moved, unless the peak is outside of the person's
    box or further away than `distance` times its longer side. offsets: from a peak's cell to the peak, two channels for
    all keypoints; where nothing is said it is the middle of the cell."""

    threshold: Score = 0.1
    offsets: MapRole | None = None
    distance: Annotated[float, Field(gt=0, le=10)] = 0.3


class Scoring(MapRole):
    """Heatmaps of the keypoints, whose heat times the centre's score is a keypoint's score. read: `floor`, at the whole
    px of maps that are brought to the input's size, as in DEKR; `bilinear`, between cells, as in MMPose."""

    read: Literal["floor", "bilinear"]


class Suppression(Part):
    """Two people are one if more than `keypoints` keypoints are nearer than `distance` times the diagonal of one.

    by: `heat`, in the order of their centres, and who has the highest mean heat stays (DEKR); `score`, the most
    confident first, and who is the most confident stays (MMPose). most: so many stay.
    """

    distance: Annotated[float, Field(gt=0, le=10)] = 0.05
    keypoints: Annotated[int, Field(ge=0, le=1000)]
    by: Literal["heat", "score"]
    most: Count = 30


class CenterMapsSpec(DecoderSpec):
    """All settings but the kind: centres of people, and from each of them the keypoints.

    stride: input px a cell. shift: where in its cell a keypoint lies, before displacements and offsets. min_confidence:
    people have more.
    """

    stride: Stride
    centers: PeakChannels
    displacements: Displacements
    boxes: CenterBoxes | None = None
    snapping: Snapping | None = None
    scoring: Scoring | None = None
    suppression: Suppression | None = None
    shift: Shift = 0.0
    min_confidence: Score = 0.0

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> CenterMapsSpec:
        if self.snapping and not self.boxes:
            raise ValueError("snapping needs boxes")
        if self.suppression and self.suppression.by == "heat" and not self.scoring:
            raise ValueError("suppression by heat needs scoring")
        return self

    def roles(self, keypoint_count: int) -> list[tuple[MapRole, int]]:
        """Each range of channels that is read, with how many they are."""
        found: list[tuple[MapRole | None, int]] = [(self.centers, 1), (self.displacements, 2 * keypoint_count)]
        if self.boxes:
            found += [(self.boxes.sizes, 2), (self.boxes.offsets, 2)]
        if self.snapping:
            found += [(self.snapping, keypoint_count), (self.snapping.offsets, 2)]
        found.append((self.scoring, keypoint_count))
        return [(channels, count) for channels, count in found if channels]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return tuple(dict.fromkeys(channels.output for channels, _ in self.roles(1)))

    def check(self, keypoint_count: int) -> None:
        """ValueError where a channel is two things; the heatmaps of keypoints may be read for both their uses."""
        ranges = [(one.output, one.first, count) for one, count in self.roles(keypoint_count) if one != self.scoring]
        ranges += (
            [(self.scoring.output, self.scoring.first, keypoint_count)] if self.scoring and not self.snapping else []
        )
        for number, (output, first, count) in enumerate(ranges):
            for other, start, length in ranges[:number]:
                if output == other and first < start + length and start < first + count:
                    raise ValueError(f"channel {max(first, start)} of {output!r} is said to be two things")


def shapes(spec: CenterMapsSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: maps of as many cells as the stride says, with the channels that are read."""
    width, height = (-(-side // spec.stride) for side in size_wh)
    depth = dict.fromkeys(spec.outputs, 0)
    for channels, count in spec.roles(keypoint_count):
        depth[channels.output] = max(depth[channels.output], channels.first + count)
    return {output: (height, width, count) for output, count in depth.items()}
