"""The numbers of a one-stage network's candidates, read from its outputs as roles.py says, in input px."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders.activation import sigmoid
from posekit.decoders.boxes import Anchors, Boxes, BoxUnit, Unit
from posekit.decoders.decoder import Outputs
from posekit.decoders.detections.nms import Places
from posekit.decoders.roles import Activation, Axes, Keypoints, Scores
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec


def grids(strides: Sequence[int], size_wh: tuple[int, int]) -> list[tuple[int, int]]:
    """Columns and rows of cells of each level; what does not fill a cell has one all the same."""
    return [(-(-size_wh[0] // stride), -(-size_wh[1] // stride)) for stride in strides]


def cells_of(
    places: Places, strides: Sequence[int], image: InputSpec, anchors: Anchors | None = None
) -> tuple[Floats, Floats, Floats]:
    """Column and row (n, 2) of the candidates at `places`, and how far apart the cells are and how large the anchors,
    both (n, 2) input px; nothing where there are no levels."""
    if not strides:
        nothing = np.zeros((len(places), 2))
        return nothing, nothing, nothing
    sides = np.array(grids(strides, image.size_wh))
    counts = np.array(anchors.counts if anchors is not None else (1,) * len(strides))
    ends = np.cumsum(sides.prod(axis=1) * counts)
    level = np.searchsorted(ends, places, side="right")
    within = places - np.append(0, ends)[level]
    cell, width = within // counts[level], sides[level, 0]
    columns_rows = np.stack([cell % width, cell // width], axis=-1).astype(np.float64)
    extent = np.array(image.extent_wh, np.float64)
    pitch = np.repeat(np.array(strides, np.float64)[level, None], 2, axis=1)
    if anchors is None:
        return columns_rows, pitch, np.zeros_like(pitch)
    if anchors.spacing == "even":
        pitch = extent / sides[level]
    if not anchors.widths:
        return columns_rows, pitch, np.zeros_like(pitch)
    kind = np.append(0, np.cumsum(counts))[level] + within % counts[level]
    return columns_rows, pitch, np.stack([anchors.widths, anchors.heights], axis=-1)[kind] * extent


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
    found = _raised(_activated(_clipped(person, scores.clip), scores.activation), scores.power)
    if scores.objectness is not None:
        channel = range(scores.objectness.channel, scores.objectness.channel + 1)
        chance = columns(outputs, scores.objectness.outputs, channel, axes)[0]
        found = found * _raised(_activated(_clipped(chance, scores.clip), scores.activation), scores.objectness.power)
    return np.where(is_person, found, 0.0)


def boxes_of(
    values: Floats, boxes: Boxes, cells: Floats, pitch: Floats, image: InputSpec, sizes: Floats | None = None
) -> Floats:
    """Numbers (n, C) of boxes as (n, 4) x1, y1, x2, y2 in input px; cells, pitch, sizes: those of cells_of."""
    if boxes.bins is not None:
        values = _expected(values.reshape(len(values), 4, boxes.bins))
    first, second = values[:, :2], values[:, 2:]
    if boxes.format in ("yxyx", "cycxhw_exp"):
        first, second = first[:, ::-1], second[:, ::-1]
    anchor = cells + boxes.shift
    if boxes.format in ("ltrb", "ltrb_bins"):
        step = 1.0 if boxes.unit == "anchor_px" else pitch
        return np.concatenate([anchor * pitch - first * step, anchor * pitch + second * step], axis=1)
    if boxes.unit == "anchors":
        assert sizes is not None
        of_centre, of_sides = boxes.variances or (1.0, 1.0)
        first = first / of_centre * sizes + anchor * pitch
        second = second / of_sides
        second = (np.exp(second) if boxes.format.endswith("exp") else second) * sizes
    elif boxes.unit == "anchor_px":
        first = first + anchor * pitch
    elif boxes.format == "cxcywh_tanh":
        first, second = (anchor + np.tanh(first)) * pitch, sigmoid(second) * _scale("unit", image)
    elif boxes.unit == "cells":
        first, second = (first + anchor) * pitch, (np.exp(second) if boxes.format.endswith("exp") else second) * pitch
    else:
        scale = _scale(boxes.unit, image)
        first, second = first * scale, second * scale
    if boxes.format in ("cxcywh", "cxcywh_exp", "cycxhw_exp", "cxcywh_tanh"):
        first, second = first - second / 2, first + second / 2
    elif boxes.format == "xywh":
        second = first + second
    return np.concatenate([first, second], axis=1)


def keypoints_of(
    values: Floats, keypoints: Keypoints, cells: Floats, pitch: Floats, image: InputSpec
) -> tuple[Floats, Floats | None]:
    """Numbers (n, K * fields) as (n, K, 2) in input px, and scores (n, K) where the network gives them."""
    fields = keypoints.fields
    rows = values.reshape(len(values), values.shape[1] // len(fields), len(fields))
    points = np.stack([rows[..., fields.index(name)] for name in ("x", "y")], axis=-1)
    if keypoints.unit == "cells":
        points = (keypoints.factor * points + (cells + keypoints.shift)[:, None]) * pitch[:, None]
    elif keypoints.unit == "anchor_px":
        points = points + ((cells + keypoints.shift) * pitch)[:, None]
    else:
        points = points * _scale(keypoints.unit, image)
    if "score" not in fields:
        return points, None
    return points, _activated(rows[..., fields.index("score")], keypoints.activation)


def _activated(values: NDArray[Any], activation: Activation) -> Floats:
    numbers = values.astype(np.float64)
    return sigmoid(numbers) if activation == "sigmoid" else numbers


def _clipped(values: NDArray[Any], most: float | None) -> NDArray[Any]:
    return values if most is None else np.clip(values, -most, most)


def _raised(values: Floats, power: float | None) -> Floats:
    return values if power is None else np.maximum(values, 0.0) ** power


def _expected(bins: Floats) -> Floats:
    """Of chances (n, 4, bins), as logits, the whole numbers that are to be expected: (n, 4)."""
    chances = np.exp(bins - bins.max(axis=-1, keepdims=True))
    return np.asarray((chances * np.arange(bins.shape[-1])).sum(axis=-1) / chances.sum(axis=-1))


def _scale(unit: Unit | BoxUnit, image: InputSpec) -> Floats:
    return np.array(image.extent_wh if unit == "unit" else (1, 1), np.float64)
