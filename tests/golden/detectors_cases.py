"""Detectors: anchors, bins, powers and clipped logits, people without keypoints, and weighted suppression."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from posekit.bundle.golden import SEED, SIGMAS, Case, decoder_case
from posekit.decoders import AnyDecoderSpec
from posekit.decoders.detections.encoding import encode
from posekit.poses import Poses
from posekit.poses.input_spec import InputSpec

ROWS = ["rows"]
LEVELS = {name: [f"{name}_16", f"{name}_40"] for name in ("boxes", "scores")}
SIZES = {"widths": [0.2, 0.4, 0.3, 0.6, 0.5], "heights": [0.3, 0.2, 0.4, 0.5, 0.7]}
POINTS: dict[str, Any] = {"outputs": ["points"], "fields": ["x", "y", "score"]}
PLAIN: dict[str, Any] = {
    "kind": "detections", "axes": "rows", "strides": [16, 40], "min_confidence": 0.25,
    "scores": {"outputs": ["scores"]}, "keypoints": POINTS, "nms": {"kind": "iou", "threshold": 0.6},
}  # fmt: skip
HEADS: dict[str, dict[str, Any]] = {
    "rtmdet": {
        "axes": "maps", "boxes": {"outputs": LEVELS["boxes"], "format": "ltrb", "unit": "anchor_px"},
        "scores": {"outputs": LEVELS["scores"], "activation": "sigmoid"},
        "keypoints": {"outputs": ["points_16", "points_40"], "fields": ["y", "x"], "unit": "anchor_px", "shift": 0.5},
    },
    "nanodet": {
        "boxes": {"outputs": ROWS, "first": 3, "format": "ltrb_bins", "unit": "cells", "shift": 0.5, "bins": 8},
        "scores": {"outputs": ROWS, "count": 3, "person": 1},
    },
    "nanodet-first": {
        "axes": "channels_first", "boxes": {"outputs": ROWS, "format": "ltrb_bins", "unit": "cells", "bins": 6},
        "scores": {"outputs": ROWS, "first": 24},
    },
    "fastestdet": {
        "boxes": {"outputs": ROWS, "first": 1, "format": "cxcywh_tanh", "unit": "cells"},
        "scores": {"outputs": ROWS, "first": 5, "count": 3, "power": 0.4,
                   "objectness": {"outputs": ROWS, "channel": 0, "power": 0.6}},
        "nms": {"kind": "iou", "definition": "inclusive", "threshold": 0.45},
    },
    "ssd": {
        "boxes": {"outputs": ["boxes"], "format": "cycxhw_exp", "unit": "anchors", "shift": 0.5, "variances": [10, 5]},
        "scores": {"outputs": ["scores"], "first": 1, "count": 3, "activation": "sigmoid"},
        "anchors": {"counts": [2, 3], "spacing": "even", **SIZES},
    },
    "ssd-x-first": {
        "axes": "channels_first", "boxes": {"outputs": ROWS, "format": "cxcywh_exp", "unit": "anchors"},
        "scores": {"outputs": ROWS, "first": 4}, "anchors": {"counts": [2, 3], **SIZES}, "nms": {"kind": "weighted"},
    },
    "sides-of-anchors": {
        "boxes": {"outputs": ROWS, "format": "cxcywh", "unit": "anchors", "shift": 0.5, "variances": [4, 2.5]},
        "scores": {"outputs": ROWS, "first": 4}, "anchors": {"counts": [2, 3], **SIZES},
        "nms": {"kind": "weighted", "definition": "inclusive", "threshold": 0.5},
    },
    "blazepose": {
        "boxes": {"outputs": ROWS, "format": "cxcywh", "unit": "anchor_px", "shift": 0.5},
        "scores": {"outputs": ["scores"], "activation": "sigmoid", "clip": 1.5},
        "keypoints": {"outputs": ROWS, "first": 4, "fields": ["x", "y"], "unit": "anchor_px", "shift": 0.5},
        "anchors": {"counts": [2, 6]}, "nms": {"kind": "weighted", "threshold": 0.3, "most_out": 3},
    },
}  # fmt: skip


def decoder(**changes: Any) -> Any:
    return TypeAdapter(AnyDecoderSpec).validate_python({name: one for name, one in (PLAIN | changes).items() if one})


def cases(crowd: Callable[[np.random.Generator, int], Poses], image: Callable[[str], InputSpec]) -> list[Case]:
    """Every head with keypoints of its own and with the corners of its boxes alone, for no, one and several people."""
    rng, found = np.random.default_rng(SEED + 20), [in_a_row(image("half_pixel")), all_clipped(image("half_pixel"))]
    for number, (name, alone) in enumerate(itertools.product(HEADS, (False, True))):
        spec = decoder(**HEADS[name] | ({"keypoints": None} if alone else {}))
        sigmas = SIGMAS[:2] if alone else SIGMAS
        for people, alignment in ((number % 3, "half_pixel"), (3, ("half_pixel", "index", "corners")[number % 3])):
            given = crowd(rng, people)
            given = Poses(given.keypoints[:, : len(sigmas)], given.scores[:, : len(sigmas)], given.confidences,
                          given.boxes_xyxy)  # fmt: skip
            outputs = encode(given, spec, image(alignment), rng)
            label = f"detector-{name}{'-boxes' if alone else ''}-{given.count}"
            found.append(decoder_case(label, spec, image(alignment), outputs, sigmas))
    return found


def in_a_row(image: InputSpec) -> Case:
    """The second is like the first one, the third like the second and like the mean of both, but not like the first;
    there are two equal boxes, as sure as each other, and one without extent."""
    boxes = [[10, 10, 30, 30], [16, 10, 36, 30], [21, 10, 41, 30], [60, 60, 80, 80], [60, 60, 80, 80], [50, 90, 50, 90]]
    confidences = np.array([0.9, 0.8, 0.7, 0.6, 0.6, 0.5])
    rng = np.random.default_rng(SEED + 21)
    people = Poses(rng.uniform(0, 90, (6, 7, 2)), np.full((6, 7), 0.5), confidences, np.array(boxes, np.float64))
    spec = decoder(boxes={"outputs": ["boxes"], "format": "xyxy"}, nms={"kind": "weighted", "threshold": 0.4})
    case = decoder_case("detector-in-a-row", spec, image, encode(people, spec, image, rng))
    assert case["people"] == 4
    return case


def all_clipped(image: InputSpec) -> Case:
    """Logits beyond what is left of them: all candidates count, equal ones in their order."""
    rng = np.random.default_rng(SEED + 22)
    spec = decoder(strides=None, boxes={"outputs": ROWS, "format": "xyxy"}, keypoints=None, min_confidence=0.3,
                   scores={"outputs": ROWS, "first": 4, "activation": "sigmoid", "clip": 0.5},
                   nms={"kind": "iou", "threshold": 0.9})  # fmt: skip
    rows = np.concatenate([rng.uniform(0, 40, (6, 2)), rng.uniform(50, 90, (6, 2)), np.zeros((6, 1))], axis=1)
    rows[:, 4] = [-3, 0.2, 4, -0.4, 2, -20]
    case = decoder_case("detector-all-clipped", spec, image, {"rows": rows}, SIGMAS[:2])
    assert case["people"] == 6
    return case
