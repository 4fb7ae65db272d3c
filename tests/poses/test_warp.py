"""Regions, transforms and sampling: against torch, against hand-made numbers and against each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.poses.input_spec import InputSpec
from posekit.poses.regions import Region, frame_region, is_sound_box, region_from_box
from posekit.poses.sampling import ROWS_AT_ONCE, bilinear
from posekit.poses.transforms import (
    InputTransform,
    Orientation,
    input_transform,
    invert,
    stored_index_matrix,
    upright_size,
)
from posekit.poses.warp import _stored_places, in_32nds, warp

RESIZES = ("affine_crop", "letterbox", "stretch")
ALIGNMENTS = ("half_pixel", "index", "corners")
ORIENTATIONS = [Orientation(turn, mirrored) for turn in (0, 90, 180, 270) for mirrored in (False, True)]
RNG = np.random.default_rng(7)
PICTURE = RNG.integers(0, 256, (29, 37, 3), dtype=np.uint8)


def input_spec(resize: str, alignment: str, size_wh: tuple[int, int] = (24, 32), pad_value: float = 114.0) -> InputSpec:
    return InputSpec(size_wh=size_wh, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize=resize,
                     box_padding=1.25, pad_value=pad_value, alignment=alignment)  # fmt: skip


def warped(image: np.ndarray[Any, Any], spec: InputSpec, region: Region | None = None) -> np.ndarray[Any, Any]:
    height, width = image.shape[:2]
    transform = input_transform(region or frame_region((width, height), spec), spec)
    return warp(image, transform, spec.size_wh, spec.pad_value)


def grey(rows: list[list[int]]) -> np.ndarray[Any, Any]:
    return np.repeat(np.array(rows, np.uint8)[..., None], 3, axis=2)


# Against torch


@pytest.mark.xdist_group("torch")
@pytest.mark.parametrize("size_wh", [(24, 32), (37, 29), (80, 61), (7, 5), (1, 1)])
@pytest.mark.parametrize(("alignment", "align_corners"), [("half_pixel", False), ("corners", True)])
def test_stretch_is_what_torch_does(alignment: str, align_corners: bool, size_wh: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    if alignment == "corners" and 1 in size_wh:
        size_wh = (2, 2)  # one px has no corners to align
    tensor = torch.from_numpy(PICTURE.astype(np.float64)).permute(2, 0, 1)[None]
    expected = torch.nn.functional.interpolate(
        tensor, size=size_wh[::-1], mode="bilinear", align_corners=align_corners, antialias=False
    )[0].permute(1, 2, 0)
    seen = warped(PICTURE, input_spec("stretch", alignment, size_wh))
    np.testing.assert_allclose(seen, expected.numpy(), atol=1e-4)


# By hand


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("resize", RESIZES)
def test_the_same_size_is_the_same_picture(resize: str, alignment: str) -> None:
    width, height = (36, 28) if alignment == "corners" else (37, 29)
    seen = warped(PICTURE, input_spec(resize, alignment, (37, 29)), Region((width / 2, height / 2), (width, height)))
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, PICTURE, atol=1e-4)


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [
        # (i + 0.5) / 2 - 0.5 = -0.25, 0.25, 0.75, 1.25
        ("half_pixel", [0.75 * 100 + 0.25 * 20, 125, 175, 0.75 * 200 + 0.25 * 20]),
        # i / 2 = 0, 0.5, 1, 1.5
        ("index", [100, 150, 200, 110]),
        # i / 3 = 0, 1/3, 2/3, 1
        ("corners", [100, 100 + 100 / 3, 100 + 200 / 3, 200]),
    ],
)
def test_two_pixels_become_four_as_computed_by_hand(alignment: str, expected: list[float]) -> None:
    """A row of 100, 200 on a ground of 20; twice as many px, the border blended with the ground."""
    spec = input_spec("affine_crop", alignment, (4, 4), pad_value=20)
    image = grey([[100, 200], [100, 200]])
    seen = warped(image, spec)
    # the middle rows lie inside the source for all three, where only x blends
    np.testing.assert_allclose(seen[1, :, 0], expected, atol=1e-4)
    np.testing.assert_allclose(seen[:, 1, 0], warped(image.transpose(1, 0, 2), spec)[1, :, 0], atol=1e-4)


@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
def test_edges_are_repeated_where_nothing_is_padded(resize: str) -> None:
    seen = warped(grey([[100, 200], [100, 200]]), input_spec(resize, "half_pixel", (4, 4), pad_value=20))
    np.testing.assert_allclose(seen[..., 0], [[100, 125, 175, 200]] * 4, atol=1e-4)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("resize", RESIZES)
def test_left_stays_left_top_stays_top_and_red_stays_red(resize: str, alignment: str) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30, 0], image[:, 30:, 2], image[:20, :, 1] = 200, 200, 100
    seen = warped(image, input_spec(resize, alignment, (36, 24)))
    np.testing.assert_allclose(seen[5, 5], [200, 100, 0], atol=1e-3)
    np.testing.assert_allclose(seen[5, -6], [0, 100, 200], atol=1e-3)
    np.testing.assert_allclose(seen[-6, 5], [200, 0, 0], atol=1e-3)


@pytest.mark.parametrize("resize", RESIZES)
def test_a_marked_pixel_lands_where_to_input_says(resize: str) -> None:
    image = np.zeros((50, 70, 3), np.uint8)
    image[19:22, 39:42] = 255  # centre of mass at index (40, 20), which is 40.5, 20.5 in half-pixel coordinates
    for alignment in ALIGNMENTS:
        spec = input_spec(resize, alignment, (96, 96), pad_value=0)
        transform = input_transform(frame_region((70, 50), spec), spec)
        seen = warp(image, transform, spec.size_wh, 0)[..., 0]
        rows, columns = np.indices(seen.shape)
        mass = np.array([(columns * seen).sum(), (rows * seen).sum()]) / seen.sum() + transform.pixel_center
        expected = transform.to_input(np.array([40.0, 20.0]) + transform.pixel_center)
        np.testing.assert_allclose(mass, expected, atol=0.15)  # half a source px is 0.7 here


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_clockwise_rotation_turns_the_content_the_other_way(alignment: str) -> None:
    """A region turned clockwise sees the right of the picture at its top."""
    image = np.zeros((41, 41, 3), np.uint8)
    image[:, 30:] = 255
    centre = 20.5 if alignment == "half_pixel" else 20.0
    seen = warped(image, input_spec("affine_crop", alignment, (21, 21)), Region((centre, centre), (40, 40), 90))
    np.testing.assert_allclose(seen[:3], 255, atol=1e-3)
    np.testing.assert_allclose(seen[-10:], 0, atol=1e-3)


# Letterbox


@pytest.mark.parametrize(
    ("source_wh", "size_wh", "alignment", "content"),
    [
        ((100, 50), (20, 20), "half_pixel", (0, 5, 20, 15)),
        ((50, 100), (20, 20), "half_pixel", (5, 0, 15, 20)),
        ((100, 50), (20, 21), "half_pixel", (0, 5, 20, 15)),  # 11 spare rows: 5 above, 6 below
        ((50, 100), (21, 20), "index", (5, 0, 15, 20)),
        ((101, 51), (21, 21), "corners", (0, 5, 21, 16)),
        ((101, 51), (21, 22), "corners", (0, 5, 21, 16)),
        ((53, 100), (20, 20), "half_pixel", (4, 0, 15, 20)),  # 10.6 px wide is 11
        ((100, 53), (20, 20), "half_pixel", (0, 4, 20, 15)),
        ((1, 1000), (8, 8), "half_pixel", (3, 0, 4, 8)),  # at least one px
        ((1000, 1), (8, 8), "corners", (0, 3, 8, 4)),
    ],
)
def test_letterbox_centres_the_content(
    source_wh: tuple[int, int], size_wh: tuple[int, int], alignment: str, content: tuple[int, int, int, int]
) -> None:
    spec = input_spec("letterbox", alignment, size_wh, pad_value=114)
    image = np.full((source_wh[1], source_wh[0], 3), 200, np.uint8)
    transform = input_transform(frame_region(source_wh, spec), spec)
    assert transform.content_xyxy == content
    seen = warp(image, transform, size_wh, spec.pad_value)
    left, top, right, bottom = content
    assert (seen[top:bottom, left:right] == 200).all()
    seen[top:bottom, left:right] = 114
    assert (seen == 114).all()


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_letterbox_keeps_both_scales_within_half_a_pixel(alignment: str) -> None:
    spec = input_spec("letterbox", alignment, (64, 48))
    (a, b, _), (c, d, _) = input_transform(frame_region((133, 77), spec), spec).matrix
    assert b == c == 0
    assert abs(a - d) * 133 <= 1.0


# Borders


@pytest.mark.parametrize("pad_value", [0.0, 114.0, 127.5])
@pytest.mark.parametrize("center", [(-500.0, 10.0), (10.0, 1e7), (1e12, -1e12)])
def test_a_region_outside_the_picture_is_all_padding(center: tuple[float, float], pad_value: float) -> None:
    for alignment in ALIGNMENTS:
        spec = input_spec("affine_crop", alignment, pad_value=pad_value)
        seen = warped(PICTURE, spec, Region(center, (30.0, 40.0), 20.0))
        assert (seen == np.float32(pad_value)).all()


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
def test_one_pixel_fills_the_input(resize: str, alignment: str) -> None:
    seen = warped(np.array([[[10, 20, 30]]], np.uint8), input_spec(resize, alignment, (8, 8)))
    if resize == "stretch":
        np.testing.assert_allclose(seen, np.broadcast_to([10, 20, 30], (8, 8, 3)), atol=1e-4)
    else:
        np.testing.assert_allclose(seen[4, 4], [10, 20, 30], atol=1e-4)
        assert set(np.unique(seen)) <= {10, 20, 30, 114}


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_one_pixel_cropped_stays_between_itself_and_the_padding(alignment: str) -> None:
    seen = warped(np.full((1, 1, 3), 200, np.uint8), input_spec("affine_crop", alignment, (8, 8), pad_value=100))
    assert seen.min() >= 100
    assert 150 < seen.max() <= 200


# There and back


coordinates = st.floats(-5000, 5000)
sizes = st.floats(1, 5000)


@given(
    resize=st.sampled_from(RESIZES),
    alignment=st.sampled_from(ALIGNMENTS),
    region=st.builds(Region, st.tuples(coordinates, coordinates), st.tuples(sizes, sizes), st.floats(-360, 360)),
    size_wh=st.tuples(st.integers(2, 600), st.integers(2, 600)),
    point=st.tuples(coordinates, coordinates),
)
def test_to_source_undoes_to_input(
    resize: str, alignment: str, region: Region, size_wh: tuple[int, int], point: tuple[float, float]
) -> None:
    transform = input_transform(region, input_spec(resize, alignment, size_wh))
    back = transform.to_source(transform.to_input(np.array([point, point])))
    np.testing.assert_allclose(back, [point, point], atol=1e-5)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("degrees", [0.0, 33.0])
def test_the_corners_of_a_region_are_those_of_the_input(alignment: str, degrees: float) -> None:
    spec = input_spec("affine_crop", alignment, (24, 32))
    region = Region((50.0, 60.0), (30.0, 40.0), degrees)
    transform = input_transform(region, spec)
    end, middle = np.array(spec.size_wh) - (1 if alignment == "corners" else 0), np.array([50.0, 60.0])
    np.testing.assert_allclose(transform.to_source(end / 2), middle, atol=1e-9)
    angle = np.radians(degrees)
    diagonal = np.array([np.cos(angle) * 15 - np.sin(angle) * 20, np.sin(angle) * 15 + np.cos(angle) * 20])
    np.testing.assert_allclose(transform.to_source(np.zeros(2)), middle - diagonal, atol=1e-9)
    np.testing.assert_allclose(transform.to_source(end), middle + diagonal, atol=1e-9)


def test_the_inverse_of_an_affine_and_its_scale() -> None:
    matrix = np.array([[2.0, 0.5, 3.0], [-1.0, 4.0, -7.0]])
    full, inverse = np.eye(3), np.eye(3)
    full[:2], inverse[:2] = matrix, invert(matrix)
    np.testing.assert_allclose(full @ inverse, np.eye(3), atol=1e-12)
    half = InputTransform(np.array([[0.0, 0.5, 0.0], [-0.5, 0.0, 0.0]]), (0, 0, 8, 8), 0.5, True)
    assert half.source_px_per_input_px == pytest.approx(2.0)


# Regions


@pytest.mark.parametrize(
    ("box", "size_wh", "padding", "center", "size"),
    [
        ((0, 0, 10, 40), (30, 40), 1.0, (5, 20), (30, 40)),  # too narrow: wider
        ((0, 0, 60, 40), (30, 40), 1.0, (30, 20), (60, 80)),  # too wide: higher
        ((10, 20, 40, 60), (30, 40), 1.25, (25, 40), (37.5, 50)),
        ((-10, -10, 10, 10), (8, 8), 1.5, (0, 0), (30, 30)),
    ],
)
def test_region_of_a_box(box: Any, size_wh: Any, padding: float, center: Any, size: Any) -> None:
    region = region_from_box(box, size_wh, padding)
    assert region.center_xy == pytest.approx(center)
    assert region.size_wh == pytest.approx(size)


@pytest.mark.parametrize(
    ("resize", "alignment", "center", "size"),
    [
        ("stretch", "half_pixel", (30, 20), (60, 40)),
        ("letterbox", "index", (30, 20), (60, 40)),
        ("stretch", "corners", (29.5, 19.5), (59, 39)),
        ("affine_crop", "half_pixel", (30, 20), (60, 80)),
    ],
)
def test_region_of_a_frame(resize: str, alignment: str, center: Any, size: Any) -> None:
    region = frame_region((60, 40), input_spec(resize, alignment, (30, 40)))
    assert (region.center_xy, region.size_wh) == (center, size)


@pytest.mark.parametrize(
    ("center", "size", "degrees"),
    [
        ((0, 0), (0, 1), 0),
        ((0, 0), (1, -1), 0),
        ((np.nan, 0), (1, 1), 0),
        ((0, 0), (np.inf, 1), 0),
        ((0, 0), (1, 1), np.nan),
    ],
)
def test_a_region_without_area_or_with_nan_is_refused(center: Any, size: Any, degrees: float) -> None:
    with pytest.raises(ValueError, match="finite numbers and a positive size"):
        Region(center, size, degrees)


# Orientation


def test_orientation_takes_quarter_turns_only() -> None:
    with pytest.raises(ValueError, match="rotation_degrees is 45"):
        Orientation(45)


def upright(stored: np.ndarray[Any, Any], orientation: Orientation) -> np.ndarray[Any, Any]:
    turned = np.rot90(stored, -(orientation.rotation_degrees // 90))
    return np.ascontiguousarray(turned[:, ::-1] if orientation.mirrored else turned)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("resize", RESIZES)
def test_a_stored_picture_is_sampled_as_the_upright_one(resize: str, alignment: str, orientation: Orientation) -> None:
    spec = input_spec(resize, alignment)
    turned = upright(PICTURE, orientation)
    width, height = upright_size((37, 29), orientation)
    assert turned.shape == (height, width, 3)
    for region in (frame_region((width, height), spec), Region((15.0, 12.0), (20.0, 27.0), 25.0)):
        transform = input_transform(region, spec)
        seen = warp(PICTURE, transform, spec.size_wh, spec.pad_value, orientation)
        np.testing.assert_allclose(seen, warp(turned, transform, spec.size_wh, spec.pad_value), atol=1e-3)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_every_upright_pixel_has_its_stored_one(orientation: Orientation) -> None:
    matrix = stored_index_matrix((37, 29), orientation).astype(int)
    turned = upright(PICTURE, orientation)
    rows, columns = np.indices(turned.shape[:2])
    x, y = np.einsum("ij,jhw->ihw", matrix, np.stack([columns, rows, np.ones_like(rows)]))
    np.testing.assert_array_equal(PICTURE[y, x], turned)


@pytest.mark.parametrize(
    ("box", "is_sound"),
    [
        ((0, 0, 10, 20), True), ((-1e7, 0, 1e7, 1), True), ((0, 0, 1e-3, 1e-3), True), ((0, 0, 4e162, 9), False),
        ((0, 0, 9, math.inf), False), ((math.nan, 0, 9, 9), False), ((0, 0, 1e-9, 9), False), ((9, 0, 0, 9), False),
    ],
)  # fmt: skip
def test_a_box_beyond_what_numbers_hold_is_no_persons(box: tuple[float, ...], is_sound: bool) -> None:
    assert is_sound_box(box) is is_sound


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_upright_regions_go_axis_by_axis_to_the_same_bits(
    resize: str, alignment: str, orientation: Orientation
) -> None:
    """Places of each column and row by themselves against those of every pixel."""
    size_wh = (PICTURE.shape[1], PICTURE.shape[0])
    spec = input_spec(resize, alignment)
    transform = input_transform(Region((21.3, 17.7), (33.1, 29.9)), spec)
    columns, rows = (np.arange(size) for size in spec.size_wh)
    grid = np.stack(np.meshgrid(columns, rows), -1) + transform.pixel_center
    source = grid @ invert(transform.matrix)[:, :2].T + invert(transform.matrix)[:, 2] - transform.pixel_center
    stored = stored_index_matrix(size_wh, orientation)
    expected = source @ stored[:, :2].T + stored[:, 2]
    x, y = _stored_places(PICTURE, transform, (columns[None, :], rows[:, None]), orientation)
    shape = (spec.size_wh[1], spec.size_wh[0])
    assert np.array_equal(np.broadcast_to(x, shape), expected[..., 0])
    assert np.array_equal(np.broadcast_to(y, shape), expected[..., 1])
    assert (x.size < expected[..., 0].size) is (orientation.rotation_degrees in (0, 180))


@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize("orientation", [Orientation(), Orientation(180), Orientation(0, mirrored=True)], ids=str)
@pytest.mark.parametrize("scale", [0.03, 0.4, 0.9, 1.0, 3.7])
@pytest.mark.parametrize("start", [-60.0, -9.3, 4.0, 900.0])
def test_rows_at_once_have_the_bits_of_pixels_one_by_one(
    scale: float, start: float, orientation: Orientation, clamp: bool
) -> None:
    """Of regions within, across and outside of the borders, larger and smaller than the input, in more than one
    block."""
    size_wh = (23, 2 * ROWS_AT_ONCE + 5)
    matrix = np.array([[scale, 0.0, start], [0.0, 1.1 * scale, 0.7 * start]])
    transform = InputTransform(matrix, (0, 0, *size_wh), 0.5, clamp)
    places = _stored_places(PICTURE, transform, (np.arange(23)[None, :], np.arange(size_wh[1])[:, None]), orientation)
    by_axis = bilinear(PICTURE, *places, 0.1, clamp)
    by_pixel = bilinear(PICTURE, *(np.ascontiguousarray(one) for one in np.broadcast_arrays(*places)), 0.1, clamp)
    assert np.array_equal(by_axis, by_pixel.astype(np.float32))
    assert (scale, start) != (3.7, 4.0) or len(np.unique(by_axis)) > 50  # it is seen indeed


def test_places_are_rounded_to_32nds_and_halves_go_up_whatever_the_last_digits() -> None:
    halves = (np.arange(-6, 7) + 0.5) / 32
    for nearly in (halves, halves - 1e-12, halves + 1e-12):
        assert in_32nds(nearly) * 32 == pytest.approx(np.arange(-5, 8))
    assert in_32nds(np.array([1.01, 2.0, -0.004])) * 32 == pytest.approx([32, 64, 0])


def test_pixels_are_read_at_32nds() -> None:
    """A ramp of 32 grey levels a px tells where it is read."""
    ramp = grey([[0, 32, 64, 96, 128, 160]])
    spec = input_spec("stretch", "index", (5, 1)).model_copy(update={"sampling": "bilinear_32nds"})
    assert warped(ramp, spec)[0, :, 0].tolist() == [0, 38, 77, 115, 154]  # of 0, 38.4, 76.8, 115.2, 153.6
