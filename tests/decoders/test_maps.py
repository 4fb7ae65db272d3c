"""offset_map and integral: there and back, and what is published about each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.decoders import integral, offset_map
from posekit.decoders.integral import IntegralSpec
from posekit.decoders.offset_map import OffsetMapSpec
from posekit.errors import InputError
from posekit.poses.input_spec import InputSpec

SIZE_WH, MAP_WH = (96, 160), (24, 40)
IMAGE = InputSpec(size_wh=SIZE_WH, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                  alignment="half_pixel")  # fmt: skip
COUNTS = (1, 4, 14, 17, 21, 26, 33, 133)
LYING: dict[str, Any] = {
    "interleaved": lambda count: {"heat": {"output": "maps", "step": 3}, "x": {"output": "maps", "first": 1, "step": 3},
                                  "y": {"output": "maps", "first": 2, "step": 3}},
    "pairs": lambda count: {"heat": {"output": "heat"}, "x": {"output": "offsets", "step": 2},
                            "y": {"output": "offsets", "first": 1, "step": 2}},
    "y first": lambda count: {"heat": {"output": "heat"}, "x": {"output": "offsets", "first": count},
                              "y": {"output": "offsets"}},
}  # fmt: skip


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("unit", ["cells", "input_px"])
@pytest.mark.parametrize("lying", LYING)
def test_offsets_lead_to_the_keypoint(lying: str, unit: str, count: int) -> None:
    for alignment, shift, kernel in (("stride", 0.0, 1), ("stride", 0.5, 1), ("corners", 0.0, 23)):
        spec = OffsetMapSpec.model_validate(
            {"kind": "offset_map", **LYING[lying](count), "unit": unit, "factor": 2.5, "alignment": alignment,
             "shift": shift, "blur_kernel": kernel}
        )  # fmt: skip
        points = np.random.default_rng(count).uniform(0.02, 0.98, (count, 2)) * SIZE_WH
        maps = offset_map.encode(points, spec, SIZE_WH, MAP_WH)
        found = offset_map.decode(maps, spec, IMAGE, [0.05] * count)
        np.testing.assert_allclose(found.keypoints[0], points, atol=1e-9)


def test_udps_combined_maps_are_read_as_mmpose_does() -> None:
    """Heat blurred by a kernel of 23 with OpenCV's border, offsets times 0.0546875 of the longer side, unblurred."""
    rng = np.random.default_rng(1)
    maps = rng.normal(0, 0.2, (40, 24, 9))
    for k, (x, y) in enumerate(((0, 0), (23, 20), (11, 17))):
        maps[y, x, 3 * k] += 4
    spec = OffsetMapSpec.model_validate(
        {"kind": "offset_map", **LYING["interleaved"](3), "unit": "cells", "factor": 0.0546875 * 40,
         "alignment": "corners", "blur_kernel": 23}
    )  # fmt: skip
    found = offset_map.decode({"maps": maps}, spec, IMAGE, [0.05] * 3)
    taps = np.exp(-((np.arange(23) - 11) ** 2) / (2 * 3.8**2))
    for k in range(3):
        padded = np.pad(maps[..., 3 * k], 11, mode="reflect")
        window = np.lib.stride_tricks.sliding_window_view(padded, (23, 23))
        heat = np.einsum("yxij,i,j->yx", window, taps / taps.sum(), taps / taps.sum())
        y, x = np.unravel_index(heat.argmax(), heat.shape)
        expected = (np.array([x, y]) + maps[y, x, 3 * k + 1 : 3 * k + 3] * 0.0546875 * 40) * [95 / 23, 159 / 39]
        np.testing.assert_allclose(found.keypoints[0, k], expected)
        assert found.scores[0, k] == pytest.approx(heat.max())


@pytest.mark.parametrize("kernel", [1, 7])
def test_offsets_are_blurred_as_heat_is(kernel: int) -> None:
    """As OpenCV does, whose border is the mirrored map."""
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(2)
    maps = rng.normal(0, 0.5, (40, 24, 6))
    maps[2, 1, 0] = maps[20, 12, 3] = 9.0
    spec = OffsetMapSpec.model_validate(
        {"kind": "offset_map", **LYING["interleaved"](2), "unit": "cells", "alignment": "corners", "blur_kernel": 15,
         "offset_blur_kernel": kernel}
    )  # fmt: skip
    found = offset_map.decode({"maps": maps}, spec, IMAGE, [0.05] * 2).keypoints[0]
    for k in range(2):
        heat = cv2.GaussianBlur(maps[..., 3 * k].copy(), (15, 15), 0)
        y, x = np.unravel_index(heat.argmax(), heat.shape)
        away = [cv2.GaussianBlur(maps[..., 3 * k + axis].copy(), (kernel, kernel), 0)[y, x] for axis in (1, 2)]
        np.testing.assert_allclose(found[k], (np.array([x, y]) + away) * [95 / 23, 159 / 39], atol=1e-9)


def test_maps_of_two_sizes_are_refused() -> None:
    spec = OffsetMapSpec.model_validate({"kind": "offset_map", **LYING["pairs"](2), "unit": "cells"})
    with pytest.raises(InputError, match="several sizes: heat 40 x 24, offsets 20 x 12"):
        offset_map.decode({"heat": np.zeros((40, 24, 2)), "offsets": np.zeros((20, 12, 4))}, spec, IMAGE, [0.05] * 2)


def soft(normalisation: str, alignment: str, score: str = "share", sharpness: float = 1.0) -> IntegralSpec:
    return IntegralSpec(kind="integral", output="maps", normalisation=normalisation, alignment=alignment, score=score,
                        sharpness=sharpness)  # fmt: skip


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("alignment", ["stride", "corners", "half_pixel"])
@pytest.mark.parametrize("normalisation", ["softmax", "relu", "sigmoid"])
def test_the_mean_place_is_the_keypoint(normalisation: str, alignment: str, count: int) -> None:
    points = np.random.default_rng(count).uniform(0.3, 0.7, (count, 2)) * SIZE_WH
    for sharpness in (1.0, 10.0):
        spec = soft(normalisation, alignment, sharpness=sharpness)
        maps = integral.encode(points, spec, SIZE_WH, MAP_WH, sigma=0.8)
        found = integral.decode(maps, spec, IMAGE, [0.05] * count)
        np.testing.assert_allclose(found.keypoints[0], points, atol=1e-3)


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [("stride", (46.0, 78.0)), ("corners", (47.5, 79.5)), ("half_pixel", (48.0, 80.0))],
)
@pytest.mark.parametrize("normalisation", ["softmax", "relu"])
def test_a_map_that_says_nothing_gives_its_middle(normalisation: str, alignment: str, expected: Any) -> None:
    found = integral.decode({"maps": np.zeros((40, 24, 2))}, soft(normalisation, alignment), IMAGE, [0.05] * 2)
    np.testing.assert_allclose(found.keypoints[0], [expected] * 2)


def test_scores_are_what_the_contract_says() -> None:
    maps = np.zeros((40, 24, 1))
    maps[3, 4], maps[3, 6] = 2.0, 1.0
    scores = {
        score: integral.decode({"maps": maps}, soft("relu", "stride", score), IMAGE, [0.05]).scores[0, 0]
        for score in ("value", "share", "none")
    }
    assert scores == {"value": 2.0, "share": pytest.approx(2 / 3), "none": 1.0}
    found = integral.decode({"maps": maps}, soft("relu", "stride"), IMAGE, [0.05]).keypoints[0]
    np.testing.assert_allclose(found, [[(4 * 2 + 6) / 3 * 4, 12]])
