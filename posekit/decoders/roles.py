"""What the channels of a one-stage network's outputs hold: boxes, scores and keypoints of its candidates.

A *role* is a range of channels of one tensor, or of one tensor a level. Candidates go level after level, within a level
row by row. Numbers in `cells` count from the candidate's own cell, times its stride.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from posekit.decoders.boxes import ON_LEVELS, Anchors, Boxes, Channel, OutputNames, Role, Shift, Stride, Unit
from posekit.decoders.decoder import DecoderSpec
from posekit.decoders.detections.nms import NmsSpec
from posekit.documents import Part, tuple_of_list

Axes = Literal["channels_first", "rows", "maps"]
Activation = Literal["none", "sigmoid"]
Power = Annotated[float, Field(gt=0, le=16)]


class Objectness(Part):
    """The chance that a candidate is anything at all: one channel of one tensor, or of one tensor a level. power: what
    it is raised to, 1 where it is left out."""

    outputs: OutputNames
    channel: Channel
    power: Power | None = None


class Scores(Role):
    """One channel a class, `count` of them, of which `person` is a person. objectness: what they are multiplied with,
    as in YOLOX. activation: of both; clip: raw ones beyond -clip and clip are those. power: what a class's score is
    raised to. class_channel: of the same tensor, where a row says itself which class its one score is of."""

    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    person: Annotated[int, Field(ge=0)] = 0
    activation: Activation = "none"
    clip: Annotated[float, Field(gt=0, le=1000)] | None = None
    power: Power | None = None
    objectness: Objectness | None = None
    class_channel: Channel | None = None

    @property
    def channels(self) -> range:
        """Their places in a row."""
        return range(self.first, self.first + self.count)

    @model_validator(mode="after")
    def _is_there(self) -> Scores:
        if self.class_channel is not None and self.count > 1:
            raise ValueError(f"a row that says its class has one score, not {self.count}")
        if self.class_channel is None and self.person >= self.count:
            raise ValueError(f"person is class {self.person} of {self.count}, counted from 0")
        return self


class Keypoints(Role):
    """K times the numbers of `fields`. Without a `score` field a keypoint has its person's confidence. In cells x is
    (factor * number + column + shift) * stride, y alike; in `anchor_px` number + (column + shift) * stride."""

    fields: tuple[Literal["x", "y", "score", "skip"], ...]
    unit: Unit = "input_px"
    factor: Annotated[float, Field(gt=0, le=64)] = 1.0
    shift: Shift = 0.0
    activation: Activation = "none"

    _lists = field_validator("fields", mode="before")(tuple_of_list)

    @field_validator("fields")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in ("x", "y", "score"):
            if value.count(name) > 1 or (name in "xy" and name not in value):
                raise ValueError("fields must hold x and y once, score at most once")
        return value

    def channels(self, keypoint_count: int) -> range:
        """Their places in a row."""
        return range(self.first, self.first + keypoint_count * len(self.fields))


class CandidatesSpec(DecoderSpec):
    """Which channels of which outputs are boxes, scores and keypoints, and who of the candidates is kept.

    axes: of the network's outputs, `channels_first` (1, C, A), `rows` (1, A, C), or `maps` (1, C, h, w), a tensor a
    level. strides: of the levels in the order of the candidates, for numbers in cells and for one tensor a level. A
    candidate counts whose confidence is above `min_confidence`; of a network with several classes the person's must be
    the best of its row. anchors: where a cell has several candidates. keypoints: left out, they are two corners of the
    box, top left and bottom right.
    """

    axes: Axes
    strides: Annotated[tuple[Stride, ...], Field(max_length=16)] = ()
    boxes: Boxes
    scores: Scores
    keypoints: Keypoints | None = None
    anchors: Anchors | None = None
    min_confidence: Annotated[float, Field(ge=0, lt=1)] = 0.25
    nms: NmsSpec

    _lists = field_validator("strides", mode="before")(tuple_of_list)

    @property
    def gives_corners(self) -> bool:
        """Whether the keypoints are two corners of the box."""
        return self.keypoints is None

    @property
    def is_of_its_keypoints(self) -> bool:
        """Corners are two."""
        return self.gives_corners

    @property
    def counts(self) -> tuple[int, ...]:
        """Candidates a cell, one number a level."""
        return self.anchors.counts if self.anchors is not None else (1,) * len(self.strides)

    @property
    def roles(self) -> dict[str, tuple[tuple[str, ...], int]]:
        """Outputs and first channel by what they hold."""
        of_roles: dict[str, Role] = {"boxes": self.boxes, "scores": self.scores}
        if self.keypoints is not None:
            of_roles["keypoints"] = self.keypoints
        found = {name: (role.outputs, role.first) for name, role in of_roles.items()}
        if self.scores.objectness is not None:
            found["objectness"] = (self.scores.objectness.outputs, self.scores.objectness.channel)
        if self.scores.class_channel is not None:
            found["the class"] = (self.scores.outputs, self.scores.class_channel)
        return found

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return tuple(dict.fromkeys(name for names, _ in self.roles.values() for name in names))

    @model_validator(mode="after")
    def _has_levels(self) -> CandidatesSpec:
        for name, (outputs, _) in self.roles.items():
            if len(outputs) not in (1, len(self.strides)) or (self.axes == "maps" and not self.strides):
                levels = f"{len(self.strides)} strides" if self.strides else "no strides"
                raise ValueError(f"{name} lie in {len(outputs)} outputs, but there are {levels}")
            if self.axes == "maps" and len(outputs) != len(self.strides):
                raise ValueError(f"{name} lie in one output, but of maps there is one a level")
        units = [self.boxes.unit, self.keypoints.unit] if self.keypoints is not None else [self.boxes.unit]
        if not self.strides and any(unit in ON_LEVELS for unit in units):
            raise ValueError("numbers in cells need the strides of the levels")
        self._check_anchors()
        self.check(2 if self.gives_corners else 1)
        return self

    def _check_anchors(self) -> None:
        if self.boxes.unit == "anchors" and (self.anchors is None or not self.anchors.widths):
            raise ValueError("boxes in anchors need anchors.widths and anchors.heights")
        if len(self.counts) != len(self.strides):
            raise ValueError(f"anchors.counts has {len(self.counts)} numbers of {len(self.strides)} levels")
        if self.axes == "maps" and any(count > 1 for count in self.counts):
            raise ValueError("several anchors a cell lie in rows, not in maps")

    def check(self, keypoint_count: int) -> None:
        """ValueError where two roles share a channel, or the corners of a box are not two keypoints."""
        if self.gives_corners and keypoint_count != 2:
            raise ValueError(
                f"without decoder.keypoints a person has the two corners of its box, not {keypoint_count} keypoints: "
                "expected keypoints.skeleton 'box2'"
            )
        lengths = {"boxes": len(self.boxes.channels), "scores": self.scores.count,
                   "keypoints": len(self.keypoints.channels(keypoint_count)) if self.keypoints else 0}  # fmt: skip
        taken: dict[tuple[str, int], str] = {}
        for name, (outputs, first) in self.roles.items():
            for channel in range(first, first + lengths.get(name, 1)):
                other = taken.setdefault((outputs[0], channel), name)
                if other != name:
                    raise ValueError(f"{other} and {name} share channel {channel} of output {outputs[0]!r}")

    def channel_count(self, output: str, keypoint_count: int) -> int:
        """How many channels an output has."""
        ends = [1]
        if output in self.boxes.outputs:
            ends.append(self.boxes.channels.stop)
        if output in self.scores.outputs:
            ends += [self.scores.channels.stop, (self.scores.class_channel or 0) + 1]
        if self.scores.objectness is not None and output in self.scores.objectness.outputs:
            ends.append(self.scores.objectness.channel + 1)
        if self.keypoints is not None and output in self.keypoints.outputs:
            ends.append(self.keypoints.channels(keypoint_count).stop)
        return max(ends)
