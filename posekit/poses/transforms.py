"""From source px to the network's input px and back: the affine of a region, and how stored pictures become upright.

Coordinates. A keypoint coordinate is what the training code uses; `alignment` says how it relates to pixels:

| alignment    | pixel i has its centre at | a row of n pixels is long | training code that does so                |
|--------------|---------------------------|---------------------------|-------------------------------------------|
| `half_pixel` | i + 0.5                   | n                         | cv2.resize, torch interpolate, Pillow     |
| `index`      | i                         | n                         | cv2.warpAffine to w/2 (HRNet, MMPose)     |
| `corners`    | i                         | n - 1                     | UDP (Huang et al. 2020), align_corners    |

transforms.py, sampling.py and regions.py are mirrored function for function by InputTransform.kt and
InputTransform.swift; tests/golden holds all three
to the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from posekit.errors import InputError
from posekit.poses import Floats
from posekit.poses.regions import Region

if TYPE_CHECKING:
    from posekit.poses.input_spec import InputSpec  # pydantic, which the arithmetic does without


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
    (True) or blend with `pad_value` (False). antialias: sampling is `bilinear_antialias`. in_32nds: it is
    `bilinear_32nds`.
    """

    matrix: Floats
    content_xyxy: tuple[int, int, int, int]
    pixel_center: float
    clamp: bool
    antialias: bool = False
    in_32nds: bool = False

    def to_input(self, points: Floats) -> Floats:
        """Map source px (..., 2) to input px."""
        return moved(self.matrix, points)

    def to_source(self, points: Floats) -> Floats:
        """Map input px (..., 2) to source px."""
        return moved(invert(self.matrix), points)

    def turned(self, offsets: Floats) -> Floats:
        """Offsets (..., 3) in the axes of the input, as of metres, in those of the source: x and y turned, z as it
        is."""
        (a, b, _), _ = self.matrix.tolist()
        cos, sin = a / math.hypot(a, b), b / math.hypot(a, b)
        x, y, z = np.moveaxis(np.asarray(offsets, np.float64), -1, 0)
        return np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=-1)

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


def moved(matrix: Floats, points: Floats) -> Floats:
    """Points (..., 2) moved by a (2, 3) affine."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def input_transform(region: Region, spec: InputSpec) -> InputTransform:
    """The transform that brings `region` (source px) to the network's input as `spec.resize` says.

    affine_crop: the region fills the input, pad_value outside the source unless `spec.outside` says otherwise.
    stretch: the same, edges repeated.
    letterbox: one scale for both axes, the content centred or at the top left, padded.
    InputError for a turned region where sampling is antialiased: its filter has the axes of the picture.
    """
    if spec.sampling == "bilinear_antialias" and region.rotation_degrees != 0:
        raise InputError(
            f"a region is turned by {region.rotation_degrees:g} degrees, "
            "but input.sampling 'bilinear_antialias' is defined for upright regions alone",
            "give regions without rotation",
        )
    (left, top, right, bottom), (extent_x, extent_y) = _content(region, spec)
    scale_x, scale_y = extent_x / region.size_wh[0], extent_y / region.size_wh[1]
    angle = region.rotation_degrees * math.pi / 180
    cos, sin = math.cos(angle), math.sin(angle)
    a, b, c, d = cos * scale_x, sin * scale_x, -sin * scale_y, cos * scale_y
    cx, cy = region.center_xy
    tx = left + extent_x / 2 - (a * cx + b * cy)
    ty = top + extent_y / 2 - (c * cx + d * cy)
    return InputTransform(
        matrix=np.array([[a, b, tx], [c, d, ty]]),
        content_xyxy=(left, top, right, bottom),
        pixel_center=spec.pixel_center,
        clamp=spec.repeats_edge,
        antialias=spec.sampling == "bilinear_antialias",
        in_32nds=spec.sampling == "bilinear_32nds",
    )


def _content(region: Region, spec: InputSpec) -> tuple[tuple[int, int, int, int], tuple[int, int]]:
    """Where in the input the region goes, x1, y1, x2, y2, and how long its sides are there; input px."""
    width, height = spec.size_wh
    if spec.resize != "letterbox":
        return (0, 0, width, height), spec.extent_wh
    shrink = 1 if spec.alignment == "corners" else 0
    scale = min(extent / side for extent, side in zip(spec.extent_wh, region.size_wh, strict=True))
    scale = scale if spec.enlarge else min(scale, 1.0)
    content_w, content_h = (max(_rounded(side * scale, spec.rounding) + shrink, 1) for side in region.size_wh)
    left, top = _spare(width - content_w, spec), _spare(height - content_h, spec)
    extents = (max(content_w - shrink, 1), max(content_h - shrink, 1))
    return (left, top, left + content_w, top + content_h), extents


def _rounded(side: float, rounding: str) -> int:
    if rounding == "half_even":
        return round(side)
    return math.floor(side if rounding == "floor" else side + 0.5)


def _spare(spare: int, spec: InputSpec) -> int:
    """Of `spare` px of padding those that lie before the content."""
    if spec.anchor == "top_left":
        return 0
    return (spare + (1 if spec.odd_pixel == "before" else 0)) // 2


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
