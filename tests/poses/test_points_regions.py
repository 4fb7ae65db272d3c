"""Regions that come from two points, as MediaPipe makes them, and the pixels that it cuts out for them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.poses.input_spec import InputSpec
from posekit.poses.regions import PointsRule, Region, region_from_points
from posekit.poses.transforms import input_transform
from posekit.poses.warp import crop
from tests.real_models import DATA, needs

BLAZEPOSE, PALM = PointsRule(0, 1, 1.25), PointsRule(0, 2, 2.6, -0.5)
CROPS = DATA / "mediapipe_regions"


def spec(size_wh: tuple[int, int] = (64, 64), **more: Any) -> InputSpec:
    data: dict[str, Any] = {
        "size_wh": size_wh, "color_order": "rgb", "mean": (0, 0, 0), "std": (1, 1, 1), "resize": "affine_crop",
        "box_padding": 1.0, "alignment": "index", "outside": "edge",
    }  # fmt: skip
    return InputSpec.model_validate(data | more)


@pytest.mark.parametrize("degrees", [0, 90, -45, 200, 179.9])
def test_the_second_point_lies_above_the_first(degrees: float) -> None:
    angle = math.radians(degrees)
    first, second = np.array([70.0, 40.0]), np.array([70.0, 40.0]) + 30 * np.array([math.sin(angle), -math.cos(angle)])
    region = region_from_points([first, second], BLAZEPOSE)
    assert region is not None
    assert -180 <= region.rotation_degrees < 180
    assert region.size_wh == pytest.approx((75, 75))
    to_input = input_transform(region, spec()).to_input
    assert to_input(first) == pytest.approx([32, 32])
    assert to_input(second) == pytest.approx([32, 32 - 64 * 30 / 75])


def test_a_palm_is_moved_towards_the_fingers_and_grown() -> None:
    points = [[50.0, 80.0], [0.0, 0.0], [80.0, 80.0, 5.0]]  # the wrist left of the finger: turned by a quarter
    region = region_from_points(points, PALM, (45.0, 60.0, 85.0, 90.0))
    assert region is not None
    assert region.rotation_degrees == pytest.approx(90)
    assert region.center_xy == pytest.approx((65 + 15, 75))  # half the height of 30
    assert region.size_wh == pytest.approx((2.6 * 40, 2.6 * 40))
    same = region_from_points([points[0], points[2]], PointsRule(0, 1, 2.6, 0.0, 0.0))
    assert same == Region((50.0, 80.0), (156.0, 156.0), 0.0)


@pytest.mark.parametrize("second", [[5.0, 5.0], [math.nan, 0.0], [math.inf, 0.0], [1e300, 0.0], [5.0, 5.0001]])
def test_no_region_comes_from_one_place_or_from_no_numbers(second: list[float]) -> None:
    assert region_from_points([[5.0, 5.0], second], BLAZEPOSE) is None
    assert region_from_points([[5.0, 5.0], [9.0, 9.0]], BLAZEPOSE, (4.0, 4.0, 4.0, 9.0)) is None


def test_the_reference_region_comes_from_its_alignment_points() -> None:
    needs(DATA / "blazepose" / "reference.json")
    said = json.loads((DATA / "blazepose" / "reference.json").read_text())
    region = region_from_points(said["detection"]["alignment_points"], BLAZEPOSE)
    assert region is not None
    assert region.center_xy == pytest.approx(said["region"]["center_xy"], abs=0.01)
    assert region.size_wh[0] == pytest.approx(said["region"]["side"], abs=0.05)
    assert region.rotation_degrees == pytest.approx(said["region"]["rotation_degrees"], abs=0.01)


@pytest.mark.parametrize(("resize", "usual"), [("affine_crop", "value"), ("letterbox", "edge"), ("stretch", "edge")])
def test_what_lies_outside_is_what_the_resize_usually_has(resize: str, usual: str) -> None:
    picture = np.full((20, 20, 3), 200, np.uint8)
    region = Region((0.0, 10.0), (20.0, 20.0))
    seen = {
        outside: crop(picture, region, spec((10, 10), resize=resize, outside=outside, pad_value=10))[0]
        for outside in (None, "value", "edge")
    }
    assert np.array_equal(seen[None], seen[usual])
    assert seen["edge"][:, 0].max() == 200
    assert seen["value"][:, 0].max() == 10


def mediapipe_crops() -> list[dict[str, Any]]:
    whole = {"file": "noop_except_range.png", "size_wh": [64, 128], "center_xy": [32, 64], "region_wh": [64, 128],
             "rotation_degrees_clockwise": 0, "outside": "replicate"}  # fmt: skip
    return [*json.loads((CROPS / "cases.json").read_text())["cases"], whole]


def test_pixels_are_mediapipes() -> None:
    needs(CROPS / "cases.json")
    picture = np.asarray(Image.open(CROPS / "input.jpg").convert("RGB"))
    cases, off = mediapipe_crops(), {}
    for one in cases:
        outside = {"replicate": "edge", "zero": "value"}[one["outside"]]
        region = Region(tuple(one["center_xy"]), tuple(one["region_wh"]), one["rotation_degrees_clockwise"])
        how = {"outside": outside, "pad_value": 0, "sampling": "bilinear_32nds"}
        seen, _ = crop(picture, region, spec(tuple(one["size_wh"]), **how))
        expected = np.asarray(Image.open(CROPS / one["file"]).convert("RGB")).astype(float)
        off[one["file"]] = np.abs(seen - expected).max()
    assert len(off) == 13
    assert max(off.values()) < 0.501, off  # it rounds them to whole grey levels; at exact places 6.5 off


HAND = PointsRule(0, 1, 2.0, -0.1, 90.0, (1, 2, 3), (0, 1, 2, 3, 4))


@pytest.mark.parametrize("degrees", [0.0, 37.0, 90.0, -135.0, 180.0])
def test_the_extent_of_points_along_turned_axes(degrees: float) -> None:
    """A hand's inner points, turned: the square is about the middle of them, moved a tenth towards the tips."""
    upright = np.array([[50.0, 100], [50, 40], [40, 50], [60, 50], [80, 70]])  # wrist, middle twice, two beside, thumb
    middle = np.array([60.0, 70.0])
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])  # clockwise as seen
    region = region_from_points((upright - 50) @ turn.T + 200, HAND)
    assert region is not None
    assert (region.rotation_degrees - degrees) % 360 == pytest.approx(0, abs=1e-9)
    assert region.size_wh == pytest.approx((120.0, 120.0))
    expected = turn @ (middle - 50 + np.array([0.0, -0.1 * 60])) + 200
    assert region.center_xy == pytest.approx(tuple(expected))
    assert region_from_points([[5.0, 5.0], [5.0, 1.0]] + [[5.0, 5.0]] * 3, HAND) is not None
    assert region_from_points([[5.0, 5.0]] * 5, HAND) is None
