"""Rows of a one-stage network, one a candidate: a box, scores of classes and keypoints, of which suppression keeps
people.

What the channels of a row are is data: YOLO-pose, YOLOX-pose and RTMO before their own suppression, and tables of
people that a network has sorted out itself (nms kind `none`). Sources: Maji et al. 2022, "YOLO-Pose"; Lu et al. 2024,
"RTMO".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from posekit.decoders import layout
from posekit.decoders.activation import sigmoid
from posekit.decoders.decoder import Decoder, DecoderSpec, OutputName
from posekit.decoders.nms import NmsSpec, by_boxes, by_keypoints, ranked
from posekit.documents import Part, tuple_of_list
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

Unit = Literal["input_px", "unit"]
Channel = Annotated[int, Field(ge=0, le=100_000)]


class Boxes(Part):
    """The four channels of a box from `first` on. unit: input px, or 0 to 1 over the input."""

    first: Channel
    format: Literal["xyxy", "cxcywh", "xywh"]
    unit: Unit = "input_px"

    @property
    def channels(self) -> range:
        """Its places in a row."""
        return range(self.first, self.first + 4)


class Scores(Part):
    """One channel a class from `first` on, `count` of them, of which `person` is a person. times: a channel that it is
    multiplied with, as YOLOX has the chance of any object. activation: of both."""

    first: Channel
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    person: Annotated[int, Field(ge=0)] = 0
    times: Channel | None = None
    activation: Literal["none", "sigmoid"] = "none"

    @property
    def channels(self) -> range:
        """Their places in a row."""
        return range(self.first, self.first + self.count)

    @model_validator(mode="after")
    def _is_there(self) -> Scores:
        if self.person >= self.count:
            raise ValueError(f"person is class {self.person} of {self.count}, counted from 0")
        return self


class Keypoints(Part):
    """K times the numbers of `fields` from `first` on. Without a `score` field a keypoint has its person's
    confidence."""

    first: Channel
    fields: tuple[Literal["x", "y", "score", "skip"], ...]
    unit: Unit = "input_px"
    activation: Literal["none", "sigmoid"] = "none"

    _lists = field_validator("fields", mode="before")(tuple_of_list)

    @field_validator("fields")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in ("x", "y", "score"):
            if value.count(name) > 1 or (name in "xy" and name not in value):
                raise ValueError("fields must hold x and y once, score at most once")
        return value


class DetectionsSpec(DecoderSpec):
    """decoders/detections.py: rows of boxes, scores and keypoints, and which of them are people.

    axes: of the network's output beside those of size 1, `channels_first` (C, A) or `rows` (A, C). A candidate counts
    whose confidence is above `min_confidence`; of a network with several classes the person's must be the best of its
    row.
    """

    kind: Literal["detections"]
    output: OutputName
    axes: Literal["channels_first", "rows"]
    boxes: Boxes
    scores: Scores
    keypoints: Keypoints
    min_confidence: Annotated[float, Field(ge=0, lt=1)] = 0.25
    nms: NmsSpec

    @model_validator(mode="after")
    def _apart(self) -> DetectionsSpec:
        times = [] if self.scores.times is None else [self.scores.times]
        used = [*self.boxes.channels, *self.scores.channels, *times]
        if len(set(used)) < len(used):
            raise ValueError(f"boxes and scores share channel {min(one for one in used if used.count(one) > 1)}")
        if self.keypoints.first in used:
            raise ValueError(f"keypoints begin at channel {self.keypoints.first}, which boxes or scores have")
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return (self.output,)

    def channel_count(self, keypoint_count: int) -> int:
        """How many numbers a row has at least."""
        ends = [self.boxes.channels.stop, self.scores.channels.stop, (self.scores.times or 0) + 1]
        return max(*ends, self.keypoints.first + keypoint_count * len(self.keypoints.fields))


def shapes(spec: DetectionsSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.Wanted]:
    """Expected shapes: any number of candidates, a row's numbers each."""
    del size_wh
    channels = spec.channel_count(keypoint_count)
    return {spec.output: (channels, None) if spec.axes == "channels_first" else (None, channels)}


def pack(values: Any, wanted: layout.Wanted, spec: DetectionsSpec, size_wh: tuple[int, int]) -> Any:
    """The table as it is, (1, C, A) or (1, A, C); MisfitError for other axes."""
    del size_wh
    shape = tuple(int(side) for side in values.shape)
    expected = " x ".join("any" if side is None else str(side) for side in (1, *wanted))
    if len(shape) != 3 or shape[0] != 1:
        raise layout.MisfitError(expected)
    fits = [side is None or side == given for side, given in zip(wanted, shape[1:], strict=True)]
    if not all(fits):
        turned = [side is None or side == given for side, given in zip(wanted, shape[:0:-1], strict=True)]
        other = "rows" if spec.axes == "channels_first" else "channels_first"
        raise layout.MisfitError(expected, f"is decoder.axes {other!r}?" if all(turned) else "")
    return values


def decode(
    outputs: Mapping[str, NDArray[Any]], spec: DetectionsSpec, image: InputSpec, sigmas: Sequence[float]
) -> Poses:
    """The people of a table, the most confident first, in input px.

    Only rows above `min_confidence` are looked at closer; equal ones keep their order.
    """
    table = outputs[spec.output]
    columns = table if spec.axes == "channels_first" else table.T  # (C, A)
    count = len(sigmas)
    confidences = _confidences(columns, spec)
    places = ranked(confidences, spec.min_confidence, spec.nms.most_in)
    rows, confidences = columns[:, places].T.astype(np.float64), confidences[places]
    boxes, keypoints, scores = _boxes(rows, spec.boxes, image), *_keypoints(rows, spec.keypoints, count, image)
    if scores is None:
        scores = np.repeat(confidences[:, None], count, axis=1)
    found = Poses(keypoints, scores, confidences, boxes)
    if spec.nms.kind == "none":
        return found.taken(range(min(found.count, spec.nms.most_out)))
    if spec.nms.kind == "iou":
        return found.taken(by_boxes(boxes, spec.nms))
    sides = boxes[:, 2:] - boxes[:, :2]
    return found.taken(by_keypoints(keypoints, sides.prod(axis=1), sigmas, spec.nms))


