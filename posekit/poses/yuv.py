"""From Y, U and V to red, green and blue, as a camera's frame is read before the warp.

All is done in whole numbers, in 65536ths, so that Kotlin and Swift give the same grey levels to the bit. A px takes the
chroma of the 2 x 2 px that it belongs to, as libyuv's conversions do; nothing is interpolated. Source of the weights:
ITU-R BT.601 and BT.709; of the full range: JFIF.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

YuvMatrix: TypeAlias = Literal["bt601", "bt709"]
YuvRange: TypeAlias = Literal["full", "video"]

WEIGHTS: dict[YuvMatrix, tuple[float, float]] = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}  # red, blue
BITS = 16


@dataclass(frozen=True, slots=True)
class YuvColors:
    """What the numbers of YUV planes mean: the weights of the colours in Y, and whether white is 255 or 235."""

    matrix: YuvMatrix = "bt601"
    range: YuvRange = "full"


@dataclass(frozen=True, slots=True)
class YuvConversion:
    """The factors of one kind of planes, in 65536ths, and the Y of black."""

    black: int
    luma: int
    red_v: int
    green_u: int
    green_v: int
    blue_u: int


def conversion(colors: YuvColors) -> YuvConversion:
    """The factors that bring planes of these colours to red, green and blue."""
    red, blue = WEIGHTS[colors.matrix]
    green, is_full = 1 - red - blue, colors.range == "full"
    chroma = 1.0 if is_full else 255.0 / 224
    return YuvConversion(
        black=0 if is_full else 16,
        luma=_fixed(1.0 if is_full else 255.0 / 219),
        red_v=_fixed(2 * (1 - red) * chroma),
        green_u=_fixed(-2 * blue * (1 - blue) / green * chroma),
        green_v=_fixed(-2 * red * (1 - red) / green * chroma),
        blue_u=_fixed(2 * (1 - blue) * chroma),
    )


def to_rgb(
    y: NDArray[np.uint8], u: NDArray[np.uint8], v: NDArray[np.uint8], colors: YuvColors = YuvColors()
) -> NDArray[np.uint8]:
    """The picture (H, W, 3) of a plane of Y (H, W) and planes of U and V, each half as long and half as wide, rounded
    up."""
    made = conversion(colors)
    height, width = y.shape
    cb, cr = (np.repeat(np.repeat(plane, 2, 0), 2, 1)[:height, :width].astype(np.int64) - 128 for plane in (u, v))
    light = made.luma * (y.astype(np.int64) - made.black) + (1 << BITS - 1)
    channels = (light + made.red_v * cr, light + made.green_u * cb + made.green_v * cr, light + made.blue_u * cb)
    return np.stack([np.clip(channel >> BITS, 0, 255).astype(np.uint8) for channel in channels], axis=-1)


def from_rgb(
    picture: NDArray[np.uint8], colors: YuvColors = YuvColors()
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The planes Y (H, W), U and V of a picture (H, W, 3), as a camera makes them: a place of U and V holds the mean of
    its 2 x 2 px."""
    red, blue = WEIGHTS[colors.matrix]
    height, width = picture.shape[:2]
    even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(np.float64)
    light = even @ np.array([red, 1 - red - blue, blue])
    u, v = (
        ((even[..., channel] - light) / (2 * (1 - weight))).reshape(len(even) // 2, 2, -1, 2).mean(axis=(1, 3))
        for channel, weight in ((2, blue), (0, red))
    )
    if colors.range == "full":
        return _bytes(light[:height, :width]), _bytes(u + 128), _bytes(v + 128)
    squeezed = light[:height, :width] * (219 / 255) + 16
    return _bytes(squeezed), _bytes(u * (224 / 255) + 128), _bytes(v * (224 / 255) + 128)


def _bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8)


def _fixed(value: float) -> int:
    return math.floor(value * (1 << BITS) + 0.5)
