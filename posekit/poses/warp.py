"""From source pixels to the network's input and back: regions, the affine, sampling.

Coordinates. A keypoint coordinate is what the training code uses; `alignment` says how it relates to pixels:

| alignment    | pixel i has its centre at | a row of n pixels is long | training code that does so                |
|--------------|---------------------------|---------------------------|-------------------------------------------|
| `half_pixel` | i + 0.5                   | n                         | cv2.resize, torch interpolate, Pillow     |
| `index`      | i                         | n                         | cv2.warpAffine to w/2 (HRNet, MMPose)     |
| `corners`    | i                         | n - 1                     | UDP (Huang et al. 2020), align_corners    |

This file is mirrored function for function by InputTransform.kt and InputTransform.swift; tests/golden holds all three
to the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.errors import InputError
from posekit.poses import antialias

if TYPE_CHECKING:
    from posekit.poses.input_spec import InputSpec

Floats = NDArray[np.float64]
FARTHEST_PX, SMALLEST_PX = 1e7, 1e-3
ROWS_AT_ONCE = 32  # of the input, so that what is computed of them stays in the cache


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the upright source image.

    center_xy, size_wh: source px. rotation_degrees: clockwise as seen (y points down), about the centre.
    """

    center_xy: tuple[float, float]
    size_wh: tuple[float, float]
    rotation_degrees: float = 0.0

    def __post_init__(self) -> None:
        values = (*self.center_xy, *self.size_wh, self.rotation_degrees)
        if not all(math.isfinite(value) for value in values) or min(self.size_wh) <= 0:
            raise ValueError(f"a region needs finite numbers and a positive size, got {self}")


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture becomes upright: turn it clockwise by `rotation_degrees`, then mirror it if `mirrored`."""

    rotation_degrees: int = 0
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.rotation_degrees not in (0, 90, 180, 270):
            raise ValueError(f"rotation_degrees is {self.rotation_degrees}, expected 0, 90, 180 or 270")


UPRIGHT = Orientation()


@dataclass(frozen=True, slots=True)
class InputTransform:
    """The affine from source px to input px, and what a sampler needs beside it.

    matrix: (2, 3), source px -> input px. content_xyxy: the input pixels that show the source; those outside are
    `pad_value`. pixel_center: coordinate of the centre of pixel 0. clamp: outside the source, repeat its edge
    (True) or blend with `pad_value` (False). antialias: sampling is `bilinear_antialias`.
    """

    matrix: Floats
    content_xyxy: tuple[int, int, int, int]
    pixel_center: float
    clamp: bool
    antialias: bool = False

    def to_input(self, points: Floats) -> Floats:
        """Map source px (..., 2) to input px."""
        return _apply(self.matrix, points)

    def to_source(self, points: Floats) -> Floats:
        """Map input px (..., 2) to source px."""
        return _apply(invert(self.matrix), points)

    @property
    def source_px_per_input_px(self) -> float:
        """Mean scale of `to_source`, used for depth (z), which has no axis of its own."""
        (a, b, _), (c, d, _) = self.matrix.tolist()
        return 1.0 / math.sqrt(abs(a * d - b * c))


def invert(matrix: Floats) -> Floats:
    """Inverse of a (2, 3) affine."""
    (a, b, tx), (c, d, ty) = matrix.tolist()
    det = a * d - b * c
    ia, ib, ic, id_ = d / det, -b / det, -c / det, a / det
    return np.array([[ia, ib, -(ia * tx + ib * ty)], [ic, id_, -(ic * tx + id_ * ty)]])


def _apply(matrix: Floats, points: Floats) -> Floats:
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def is_sound_box(box_xyxy: Sequence[float]) -> bool:
    """Whether a box can be a person's: finite corners within FARTHEST_PX, sides of at least SMALLEST_PX (source px).

    Beyond that the affine of its region runs out of what float64 holds.
    """
    x1, y1, x2, y2 = box_xyxy
    return all(abs(value) <= FARTHEST_PX for value in box_xyxy) and x2 - x1 >= SMALLEST_PX and y2 - y1 >= SMALLEST_PX


def region_from_box(box_xyxy: tuple[float, float, float, float], size_wh: tuple[int, int], padding: float) -> Region:
    """The region of a person's box: grown about its centre to the aspect of `size_wh`, times `padding`.

    box_xyxy: source px. size_wh: input px. Source: top-down practice since Xiao et al. 2018 (SimpleBaseline).
    """
    x1, y1, x2, y2 = box_xyxy
    width, height = x2 - x1, y2 - y1
    aspect = size_wh[0] / size_wh[1]
    if width > height * aspect:
        height = width / aspect
    else:
        width = height * aspect
    return Region(((x1 + x2) / 2, (y1 + y2) / 2), (width * padding, height * padding))


def frame_region(source_size_wh: tuple[int, int], spec: InputSpec) -> Region:
    """The region of a whole image; under `affine_crop` it is grown to the input's aspect, without padding."""
    shrink = 1 if spec.alignment == "corners" else 0
    width, height = max(source_size_wh[0] - shrink, 1), max(source_size_wh[1] - shrink, 1)
    if spec.resize == "affine_crop":
        return region_from_box((0.0, 0.0, width, height), spec.size_wh, 1.0)
    return Region((width / 2, height / 2), (width, height))


