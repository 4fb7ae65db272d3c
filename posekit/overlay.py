"""Draw keypoints over a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from posekit.images import Picture
from posekit.poses import Poses

LEFT, RIGHT, MIDDLE = (255, 140, 0), (30, 200, 120), (90, 160, 255)


def overlay(
    image: Picture, poses: Poses, names: Sequence[str], edges: Sequence[tuple[str, str]], min_share: float = 0.25
) -> Image.Image:
    """The picture with each instance's skeleton; the person's left is orange, the right green.

    Keypoints are source px, whose pixel i has its centre at i + 0.5 here; those below `min_share` of the
    instance's best score are hollow: what a score is worth differs from head to head.
    """
    picture = Image.fromarray(image).convert("RGB")
    draw = ImageDraw.Draw(picture)
    unit = max(min(picture.size) / 200, 1.0)
    index = {name: i for i, name in enumerate(names)}
    for points, scores in zip(poses.keypoints[..., :2], poses.scores, strict=True):
        if not np.isfinite(points).all():
            continue
        best = float(scores.max(initial=0.0))
        min_score = min_share * best if best > 0 else -np.inf  # raw scores may all be negative
        for a, b in edges:
            i, j = index[a], index[b]
            if min(scores[i], scores[j]) >= min_score:
                draw.line([tuple(points[i]), tuple(points[j])], fill=_color(a, b), width=max(round(1.2 * unit), 1))
        for name, (x, y), score in zip(names, points, scores, strict=True):
            box = (x - 2 * unit, y - 2 * unit, x + 2 * unit, y + 2 * unit)
            seen = score >= min_score
            draw.ellipse(
                box, fill=_color(name) if seen else None, outline=(255, 255, 255), width=max(round(0.5 * unit), 1)
            )
    return picture


def _color(*names: str) -> tuple[int, int, int]:
    if all(name.startswith("left_") for name in names):
        return LEFT
    return RIGHT if all(name.startswith("right_") for name in names) else MIDDLE
