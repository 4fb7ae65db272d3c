"""What the channels of associative embedding are: heatmaps of one or several sizes, and tags; and how they are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from posekit.decoders import layout
from posekit.decoders.boxes import Channel, OutputNames, Shift
from posekit.decoders.decoder import DecoderSpec, Odd, Outputs
from posekit.decoders.tags.filling import FillingSpec, Maps
from posekit.decoders.tags.groups import GroupsSpec
from posekit.decoders.upsampled import Upsampled, bounds
from posekit.documents import Part, tuple_of_list
from posekit.poses.input_spec import InputSpec

Threshold = Annotated[float, Field(ge=0, le=1000)]


class Levels(Part):
    """Channels of maps: K of each of `outputs`, from `first` on, which is one number or one an output."""

    outputs: OutputNames
    first: tuple[Channel, ...] = (0,)

    @field_validator("first", mode="before")
    @classmethod
    def _one_number(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) and not isinstance(value, bool) else tuple_of_list(value)

    @model_validator(mode="after")
    def _one_an_output(self) -> Levels:
        if len(self.first) not in (1, len(self.outputs)):
            raise ValueError(f"first has {len(self.first)} numbers, expected 1 or as many as outputs")
        return self

    @property
    def places(self) -> list[tuple[str, int]]:
        """Each output with its first channel."""
        first = self.first * len(self.outputs) if len(self.first) == 1 else self.first
        return list(zip(self.outputs, first, strict=True))


class TagLevels(Levels):
    """Tags, a dimension an output. shared: one channel for all keypoints rather than K."""

    shared: bool = False


class PeaksSpec(Part):
    """Peaks: cells above `threshold` and as high as the `window` cells by `window` about them, at most `most` of a
    keypoint."""

    window: Annotated[Odd, Field(ge=1, le=31)] = 3
    threshold: Threshold = 0.1
    most: Annotated[int, Field(ge=1, le=200)] = 30

    @property
    def reach(self) -> int:
        """Cells from the middle of the window to its side."""
        return self.window // 2


class TagMapsSpec(DecoderSpec):
    """All settings but the kind: heatmaps of one or several sizes, of which the mean counts, and tags.

    upsampling: to what size maps are brought before peaks are looked for: that of the largest (`none`), or half or all
    of the input's. adjustment: a quarter of a cell towards the higher neighbour on each axis, `quarter` none at the
    border or between equal ones, `quarter_clamped` always, backwards where the next one is not higher. shift: where in
    its cell a keypoint lies. order: of keypoints, as people are put together; theirs in the contract where nothing is
    said. min_confidence: people have more, the mean score of all keypoints before any is filled in.
    """

    heatmaps: Levels
    tags: TagLevels
    upsampling: Literal["none", "half", "input"]
    peaks: PeaksSpec = PeaksSpec()
    groups: GroupsSpec = GroupsSpec()
    filling: FillingSpec = FillingSpec()
    adjustment: Literal["none", "quarter", "quarter_clamped"]
    shift: Shift
    order: tuple[Channel, ...] = ()
    min_confidence: Threshold = 0.0

    _lists = field_validator("order", mode="before")(tuple_of_list)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return tuple(dict.fromkeys((*self.heatmaps.outputs, *self.tags.outputs)))

    def check(self, keypoint_count: int) -> None:
        """ValueError unless the order is one of all keypoints, and no channel is two things."""
        if self.order and sorted(self.order) != list(range(keypoint_count)):
            raise ValueError(f"order has not each of the numbers 0 to {keypoint_count - 1} once")
        ranges = [(*place, keypoint_count) for place in self.heatmaps.places]
        ranges += [(*place, self.tag_channels(keypoint_count)) for place in self.tags.places]
        for number, (output, first, count) in enumerate(ranges):
            for other, start, length in ranges[:number]:
                if output == other and first < start + length and start < first + count:
                    raise ValueError(f"channel {max(first, start)} of {output!r} is said to be two things")

    def tag_channels(self, keypoint_count: int) -> int:
        """Channels of each dimension of tags."""
        return 1 if self.tags.shared else keypoint_count

    def order_of(self, keypoint_count: int) -> list[int]:
        """In which order keypoints are looked at."""
        return [k for k in self.order or range(keypoint_count) if k < keypoint_count]


def shapes(spec: TagMapsSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: maps of any size, with the channels that are read."""
    del size_wh
    channels = dict.fromkeys(spec.outputs, 0)
    for levels, count in ((spec.heatmaps, keypoint_count), (spec.tags, spec.tag_channels(keypoint_count))):
        for output, first in levels.places:
            channels[output] = max(channels[output], first + count)
    return {output: (None, None, count) for output, count in channels.items()}


def maps_of(outputs: Outputs, spec: TagMapsSpec, image: InputSpec, count: int) -> Maps:
    """Heatmaps and tags at one size."""
    sizes = [outputs[name].shape[1::-1] for name in spec.outputs]
    middle = (max(width for width, _ in sizes), max(height for _, height in sizes))
    by = {"input": 1, "half": 2}.get(spec.upsampling)
    size = middle
    if by is not None:
        size = (max(middle[0], image.size_wh[0] // by), max(middle[1], image.size_wh[1] // by))
    places, wide = spec.heatmaps.places, spec.tag_channels(count)
    heat = Upsampled(
        tuple(outputs[output] for output, _ in places), tuple(first for _, first in places), count, middle, size
    )
    return Maps(
        heat,
        bounds(heat, np.maximum),
        tuple(Upsampled((outputs[output],), (first,), wide, middle, size) for output, first in spec.tags.places),
        spec.tags.shared,
    )