def input_transform(region: Region, spec: InputSpec) -> InputTransform:
    """The transform that brings `region` (source px) to the network's input as `spec.resize` says.

    affine_crop: the region fills the input, pad_value outside the source. stretch: the same, edges repeated.
    letterbox: one scale for both axes, the content centred (an odd spare pixel goes right and bottom), padded.
    InputError for a turned region where sampling is antialiased: its filter has the axes of the picture.
    """
    if spec.sampling == "bilinear_antialias" and region.rotation_degrees != 0:
        raise InputError(
            f"a region is turned by {region.rotation_degrees:g} degrees, "
            "but input.sampling 'bilinear_antialias' is defined for upright regions alone",
            "give regions without rotation",
        )
    shrink = 1 if spec.alignment == "corners" else 0
    width, height = spec.size_wh
    extent_x, extent_y = width - shrink, height - shrink
    left, top, content_w, content_h = 0, 0, width, height
    if spec.resize == "letterbox":
        scale = min(extent_x / region.size_wh[0], extent_y / region.size_wh[1])
        content_w = max(math.floor(region.size_wh[0] * scale + 0.5) + shrink, 1)
        content_h = max(math.floor(region.size_wh[1] * scale + 0.5) + shrink, 1)
        left, top = (width - content_w) // 2, (height - content_h) // 2
        extent_x, extent_y = max(content_w - shrink, 1), max(content_h - shrink, 1)
    scale_x, scale_y = extent_x / region.size_wh[0], extent_y / region.size_wh[1]
    angle = region.rotation_degrees * math.pi / 180
    cos, sin = math.cos(angle), math.sin(angle)
    a, b, c, d = cos * scale_x, sin * scale_x, -sin * scale_y, cos * scale_y
    cx, cy = region.center_xy
    tx = left + extent_x / 2 - (a * cx + b * cy)
    ty = top + extent_y / 2 - (c * cx + d * cy)
    return InputTransform(
        matrix=np.array([[a, b, tx], [c, d, ty]]),
        content_xyxy=(left, top, left + content_w, top + content_h),
        pixel_center=0.5 if spec.alignment == "half_pixel" else 0.0,
        clamp=spec.resize != "affine_crop",
        antialias=spec.sampling == "bilinear_antialias",
    )


def upright_size(stored_size_wh: tuple[int, int], orientation: Orientation) -> tuple[int, int]:
    """Size of the upright image of a stored one."""
    width, height = stored_size_wh
    return (height, width) if orientation.rotation_degrees in (90, 270) else (width, height)


