"""People as the outputs of a one-stage network that would have found them: candidates.py the other way."""

from __future__ import annotations

import numpy as np

from posekit.decoders.detections.candidates import cells_of, grids
from posekit.decoders.detections.nms import Places
from posekit.decoders.roles import Boxes, CandidatesSpec, Keypoints
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec


def encode(
    poses: Poses, spec: CandidatesSpec, image: InputSpec, rng: np.random.Generator, candidates: int = 64
) -> dict[str, Floats]:
    """Outputs without the batch axis of which random candidates hold the poses, with boxes, and the others nobody.

    candidates: how many there are where the contract has no strides.
    """
    assert poses.boxes_xyxy is not None
    assert poses.confidences is not None
    count = poses.keypoints.shape[1]
    sides = [width * height for width, height in grids(spec.strides, image.size_wh)] or [candidates]
    places = rng.permutation(sum(sides))[: poses.count]
    cells = strides = np.zeros((poses.count, 1))
    if spec.strides:
        cells, strides = cells_of(places, spec.strides, image.size_wh)
    tables = {name: np.zeros((sum(sides), spec.channel_count(name, count))) for name in spec.outputs}

    def put(names: tuple[str, ...], rows: Places | slice, channels: range,
            values: Floats) -> None:  # fmt: skip
        for name in names:  # of one tensor a level each keeps its own part
            tables[name][rows, channels.start : channels.stop] = values

    raw = _logits if spec.scores.activation == "sigmoid" else np.asarray
    everywhere = slice(None)
    put(spec.scores.outputs, everywhere, spec.scores.channels, raw(np.zeros(1)))
    person = spec.scores.first + (spec.scores.person if spec.scores.class_channel is None else 0)
    put(spec.scores.outputs, places, range(person, person + 1), raw(poses.confidences)[:, None])
    if spec.scores.class_channel is not None:
        channel = range(spec.scores.class_channel, spec.scores.class_channel + 1)
        put(spec.scores.outputs, everywhere, channel, np.full(1, float(spec.scores.person)))
    if spec.scores.objectness is not None:
        channel = range(spec.scores.objectness.channel, spec.scores.objectness.channel + 1)
        put(spec.scores.objectness.outputs, everywhere, channel, raw(np.ones(1)))
    put(spec.boxes.outputs, places, spec.boxes.channels, _boxes(poses.boxes_xyxy, spec.boxes, cells, strides, image))
    numbers = _keypoints(poses, spec.keypoints, cells, strides, image)
    put(spec.keypoints.outputs, places, spec.keypoints.channels(count), numbers)
    return _as_outputs(tables, spec, image, sides)


def _as_outputs(
    tables: dict[str, Floats], spec: CandidatesSpec, image: InputSpec, sides: list[int]
) -> dict[str, Floats]:
    ends, found = np.cumsum([0, *sides]), dict[str, Floats]()
    for outputs, _ in spec.roles.values():
        for level, name in enumerate(outputs):
            rows = tables[name] if len(outputs) == 1 else tables[name][ends[level] : ends[level + 1]]
            if spec.axes == "maps":
                width, height = grids(spec.strides, image.size_wh)[level]
                found[name] = rows.reshape(height, width, -1)
            else:
                found[name] = rows.T if spec.axes == "channels_first" else rows
    return found


def _boxes(boxes_xyxy: Floats, boxes: Boxes, cells: Floats, strides: Floats, image: InputSpec) -> Floats:
    first, second = boxes_xyxy[:, :2], boxes_xyxy[:, 2:]
    if boxes.format == "ltrb":
        anchor = cells + boxes.shift
        return np.concatenate([anchor - first / strides, second / strides - anchor], axis=1)
    if boxes.format in ("cxcywh", "cxcywh_exp"):
        first, second = (first + second) / 2, second - first
    elif boxes.format == "xywh":
        second = second - first
    if boxes.unit == "cells":
        first, second = first / strides - cells - boxes.shift, second / strides
        return np.concatenate([first, np.log(second) if boxes.format == "cxcywh_exp" else second], axis=1)
    scale = image.extent_wh if boxes.unit == "unit" else (1, 1)
    ends = [first / scale, second / scale]
    return np.concatenate([one[:, ::-1] for one in ends] if boxes.format == "yxyx" else ends, axis=1)


def _keypoints(poses: Poses, keypoints: Keypoints, cells: Floats, strides: Floats, image: InputSpec) -> Floats:
    points = poses.keypoints[..., :2]
    if keypoints.unit == "cells":
        points = (points / strides[:, None] - (cells + keypoints.shift)[:, None]) / keypoints.factor
    elif keypoints.unit == "unit":
        points = points / np.array(image.extent_wh)
    scores = _logits(poses.scores) if keypoints.activation == "sigmoid" else poses.scores
    values = {"x": points[..., 0], "y": points[..., 1], "score": scores, "skip": np.zeros_like(scores)}
    numbers = np.stack([values[name] for name in keypoints.fields], axis=-1)
    return numbers.reshape(len(numbers), points.shape[1] * len(keypoints.fields))


def _logits(values: Floats) -> Floats:
    """What sigmoid makes of these; 0 and 1 are as good as that."""
    inside = np.clip(values, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))
