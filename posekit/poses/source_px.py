"""What a network finds, from the px of its input to those of the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posekit.poses import Floats, Poses
from posekit.poses.transforms import InputTransform


def brought_to_source(found: Poses, transform: InputTransform, *, z_in_metres: bool) -> Poses:
    """Instances in input px as they are in source px; z scales as x and y do, unless it is in metres."""
    points = transform.to_source(found.keypoints[..., :2])
    if found.keypoints.shape[2] == 3:
        scale = 1.0 if z_in_metres else transform.source_px_per_input_px
        points = np.concatenate([points, found.keypoints[..., 2:] * scale], axis=-1)
    world = None if found.world is None else transform.turned(found.world)
    return replace(found, keypoints=points, boxes_xyxy=_boxes_of(found.boxes_xyxy, transform), world=world)


def _boxes_of(boxes_xyxy: Floats | None, transform: InputTransform) -> Floats | None:
    """Boxes (N, 4) in input px as the upright boxes around them in source px."""
    if boxes_xyxy is None:
        return None
    corners = transform.to_source(boxes_xyxy[:, [[0, 1], [2, 1], [2, 3], [0, 3]]])  # (N, 4, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
