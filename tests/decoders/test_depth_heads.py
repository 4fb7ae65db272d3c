"""Heads that give depth: there and back, and what is published about each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from posekit.decoders import integral, location_maps, regression, simcc
from posekit.decoders.integral import IntegralSpec
from posekit.decoders.layout import MisfitError
from posekit.decoders.location_maps import LocationMapsSpec
from posekit.decoders.mirroring import Mirror
from posekit.decoders.regression import RegressionSpec
from posekit.decoders.simcc import SimccSpec
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec

SIZE_WH = (96, 160)
IMAGE = InputSpec(size_wh=SIZE_WH, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                  alignment="half_pixel")  # fmt: skip
COUNTS = (1, 4, 17, 21, 33, 133)


def places(count: int, extent: float) -> Floats:
    """Keypoints (K, 3) well inside the input and the depth."""
    rng = np.random.default_rng(count)
    points = rng.uniform(0.3, 0.7, (count, 2)) * SIZE_WH
    return np.concatenate([points, rng.uniform(-0.2, 0.2, (count, 1)) * extent], axis=1)


def deep_simcc(bins: int, extent: float) -> SimccSpec:
    return SimccSpec.model_validate(
        {"kind": "simcc", "output_x": "x", "output_y": "y", "split_ratio": 2.0, "score_reduction": "min",
         "z": {"output": "z", "bins": bins, "extent": extent}}
    )  # fmt: skip


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(("bins", "extent"), [(576, 4.3489738), (64, 100.0)])
def test_a_third_vector_gives_z_within_half_a_bin(bins: int, extent: float, count: int) -> None:
    spec, points = deep_simcc(bins, extent), places(count, extent)
    maps = simcc.encode(points, spec, SIZE_WH)
    assert {name: one.shape for name, one in maps.items()} == simcc.shapes(spec, SIZE_WH, count)
    found = simcc.decode(maps, spec, IMAGE, [0.05] * count)
    assert np.abs(found.keypoints[0, :, 2] - points[:, 2]).max() <= 0.5 * extent / bins + 1e-9
    flat = simcc.decode(maps, spec.model_copy(update={"z": None}), IMAGE, [0.05] * count)
    assert np.array_equal(found.keypoints[..., :2], flat.keypoints)
    assert np.array_equal(found.scores, flat.scores)  # z counts in no score


@pytest.mark.parametrize("best", [0, 1, 200, 288, 575])
def test_z_is_that_of_rtmw3d(best: int) -> None:
    """Bins of half a px of 288, 0 in the middle, 2.1744869 m to either end."""
    maps = {"x": np.ones((1, 192)), "y": np.ones((1, 320)), "z": np.zeros((1, 576))}
    maps["z"][0, best] = 1.0
    found = simcc.decode(maps, deep_simcc(576, 2 * 2.1744869), IMAGE, [0.05])
    assert found.keypoints[0, 0, 2] == pytest.approx((best / 2 / (288 / 2) - 1) * 2.1744869)


def test_a_third_vector_is_an_output_of_its_own() -> None:
    data = deep_simcc(8, 1.0).model_dump()
    with pytest.raises(ValidationError, match="another than output_x and output_y"):
        SimccSpec.model_validate(data | {"z": {"output": "y", "bins": 8, "extent": 1.0}})


def volumes(alignment: str, normalisation: str = "softmax", bins: int = 12, **more: Any) -> IntegralSpec:
    return IntegralSpec.model_validate(
        {"kind": "integral", "output": "maps", "normalisation": normalisation, "alignment": alignment,
         "score": "share", "z": {"bins": bins, "extent": 2.0}, **more}
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 4, 17, 33])
@pytest.mark.parametrize("alignment", ["stride", "corners", "half_pixel"])
@pytest.mark.parametrize("normalisation", ["softmax", "relu", "sigmoid"])
def test_the_mean_place_in_a_volume_is_the_keypoint(normalisation: str, alignment: str, count: int) -> None:
    spec, points = volumes(alignment, normalisation, first=2), places(count, 2.0)
    maps = integral.encode(points, spec, SIZE_WH, (24, 40), sigma=0.8)
    assert maps["maps"].shape == (40, 24, 2 + 12 * count)
    found = integral.decode(maps, spec, IMAGE, [0.05] * count)
    np.testing.assert_allclose(found.keypoints[0], points, atol=2e-3)


@pytest.mark.parametrize("slice_", [0, 5, 11])
def test_z_is_that_of_the_published_volume(slice_: int) -> None:
    """(index / 64 * 2 - 1) times half the depth of the cube (Moon et al.); DSNT's (2 i + 1 - n) / n."""
    maps = np.zeros((4, 4, 12))
    maps[2, 1, slice_] = 1.0
    for alignment, z in (("stride", slice_ / 12 * 2 - 1), ("half_pixel", (2 * slice_ + 1 - 12) / 12),
                         ("corners", slice_ / 11 * 2 - 1)):  # fmt: skip
        found = integral.decode({"maps": maps}, volumes(alignment, "relu"), IMAGE, [0.05])
        assert found.keypoints[0, 0, 2] == pytest.approx(z)


def test_a_volume_may_have_an_axis_of_slices() -> None:
    spec = volumes("stride")
    values = np.random.default_rng(0).normal(size=(1, 3, 12, 40, 24))
    packed = integral.pack(values, (None, None, 36), spec, SIZE_WH)
    assert np.array_equal(packed, integral.pack(values.reshape(1, 36, 40, 24), (None, None, 36), spec, SIZE_WH))
    assert packed[0, 7, 5, 12 + 4] == values[0, 1, 4, 7, 5]
    with pytest.raises(MisfitError):
        integral.pack(values.swapaxes(1, 2), (None, None, 36), spec, SIZE_WH)


