"""Where a person is in a picture: boxes and regions, in source px of the upright picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posekit.poses.input_spec import InputSpec  # pydantic, which the arithmetic does without


FARTHEST_PX, SMALLEST_PX = 1e7, 1e-3


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


@dataclass(frozen=True, slots=True)
class PointsRule:
    """How a region comes from points of a person or of a hand.

    first, second: their places among the points; the vector from the one to the other is turned to `target_degrees`,
    counted counter-clockwise from the x axis (90: up). with_second: further places, the vector then goes to the mean of
    all; a place that is named twice counts twice. among: places of points whose extent along the turned axes is the
    region's. shift: by how much of its height the region is moved along its own y axis. scale: by how much it is grown.
    """

    first: int
    second: int
    scale: float
    shift: float = 0.0
    target_degrees: float = 90.0
    with_second: tuple[int, ...] = ()
    among: tuple[int, ...] = ()


def region_from_points(
    points: Sequence[Sequence[float]], rule: PointsRule, box_xyxy: Sequence[float] | None = None
) -> Region | None:
    """The square region, turned, about the first point, whose half side is the second one's distance, times the scale.

    points: (K, 2 or 3), source px. box_xyxy: source px; where given, the square is about its middle and as large as its
    longer side. Where the rule has points `among`, the same of their extent. None where both points are one place, or
    too far away. Source: MediaPipe's alignment points, and its region of a hand's landmarks.
    """
    (x, y), (x2, y2) = points[rule.first][:2], _second(points, rule)
    height = side = 2 * math.hypot(x2 - x, y2 - y)
    sound = side >= SMALLEST_PX and abs(x) <= FARTHEST_PX and abs(y) <= FARTHEST_PX and side <= FARTHEST_PX
    degrees = rule.target_degrees - math.atan2(y - y2, x2 - x) * 180 / math.pi
    if sound:
        degrees -= 360 * math.floor((degrees + 180) / 360)
    angle = degrees * math.pi / 180
    if box_xyxy is not None:
        left, top, right, bottom = box_xyxy
        sound = sound and is_sound_box(box_xyxy)
        x, y, height, side = (left + right) / 2, (top + bottom) / 2, bottom - top, max(right - left, bottom - top)
    elif rule.among and sound:
        x, y, width, height = _extent([points[place] for place in rule.among], x, y, angle)
        side = max(width, height)
        sound = SMALLEST_PX <= side <= FARTHEST_PX and abs(x) <= FARTHEST_PX and abs(y) <= FARTHEST_PX
    if not sound:
        return None
    away = rule.shift * height
    center_xy = (float(x - away * math.sin(angle)), float(y + away * math.cos(angle)))
    return Region(center_xy, (float(side * rule.scale),) * 2, float(degrees))


def _second(points: Sequence[Sequence[float]], rule: PointsRule) -> tuple[float, float]:
    """Where the vector leads to."""
    places = (rule.second, *rule.with_second)
    return sum(points[one][0] for one in places) / len(places), sum(points[one][1] for one in places) / len(places)


def _extent(points: Sequence[Sequence[float]], x: float, y: float, angle: float) -> tuple[float, float, float, float]:
    """Middle, width and height of points along axes turned by `angle`, radians, clockwise as seen; x, y: what they are
    turned about."""
    sine, cosine = math.sin(angle), math.cos(angle)
    across = [(one[0] - x) * cosine + (one[1] - y) * sine for one in points]
    down = [(one[1] - y) * cosine - (one[0] - x) * sine for one in points]
    u, v = (min(across) + max(across)) / 2, (min(down) + max(down)) / 2
    return x + u * cosine - v * sine, y + u * sine + v * cosine, max(across) - min(across), max(down) - min(down)


def frame_region(source_size_wh: tuple[int, int], spec: InputSpec) -> Region:
    """The region of a whole image; under `affine_crop` it is grown to the input's aspect, without padding."""
    shrink = 1 if spec.alignment == "corners" else 0
    width, height = max(source_size_wh[0] - shrink, 1), max(source_size_wh[1] - shrink, 1)
    if spec.resize == "affine_crop":
        return region_from_box((0.0, 0.0, width, height), spec.size_wh, 1.0)
    return Region((width / 2, height / 2), (width, height))


def region_of(
    box_xyxy: tuple[float, float, float, float] | None, source_size_wh: tuple[int, int], spec: InputSpec
) -> Region:
    """The region of a person's box, or of the whole image where there is none."""
    if box_xyxy is None:
        return frame_region(source_size_wh, spec)
    return region_from_box(box_xyxy, spec.size_wh, spec.box_padding)
