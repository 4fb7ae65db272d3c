"""The report's drawings as numbers: a skeleton with its errors, and pictures with the keypoints of both sides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posekit.poses import Floats, Poses
from posekit.report.overlay import Colour, Dot, Line
from posekit.report.page import px

WIDTH, HEIGHT, MARGIN = 320.0, 380.0, 26.0  # of the skeleton's figure
LEVELS = (
    (0.01, "under 0.01 px"),
    (0.1, "0.01 to 0.1 px"),
    (0.25, "0.1 to 0.25 px"),
    (1.0, "0.25 to 1 px"),
    (math.inf, "1 px and more"),
)
NAMED = 3  # the worst joints have numbers, and their names stand below: beside the dots they would cover others
ROOM_FOR_A_DIGIT = 7.0


@dataclass(frozen=True, slots=True)
class Joint:
    """A keypoint of the figure. level: index of LEVELS, -1 where it was not compared; number: in the list of the worst,
    from 1, None for most."""

    name: str
    x: float
    y: float
    radius: float
    level: int
    error: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class SkeletonFigure:
    """Joints and edges in a space of WIDTH x height; named after the case whose pose it is."""

    case: str
    height: float
    joints: tuple[Joint, ...]
    edges: tuple[tuple[float, float, float, float], ...]
    legend: tuple[str, ...] = tuple(text for _, text in LEVELS)

    @property
    def worst(self) -> tuple[Joint, ...]:
        """The joints that have a number, in its order."""
        return tuple(sorted((one for one in self.joints if one.number is not None), key=lambda one: one.number or 0))


def level_of(error_px: float | None) -> int:
    """Index of LEVELS; -1 where nothing was compared."""
    if error_px is None:
        return -1
    return next((i for i, (limit, _) in enumerate(LEVELS) if error_px < limit), len(LEVELS) - 1)


def clearest(poses: Mapping[str, Poses]) -> str:
    """The case whose least visible keypoint is the most visible; empty where no pose is finite and has an extent."""
    best, name = -math.inf, ""
    for case, found in poses.items():
        points = found.keypoints[..., :2]
        if not len(points) or not np.isfinite(points).all() or not np.ptp(points[0], axis=0).max() > 0:
            continue
        top = float(np.abs(found.scores[0]).max(initial=1e-9))
        if (least := float(found.scores[0].min()) / top) > best:
            best, name = least, case
    return name


def skeleton(
    case: str,
    points: Floats,
    names: Sequence[str],
    edges: Sequence[tuple[str, str]],
    per_keypoint: Sequence[Mapping[str, Any]],
) -> SkeletonFigure:
    """A case's pose (K, 2), any unit, with each keypoint's p95 error over all cases."""
    low, extent = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-6)
    scale = min((WIDTH - 2 * MARGIN) / extent[0], (HEIGHT - 2 * MARGIN) / extent[1])
    height = float(extent[1] * scale + 2 * MARGIN)
    left = (WIDTH - extent[0] * scale) / 2
    at = (points - low) * scale + (left, MARGIN)
    errors = {str(one["name"]): one["p95_px"] for one in per_keypoint}
    numbers = _numbers(names, errors)
    size = 1.0 if len(names) <= 40 else 0.55
    joints = []
    for name, (x, y) in zip(names, at, strict=True):
        level = level_of(errors.get(name))
        radius = round(max(size * (4 + 1.6 * max(level, 0)), ROOM_FOR_A_DIGIT if name in numbers else 0), 2)
        error = "not compared" if level < 0 else px(errors[name])
        joints.append(Joint(name, _short(x), _short(y), radius, level, error, numbers.get(name)))
    index = {name: i for i, name in enumerate(names)}
    lines = tuple(tuple(_short(v) for v in (*at[index[a]], *at[index[b]])) for a, b in edges)
    joints.sort(key=lambda one: -(one.number or NAMED + 1))  # the worst is drawn last, over its neighbours
    return SkeletonFigure(case, round(height, 1), tuple(joints), lines)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Layer:
    """Keypoints of one side over a picture, px of the picture shown."""

    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Cases with pictures, worst first. side: whose keypoints are beside the reference's; is_example: no error of any
    case is large enough to be seen."""

    side: str
    pairs: tuple[Pair, ...]
    is_example: bool

    @property
    def tag(self) -> str:
        """The side in one word."""
        return self.side.split()[0]


@dataclass(frozen=True, slots=True)
class Pair:
    """A case's picture and both sides' keypoints. url: of the picture, a data URL; size: (w, h), the space of the
    layers."""

    case: str
    caption: str
    url: str
    size: tuple[int, int]
    reference: Layer
    packaged: Layer
    packaged_is_finite: bool

    @property
    def unit(self) -> float:
        """A hairline at the size of the picture."""
        return round(max(self.size) / 200, 3)


def layer(lines: Sequence[Line], dots: Sequence[Dot], origin: tuple[int, int]) -> Layer:
    """Marks in source px moved to a cut-out whose upper left corner is `origin`."""

    def moved(point: tuple[float, float]) -> tuple[float, float]:
        return round(point[0] - origin[0], 2), round(point[1] - origin[1], 2)

    return Layer(
        tuple(Line(moved(line.start), moved(line.end), line.colour) for line in lines),
        tuple(Dot(dot.name, moved(dot.at), dot.colour, dot.hollow) for dot in dots),
    )


def css(colour: Colour) -> str:
    """A colour as a page spells it."""
    return "#" + bytes(colour).hex()


def _numbers(names: Sequence[str], errors: Mapping[str, float | None]) -> dict[str, int]:
    """The worst joints, worst first; those of small errors are not."""
    large = [name for name in names if level_of(errors.get(name)) > 0]
    worst = sorted(large, key=lambda name: -_order(errors[name]))[:NAMED]
    return {name: number for number, name in enumerate(worst, 1)}


def _order(error: float | None) -> float:
    return math.inf if error is None or math.isnan(error) else error


def _short(value: Any) -> float:
    return round(float(value), 1)
