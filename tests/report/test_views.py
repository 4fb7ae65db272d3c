"""Two views of people with depth: left to right in both, at one scale, whatever the unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.contract.depth import DepthSpec
from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec
from posekit.poses import Floats, Poses
from posekit.report.overlay import LEFT, RIGHT
from posekit.report.views import beside, in_space

VNECT, BLAZEPOSE, RTMW3D = (preset(name) for name in ("vnect-mpi21", "blazepose-33", "rtmw3d-wholebody133"))
SIZE_WH = (300, 400)


def person(spec: PoseSpec, **z: float) -> Floats:
    """Keypoints (1, K, 3) in the middle, but for a left and a right wrist to the sides, and depths by name."""
    names = spec.keypoints.names
    points = np.zeros((1, len(names), 3))
    points[..., :2] = 150, 200
    for name, x in (("left_wrist", 250), ("right_wrist", 50)):
        points[0, names.index(name), 0] = x
    points[0, :, 1] += np.linspace(-100, 100, len(names))
    for name, depth in z.items():
        points[0, names.index(name), 2] = depth
    return points


def drawn(spec: PoseSpec, poses: Poses) -> Any:
    return np.asarray(beside(Image.new("RGB", SIZE_WH), poses, spec))


def columns(view: Any, colour: tuple[int, int, int]) -> float:
    """Where in a view a colour lies on average, from left (0) to right (1)."""
    return float(np.nonzero((view == colour).all(axis=-1))[1].mean() / view.shape[1])


def scored(points: Floats, **more: Any) -> Poses:
    return Poses(points, np.ones(points.shape[:2]), **more)


@pytest.mark.parametrize("direction", ["away", "towards"])
def test_left_and_right_are_told_from_the_front_and_near_and_far_from_the_side(direction: str) -> None:
    spec = BLAZEPOSE.model_copy(update={"depth": DepthSpec(unit="px", root=("nose",), direction=direction)})
    sign = 1 if direction == "away" else -1
    picture = drawn(spec, scored(person(spec, left_wrist=90.0 * sign, right_wrist=-90.0 * sign)))
    assert picture.shape == (400, 500, 3)
    front, side = picture[:200, 300:], picture[200:, 300:]
    assert columns(front, LEFT) > 0.6 > 0.4 > columns(front, RIGHT)
    assert columns(side, LEFT) > 0.6 > 0.4 > columns(side, RIGHT)  # what is far lies to the right


def test_a_world_is_drawn_where_there_is_one() -> None:
    world = person(VNECT, left_wrist=90.0, right_wrist=-90.0) / 200
    picture = drawn(VNECT, scored(person(VNECT)[..., :2], world=world))
    assert columns(picture[200:, 300:], LEFT) > 0.6 > 0.4 > columns(picture[200:, 300:], RIGHT)


def test_metres_and_px_become_one_unit() -> None:
    deep = person(RTMW3D, left_wrist=0.85)
    points = in_space(scored(deep), RTMW3D)
    assert points is not None
    assert points[..., 2].max() == pytest.approx(100)  # half of 1.7 m, of a person of 200 px


def test_people_of_the_world_stand_beside_each_other() -> None:
    flat = np.concatenate([person(VNECT)[..., :2], person(VNECT)[..., :2] + (400, 0)])
    points = in_space(scored(flat, world=np.concatenate([person(VNECT) / 100] * 2)), VNECT)
    assert points is not None
    assert np.allclose(points[1] - points[0], (4, 0, 0))


@pytest.mark.parametrize("poses", [scored(person(VNECT)[..., :2]), scored(np.zeros((0, 21, 3)))])
def test_without_depth_or_people_the_picture_stays(poses: Poses) -> None:
    assert drawn(VNECT, poses).shape == (400, 300, 3)


def test_what_is_not_finite_is_not_drawn() -> None:
    assert drawn(BLAZEPOSE, scored(np.full((1, 33, 3), np.nan))).shape == (400, 500, 3)
