"""What the channels of part affinity fields are, and how peaks, limbs and people are made of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from posekit.decoders.decoder import DecoderSpec, OutputName
from posekit.documents import Part, tuple_of_list

Channel = Annotated[int, Field(ge=0, le=100_000)]
Keypoint = Annotated[int, Field(ge=0, le=1000)]
Score = Annotated[float, Field(ge=0, le=1000)]


class Heatmaps(Part):
    """K maps of one tensor from channel `first` on, one a keypoint. background: a map of no keypoint before or after
    them, which is left aside."""

    output: OutputName
    first: Channel = 0
    background: Literal["none", "first", "last"] = "none"

    def channels(self, keypoint_count: int) -> range:
        """The channels of the maps, the background among them."""
        return range(self.first, self.first + keypoint_count + (self.background != "none"))

    @property
    def first_keypoint(self) -> int:
        """The channel of the first keypoint's map."""
        return self.first + (self.background == "first")


class Fields(Part):
    """Two maps of one tensor a pair of keypoints, the x and y of unit vectors along their limb.

    pairs: two keypoints each, from one to the other, in the order in which people are put together. channels: x and y
    of each pair, counted from `first`; left out, they come in the order of the pairs.
    """

    output: OutputName
    first: Channel = 0
    pairs: Annotated[tuple[Keypoint, ...], Field(max_length=2000)]
    channels: Annotated[tuple[Channel, ...], Field(max_length=2000)] = ()

    _lists = field_validator("pairs", "channels", mode="before")(tuple_of_list)

    @property
    def places(self) -> tuple[int, ...]:
        """The channels of x and y of every pair, counted from the tensor's first."""
        return tuple(self.first + channel for channel in self.channels or range(len(self.pairs)))

    @model_validator(mode="after")
    def _are_pairs(self) -> Fields:
        if len(self.pairs) % 2:
            raise ValueError(f"pairs holds {len(self.pairs)} keypoints, expected two a pair")
        if self.channels and len(self.channels) != len(self.pairs):
            raise ValueError(f"channels holds {len(self.channels)} numbers, expected {len(self.pairs)}, x and y a pair")
        if any(one == other for one, other in zip(self.pairs[::2], self.pairs[1::2], strict=True)):
            raise ValueError("pairs joins a keypoint to itself")
        return self


class Upsampling(Part):
    """How maps and fields are made larger, by OpenCV's resize with half-pixel centres (`linear`, `cubic`) or by
    repeating cells (its area method). Peaks are looked for in maps blurred with a Gaussian of `blur_kernel` px (0:
    none) and `blur_sigma` px of the larger maps, outside of which there is 0."""

    factor: Annotated[int, Field(ge=1, le=16)] = 4
    method: Literal["repeat", "linear", "cubic"] = "repeat"
    blur_kernel: Annotated[int, Field(ge=0, le=99)] = 0
    blur_sigma: Annotated[float, Field(gt=0, le=50)] = 3.0

    @field_validator("blur_kernel")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value and value % 2 == 0:
            raise ValueError("blur_kernel must be odd, or 0 for none")
        return value


class PeakRules(Part):
    """Peaks are px of the larger maps above `min_score` and no lower than their 4 or 8 neighbours; of equal ones
    (within 1e-6) `plateau` takes the first in row order, all or none. They come row by row, or column by column, and
    one nearer than `min_distance` px to one before it is dropped. At most the `most` best a keypoint. centroid: a
    peak moves to the centroid of the positive values at most so many px away."""

    min_score: Score = 0.05
    neighbors: Literal[4, 8] = 8
    plateau: Literal["first", "all", "none"] = "first"
    order: Literal["rows", "columns"] = "rows"
    min_distance: Annotated[float, Field(ge=0, le=1000)] = 0.0
    most: Annotated[int, Field(ge=1, le=1000)] = 100
    centroid: Annotated[int, Field(ge=0, le=16)] = 0


class LimbRules(Part):
    """Two peaks are joined by how the field between them agrees with their direction, sampled at `samples` places; with
    `most_samples` at half_up(sqrt(5 * the longer of their distances in x and y)) places, within both numbers.

    ends: whether the samples reach the second peak or stop one step before. rounding: of a sample's place. A sample
    passes above `min_value`; more than `min_ratio` of them must. mean: of all samples or of those that pass.
    full_length: a limb longer than this fraction of the map's height loses score; 0: none does.
    """

    samples: Annotated[int, Field(ge=2, le=100)] = 10
    most_samples: Annotated[int, Field(ge=2, le=100)] | None = None
    ends: Literal["first", "both"] = "first"
    rounding: Literal["half_up", "half_even"] = "half_up"
    min_value: Annotated[float, Field(ge=-1, le=1000)] = 0.05
    min_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.6
    mean: Literal["all", "passing"] = "all"
    full_length: Annotated[float, Field(ge=0, le=100)] = 0.0

    @model_validator(mode="after")
    def _is_more(self) -> LimbRules:
        if self.most_samples is not None and self.most_samples < self.samples:
            raise ValueError(f"most_samples is {self.most_samples}, expected at least samples, {self.samples}")
        return self


class Grouping(Part):
    """How limbs become people. kind: `merge` joins two people whom a limb connects and who share no keypoint; `extend`
    looks at a limb's first end alone. closing: so many of the last pairs start nobody. Who has fewer than `min_parts`
    keypoints, or a score a keypoint below `min_score`, is nobody. confidence: that score (`mean`), or the sum of the
    scores times the keypoints less one (`weighted`), as COCO results have been written with it."""

    kind: Literal["merge", "extend"] = "merge"
    closing: Annotated[int, Field(ge=0, le=1000)] = 0
    min_parts: Annotated[int, Field(ge=1, le=1000)] = 3
    min_score: Score = 0.3
    confidence: Literal["mean", "weighted"] = "mean"


class FieldsSpec(DecoderSpec):
    """Which channels of which outputs are maps of keypoints and fields of limbs, and who they make up.

    alignment: where index i of a larger map of n lies: at input px i * W / n (`stride`), at (i + 0.5) * W / n
    (`half_pixel`), or where cell c of the network's own map lies at c times its stride (`cells`).
    """

    heatmaps: Heatmaps
    fields: Fields
    alignment: Literal["stride", "half_pixel", "cells"]
    upsampling: Upsampling = Upsampling()
    peaks: PeakRules = PeakRules()
    limbs: LimbRules = LimbRules()
    grouping: Grouping = Grouping()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return tuple(dict.fromkeys((self.heatmaps.output, self.fields.output)))

    @property
    def is_of_its_keypoints(self) -> bool:
        """There are pairs."""
        return True

    def check(self, keypoint_count: int) -> None:
        """ValueError where a pair joins what is no keypoint, or maps and fields share a channel."""
        last = max(self.fields.pairs, default=0)
        if last >= keypoint_count:
            raise ValueError(f"fields.pairs joins keypoint {last}, but there are {keypoint_count}, counted from 0")
        shared = sorted(set(self.heatmaps.channels(keypoint_count)) & set(self.fields.places))
        if self.heatmaps.output == self.fields.output and shared:
            raise ValueError(f"heatmaps and fields share channel {shared[0]} of output {self.fields.output!r}")

    def channel_count(self, output: str, keypoint_count: int) -> int:
        """How many channels an output has."""
        ends = [1]
        if output == self.heatmaps.output:
            ends.append(self.heatmaps.channels(keypoint_count).stop)
        if output == self.fields.output:
            ends.append(max(self.fields.places, default=0) + 1)
        return max(ends)
