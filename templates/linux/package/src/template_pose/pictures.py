# SPDX-License-Identifier: Apache-2.0
"""Pictures from files, and poses drawn over them; needs Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .keypoints import EDGES
from .pose import Pose

COLOURS = ((230, 80, 40), (40, 130, 230), (60, 180, 75), (200, 60, 200), (240, 180, 30), (30, 190, 190))


def read(path: Path) -> NDArray[np.uint8]:
    """A picture file as (h, w, 3) RGB uint8, upright as its EXIF says; ValueError for what is none."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(f"cannot read the picture {path}: {error}") from error


def draw(picture: NDArray[np.uint8], poses: Sequence[Pose], path: Path, min_score: float) -> None:
    """Write a picture (h, w, 3) with the keypoints that have at least `min_score`, and the lines between them."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    brush = ImageDraw.Draw(image)
    radius = max(round(max(image.size) / 250), 2)
    for number, pose in enumerate(poses):
        colour = COLOURS[number % len(COLOURS)]
        points = [(float(x), float(y)) for x, y in pose.keypoints[:, :2]]
        for one, other in EDGES:
            if min(pose.scores[one], pose.scores[other]) >= min_score:
                brush.line([points[one], points[other]], colour, max(radius // 2, 1))
        for (x, y), score in zip(points, pose.scores):
            if score >= min_score:
                brush.ellipse([x - radius, y - radius, x + radius, y + radius], colour)
    image.save(path)
