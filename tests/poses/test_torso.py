"""MoveNet's crop: where the square lies, when it is the whole picture, and what counts."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.poses import Floats
from posekit.poses.regions import Region
from posekit.poses.torso import TorsoRule, torso_region, whole_square

RULE = TorsoRule(0, 1, 2, 3)
SIZE_WH = (640, 480)
WHOLE = Region((320.0, 240.0), (640.0, 640.0))


def person(*more: tuple[float, float]) -> Floats:
    """Shoulders 60 px above hips that are 20 px apart about (300, 200), and other keypoints."""
    return np.array([[285, 140], [315, 140], [290, 200], [310, 200], *more], np.float64)


def region(points: Floats, scores: list[float] | None = None, size_wh: tuple[int, int] = SIZE_WH) -> Region:
    return torso_region(points, np.array(scores or [0.9] * len(points)), size_wh, RULE)


def test_the_torso_is_exceeded_by_its_margin() -> None:
    assert region(person()) == Region((300.0, 200.0), (228.0, 228.0))  # 2 * 1.9 * 60


def test_the_body_is_exceeded_by_less_where_it_is_larger() -> None:
    assert region(person((300, 320))) == Region((300.0, 200.0), (288.0, 288.0))  # 2 * 1.2 * 120
    assert region(person((200, 200))) == Region((300.0, 200.0), (240.0, 240.0))


def test_a_poor_keypoint_is_no_part_of_the_body_but_the_torso_is_taken_whole() -> None:
    assert region(person((300, 320)), [0.9, 0.9, 0.9, 0.9, 0.19]).size_wh == (228.0, 228.0)
    assert region(person((300, 320)), [0.9, 0.9, 0.9, 0.9, 0.2]).size_wh == (288.0, 288.0)
    far = person()
    far[1] = (300, 100)
    assert region(far, [0.9, 0.0, 0.9, 0.0]).size_wh == (380.0, 380.0)  # of all four, whatever their scores


@pytest.mark.parametrize(
    ("scores", "seen"),
    [
        ([0.9, 0.0, 0.0, 0.9], True),
        ([0.2, 0.2, 0.9, 0.9], False),  # has to be above 0.2
        ([0.9, 0.9, 0.2, 0.0], False),
        ([0.0, 0.21, 0.21, 0.0], True),
    ],
)
def test_a_torso_is_seen_by_a_shoulder_and_a_hip(scores: list[float], seen: bool) -> None:
    assert (region(person(), scores) != WHOLE) is seen


def test_the_square_reaches_to_the_farthest_side_of_the_picture_at_most() -> None:
    points = person((300, 470))  # 1.2 * 270 is 324: 340 to the right side
    assert region(points) == WHOLE  # 324 is more than half of 640
    assert region(points, size_wh=(700, 480)) == Region((300.0, 200.0), (648.0, 648.0))
    middle = person((300, 470)) + np.array([20, 0])  # of the longer side: 324 becomes 320, which is not more than half
    assert region(middle) == Region((320.0, 200.0), (640.0, 640.0))
    narrow = person((300, 400)) - np.array([150, 0])
    assert region(narrow, size_wh=(300, 420)) == WHOLE_NARROW  # capped at 220, more than 210


WHOLE_NARROW = Region((150.0, 210.0), (420.0, 420.0))


def test_it_may_lie_partly_outside() -> None:
    found = region(person() - np.array([290, 0]))
    assert found == Region((10.0, 200.0), (228.0, 228.0))


def test_four_keypoints_in_one_place_are_nobody() -> None:
    assert region(np.full((4, 2), 100.0)) == WHOLE


def test_the_first_frame_is_the_whole_picture() -> None:
    assert whole_square((480, 640)) == Region((240.0, 320.0), (640.0, 640.0))
