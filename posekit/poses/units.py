"""Whether annotations are in pixels of their pictures, as COCO's are, or in other units."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posekit.errors import InputError
from posekit.poses import Floats
from posekit.poses.images import Person

FAR = 0.5  # of a box's sides


def refuse_other_units(people: Sequence[Person], path: Path) -> None:
    """InputError where most people have no labelled keypoint anywhere near their own box: in other units than that."""
    rows = [(one.box_xyxy, one.keypoints[one.keypoints[:, 2] > 0, :2]) for one in people if one.keypoints is not None]
    rows = [(box, points) for box, points in rows if len(points) > 1]
    if rows and all(points.max() <= 1 < max(box) - 1 for box, points in rows):
        raise InputError(
            f"all labelled keypoints in {path} lie between 0 and 1, and boxes reach up to "
            f"{max(max(box) for box, _ in rows):.4g}",
            "are they fractions of the picture? COCO's keypoints and boxes are in px",
        )
    apart = [points for box, points in rows if _is_apart(np.array(box), points)]
    if 2 * len(apart) <= len(rows):
        return
    most = max(float(points.max()) for points in apart)
    raise InputError(
        f"{len(apart)} of {len(rows)} people in {path} have all labelled keypoints far from their own box",
        f"they reach up to {most:.4g}: are they in percent, or of a picture of another size? COCO's are in px, like "
        "the boxes",
    )


def _is_apart(box_xyxy: Floats, points: Floats) -> bool:
    around = FAR * (box_xyxy[2:] - box_xyxy[:2])
    return not bool(((points >= box_xyxy[:2] - around) & (points <= box_xyxy[2:] + around)).all(axis=1).any())
