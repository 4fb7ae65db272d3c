"""The network's input: a region of a picture, sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats, antialias
from posekit.poses.regions import Region
from posekit.poses.sampling import bilinear
from posekit.poses.transforms import (
    UPRIGHT,
    InputTransform,
    Orientation,
    input_transform,
    invert,
    moved,
    stored_index_matrix,
)

if TYPE_CHECKING:
    from posekit.poses.input_spec import InputSpec  # pydantic, which the arithmetic does without

TIE = 1e-7  # of a 32nd: halves go up in every language, whatever the last digits of their arithmetic


def crop(
    image: NDArray[np.uint8], region: Region, spec: InputSpec, orientation: Orientation = UPRIGHT
) -> tuple[NDArray[np.float32], InputTransform]:
    """The network's input of a region (source px, upright), (H, W, 3) float32 RGB 0-255, and the way there.

    image: (h, w, 3) RGB as stored.
    """
    transform = input_transform(region, spec)
    return warp(image, transform, spec.size_wh, spec.pad_value, orientation), transform


def warp(
    image: NDArray[np.uint8],
    transform: InputTransform,
    size_wh: tuple[int, int],
    pad_value: float,
    orientation: Orientation = UPRIGHT,
) -> NDArray[np.float32]:
    """Sample the network's input, bilinear, at places in 32nds of a px or antialiased (antialias.py) where the
    transform says so.

    image: (h, w, 3) RGB as stored. transform: from the upright image. Returns (H, W, 3) float32, RGB, 0-255.
    """
    columns, rows = np.arange(size_wh[0])[None, :], np.arange(size_wh[1])[:, None]
    sampled: NDArray[Any]
    if transform.antialias:
        sampled = _antialiased(_upright(image, orientation), transform, size_wh, pad_value)
    else:
        x, y = _stored_places(image, transform, (columns, rows), orientation)
        if transform.in_32nds:
            x, y = in_32nds(x), in_32nds(y)
        sampled = bilinear(image, x, y, pad_value, transform.clamp)
    left, top, right, bottom = transform.content_xyxy
    if (left, top, right, bottom) != (0, 0, *size_wh):
        sampled[(columns < left) | (columns >= right) | (rows < top) | (rows >= bottom)] = pad_value
    return sampled.astype(np.float32, order="C", copy=False)


def in_32nds(places: Floats) -> Floats:
    """Pixel indices rounded to 32nds, as OpenCV has warped pictures of 8 bits; last digits never decide."""
    return np.asarray(np.floor(places * 32 + 0.5 + TIE) / 32)


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

    center = transform.pixel_center
    if not any((to_source[0, 1], to_source[1, 0], to_stored[0, 1], to_stored[1, 0])):
        return _moved_along(to_stored, to_source, 0, columns, center), _moved_along(
            to_stored, to_source, 1, rows, center
        )
    pixels = np.stack(np.broadcast_arrays(columns, rows), axis=-1).astype(np.float64) + center
    both = moved(to_stored, moved(to_source, pixels) - center)
    return both[..., 0], both[..., 1]


def _moved_along(to_stored: Floats, to_source: Floats, axis: int, pixels: NDArray[Any], center: float) -> Floats:
    """Where pixels lie in the stored image along one axis, of affines that turn nothing."""
    in_source = (pixels + center) * to_source[axis, axis] + to_source[axis, 2]
    return np.asarray((in_source - center) * to_stored[axis, axis] + to_stored[axis, 2])


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
