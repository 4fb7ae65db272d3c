"""Candidates of a one-stage network, each a box, scores of classes and keypoints, of which suppression keeps people.

What the channels are is data (roles.py): YOLO-pose with its coordinates still in cells or already in px,
YOLOX-pose and RTMO, face and hand heads of several levels, tables of people that a network has sorted itself (nms
kind `none`), and detectors, whose keypoints are corners of the box or points that a region is made of. Sources: Maji et
al. 2022, "YOLO-Pose"; Lu et al. 2024, "RTMO"; Wu et al. 2023, "YuNet"; Liu et al. 2016, "SSD".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from posekit.decoders import layout
from posekit.decoders.decoder import Alternatives, Decoder, Fit, Outputs, Shapes, in_words
from posekit.decoders.detections.candidates import boxes_of, cells_of, columns, confidences_of, grids, keypoints_of
from posekit.decoders.detections.encoding import encode
from posekit.decoders.detections.nms import by_boxes, by_keypoints, ranked, weights
from posekit.decoders.roles import CandidatesSpec
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

ORDERS = (("xyxy", "yxyx"), ("cxcywh_exp", "cycxhw_exp"))  # formats that differ in what comes first, x or y
LEVELS = ((8, 16, 32, 64), (8, 16, 32), (16, 32))  # strides of published heads, the longest first


class DetectionsSpec(CandidatesSpec):
    """decoders/detections/detections.py: which channels of which outputs are boxes, scores and keypoints
    (decoders/roles.py), and who of the candidates is kept."""

    kind: Literal["detections"]


def shapes(spec: DetectionsSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: as many candidates as the levels have cells, any number where there are no strides."""
    sides, counts, found = grids(spec.strides, size_wh), spec.counts, dict[str, layout.ExpectedShape]()
    for outputs, _ in spec.roles.values():
        for level, output in enumerate(outputs):
            channels = spec.channel_count(output, keypoint_count)
            if spec.axes == "maps":
                found[output] = (sides[level][1], sides[level][0], channels)
                continue
            within = [width * height * count for (width, height), count in zip(sides, counts, strict=True)]
            count = sum(within if len(outputs) == 1 else within[level : level + 1]) if spec.strides else None
            found[output] = (channels, count) if spec.axes == "channels_first" else (count, channels)
    return found


def pack(values: Any, wanted: layout.ExpectedShape, spec: DetectionsSpec, size_wh: tuple[int, int]) -> Any:
    """Maps with their channels last, other outputs as they are; MisfitError for other axes."""
    if spec.axes == "maps":
        return layout.maps(values, wanted, size_wh, "none")
    shape = tuple(int(side) for side in values.shape)
    expected = " x ".join("any" if side is None else str(side) for side in (1, *wanted))
    if len(shape) != 3 or shape[0] != 1:
        raise layout.MisfitError(expected)
    if not _fits(shape[1:], wanted):
        other = "rows" if spec.axes == "channels_first" else "channels_first"
        turned = _fits(shape[:0:-1], wanted)
        raise layout.MisfitError(expected, f"is decoder.axes {other!r}?" if turned else "")
    return values


def _fits(shape: Sequence[int], wanted: layout.ExpectedShape) -> bool:
    return all(side is None or side == given for side, given in zip(wanted, shape, strict=True))


def decode(outputs: Outputs, spec: DetectionsSpec, image: InputSpec, sigmas: Sequence[float]) -> Poses:
    """The people of an image, the most confident first, in input px.

    Only candidates above `min_confidence` are looked at closer; equal ones keep their order.
    """
    count = len(sigmas)
    confidences = confidences_of(outputs, spec.scores, spec.axes)
    places = ranked(confidences, spec.min_confidence, spec.nms.most_in)
    confidences = confidences[places]
    cells, pitch, sizes = cells_of(places, spec.strides, image, spec.anchors)

    def rows(names: Sequence[str], channels: range) -> Floats:
        return columns(outputs, names, channels, spec.axes)[:, places].T.astype(np.float64)

    numbers = rows(spec.boxes.outputs, spec.boxes.channels)
    boxes, scores = boxes_of(numbers, spec.boxes, cells, pitch, image, sizes), None
    if spec.keypoints is None:
        keypoints = boxes.reshape(-1, 2, 2)
    else:
        numbers = rows(spec.keypoints.outputs, spec.keypoints.channels(count))
        keypoints, scores = keypoints_of(numbers, spec.keypoints, cells, pitch, image)
    if scores is None:
        scores = np.repeat(confidences[:, None], count, axis=1)
    return _kept(Poses(keypoints, scores, confidences, boxes), spec, sigmas)


def _kept(found: Poses, spec: DetectionsSpec, sigmas: Sequence[float]) -> Poses:
    """Of candidates, the best first, those that are people of their own."""
    assert found.boxes_xyxy is not None
    assert found.confidences is not None
    if spec.nms.kind == "none":
        return found.taken(range(min(found.count, spec.nms.most_out)))
    if spec.nms.kind == "iou":
        return found.taken(by_boxes(found.boxes_xyxy, spec.nms))
    if spec.nms.kind == "weighted":
        places, parts = weights(found.boxes_xyxy, found.confidences, spec.nms)
        points = np.tensordot(parts, found.keypoints, axes=1)
        return Poses(points, found.scores[places], found.confidences[places], parts @ found.boxes_xyxy)
    sides = found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]
    return found.taken(by_keypoints(found.keypoints, sides.prod(axis=1), sigmas, spec.nms))


