"""Golden vectors of camera frames: planes of Y, U and V as phones lay them out, and the colours that they stand for."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.poses.yuv import WEIGHTS, YuvColors, to_rgb

Case = dict[str, Any]
# how many bytes more than its samples a row of Y and one of U or V has; how U and V lie beside each other
LAYOUTS = {"i420": (0, 0), "nv12": (3, 2), "nv21": (1, 5)}
SIZES_WH = ((7, 5), (8, 6), (1, 1), (2, 9))


def yuv_cases(seed: int) -> list[Case]:
    """Noise of all levels, in every layout with both weights and both ranges, of even and odd sizes."""
    rng = np.random.default_rng(seed + 21)
    kinds = [YuvColors(matrix, range_) for matrix in WEIGHTS for range_ in ("full", "video")]
    return [
        _case(rng, SIZES_WH[(at + place) % len(SIZES_WH)], layout, colors)
        for at, layout in enumerate(LAYOUTS)
        for place, colors in enumerate(kinds)
    ]


def _case(rng: np.random.Generator, size_wh: tuple[int, int], layout: str, colors: YuvColors) -> Case:
    width, height = size_wh
    halves = (height + 1) // 2, (width + 1) // 2
    y = rng.integers(0, 256, (height, width), np.uint8)
    u, v = (rng.integers(0, 256, halves, np.uint8) for _ in range(2))
    light, chroma = LAYOUTS[layout]
    planes = {"y": _plane(rng, y, light), **_chroma(rng, {"u": u, "v": v}, layout, chroma)}
    return {
        "name": f"{layout}-{colors.matrix}-{colors.range}-{width}x{height}", "size_wh": list(size_wh),
        "matrix": colors.matrix, "range": colors.range, **planes, "rgb": _base64(to_rgb(y, u, v, colors)),
    }  # fmt: skip


def _chroma(
    rng: np.random.Generator, planes: Mapping[str, NDArray[np.uint8]], layout: str, padding: int
) -> dict[str, Case]:
    """U and V by themselves, or in turn in the same bytes: each then begins at its own first sample."""
    if layout == "i420":
        return {name: _plane(rng, plane, padding) for name, plane in planes.items()}
    order = ("u", "v") if layout == "nv12" else ("v", "u")
    both = _plane(rng, np.stack([planes[name] for name in order], axis=-1).reshape(len(planes["u"]), -1), padding)
    return {name: {**both, "pixel_stride": 2, "offset": at} for at, name in enumerate(order)}


def _plane(rng: np.random.Generator, samples: NDArray[np.uint8], padding: int) -> Case:
    """The rows with noise behind each, but for the last, which phones leave short."""
    height, width = samples.shape
    rows = np.concatenate([samples, rng.integers(0, 256, (height, padding), np.uint8)], axis=1)
    flat = rows.ravel()[: rows.size - padding]
    return {"bytes": _base64(flat), "row_stride": width + padding, "pixel_stride": 1, "offset": 0}


def _base64(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
