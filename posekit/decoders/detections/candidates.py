"""The numbers of a one-stage network's candidates, read from its outputs as roles.py says, in input px."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders.activation import sigmoid
from posekit.decoders.decoder import Outputs
from posekit.decoders.detections.nms import Places
from posekit.decoders.roles import Activation, Axes, Boxes, Keypoints, Scores, Unit
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec


def grids(strides: Sequence[int], size_wh: tuple[int, int]) -> list[tuple[int, int]]:
    """Columns and rows of cells of each level; what does not fill a cell has one all the same."""
    return [(-(-size_wh[0] // stride), -(-size_wh[1] // stride)) for stride in strides]


def cells_of(places: Places, strides: Sequence[int], size_wh: tuple[int, int]) -> tuple[Floats, Floats]:
    """Column and row (n, 2) and stride (n, 1) of the candidates at `places`."""
    sides = np.array(grids(strides, size_wh))
    ends = np.cumsum(sides.prod(axis=1))
    level = np.searchsorted(ends, places, side="right")
    within, width = places - np.append(0, ends)[level], sides[level, 0]
    return np.stack([within % width, within // width], axis=-1).astype(np.float64), np.array(strides)[level, None]


def columns(outputs: Outputs, names: Sequence[str], channels: range, axes: Axes) -> NDArray[Any]:
    """Those channels (n, A) of all candidates."""
    part = slice(channels.start, channels.stop)
    if axes == "channels_first":
        parts = [outputs[name][part] for name in names]
    else:
        parts = [outputs[name].reshape(-1, outputs[name].shape[-1])[:, part].T for name in names]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def confidences_of(outputs: Outputs, scores: Scores, axes: Axes) -> Floats:
    """(A,): of the person's class, 0 where the row is of another class; of equal classes the first is the best."""
    values = columns(outputs, scores.outputs, scores.channels, axes)
    if scores.class_channel is None:
        person, is_person = values[scores.person], values.argmax(axis=0) == scores.person
    else:
        channel = range(scores.class_channel, scores.class_channel + 1)
        classes = columns(outputs, scores.outputs, channel, axes)[0]
        person, is_person = values[0], np.floor(classes.astype(np.float64) + 0.5) == scores.person
    found = _activated(person, scores.activation)
    if scores.objectness is not None:
        channel = range(scores.objectness.channel, scores.objectness.channel + 1)
        found = found * _activated(columns(outputs, scores.objectness.outputs, channel, axes)[0], scores.activation)
    return np.where(is_person, found, 0.0)


def boxes_of(values: Floats, boxes: Boxes, cells: Floats, strides: Floats, image: InputSpec) -> Floats:
    """Numbers (n, 4) of boxes as (n, 4) x1, y1, x2, y2 in input px; cells, strides: those of cells_of."""
    first, second = values[:, :2], values[:, 2:]
    if boxes.format == "yxyx":
        first, second = first[:, ::-1], second[:, ::-1]
    if boxes.unit == "cells":
        anchor = cells + boxes.shift
        if boxes.format == "ltrb":
            return np.concatenate([(anchor - first) * strides, (anchor + second) * strides], axis=1)
        first = (first + anchor) * strides
        second = (np.exp(second) if boxes.format == "cxcywh_exp" else second) * strides
    else:
        scale = _scale(boxes.unit, image)
        first, second = first * scale, second * scale
    if boxes.format in ("cxcywh", "cxcywh_exp"):
        first, second = first - second / 2, first + second / 2
    elif boxes.format == "xywh":
        second = first + second
    return np.concatenate([first, second], axis=1)


def keypoints_of(
    values: Floats, keypoints: Keypoints, cells: Floats, strides: Floats, image: InputSpec
) -> tuple[Floats, Floats | None]:
    """Numbers (n, K * fields) as (n, K, 2) in input px, and scores (n, K) where the network gives them."""
    fields = keypoints.fields
    rows = values.reshape(len(values), values.shape[1] // len(fields), len(fields))
    points = np.stack([rows[..., fields.index(name)] for name in ("x", "y")], axis=-1)
    if keypoints.unit == "cells":
        points = (keypoints.factor * points + (cells + keypoints.shift)[:, None]) * strides[:, None]
    else:
        points = points * _scale(keypoints.unit, image)
    if "score" not in fields:
        return points, None
    return points, _activated(rows[..., fields.index("score")], keypoints.activation)


def _activated(values: NDArray[Any], activation: Activation) -> Floats:
    numbers = values.astype(np.float64)
    return sigmoid(numbers) if activation == "sigmoid" else numbers


def _scale(unit: Unit, image: InputSpec) -> Floats:
    return np.array(image.extent_wh if unit == "unit" else (1, 1), np.float64)