def examples(spec: DetectionsSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Three people, each found twice, and one below the least confidence, among candidates that are nobody."""
    size = np.array(image.size_wh, np.float64)
    centre = rng.uniform(0.2, 0.8, (3, 1, 2)) * size
    points = centre + rng.uniform(-0.15, 0.15, (3, count, 2)) * size
    again = points + rng.uniform(-0.003, 0.003, points.shape) * size
    keypoints = np.concatenate([points, again, points[:1]])
    least = spec.min_confidence
    confidences = least + (1 - least) * np.array([0.9, 0.7, 0.5, 0.6, 0.4, 0.3, -0.1])
    boxes = np.concatenate([keypoints.min(axis=1) - 1, keypoints.max(axis=1) + 1], axis=1)
    poses = Poses(keypoints, rng.uniform(0.05, 0.95, keypoints.shape[:2]), np.maximum(confidences, 0.0), boxes)
    return encode(poses, spec, image, rng, candidates=40)


def alternatives(spec: DetectionsSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """x and y, how numbers in cells become px, and px or 0 to 1."""
    del image
    if spec.keypoints is None:
        return _alternatives_of_boxes(spec)
    fields = tuple({"x": "y", "y": "x"}.get(name, name) for name in spec.keypoints.fields)
    found = [Alternatives(("keypoints.fields",), ({"keypoints.fields": fields},), "follow", is_decisive=True)]
    if spec.keypoints.unit == "cells":
        names = ("keypoints.factor", "keypoints.shift")
        changes = tuple(dict(zip(names, pair, strict=True)) for pair in ((2.0, 0.0), (1.0, 0.5), (1.0, 0.0)))
        found.append(Alternatives(names, changes, "follow", is_decisive=True))
    else:
        units = tuple({"keypoints.unit": unit} for unit in ("input_px", "unit"))
        found.append(Alternatives(("keypoints.unit",), units, "follow", is_decisive=True))
    return tuple(found)


def _alternatives_of_boxes(spec: DetectionsSpec) -> tuple[Alternatives, ...]:
    orders = next((pair for pair in ORDERS if spec.boxes.format in pair), None)
    found = []
    if orders is not None:
        changes = tuple({"boxes.format": one} for one in orders)
        found.append(Alternatives(("boxes.format",), changes, "follow", is_decisive=True))
    if spec.boxes.unit in ("input_px", "unit"):
        units = tuple({"boxes.unit": unit} for unit in ("input_px", "unit"))
        found.append(Alternatives(("boxes.unit",), units, "follow", is_decisive=True))
    return tuple(found)


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Outputs with as many candidates as the cells of usual levels, of all in one tensor or of one in each."""
    found: list[Fit] = []
    for levels in LEVELS:
        if any(set(levels) < set(fit.settings["strides"]) for fit in found):
            continue  # levels of those that fit are no head of their own
        counts = [(size_wh[0] // stride) * (size_wh[1] // stride) for stride in levels]
        whole = {name: axes for name, shape in outputs.items() if (axes := _axes(shape, sum(counts), size_wh, 0))}
        each = [
            {name: axes for name, shape in outputs.items() if (axes := _axes(shape, count, size_wh, stride))}
            for count, stride in zip(counts, levels, strict=True)
        ]
        names = whole or ({name: axes for level in each for name, axes in level.items()} if all(each) else {})
        for axes in dict.fromkeys(names.values()):
            listed = ", ".join(in_words(name, outputs[name]) for name, one in names.items() if one == axes)
            why = (
                f"{listed}: candidates of cells of {', '.join(map(str, levels))} px; say which "
                "are boxes, scores and keypoints"
            )
            found.append(Fit({"axes": axes, "strides": list(levels)}, 0, why))
    return tuple(found)


def _axes(shape: tuple[int, ...], count: int, size_wh: tuple[int, int], stride: int) -> str:
    """How `count` candidates lie in an output, or those of a level of that stride as a map; empty if they do not."""
    if stride and len(shape) == 4 and (shape[3] * stride, shape[2] * stride) == size_wh:
        return "maps"
    if len(shape) != 3 or shape[0] != 1 or count < 2 or count not in shape[1:]:
        return ""
    return "rows" if shape[1] == count else "channels_first"


def looser(spec: DetectionsSpec, by: float) -> DetectionsSpec:
    """Who is less confident by at most `by`, or more like another one, counts too."""
    nms = spec.nms.model_copy(update={"threshold": min(spec.nms.threshold + by, 1.0)})
    return spec.model_copy(update={"min_confidence": max(spec.min_confidence - by, 0.0), "nms": nms})


def candidates(spec: DetectionsSpec, by: float) -> DetectionsSpec:
    """Everybody counts, suppressed or not."""
    nms = spec.nms.model_copy(update={"kind": "none", "most_out": spec.nms.most_in})
    return spec.model_copy(update={"min_confidence": max(spec.min_confidence - by, 0.0), "nms": nms})


# nobody knows yet from which score on a visibility is unsure, so every keypoint counts
DECODER = Decoder(
    DetectionsSpec, shapes, pack, decode, examples, alternatives, fitting, several=True, compares=True, looser=looser,
    candidates=candidates, unaveraged="one candidate may be another person in another look",
)  # fmt: skip
