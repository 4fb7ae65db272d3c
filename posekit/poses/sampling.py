"""Bilinear values of a picture between its pixels, in float64; the same bits row by row and pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats

ROWS_AT_ONCE = 64  # of the input, so that what is computed of them stays in the cache
# rows of the picture as a function of their numbers, written to the first array with the help of the second
Lines: TypeAlias = Callable[[NDArray[np.int64], Floats, Floats], Floats]


def bilinear(image: NDArray[np.uint8], x: Floats, y: Floats, pad_value: float, clamp: bool) -> NDArray[Any]:
    """Values of `image` at pixel indices x and y, which broadcast to (H, W); returns (H, W, 3)."""
    height, width = image.shape[:2]
    # Far outside everything is border: the clip keeps the indices small and changes no value.
    x, y = np.clip(x, -2.0, width + 1.0), np.clip(y, -2.0, height + 1.0)
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    has_border = not clamp and not _is_inside(x0, y0, (width - 1, height - 1))
    sample: Callable[..., NDArray[Any]] = _by_axis if x.shape[0] == 1 and y.shape[1] == 1 else _by_pixel
    return sample(np.ascontiguousarray(image), (x0, y0), (x - x0, y - y0), pad_value if has_border else None)


def _by_axis(
    image: NDArray[np.uint8],
    first: tuple[NDArray[Any], NDArray[Any]],
    fraction: tuple[Floats, Floats],
    pad: float | None,
) -> NDArray[np.float32]:
    """As _by_pixel where x is (1, W) and y (H, 1): along x in the picture's rows, then along y, each once.

    The same products and sums in the same order, so the same bits; a few rows at a time, which stay in the cache, and
    in the same memory: what is taken anew for each few rows costs as much as the arithmetic.
    """
    across, down, rows = fraction[0][0], fraction[1], first[1][:, 0]
    lines, up, wide = _along_x(image, first[0][0], across, pad), 1 - down, 3 * len(across)
    out = np.empty((len(rows), wide), np.float32)
    space = np.empty((3, min(2 * ROWS_AT_ONCE, 2 * len(rows)), wide))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        upper, lower = _pairs(rows[some], lines, space)
        upper *= up[some]
        lower *= down[some]
        upper += lower
        out[some] = upper
    return out.reshape(len(rows), len(across), 3)


def _along_x(image: NDArray[np.uint8], first: NDArray[np.int64], fraction: Floats, pad: float | None) -> Lines:
    """A function that gives rows of the picture, sampled along x: (n, 3 W)."""
    height, width = image.shape[:2]
    pixels = image.reshape(height, 3 * width)
    sides = [
        (
            (3 * np.clip(columns, 0, width - 1)[:, None] + np.arange(3)).ravel(),
            np.repeat(weights, 3),
            np.flatnonzero(np.repeat((columns < 0) | (columns >= width), 3)),
        )
        for columns, weights in ((first, 1 - fraction), (first + 1, fraction))
    ]
    taken = np.empty((2 * ROWS_AT_ONCE, 3 * len(first)), np.uint8)

    def lines(wanted: NDArray[np.int64], into: Floats, spare: Floats) -> Floats:
        count = len(wanted)
        near, outside = _rows_of(pixels, wanted), (wanted < 0) | (wanted >= height)
        both = into[:count], spare[:count]
        for values, (places, weights, beyond) in zip(both, sides, strict=True):
            np.multiply(near.take(places, axis=1, out=taken[:count], mode="clip"), weights, out=values)
            if pad is not None:
                values[:, beyond] = pad * weights[beyond]
                values[outside] = pad * weights
        left, right = both
        left += right
        return left

    return lines


def _rows_of(pixels: NDArray[np.uint8], wanted: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Rows of a picture, of which those outside repeat its edge; not copied where they follow each other inside."""
    first, last = int(wanted[0]), int(wanted[-1])
    if first >= 0 and last < len(pixels) and (np.diff(wanted) == 1).all():
        return pixels[first : last + 1]
    return pixels[np.clip(wanted, 0, len(pixels) - 1)]


def _pairs(rows: NDArray[np.int64], lines: Lines, space: Floats) -> tuple[Floats, Floats]:
    """The lines of rows and of those below them, each row of the picture looked at once where they are close.

    space: (3, n, 3 W), what they are written to.
    """
    lowest, count = int(rows.min()), int(np.ptp(rows)) + 2
    upper, lower = space[0, : len(rows)], space[1, : len(rows)]
    if count < 2 * len(rows):
        found = lines(np.arange(lowest, lowest + count), space[2], space[1])
        return (
            found.take(rows - lowest, axis=0, out=upper, mode="clip"),
            found.take(rows - lowest + 1, axis=0, out=lower, mode="clip"),
        )
    return lines(rows, upper, space[2]), lines(rows + 1, lower, space[2])


def _by_pixel(
    image: NDArray[np.uint8],
    first: tuple[NDArray[Any], NDArray[Any]],
    fraction: tuple[Floats, Floats],
    pad: float | None,
) -> Floats:
    """Values between px `first` (x, y) and its right and lower neighbours; pad: of px outside, None to repeat the edge.

    Channel by channel inside, where a product of three channels with one weight is two to three times as fast.
    """
    height, width = image.shape[:2]
    pixels = image.reshape(-1, 3)
    (x0, y0), (fraction_x, fraction_y) = first, fraction

    def tap(column: NDArray[np.int64], row: NDArray[np.int64], weight: Floats) -> Floats:
        places = np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1)
        values: Floats = np.take(pixels, places, axis=0).transpose(2, 0, 1).astype(np.float64, order="C")
        if pad is not None:
            values[:, (column < 0) | (column >= width) | (row < 0) | (row >= height)] = pad
        values *= weight
        return values

    def line(row: NDArray[np.int64], weight: Floats) -> Floats:
        values = tap(x0, row, 1 - fraction_x)
        values += tap(x0 + 1, row, fraction_x)
        values *= weight
        return values

    values = line(y0, 1 - fraction_y)
    values += line(y0 + 1, fraction_y)
    return np.moveaxis(values, 0, -1)


def _is_inside(x: NDArray[np.int64], y: NDArray[np.int64], ends_wh: tuple[int, int]) -> bool:
    """Whether pixels (x, y) and their right and lower neighbours are pixels of the image."""
    return bool(x.min() >= 0 and x.max() < ends_wh[0] and y.min() >= 0 and y.max() < ends_wh[1])
