"""Tables of candidates to people: round trips, ties, thresholds, classes, and what of a contract is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from posekit.contract.presets import preset
from posekit.decoders.detections import detections
from posekit.decoders.detections.detections import DetectionsSpec, decode, encode
from posekit.decoders.layout import MisfitError
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

IMAGE = InputSpec(
    size_wh=(320, 256), color_order="rgb", mean=(0.0,) * 3, std=(255.0,) * 3, resize="letterbox", alignment="half_pixel"
)
ROWS = ["rows"]
PLAIN: dict[str, Any] = {
    "kind": "detections", "axes": "channels_first", "boxes": {"outputs": ROWS, "format": "cxcywh"},
    "scores": {"outputs": ROWS, "first": 4},
    "keypoints": {"outputs": ROWS, "first": 5, "fields": ["x", "y", "score"]}, "nms": {"kind": "iou"},
}  # fmt: skip
CELLS: dict[str, Any] = PLAIN | {
    "strides": [8, 16, 32], "boxes": {"outputs": ["boxes"], "format": "ltrb", "unit": "cells", "shift": 0.5},
    "scores": {"outputs": ["scores"], "activation": "sigmoid"},
    "keypoints": {"outputs": ["points"], "fields": ["x", "y", "score"], "unit": "cells", "factor": 2.0,
                  "activation": "sigmoid"},
}  # fmt: skip
LEVELS = {name: [f"{name}_{stride}" for stride in (8, 16, 32)] for name in ("cls", "obj", "bbox", "kps")}
KINDS: dict[str, dict[str, Any]] = {
    "yolo": PLAIN,
    "two numbers a keypoint": PLAIN | {"keypoints": {"outputs": ROWS, "first": 5, "fields": ["x", "y"]}},
    "0 to 1": PLAIN | {
        "boxes": {"outputs": "rows", "format": "cxcywh", "unit": "unit"},
        "keypoints": {"outputs": ROWS, "first": 5, "fields": ["x", "y", "score"], "unit": "unit"},
    },
    "several classes": PLAIN | {
        "scores": {"outputs": ROWS, "first": 4, "count": 3, "person": 1},
        "keypoints": {"outputs": ROWS, "first": 7, "fields": ["x", "y"]},
    },
    "yolox": PLAIN | {
        "axes": "rows",
        "scores": {"outputs": ROWS, "first": 5, "objectness": {"outputs": ROWS, "channel": 4},
                   "activation": "sigmoid"},
        "keypoints": {"outputs": ROWS, "first": 6, "fields": ["x", "y", "score"], "activation": "sigmoid"},
    },
    "sorted rows that say their class": PLAIN | {
        "axes": "rows", "boxes": {"outputs": ROWS, "format": "xyxy"},
        "scores": {"outputs": ROWS, "first": 4, "class_channel": 5, "person": 3},
        "keypoints": {"outputs": ROWS, "first": 6, "fields": ["x", "y", "score"]}, "nms": {"kind": "none"},
    },
    "y first": PLAIN | {
        "axes": "rows", "boxes": {"outputs": ROWS, "first": 1000, "format": "yxyx", "unit": "unit"},
        "scores": {"outputs": ROWS, "first": 1004},
        "keypoints": {"outputs": ROWS, "fields": ["y", "x", "score"], "unit": "unit"},
    },
    "suppressed by keypoints": PLAIN | {"nms": {"kind": "oks", "threshold": 0.6}},
    "yolo in cells": CELLS,
    "yolo 26 in cells": CELLS | {
        "keypoints": {"outputs": ["points"], "fields": ["x", "y", "score"], "unit": "cells", "shift": 0.5},
    },
    "levels of maps": CELLS | {
        "axes": "maps", "boxes": {"outputs": LEVELS["bbox"], "format": "cxcywh_exp", "unit": "cells"},
        "scores": {"outputs": LEVELS["cls"], "objectness": {"outputs": LEVELS["obj"], "channel": 0}},
        "keypoints": {"outputs": LEVELS["kps"], "fields": ["x", "y"], "unit": "cells"},
    },
    "levels of rows": CELLS | {
        "axes": "rows", "boxes": {"outputs": LEVELS["bbox"], "format": "cxcywh", "unit": "cells"},
        "scores": {"outputs": LEVELS["cls"]},
        "keypoints": {"outputs": LEVELS["kps"], "fields": ["y", "x"], "unit": "cells"},
    },
    "rtmdet": CELLS | {
        "axes": "maps", "boxes": {"outputs": LEVELS["bbox"], "format": "ltrb", "unit": "anchor_px"},
        "scores": {"outputs": LEVELS["cls"], "activation": "sigmoid"},
        "keypoints": {"outputs": LEVELS["kps"], "fields": ["x", "y"], "unit": "cells"},
    },
    "nanodet": CELLS | {
        "axes": "rows", "boxes": {"outputs": ROWS, "first": 3, "format": "ltrb_bins", "unit": "cells", "bins": 8},
        "scores": {"outputs": ROWS, "count": 3},
    },
    "fastestdet": CELLS | {
        "axes": "maps", "strides": [16], "boxes": {"outputs": ROWS, "first": 1, "format": "cxcywh_tanh",
                                                   "unit": "cells"},
        "scores": {"outputs": ROWS, "first": 5, "count": 3, "power": 0.4,
                   "objectness": {"outputs": ROWS, "channel": 0, "power": 0.6}},
    },
    "ssd": CELLS | {
        "axes": "rows", "strides": [16, 32, 64],
        "boxes": {"outputs": ["boxes"], "format": "cycxhw_exp", "unit": "anchors", "shift": 0.5,
                  "variances": [10, 5]},
        "scores": {"outputs": ["scores"], "first": 1, "count": 3, "activation": "sigmoid"},
        "anchors": {"counts": [1, 3, 2], "spacing": "even", "widths": [0.1, 0.2, 0.4, 0.3, 0.5, 0.6],
                    "heights": [0.1, 0.2, 0.1, 0.4, 0.5, 0.4]},
    },
    "blazepose": CELLS | {
        "axes": "rows", "boxes": {"outputs": ROWS, "format": "cxcywh", "unit": "anchor_px", "shift": 0.5},
        "scores": {"outputs": ["scores"], "activation": "sigmoid", "clip": 100},
        "keypoints": {"outputs": ROWS, "first": 4, "fields": ["x", "y"], "unit": "anchor_px", "shift": 0.5},
        "anchors": {"counts": [2, 2, 6]}, "nms": {"kind": "weighted", "threshold": 0.3},
    },
}  # fmt: skip
BOXES_ALONE = {
    name: {key: value for key, value in KINDS[name].items() if key != "keypoints"}
    for name in ("yolo in cells", "rtmdet", "nanodet", "fastestdet", "ssd", "sorted rows that say their class")
}


def spec_of(**changes: Any) -> DetectionsSpec:
    return DetectionsSpec.model_validate(PLAIN | changes)


def sigmas(count: int) -> tuple[float, ...]:
    return (0.05,) * count


def people(count: int, keypoints: int, seed: int = 0) -> Poses:
    """People side by side, the most confident first."""
    rng = np.random.default_rng(seed)
    low = np.stack([15.0 * np.arange(count), 12.0 * np.arange(count) % 200], axis=-1)
    points = low[:, None] + rng.uniform(0, 12, (count, keypoints, 2))
    boxes = np.concatenate([low, low + 12.0], axis=1)
    return Poses(points, rng.uniform(0.1, 0.9, (count, keypoints)), np.linspace(0.95, 0.4, count), boxes)


@pytest.mark.parametrize("count", [0, 1, 2, 20])
@pytest.mark.parametrize("keypoints", [1, 5, 17, 21, 133])
@pytest.mark.parametrize("name", KINDS)
def test_people_come_back(name: str, keypoints: int, count: int) -> None:
    spec, expected = spec_of(**KINDS[name]), people(count, keypoints)
    outputs = encode(expected, spec, IMAGE, np.random.default_rng(1))
    if spec.nms.kind == "none":  # such a network sorts its rows
        outputs = {"rows": outputs["rows"][np.argsort(-outputs["rows"][:, spec.scores.first], kind="stable")]}
    found = decode(outputs, spec, IMAGE, sigmas(keypoints))
    assert found.count == count
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-9)
    np.testing.assert_allclose(found.confidences, expected.confidences, atol=1e-5)
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=1e-9)
    if "score" in spec.keypoints.fields:
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-9)
    else:
        assert (found.scores == found.confidences[:, None]).all()  # type: ignore[index]


@pytest.mark.parametrize("count", [0, 1, 20])
@pytest.mark.parametrize("name", BOXES_ALONE)
def test_without_keypoints_people_have_the_corners_of_their_boxes(name: str, count: int) -> None:
    changes = {key: value for key, value in PLAIN.items() if key != "keypoints"} | BOXES_ALONE[name]
    spec, expected = DetectionsSpec.model_validate(changes), people(count, 2)
    outputs = encode(expected, spec, IMAGE, np.random.default_rng(1))
    if spec.nms.kind == "none":
        outputs = {"rows": outputs["rows"][np.argsort(-outputs["rows"][:, spec.scores.first], kind="stable")]}
    found = decode(outputs, spec, IMAGE, sigmas(2))
    assert found.keypoints.shape == (count, 2, 2)
    np.testing.assert_allclose(found.keypoints.reshape(-1, 4), expected.boxes_xyxy, atol=1e-9)
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=1e-9)
    assert (found.scores == found.confidences[:, None]).all()  # type: ignore[index]
    assert detections.alternatives(spec, IMAGE) is not None
    with pytest.raises(ValueError, match="the two corners of its box, not 17 keypoints: expected keypoints.skeleton"):
        spec.check(17)


@pytest.mark.parametrize("name", KINDS)
def test_the_outputs_are_those_that_the_shapes_say(name: str) -> None:
    spec = spec_of(**KINDS[name])
    outputs = encode(people(2, 17), spec, IMAGE, np.random.default_rng(1))
    wanted = detections.shapes(spec, IMAGE.size_wh, 17)
    assert set(wanted) == set(outputs) == set(spec.outputs)
    for output, shape in wanted.items():
        seen = outputs[output].shape
        assert len(seen) == len(shape)
        assert all(side in (None, given) for side, given in zip(shape, seen, strict=True)), output


def test_rows_of_movenet_multipose_are_y_x_and_ymin_xmin_ymax_xmax() -> None:
    rows = np.zeros((6, 56))
    rows[2, :51] = np.tile([0.25, 0.5, 0.9], 17)  # y, x, score
    rows[2, 51:] = 0.125, 0.4, 0.75, 0.6, 0.8
    rows[4, :], rows[4, 55] = rows[2], 0.9
    rows[5, 55] = 0.2
    found = decode({"people": rows}, preset("movenet-multipose").decoder, IMAGE, sigmas(17))
    assert found.confidences.tolist() == [0.9, 0.8]  # type: ignore[union-attr]
    assert found.keypoints[0, 3].tolist() == [160, 64]
    np.testing.assert_allclose(found.boxes_xyxy[1], [128, 32, 192, 192])  # type: ignore[index]


def table(*rows: tuple[float, float, float]) -> dict[str, Floats]:
    """One keypoint: rows of (left edge of a box 10 px wide, confidence, x)."""
    columns = [[x + 5, 5, 10, 10, confidence, at, 0, 1] for x, confidence, at in rows]
    return {"rows": np.array(columns, np.float32).reshape(-1, 8).T}


def found_at(outputs: dict[str, Floats], **changes: Any) -> list[float]:
    return [float(x) for x in decode(outputs, spec_of(**changes), IMAGE, sigmas(1)).keypoints[:, 0, 0]]


def test_of_equal_candidates_the_first_row_stays() -> None:
    assert found_at(table((0, 0.5, 1), (0, 0.5, 2), (100, 0.5, 3), (50, 0.9, 4))) == [4, 1, 3]


def test_the_least_confidence_is_not_enough() -> None:
    assert found_at(table((0, 0.25, 1), (100, 0.2500001, 2))) == [2]
    assert found_at(table((0, 0.0, 1)), min_confidence=0.0) == []


@pytest.mark.parametrize(("shift", "stay"), [(1.76, [1]), (1.77, [1, 2])])  # IoU 0.7006 and 0.6992
def test_two_people_in_nearly_one_box(shift: float, stay: list[float]) -> None:
    assert found_at(table((0, 0.9, 1), (shift, 0.8, 2))) == stay


def test_a_better_class_of_the_row_is_nobody() -> None:
    spec = spec_of(
        scores={"outputs": ROWS, "first": 4, "count": 2, "person": 0},
        keypoints={"outputs": ROWS, "first": 6, "fields": ["x", "y"]},
    )
    rows = np.array([[5, 5, 10, 10, 0.6, 0.7, 1, 1], [50, 5, 10, 10, 0.6, 0.6, 2, 2], [90, 5, 10, 10, 0.6, 0.1, 3, 3]])
    found = decode({"rows": rows.T}, spec, IMAGE, sigmas(1))
    assert found.keypoints[:, 0, 0].tolist() == [2, 3]  # of equal ones the first class is the best


def test_no_more_people_than_asked_for() -> None:
    rows = table(*((20.0 * i, 0.9 - 0.01 * i, float(i)) for i in range(8)))
    assert found_at(rows, nms={"kind": "iou", "most_out": 3}) == [0, 1, 2]
    assert found_at(rows, nms={"kind": "iou", "most_in": 2}) == [0, 1]
    assert found_at(rows, nms={"kind": "none", "most_out": 4}) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"scores": {"outputs": ROWS, "first": 3}}, "boxes and scores share channel 3 of output 'rows'"),
        ({"scores": {"outputs": ROWS, "first": 4, "objectness": {"outputs": ROWS, "channel": 4}}},
         "scores and objectness share channel 4"),
        ({"keypoints": {"outputs": ROWS, "first": 4, "fields": ["x", "y"]}}, "scores and keypoints share channel 4"),
        ({"keypoints": {"outputs": ROWS, "first": 5, "fields": ["x", "score"]}}, "fields must hold x and y once"),
        ({"scores": {"outputs": ROWS, "first": 4, "count": 2, "person": 2}}, "person is class 2 of 2"),
        ({"scores": {"outputs": ROWS, "first": 4, "count": 2, "class_channel": 7}}, "has one score, not 2"),
        ({"nms": {"kind": "iou", "threshold": 0.0}}, "greater than 0"),
        ({"boxes": {"outputs": ROWS, "format": "ltrb"}}, "boxes of format 'ltrb' have unit 'input_px'"),
        ({"boxes": {"outputs": ROWS, "format": "xyxy", "unit": "cells"}}, "have unit 'cells', expected"),
        ({"boxes": {"outputs": ROWS, "format": "yxyx", "unit": "cells"}}, "have unit 'cells', expected"),
        ({"boxes": {"outputs": ROWS, "format": "cxcywh", "unit": "cells"}}, "numbers in cells need the strides"),
        ({"axes": "maps"}, "boxes lie in 1 outputs, but there are no strides"),
        ({"axes": "maps", "strides": [8, 16]}, "boxes lie in one output, but of maps there is one a level"),
        ({"boxes": {"outputs": ROWS, "format": "ltrb_bins", "bins": 8}}, "have unit 'input_px', expected 'cells'"),
        (CELLS | {"boxes": {"outputs": "a", "format": "ltrb_bins", "unit": "cells"}}, "say how many bins a side has"),
        (CELLS | {"boxes": {"outputs": "a", "format": "ltrb", "unit": "cells", "bins": 8}}, "and no others"),
        (CELLS | {"boxes": {"outputs": "a", "format": "cycxhw_exp", "unit": "anchors"}}, "need anchors.widths"),
        (CELLS | {"boxes": {"outputs": "a", "format": "ltrb", "unit": "cells", "variances": [1, 1]}}, "have variances"),
        (CELLS | {"anchors": {"counts": [1, 2]}}, "anchors.counts has 2 numbers of 3 levels"),
        (CELLS | {"anchors": {"counts": [1, 2, 1], "widths": [0.5]}}, "1 widths and 0 heights of 4 anchors a cell"),
        (KINDS["levels of maps"] | {"anchors": {"counts": [1, 2, 1]}}, "lie in rows, not in maps"),
        ({"boxes": {"outputs": ROWS, "format": "cxcywh", "unit": "anchor_px"}}, "in cells need the strides"),
        ({"strides": [8, 16], "boxes": {"outputs": ["a", "b", "c"], "format": "xyxy"}}, "3 outputs, but there are 2"),
    ],
)  # fmt: skip
def test_roles_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match="validation error") as raised:
        spec_of(**changes)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("axes", "shape", "hint"),
    [
        ("channels_first", (1, 56, 8400), None),
        ("rows", (1, 8400, 56), None),
        ("channels_first", (1, 8400, 56), "is decoder.axes 'rows'?"),
        ("rows", (1, 56, 8400), "is decoder.axes 'channels_first'?"),
        ("channels_first", (1, 55, 8400), ""),
        ("channels_first", (56, 8400), ""),
        ("channels_first", (2, 56, 8400), ""),
    ],
)
def test_a_table_of_other_axes_is_a_misfit(axes: str, shape: tuple[int, ...], hint: str | None) -> None:
    spec, values = spec_of(axes=axes), np.zeros(shape)
    (wanted,) = detections.shapes(spec, (640, 640), 17).values()
    if hint is None:
        assert detections.pack(values, wanted, spec, (640, 640)) is values
        return
    with pytest.raises(MisfitError) as raised:
        detections.pack(values, wanted, spec, (640, 640))
    assert raised.value.hint == hint


def test_keypoints_that_reach_into_other_channels_are_refused_once_their_number_is_known() -> None:
    spec = spec_of(boxes={"outputs": ROWS, "first": 20, "format": "xyxy"}, scores={"outputs": ROWS},
                   keypoints={"outputs": ROWS, "first": 1, "fields": ["x", "y"]})  # fmt: skip
    spec.check(9)
    with pytest.raises(ValueError, match="boxes and keypoints share channel 20 of output 'rows'"):
        spec.check(10)


def test_cells_count_level_after_level_and_row_by_row() -> None:
    spec = spec_of(**CELLS)
    outputs = {"boxes": np.zeros((4, 1680)), "scores": np.full((1, 1680), -9.0), "points": np.zeros((3, 1680))}
    for place in (40, 1280, 1279 + 320 + 1):  # second row of 40 columns; the first cell of the second and third level
        outputs["scores"][0, place] = 9.0 - place / 1e4
        outputs["boxes"][:, place] = 0.5
    found = decode(outputs, spec, IMAGE, sigmas(1))
    assert found.keypoints[:, 0].tolist() == [[0, 8], [0, 0], [0, 0]]
    assert found.boxes_xyxy.tolist() == [[0, 8, 8, 16], [0, 0, 16, 16], [0, 0, 32, 32]]  # type: ignore[union-attr]


def test_examples_hold_people_found_twice_and_one_that_is_none() -> None:
    spec = spec_of()
    outputs = detections.examples(spec, IMAGE, np.random.default_rng(0), 7)
    assert decode(outputs, spec, IMAGE, sigmas(7)).count in (2, 3)