@pytest.mark.parametrize("value_range", ["unit", "signed_unit", "input_px"])
def test_z_with_a_scale_is_not_of_the_input(value_range: str) -> None:
    data = {"kind": "regression", "output": "rows", "fields": ["x", "y", "z"], "range": value_range, "z_scale": 0.001}
    spec, points = RegressionSpec.model_validate(data), places(17, 2.0)
    rows = regression.encode(points, np.ones(17), spec, IMAGE)
    np.testing.assert_allclose(rows["rows"][:, 2], points[:, 2] * 1000)
    np.testing.assert_allclose(regression.decode(rows, spec, IMAGE, [0.05] * 17).keypoints[0], points)


ROLES = {name: {"output": name} for name in ("heat", "x", "y", "z")}


def locations(**more: Any) -> LocationMapsSpec:
    return LocationMapsSpec.model_validate({"kind": "location_maps", **ROLES, "alignment": "stride", **more})


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("upsampling", [1, 3, 8])
@pytest.mark.parametrize("alignment", ["stride", "corners", "half_pixel"])
def test_the_maps_give_the_place_where_the_heat_is_highest(alignment: str, upsampling: int, count: int) -> None:
    spec, rng = locations(alignment=alignment, upsampling=upsampling, factor=0.1), np.random.default_rng(count)
    points, world = rng.uniform(0.1, 0.9, (count, 2)) * SIZE_WH, rng.uniform(-1, 1, (count, 3))
    maps = location_maps.encode(points, world, spec, SIZE_WH, (12, 20))
    found = location_maps.decode(maps, spec, IMAGE, [0.05] * count)
    assert np.abs(found.keypoints[0] - points).max() <= 4.4  # half a cell
    assert found.world is not None
    np.testing.assert_allclose(found.world[0], world, atol=1e-12)


@pytest.mark.parametrize("kind", ["noise", "ties", "flat"])
def test_only_cells_that_cannot_be_the_highest_are_left_out(kind: str) -> None:
    """Against the whole enlarged map, as OpenCV and torch enlarge it."""
    torch = pytest.importorskip("torch")
    rng, spec = np.random.default_rng(4), locations(upsampling=8)
    heat = {"noise": rng.normal(size=(11, 9, 5)), "ties": rng.integers(0, 2, (11, 9, 5)).astype(float),
            "flat": np.full((11, 9, 5), 0.3)}[kind]  # fmt: skip
    axes = {name: rng.normal(size=(11, 9, 5)) for name in "xyz"}
    found = location_maps.decode({"heat": heat, **axes}, spec, IMAGE, [0.05] * 5)
    large = {
        name: torch.nn.functional.interpolate(
            torch.from_numpy(maps.transpose(2, 0, 1)[None]), scale_factor=8, mode="bilinear", align_corners=False
        ).numpy()[0]
        for name, maps in {"heat": heat, **axes}.items()
    }
    for k in range(5):
        y, x = np.unravel_index(np.round(large["heat"][k], 12).argmax(), large["heat"][k].shape)
        np.testing.assert_allclose(found.keypoints[0, k], [x * 96 / 72, y * 160 / 88])
        assert found.scores[0, k] == pytest.approx(large["heat"][k].max())
        assert found.world is not None
        np.testing.assert_allclose(found.world[0, k], [large[name][k, y, x] for name in "xyz"], atol=1e-12)


def test_roles_that_share_a_channel_are_refused() -> None:
    with pytest.raises(ValidationError, match="heat and x share channel 0"):
        locations(x={"output": "heat"})


def turned(maps: dict[str, Floats], decoder: Any, spec: Any) -> dict[str, Floats]:
    """Outputs for a mirrored picture, turned back."""
    batch = {name: values[None] for name, values in maps.items()}
    back = decoder.mirrored(batch, spec, IMAGE, Mirror((0, 2, 1), shift=False))
    return {name: values[0] for name, values in back.items()}


@pytest.mark.parametrize("head", ["simcc", "integral"])
def test_a_mirror_image_has_the_same_depth(head: str) -> None:
    points = places(3, 2.0)
    width = SIZE_WH[0] - (0.5 if head == "simcc" else 0)  # bin i of n is bin n - 1 - i
    image = np.concatenate([width - points[[0, 2, 1], :1], points[[0, 2, 1], 1:]], axis=1)
    if head == "simcc":
        there, other = (simcc.encode(each, deep_simcc(64, 2.0), SIZE_WH) for each in (points, image))
        back = turned(other, simcc, deep_simcc(64, 2.0))
    else:
        spec = volumes("half_pixel", first=1)
        there, other = (integral.encode(each, spec, SIZE_WH, (24, 40)) for each in (points, image))
        back = turned(other, integral, spec)
    assert there.keys() == back.keys()
    for name, values in there.items():
        np.testing.assert_allclose(back[name], values, atol=1e-9)


def test_a_mirror_image_has_the_places_of_the_other_side_and_x_the_other_way() -> None:
    spec, rng = locations(alignment="half_pixel"), np.random.default_rng(1)
    points, world = rng.uniform(0.2, 0.8, (3, 2)) * SIZE_WH, rng.uniform(-1, 1, (3, 3))
    image = np.concatenate([SIZE_WH[0] - points[[0, 2, 1], :1], points[[0, 2, 1], 1:]], axis=1)
    there = location_maps.encode(points, world, spec, SIZE_WH, (12, 20))
    other = location_maps.encode(image, world[[0, 2, 1]] * (-1, 1, 1), spec, SIZE_WH, (12, 20))
    for name, values in turned(other, location_maps, spec).items():
        np.testing.assert_allclose(values, there[name], atol=1e-9)