def _confidences(columns: NDArray[Any], spec: DetectionsSpec) -> Floats:
    """(A,): of the person's class, 0 where another class of the row is better; the first of equal ones is the best."""
    scores = columns[spec.scores.first : spec.scores.channels.stop].astype(np.float64)
    person = scores[spec.scores.person]
    is_best = scores.argmax(axis=0) == spec.scores.person
    if spec.scores.activation == "sigmoid":
        person = sigmoid(person)
    if spec.scores.times is not None:
        factor = columns[spec.scores.times].astype(np.float64)
        person = person * (sigmoid(factor) if spec.scores.activation == "sigmoid" else factor)
    return np.where(is_best, person, 0.0)


def _boxes(rows: Floats, spec: Boxes, image: InputSpec) -> Floats:
    """(n, 4) x1, y1, x2, y2 in input px."""
    values = rows[:, spec.channels]
    scale = np.tile(_scale(spec.unit, image), 2)
    first, second = (values * scale)[:, :2], (values * scale)[:, 2:]
    if spec.format == "cxcywh":
        first, second = first - second / 2, first + second / 2
    elif spec.format == "xywh":
        second = first + second
    return np.concatenate([first, second], axis=1)


def _keypoints(rows: Floats, spec: Keypoints, count: int, image: InputSpec) -> tuple[Floats, Floats | None]:
    """(n, K, 2) in input px, and scores (n, K) where the network gives them."""
    width = len(spec.fields)
    values = rows[:, spec.first : spec.first + count * width].reshape(len(rows), count, width)
    points = np.stack([values[..., spec.fields.index(name)] for name in ("x", "y")], axis=-1)
    points = points * _scale(spec.unit, image)
    if "score" not in spec.fields:
        return points, None
    scores = values[..., spec.fields.index("score")]
    return points, sigmoid(scores) if spec.activation == "sigmoid" else scores


def _scale(unit: Unit, image: InputSpec) -> Floats:
    return np.array(image.extent_wh if unit == "unit" else (1, 1), np.float64)


def encode(
    poses: Poses, spec: DetectionsSpec, image: InputSpec, candidates: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """A table of `candidates` rows of which random ones hold the poses, the others nobody; for tests."""
    count = poses.keypoints.shape[1]
    rows = np.zeros((candidates, spec.channel_count(count)))
    places = rng.permutation(candidates)[: poses.count]
    assert poses.boxes_xyxy is not None
    assert poses.confidences is not None
    first, second = poses.boxes_xyxy[:, :2], poses.boxes_xyxy[:, 2:]
    if spec.boxes.format == "cxcywh":
        first, second = (first + second) / 2, second - first
    elif spec.boxes.format == "xywh":
        second = second - first
    boxes = np.concatenate([first / _scale(spec.boxes.unit, image), second / _scale(spec.boxes.unit, image)], axis=1)
    raw = _logits if spec.scores.activation == "sigmoid" else np.asarray
    rows[:, list(spec.scores.channels)] = raw(np.zeros(1))
    rows[places[:, None], list(spec.boxes.channels)] = boxes
    rows[places, spec.scores.first + spec.scores.person] = raw(poses.confidences)
    if spec.scores.times is not None:
        rows[:, spec.scores.times] = raw(np.ones(1))
    points = poses.keypoints / _scale(spec.keypoints.unit, image)
    scored = _logits if spec.keypoints.activation == "sigmoid" else np.asarray
    for number, name in enumerate(spec.keypoints.fields):
        values = {"x": points[..., 0], "y": points[..., 1], "score": scored(poses.scores)}.get(name)
        if values is not None:
            at = spec.keypoints.first + number + np.arange(count) * len(spec.keypoints.fields)
            rows[places[:, None], at] = values
    return {spec.output: rows.T if spec.axes == "channels_first" else rows}


def examples(spec: DetectionsSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Three people, each found twice, and one below the least confidence, in a table of forty rows."""
    size = np.array(image.size_wh, np.float64)
    centre = rng.uniform(0.2, 0.8, (3, 1, 2)) * size
    points = centre + rng.uniform(-0.15, 0.15, (3, count, 2)) * size
    again = points + rng.uniform(-0.003, 0.003, points.shape) * size
    keypoints = np.concatenate([points, again, points[:1]])
    least = spec.min_confidence
    confidences = least + (1 - least) * np.array([0.9, 0.7, 0.5, 0.6, 0.4, 0.3, -0.1])
    boxes = np.concatenate([keypoints.min(axis=1), keypoints.max(axis=1)], axis=1)
    poses = Poses(keypoints, rng.uniform(0.05, 0.95, keypoints.shape[:2]), np.maximum(confidences, 0.0), boxes)
    return encode(poses, spec, image, 40, rng)


def _logits(values: Floats) -> Floats:
    """What sigmoid makes of these; 0 and 1 are as good as that."""
    inside = np.clip(values, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))


# nobody knows yet from which score on a visibility is unsure, so every keypoint counts
DECODER = Decoder(DetectionsSpec, shapes, pack, decode, examples)
