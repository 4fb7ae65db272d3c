"""Camera frames: whole-number conversion against the formulas of BT.601 and BT.709 in floating point."""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest

from posekit.poses.yuv import YuvColors, YuvMatrix, YuvRange, to_rgb

KINDS = [YuvColors(*kind) for kind in itertools.product(get_args(YuvMatrix), get_args(YuvRange))]
# the published inverse: Y scale, then what V adds to red, U and V to green, U to blue; each of levels about 128
PUBLISHED = {
    ("bt601", "full"): (1.0, 1.402, -0.344136, -0.714136, 1.772),
    ("bt601", "video"): (1.164383, 1.596027, -0.391762, -0.812968, 2.017232),
    ("bt709", "full"): (1.0, 1.5748, -0.187324, -0.468124, 1.8556),
    ("bt709", "video"): (1.164383, 1.792741, -0.213249, -0.532909, 2.112402),
}


@pytest.mark.parametrize("colors", KINDS, ids=str)
def test_every_level_is_within_one_of_the_published_formula(colors: YuvColors) -> None:
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    y, u, v = (plane.reshape(-1, len(levels)) for plane in np.meshgrid(levels, levels, levels, indexing="ij"))
    half = [np.ascontiguousarray(plane) for plane in (u, v)]
    rgb = to_rgb(np.repeat(np.repeat(y, 2, 0), 2, 1), *half, colors)[::2, ::2]
    luma, red_v, green_u, green_v, blue_u = PUBLISHED[colors.matrix, colors.range]
    light = luma * (y.astype(float) - (16 if colors.range == "video" else 0))
    cb, cr = u.astype(float) - 128, v.astype(float) - 128
    expected = np.stack([light + red_v * cr, light + green_u * cb + green_v * cr, light + blue_u * cb], axis=-1)
    assert np.abs(rgb - np.clip(expected, 0, 255)).max() <= 1
    assert np.abs(rgb - np.clip(expected, 0, 255)).mean() < 0.26  # rounding's own, not a shift of a level


@pytest.mark.parametrize("colors", KINDS, ids=str)
def test_black_and_white_are_whole(colors: YuvColors) -> None:
    ends = (16, 235) if colors.range == "video" else (0, 255)
    grey = np.full((1, 1), 128, np.uint8)
    for level, expected in zip(ends, (0, 255), strict=True):
        assert to_rgb(np.full((1, 1), level, np.uint8), grey, grey, colors).tolist() == [[[expected] * 3]]


def test_a_px_takes_the_chroma_of_its_two_by_two() -> None:
    y = np.full((3, 5), 128, np.uint8)
    v = np.array([[128, 255, 0], [0, 128, 255]], np.uint8)
    red = to_rgb(y, np.full((2, 3), 128, np.uint8), v)[..., 0]
    assert red.tolist() == [[128, 128, 255, 255, 0], [128, 128, 255, 255, 0], [0, 0, 128, 128, 255]]
