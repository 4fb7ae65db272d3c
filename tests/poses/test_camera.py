"""Frames as a camera gives them, and the pictures that they show."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.poses.camera import FORMS, NOISE, FrameForm, camera_frame, upright_picture
from posekit.poses.images import Picture
from posekit.poses.transforms import Orientation, stored_index_matrix
from posekit.poses.yuv import WEIGHTS, YuvColors, from_rgb, to_rgb


def blocks(width: int, height: int) -> Picture:
    """A picture of squares of 2 x 2 px that have a colour each, so that halved colours lose nothing."""
    small = np.random.default_rng(3).integers(30, 220, (-(-height // 2), -(-width // 2), 3), np.uint8)
    return np.repeat(np.repeat(small, 2, 0), 2, 1)[:height, :width]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_frame_shows_the_picture_that_it_was_made_of(form: FrameForm, degrees: int, mirrored: bool) -> None:
    picture = blocks(12, 8)
    shown = upright_picture(camera_frame(picture, Orientation(degrees, mirrored), form))
    assert np.abs(shown.astype(int) - picture).max() <= (0 if form == "rgba" else 2)


@pytest.mark.parametrize("degrees", [90, 270])
def test_stored_places_are_those_of_the_orientation(degrees: int) -> None:
    picture, orientation = np.zeros((4, 6, 3), np.uint8), Orientation(degrees, True)
    picture[1, 5] = 255
    frame = camera_frame(picture, orientation, "rgba")
    column, row = stored_index_matrix(frame.size_wh, orientation) @ np.array([5, 1, 1])
    assert frame.data[int(row) * frame.planes[0].row_stride + 4 * int(column)] == 255


def test_rows_are_longer_than_their_pixels() -> None:
    frame = camera_frame(blocks(10, 6))
    light, u, v = frame.planes
    assert (light.row_stride, light.pixel_stride) == (64, 1)
    assert (u.pixel_stride, v.offset) == (2, u.offset + 1)
    assert frame.data[10:64] == bytes([NOISE]) * 54
    assert len(frame.data) == v.offset + 2 * 64 + 2 * 4 + 1  # the last row has no bytes behind its pixels


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("range_", ["full", "video"])
def test_planes_and_back(matrix: str, range_: str) -> None:
    colors = YuvColors(matrix, range_)  # type: ignore[arg-type]
    picture = blocks(7, 5)
    y, u, v = from_rgb(picture, colors)
    assert (y.shape, u.shape, v.shape) == ((5, 7), (3, 4), (3, 4))
    assert np.abs(to_rgb(y, u, v, colors).astype(int) - picture).max() <= 2
