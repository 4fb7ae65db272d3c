"""The overlay shows which side is which, where the keypoints are, whatever a head's scores are worth."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.poses import Poses
from posekit.report.overlay import LEFT, MIDDLE, RIGHT, overlay

NAMES = ("nose", "left_wrist", "left_elbow", "right_wrist", "right_elbow")
EDGES = (("left_wrist", "left_elbow"), ("right_wrist", "right_elbow"))
POINTS = np.array([[[100.5, 20.5], [150.5, 60.5], [150.5, 120.5], [50.5, 60.5], [50.5, 120.5]]])


def drawn(scores: list[float], points: np.ndarray = POINTS) -> np.ndarray:
    black = np.zeros((200, 200, 3), np.uint8)
    return np.asarray(overlay(black, Poses(points, np.array([scores])), NAMES, EDGES))


@pytest.mark.parametrize(
    "scores", [[0.9] * 5, [0.05] * 5, [-1.0, -2.0, -3.0, -1.5, -2.5]], ids=["high", "low", "negative"]
)
def test_left_is_orange_and_right_green_at_the_keypoints_and_between_them(scores: list[float]) -> None:
    picture = drawn(scores)
    for (x, y), color in (
        ((150, 60), LEFT),
        ((50, 60), RIGHT),
        ((100, 20), MIDDLE),
        ((150, 90), LEFT),
        ((50, 90), RIGHT),
    ):
        assert tuple(picture[y, x]) == color


def test_a_keypoint_far_below_the_best_is_hollow_and_has_no_edge() -> None:
    picture = drawn([0.9, 0.1, 0.9, 0.9, 0.9])
    assert tuple(picture[60, 150]) == (0, 0, 0)
    assert tuple(picture[90, 150]) == (0, 0, 0)
    assert picture[55:66, 145:156].max() == 255


def test_keypoints_that_are_not_finite_are_left_out() -> None:
    assert drawn([0.9] * 5, np.full((1, 5, 2), np.nan)).max() == 0


def test_a_keypoint_that_was_not_found_is_not_drawn() -> None:
    picture = drawn([0.9, 0.0, 0.9, 0.9, 0.9])
    assert picture[50:71, 140:161].max() == 0
    assert drawn([0.0] * 5)[55:66, 145:156].max() == 255  # where a head has no better than 0, that says nothing