def stored_index_matrix(stored_size_wh: tuple[int, int], orientation: Orientation) -> Floats:
    """(2, 3) matrix from pixel indices of the upright image to pixel indices of the stored one."""
    width, height = stored_size_wh
    flip = -1.0 if orientation.mirrored else 1.0
    last_x = upright_size(stored_size_wh, orientation)[0] - 1
    start = float(last_x) if orientation.mirrored else 0.0  # upright column, before mirroring, of column 0
    if orientation.rotation_degrees == 0:
        rows = [[flip, 0.0, start], [0.0, 1.0, 0.0]]
    elif orientation.rotation_degrees == 90:
        rows = [[0.0, 1.0, 0.0], [-flip, 0.0, height - 1 - start]]
    elif orientation.rotation_degrees == 180:
        rows = [[-flip, 0.0, width - 1 - start], [0.0, -1.0, height - 1.0]]
    else:
        rows = [[0.0, -1.0, width - 1.0], [flip, 0.0, start]]
    return np.array(rows)


def warp(
    image: NDArray[np.uint8],
    transform: InputTransform,
    size_wh: tuple[int, int],
    pad_value: float,
    orientation: Orientation = UPRIGHT,
) -> NDArray[np.float32]:
    """Sample the network's input, bilinear, antialiased where the transform says so (antialias.py).

    image: (h, w, 3) RGB as stored. transform: from the upright image. Returns (H, W, 3) float32, RGB, 0-255.
    """
    columns, rows = np.arange(size_wh[0])[None, :], np.arange(size_wh[1])[:, None]
    sampled: NDArray[Any]
    if transform.antialias:
        sampled = _antialiased(_upright(image, orientation), transform, size_wh, pad_value)
    else:
        x, y = _stored_places(image, transform, (columns, rows), orientation)
        sampled = _bilinear(image, x, y, pad_value, transform.clamp)
    left, top, right, bottom = transform.content_xyxy
    if (left, top, right, bottom) != (0, 0, *size_wh):
        sampled[(columns < left) | (columns >= right) | (rows < top) | (rows >= bottom)] = pad_value
    return sampled.astype(np.float32, order="C", copy=False)


def _stored_places(
    image: NDArray[np.uint8],
    transform: InputTransform,
    grid: tuple[NDArray[Any], NDArray[Any]],
    orientation: Orientation,
) -> tuple[Floats, Floats]:
    """Where the input's pixels lie in the stored image, in pixel indices x and y: (H, W) each.

    grid: the columns (1, W) and rows (H, 1) of the input. Of an upright region x is (1, W) and y (H, 1): every row has
    the same x, to the bit, since what is left out are products with zero.
    """
    columns, rows = grid
    to_stored = stored_index_matrix((image.shape[1], image.shape[0]), orientation)
    to_source = invert(transform.matrix)

    def places(x: NDArray[Any], y: NDArray[Any]) -> Floats:
        pixels = np.stack(np.broadcast_arrays(x, y), axis=-1).astype(np.float64) + transform.pixel_center
        return _apply(to_stored, _apply(to_source, pixels) - transform.pixel_center)

    if not any((to_source[0, 1], to_source[1, 0], to_stored[0, 1], to_stored[1, 0])):
        return places(columns, rows[:1])[..., 0], places(columns[:, :1], rows)[..., 1]
    both = places(columns, rows)
    return both[..., 0], both[..., 1]


