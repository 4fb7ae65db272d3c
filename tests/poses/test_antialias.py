"""Antialiased sampling: against Pillow itself, against torch, and at the borders by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.errors import InputError
from posekit.poses.antialias import taps
from posekit.poses.input_spec import InputSpec
from posekit.poses.regions import Region, frame_region
from posekit.poses.transforms import Orientation, input_transform
from posekit.poses.warp import warp

RNG = np.random.default_rng(11)
PICTURE = RNG.integers(0, 256, (61, 83, 3), dtype=np.uint8)
PILLOW_ROUNDS = 1.01  # grey levels: it rounds to 8 bits after each of the two axes
SIZES = [(7, 9), (20, 20), (83, 61), (41, 30), (120, 8), (9, 200), (1, 1), (100, 90)]


def spec(resize: str, size_wh: tuple[int, int], pad_value: float = 114.0, alignment: str = "half_pixel") -> InputSpec:
    return InputSpec(size_wh=size_wh, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize=resize, box_padding=1.0,
                     pad_value=pad_value, alignment=alignment, sampling="bilinear_antialias")  # fmt: skip


def warped(image: np.ndarray[Any, Any], given: InputSpec, region: Region | None = None) -> np.ndarray[Any, Any]:
    where = region or frame_region((image.shape[1], image.shape[0]), given)
    return warp(image, input_transform(where, given), given.size_wh, given.pad_value)


def pillow(image: np.ndarray[Any, Any], size_wh: tuple[int, int], box: Any = None) -> np.ndarray[Any, Any]:
    small = Image.fromarray(image).resize(size_wh, Image.Resampling.BILINEAR, box=box)
    return np.asarray(small, np.float32)


@pytest.mark.parametrize("size_wh", SIZES)
def test_stretch_is_what_pillow_does(size_wh: tuple[int, int]) -> None:
    assert np.abs(warped(PICTURE, spec("stretch", size_wh)) - pillow(PICTURE, size_wh)).max() <= PILLOW_ROUNDS


@pytest.mark.parametrize("box", [(0, 0, 83, 61), (3.25, 10.5, 70.75, 50.0), (30, 20, 33, 60), (0.5, 0.5, 82.5, 2.5)])
@pytest.mark.parametrize("resize", ["stretch", "affine_crop"])
def test_a_box_within_the_picture_is_what_pillow_does(resize: str, box: Any) -> None:
    region = Region(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), (box[2] - box[0], box[3] - box[1]))
    seen = warped(PICTURE, spec(resize, (12, 16)), region)
    if resize == "stretch":
        assert np.abs(seen - pillow(PICTURE, (12, 16), box)).max() <= PILLOW_ROUNDS
    else:  # beyond the picture the ground counts, where Pillow leaves it out
        ground = np.full((161, 183, 3), 114, np.uint8)
        ground[50:111, 50:133] = PICTURE
        moved = tuple(side + 50 for side in box)
        assert np.abs(seen - pillow(ground, (12, 16), moved)).max() <= PILLOW_ROUNDS


@pytest.mark.parametrize("box", [(-40, -20, 60, 45), (70, 50, 120, 90), (-60, -60, 140, 130)])
def test_a_crop_across_the_border_is_one_of_the_picture_on_its_ground(box: Any) -> None:
    ground = np.full((361, 383, 3), 30, np.uint8)
    ground[150:211, 150:233] = PICTURE
    region = Region(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), (box[2] - box[0], box[3] - box[1]))
    seen = warped(PICTURE, spec("affine_crop", (13, 11), pad_value=30), region)
    assert np.abs(seen - pillow(ground, (13, 11), tuple(side + 150 for side in box))).max() <= PILLOW_ROUNDS


@pytest.mark.parametrize("size_wh", [(32, 32), (20, 40), (64, 33), (200, 180)])
def test_letterbox_is_pillows_resize_on_a_ground(size_wh: tuple[int, int]) -> None:
    given = spec("letterbox", size_wh)
    left, top, right, bottom = input_transform(frame_region((83, 61), given), given).content_xyxy
    seen, expected = warped(PICTURE, given), np.full((size_wh[1], size_wh[0], 3), 114, np.float32)
    expected[top:bottom, left:right] = pillow(PICTURE, (right - left, bottom - top))
    assert np.abs(seen - expected).max() <= PILLOW_ROUNDS


@pytest.mark.xdist_group("torch")
@pytest.mark.parametrize("size_wh", SIZES)
def test_stretch_is_what_torch_does(size_wh: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(PICTURE.astype(np.float64)).permute(2, 0, 1)[None]
    expected = torch.nn.functional.interpolate(tensor, size=size_wh[::-1], mode="bilinear", antialias=True)
    np.testing.assert_allclose(warped(PICTURE, spec("stretch", size_wh)), expected[0].permute(1, 2, 0), atol=1e-3)


def test_it_matters() -> None:
    plain = spec("stretch", (7, 9)).model_copy(update={"sampling": "bilinear"})
    assert np.abs(warped(PICTURE, plain) - pillow(PICTURE, (7, 9))).max() > 50


@pytest.mark.parametrize("alignment", ["half_pixel", "index", "corners"])
@pytest.mark.parametrize("resize", ["affine_crop", "letterbox", "stretch"])
def test_made_larger_it_is_plainbilinear_sampling(resize: str, alignment: str) -> None:
    given = spec(resize, (140, 150), alignment=alignment)
    region = Region((40.0, 30.0), (60.0, 50.0))
    plain = warped(PICTURE, given.model_copy(update={"sampling": "bilinear"}), region)
    np.testing.assert_allclose(warped(PICTURE, given, region), plain, atol=1e-3)


@pytest.mark.parametrize("center", [(-500.0, 10.0), (10.0, 1e7), (1e12, -1e12)])
def test_far_outside_there_is_the_ground_or_the_nearest_px(center: tuple[float, float]) -> None:
    region = Region(center, (300.0, 400.0))
    assert (warped(PICTURE, spec("affine_crop", (6, 8)), region) == 114).all()
    nearest = PICTURE[0 if center[1] < 0 else -1, 0 if center[0] < 0 else -1]
    if abs(center[0]) > 400 and abs(center[1]) > 400:
        np.testing.assert_allclose(
            warped(PICTURE, spec("stretch", (6, 8)), region), np.broadcast_to(nearest, (8, 6, 3))
        )


@pytest.mark.parametrize("clamp", [True, False])
@pytest.mark.parametrize("step", [0.2, 1.0, 1.37, 5.0, 40.0, -3.5, 1e6])
def test_weights_sum_to_one_within_the_picture_and_never_to_more(step: float, clamp: bool) -> None:
    for start in (-30.0, -0.4, 0.0, 3.3, 9.999999, 25.0):
        for one in taps(start, step, 12, 10, clamp):
            assert one.first >= 0
            assert one.first + len(one.weights) <= 10
            assert (one.weights >= 0).all()
            assert one.weights.sum() == pytest.approx(1.0) if clamp else one.weights.sum() <= 1 + 1e-9
    whole = np.arange(-60, 70)
    for place in (3.0, 3.3, 4.75):
        weights = np.maximum(1 - np.abs(whole - place) / 4.3, 0)
        (one,) = taps(place, 4.3, 1, 10, False)
        expected = (weights / weights.sum())[(whole >= one.first) & (whole < one.first + len(one.weights))]
        np.testing.assert_allclose(one.weights, expected, atol=1e-12)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_stored_picture_is_sampled_as_the_upright_one(turn: int, mirrored: bool) -> None:
    upright = np.rot90(PICTURE, -(turn // 90))
    upright = np.ascontiguousarray(upright[:, ::-1] if mirrored else upright)
    given = spec("affine_crop", (9, 14))
    transform = input_transform(Region((30.0, 20.0), (70.0, 66.0)), given)
    seen = warp(PICTURE, transform, given.size_wh, 114.0, Orientation(turn, mirrored))
    np.testing.assert_allclose(seen, warp(upright, transform, given.size_wh, 114.0), atol=1e-4)


def test_a_turned_region_is_refused() -> None:
    with pytest.raises(InputError, match="turned by 20 degrees"):
        input_transform(Region((30.0, 20.0), (70.0, 66.0), 20.0), spec("affine_crop", (9, 14)))
