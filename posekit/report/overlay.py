"""Draw keypoints over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from posekit.poses import Poses
from posekit.poses.images import Picture

Colour = tuple[int, int, int]
LEFT, RIGHT, MIDDLE = (255, 140, 0), (30, 200, 120), (90, 160, 255)


TINT = 0.55  # how much of a place's own colour dense results leave
TINTS = ((230, 60, 60), (60, 120, 230), (60, 190, 90), (240, 190, 50), (160, 90, 210), (60, 200, 210), (230, 120, 180),
         (140, 110, 70), (120, 160, 30), (90, 90, 200), (250, 130, 70), (100, 100, 100))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """An edge between two keypoints, source px."""

    start: tuple[float, float]
    end: tuple[float, float]
    colour: Colour


@dataclass(frozen=True, slots=True)
class Dot:
    """A keypoint, source px; hollow where its score is low."""

    name: str
    at: tuple[float, float]
    colour: Colour
    hollow: bool


def marks(
    poses: Poses, names: Sequence[str], edges: Sequence[tuple[str, str]], min_share: float = 0.25
) -> tuple[list[Line], list[Dot]]:
    """What to draw: the person's left is orange, the right green.

    Keypoints below `min_share` of the instance's best score are hollow and without edges: what a score is worth
    differs from head to head. Left out are keypoints of score 0, which were not found, and instances with keypoints
    that are not finite.
    """
    lines, dots = [], []
    index = {name: i for i, name in enumerate(names)}
    for points, scores in zip(poses.keypoints[..., :2], poses.scores, strict=True):
        if not np.isfinite(points).all():
            continue
        best = float(scores.max(initial=0.0))
        seen = scores >= (min_share * best if best > 0 else -np.inf)  # raw scores may all be negative
        at = [(float(x), float(y)) for x, y in points]
        for a, b in edges:
            i, j = index[a], index[b]
            if seen[i] and seen[j]:
                lines.append(Line(at[i], at[j], _colour(a, b)))
        there = scores != 0 if best > 0 else np.ones(len(scores), bool)
        dots += [Dot(name, at[i], _colour(name), not seen[i]) for name, i in index.items() if there[i]]
    return lines, dots


def overlay(
    image: Picture,
    poses: Poses,
    names: Sequence[str],
    edges: Sequence[tuple[str, str]],
    min_share: float = 0.25,
    labels: NDArray[Any] | None = None,
) -> Image.Image:
    """The picture with each instance's skeleton, as `marks` says; labels: (h, w) of its pixels, tinted but for 0.

    Keypoints are source px, whose pixel i has its centre at i + 0.5 here.
    """
    picture = Image.fromarray(image if labels is None else tinted(image, labels)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    unit = max(min(picture.size) / 200, 1.0)
    lines, dots = marks(poses, names, edges, min_share)
    for line in lines:
        draw.line([line.start, line.end], fill=line.colour, width=max(round(1.2 * unit), 1))
    for dot in dots:
        x, y = dot.at
        box = (x - 2 * unit, y - 2 * unit, x + 2 * unit, y + 2 * unit)
        fill = None if dot.hollow else dot.colour
        draw.ellipse(box, fill=fill, outline=(255, 255, 255), width=max(round(0.5 * unit), 1))
    return picture


def tinted(image: Picture, labels: NDArray[Any]) -> Picture:
    """A picture (h, w, 3) whose places have the colour of their label, those of 0 their own."""
    colours = np.array(TINTS, np.float64)[(labels - 1) % len(TINTS)]
    mixed = np.round(image * TINT + colours * (1 - TINT)).astype(np.uint8)
    return np.where(labels[..., None] > 0, mixed, image)


def _colour(*names: str) -> Colour:
    if all(name.startswith("left_") for name in names):
        return LEFT
    return RIGHT if all(name.startswith("right_") for name in names) else MIDDLE
