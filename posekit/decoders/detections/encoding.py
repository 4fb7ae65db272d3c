"""People as the outputs of a one-stage network that would have found them: candidates.py the other way."""

from __future__ import annotations

import numpy as np

from posekit.decoders.boxes import Boxes
from posekit.decoders.detections.candidates import cells_of, grids
from posekit.decoders.detections.nms import Places
from posekit.decoders.roles import CandidatesSpec, Keypoints
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
    grid = zip(grids(spec.strides, image.size_wh), spec.counts, strict=True)
    sides = [width * height * each for (width, height), each in grid] or [candidates]
    places = _places(poses.boxes_xyxy, spec, image, rng.permutation(sum(sides)))
    cells, pitch, sizes = cells_of(places, spec.strides, image, spec.anchors)
    tables = {name: np.zeros((sum(sides), spec.channel_count(name, count))) for name in spec.outputs}

    def put(names: tuple[str, ...], rows: Places | slice, channels: range,
            values: Floats) -> None:  # fmt: skip
        for name in names:  # of one tensor a level each keeps its own part
            tables[name][rows, channels.start : channels.stop] = values

    raw = _logits if spec.scores.activation == "sigmoid" else np.asarray
    everywhere = slice(None)
    put(spec.scores.outputs, everywhere, spec.scores.channels, raw(np.zeros(1)))
    chances = poses.confidences ** (1 / (spec.scores.power or 1.0))
    person = spec.scores.first + (spec.scores.person if spec.scores.class_channel is None else 0)
    put(spec.scores.outputs, places, range(person, person + 1), raw(chances)[:, None])
    if spec.scores.class_channel is not None:
        channel = range(spec.scores.class_channel, spec.scores.class_channel + 1)
        put(spec.scores.outputs, everywhere, channel, np.full(1, float(spec.scores.person)))
    if spec.scores.objectness is not None:
        channel = range(spec.scores.objectness.channel, spec.scores.objectness.channel + 1)
        put(spec.scores.objectness.outputs, everywhere, channel, raw(np.ones(1)))
    numbers = _boxes(poses.boxes_xyxy, spec.boxes, cells, pitch, sizes, image)
    put(spec.boxes.outputs, places, spec.boxes.channels, numbers)
    if spec.keypoints is not None:
        numbers = _keypoints(poses, spec.keypoints, cells, pitch, image)
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


def _places(boxes_xyxy: Floats, spec: CandidatesSpec, image: InputSpec, shuffled: Places) -> Places:
    """A candidate for each box, of those from which it can be reached; any where there is none."""
    format, left, found = spec.boxes.format, list(shuffled), list[int]()
    if format not in ("ltrb_bins", "cxcywh_tanh"):
        return shuffled[: len(boxes_xyxy)]
    cells, pitch, _ = cells_of(shuffled, spec.strides, image, spec.anchors)
    anchors = dict(zip(shuffled.tolist(), zip(cells + spec.boxes.shift, pitch, strict=True), strict=True))
    for box in boxes_xyxy:
        for place in left:
            anchor, step = anchors[int(place)]
            first, second = box[:2] / step, box[2:] / step
            away = np.concatenate([anchor - first, second - anchor])
            most = (spec.boxes.bins or 1) - 1
            if format == "ltrb_bins" and away.min() >= 0 and away.max() <= most:
                break
            if format == "cxcywh_tanh" and np.abs((first + second) / 2 - anchor).max() < 1:
                break
        else:
            place = left[0]
        left.remove(place)
        found.append(int(place))
    return np.array(found, np.intp)


def _boxes(boxes_xyxy: Floats, boxes: Boxes, cells: Floats, pitch: Floats, sizes: Floats, image: InputSpec) -> Floats:
    first, second, anchor = boxes_xyxy[:, :2], boxes_xyxy[:, 2:], cells + boxes.shift
    if boxes.format in ("ltrb", "ltrb_bins"):
        away = np.concatenate([anchor - first / pitch, second / pitch - anchor], axis=1)
        if boxes.bins is not None:
            return _bins(away, boxes.bins)
        return away * np.tile(pitch, 2) if boxes.unit == "anchor_px" else away
    if boxes.format in ("cxcywh", "cxcywh_exp", "cycxhw_exp", "cxcywh_tanh"):
        first, second = (first + second) / 2, second - first
    elif boxes.format == "xywh":
        second = second - first
    of_centre, of_sides = boxes.variances or (1.0, 1.0)
    if boxes.unit == "anchors":
        first, second = (first - anchor * pitch) / sizes * of_centre, second / sizes
    elif boxes.unit == "anchor_px":
        first = first - anchor * pitch
    elif boxes.format == "cxcywh_tanh":
        inside = np.clip(first / pitch - anchor, -1 + 1e-6, 1 - 1e-6)
        return np.concatenate([np.arctanh(inside), _logits(second / np.array(image.extent_wh))], axis=1)
    elif boxes.unit == "cells":
        first, second = first / pitch - anchor, second / pitch
    elif boxes.unit == "unit":
        first, second = first / image.extent_wh, second / image.extent_wh
    second = (np.log(second) if boxes.format.endswith("exp") else second) * of_sides
    is_y_first = boxes.format in ("yxyx", "cycxhw_exp")
    return np.concatenate([one[:, ::-1] if is_y_first else one for one in (first, second)], axis=1)


def _bins(away: Floats, count: int) -> Floats:
    """Logits (n, 4 * count) of which the distances (n, 4) are to be expected: two bins share each."""
    inside = np.clip(away, 0, count - 1)[..., None]
    chances = np.maximum(1 - np.abs(inside - np.arange(count)), 1e-30)
    return np.asarray(np.log(chances).reshape(len(away), 4 * count))


def _keypoints(poses: Poses, keypoints: Keypoints, cells: Floats, pitch: Floats, image: InputSpec) -> Floats:
    points = poses.keypoints[..., :2]
    if keypoints.unit == "cells":
        points = (points / pitch[:, None] - (cells + keypoints.shift)[:, None]) / keypoints.factor
    elif keypoints.unit == "anchor_px":
        points = points - ((cells + keypoints.shift) * pitch)[:, None]
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
