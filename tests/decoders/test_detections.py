"""Tables of candidates to people: round trips, ties, thresholds, classes, and what of a contract is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from posekit.decoders import detections
from posekit.decoders.detections import DetectionsSpec, decode, encode
from posekit.decoders.layout import MisfitError
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

IMAGE = InputSpec(
    size_wh=(320, 256), color_order="rgb", mean=(0.0,) * 3, std=(255.0,) * 3, resize="letterbox", alignment="half_pixel"
)
PLAIN: dict[str, Any] = {
    "kind": "detections", "output": "rows", "axes": "channels_first", "boxes": {"first": 0, "format": "cxcywh"},
    "scores": {"first": 4}, "keypoints": {"first": 5, "fields": ["x", "y", "score"]}, "nms": {"kind": "iou"},
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "yolo": PLAIN,
    "two numbers a keypoint": PLAIN | {"keypoints": {"first": 5, "fields": ["x", "y"]}},
    "0 to 1": PLAIN
    | {
        "boxes": {"first": 0, "format": "cxcywh", "unit": "unit"},
        "keypoints": {"first": 5, "fields": ["x", "y", "score"], "unit": "unit"},
    },
    "several classes": PLAIN
    | {"scores": {"first": 4, "count": 3, "person": 1}, "keypoints": {"first": 7, "fields": ["x", "y"]}},
    "yolox": PLAIN
    | {
        "axes": "rows",
        "scores": {"first": 5, "times": 4, "activation": "sigmoid"},
        "keypoints": {"first": 6, "fields": ["x", "y", "score"], "activation": "sigmoid"},
    },
    "keypoints first, y before x, suppressed already": PLAIN
    | {
        "axes": "rows",
        "boxes": {"first": 51, "format": "xyxy", "unit": "unit"},
        "scores": {"first": 55},
        "keypoints": {"first": 0, "fields": ["y", "x", "score"], "unit": "unit"},
        "nms": {"kind": "none"},
    },
    "suppressed by keypoints": PLAIN | {"nms": {"kind": "oks", "threshold": 0.6}},
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
    data = dict(KINDS[name])
    if name.startswith("keypoints first"):
        data["boxes"] = data["boxes"] | {"first": 3 * keypoints}
        data["scores"] = {"first": 3 * keypoints + 4}
    spec, expected = spec_of(**data), people(count, keypoints)
    outputs = encode(expected, spec, IMAGE, 64, np.random.default_rng(1))
    if spec.nms.kind == "none":  # such a network sorts its rows
        order = np.argsort(-outputs["rows"][:, spec.scores.first], kind="stable")
        outputs = {"rows": outputs["rows"][order]}
    found = decode(outputs, spec, IMAGE, sigmas(keypoints))
    assert found.count == count
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-9)
    np.testing.assert_allclose(found.confidences, expected.confidences, atol=1e-5)
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=1e-9)
    if "score" in spec.keypoints.fields:
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-9)
    else:
        assert (found.scores == found.confidences[:, None]).all()  # type: ignore[index]


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
    spec = spec_of(scores={"first": 4, "count": 2, "person": 0}, keypoints={"first": 6, "fields": ["x", "y"]})
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
        ({"scores": {"first": 3}}, "boxes and scores share channel 3"),
        ({"scores": {"first": 4, "times": 4}}, "boxes and scores share channel 4"),
        ({"keypoints": {"first": 4, "fields": ["x", "y"]}}, "keypoints begin at channel 4, which boxes or scores have"),
        ({"keypoints": {"first": 5, "fields": ["x", "score"]}}, "fields must hold x and y once"),
        ({"scores": {"first": 4, "count": 2, "person": 2}}, "person is class 2 of 2"),
        ({"nms": {"kind": "iou", "threshold": 0.0}}, "greater than 0"),
    ],
)
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


def test_examples_hold_people_found_twice_and_one_that_is_none() -> None:
    spec = spec_of()
    outputs = detections.examples(spec, IMAGE, np.random.default_rng(0), 7)
    assert decode(outputs, spec, IMAGE, sigmas(7)).count in (2, 3)