def _upright(image: NDArray[np.uint8], orientation: Orientation) -> NDArray[np.uint8]:
    turned = np.rot90(image, -(orientation.rotation_degrees // 90))
    return turned[:, ::-1] if orientation.mirrored else turned


def _antialiased(
    image: NDArray[np.uint8], transform: InputTransform, size_wh: tuple[int, int], pad_value: float
) -> Floats:
    """Values (H, W, 3) of an upright `image`; the transform turns nothing, so that each axis goes by itself."""
    center = transform.pixel_center
    matrix = invert(transform.matrix)
    columns, rows = (
        antialias.taps(
            float(matrix[axis, axis] * center + matrix[axis, 2] - center), float(matrix[axis, axis]),
            size_wh[axis], image.shape[1 - axis], transform.clamp,
        )
        for axis in (0, 1)
    )  # fmt: skip
    return antialias.resample(image, columns, rows, pad_value)


def _bilinear(image: NDArray[np.uint8], x: Floats, y: Floats, pad_value: float, clamp: bool) -> NDArray[Any]:
    """Values of `image` at pixel indices x and y, which broadcast to (H, W); returns (H, W, 3)."""
    height, width = image.shape[:2]
    # Far outside everything is border: the clip keeps the indices small and changes no value.
    x, y = np.clip(x, -2.0, width + 1.0), np.clip(y, -2.0, height + 1.0)
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    has_border = not clamp and not _is_inside(x0, y0, (width - 1, height - 1))
    sample: Callable[..., NDArray[Any]] = _by_axis if x.shape[0] == 1 and y.shape[1] == 1 else _by_pixel
    return sample(np.ascontiguousarray(image), (x0, y0), (x - x0, y - y0), pad_value if has_border else None)


def _by_axis(
    image: NDArray[np.uint8], first: tuple[NDArray[Any], NDArray[Any]], fraction: tuple[Floats, Floats], pad: float | None
) -> NDArray[np.float32]:  # fmt: skip
    """As _by_pixel where x is (1, W) and y (H, 1): along x in the picture's rows, then along y, each once.

    The same products and sums in the same order, so the same bits; a few rows at a time, which stay in the cache.
    """
    height, width = image.shape[:2]
    across, down = fraction[0][0], fraction[1]
    columns, rows = [first[0][0], first[0][0] + 1], first[1][:, 0]
    inside = [np.clip(one, 0, width - 1) for one in columns]
    lowest, highest = min(int(one.min()) for one in inside), max(int(one.max()) for one in inside)
    places = [(3 * (one - lowest)[:, None] + np.arange(3)).ravel() for one in inside]
    weights = [np.repeat(one, 3) for one in (1 - across, across)]
    outside = [np.flatnonzero(np.repeat((one < 0) | (one >= width), 3)) for one in columns]

    def lines(wanted: NDArray[np.int64]) -> Floats:
        """Rows of the picture, sampled along x: (n, 3 W)."""
        near = image[np.clip(wanted, 0, height - 1), lowest : highest + 1].reshape(len(wanted), -1)
        above_or_below = np.flatnonzero((wanted < 0) | (wanted >= height))
        sides = []
        for place, weight, beyond in zip(places, weights, outside, strict=True):
            values: Floats = np.take(near, place, axis=1, mode="clip").astype(np.float64)
            if pad is not None:
                values[:, beyond] = pad
                values[above_or_below] = pad
            values *= weight
            sides.append(values)
        sides[0] += sides[1]
        return sides[0]

    out = np.empty((len(rows), 3 * len(across)), np.float32)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        upper, lower = _pairs(rows[some], lines)
        upper *= 1 - down[some]
        lower *= down[some]
        upper += lower
        out[some] = upper
    return out.reshape(len(rows), len(across), 3)


def _pairs(rows: NDArray[np.int64], lines: Callable[[NDArray[np.int64]], Floats]) -> tuple[Floats, Floats]:
    """The lines of rows and of those below them, each row of the picture looked at once where they are close."""
    lowest, count = int(rows.min()), int(np.ptp(rows)) + 2
    if count < 2 * len(rows):
        found = lines(np.arange(lowest, lowest + count))
        return found[rows - lowest], found[rows - lowest + 1]
    found = lines(np.concatenate([rows, rows + 1]))
    return found[: len(rows)], found[len(rows) :]


def _by_pixel(
    image: NDArray[np.uint8], first: tuple[NDArray[Any], NDArray[Any]], fraction: tuple[Floats, Floats], pad: float | None
) -> Floats:  # fmt: skip
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
