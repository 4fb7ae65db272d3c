"""Poses: shapes that fit, and several as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from posekit.poses import Poses, concatenate


def poses(instances: int, dimensions: int = 2, value: float = 0.0) -> Poses:
    return Poses(np.full((instances, 5, dimensions), value), np.full((instances, 5), value))


@pytest.mark.parametrize(
    ("keypoints", "scores", "boxes", "told"),
    [
        ((5, 2), (5,), None, "keypoints have shape (5, 2)"),
        ((1, 5, 4), (1, 5), None, "keypoints have shape (1, 5, 4)"),
        ((1, 5, 2), (1, 4), None, "scores have shape (1, 4), expected (1, 5)"),
        ((2, 5, 2), (1, 5), None, "scores have shape (1, 5), expected (2, 5)"),
        ((2, 5, 3), (2, 5), (1, 4), "boxes_xyxy have shape (1, 4), expected (2, 4)"),
        ((2, 5, 3), (2, 5), (2, 5), "boxes_xyxy have shape (2, 5), expected (2, 4)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(keypoints: Any, scores: Any, boxes: Any, told: str) -> None:
    with pytest.raises(ValueError, match="shape") as raised:
        Poses(np.zeros(keypoints), np.zeros(scores), boxes_xyxy=None if boxes is None else np.zeros(boxes))
    assert told in str(raised.value)


@pytest.mark.parametrize(("instances", "dimensions"), [(0, 2), (1, 2), (3, 3)])
def test_shapes_that_fit(instances: int, dimensions: int) -> None:
    points, scores = np.zeros((instances, 5, dimensions)), np.full((instances, 5), 0.5)
    made = Poses(points, scores, boxes_xyxy=np.zeros((instances, 4)), world=np.zeros((instances, 5, 3)))
    assert made.count == instances
    assert made.confidences is not None
    assert made.confidences.tolist() == [0.5] * instances


def test_instances_are_taken_in_any_order_with_all_that_they_have() -> None:
    made = concatenate([poses(1, value=one) for one in (1, 2, 3)], 5)
    taken = replace(made, boxes_xyxy=np.arange(12.0).reshape(3, 4)).taken([2, 0])
    assert taken.keypoints[:, 0, 0].tolist() == [3, 1]
    assert taken.confidences is not None
    assert taken.confidences.tolist() == [3, 1]
    assert taken.boxes_xyxy is not None
    assert taken.boxes_xyxy[:, 0].tolist() == [8, 0]
    assert made.taken([]).keypoints.shape == (0, 5, 2)


def test_concatenate_keeps_the_order() -> None:
    together = concatenate([poses(1, value=1), poses(2, value=2)], 5)
    assert together.keypoints[:, 0, 0].tolist() == together.scores[:, 0].tolist() == [1, 2, 2]


def test_concatenate_nothing_gives_no_instances_of_k_keypoints() -> None:
    nobody = concatenate([], 17)
    assert nobody.keypoints.shape == (0, 17, 2)
    assert nobody.scores.shape == (0, 17)
