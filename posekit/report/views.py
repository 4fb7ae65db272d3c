"""People in three dimensions beside their picture: seen from the front and from the side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from posekit.contract.spec import PoseSpec
from posekit.poses import Floats, Poses
from posekit.report.overlay import marks

PAPER, FRAME, INK = (250, 250, 250), (215, 215, 215), (60, 60, 60)
MARGIN = 0.12  # of a view's side
TALL = 1.7  # metres that a person is taken to reach where x and y are in px and z is in metres
VIEWS = (("front: x, y", (0, 1)), ("side: z, y; camera on the left", (2, 1)))


def in_space(poses: Poses, spec: PoseSpec) -> Floats | None:
    """Keypoints (N, K, 3) whose axes have one unit, z away from the camera; None where the model gives no depth.

    The world where there is one, its people beside each other as in the picture; else px.
    """
    if poses.world is None and poses.keypoints.shape[2] < 3:
        return None
    flat = poses.keypoints[..., :2]
    height = np.maximum(np.ptp(flat, axis=1).max(axis=1, initial=1.0), 1.0)[:, None]
    if poses.world is not None:
        points, reach = poses.world.copy(), np.ptp(poses.world[..., :2], axis=1).max(axis=1, initial=0.0)[:, None]
        if poses.count > 1:
            points[..., :2] += (flat.mean(axis=1) * (reach / height))[:, None]
    else:
        points = poses.keypoints.copy()
        if spec.has_metric_depth:
            points[..., 2] *= height / TALL
    if spec.depth is not None and spec.depth.direction == "towards":
        points[..., 2] *= -1
    return points


def beside(picture: Image.Image, poses: Poses, spec: PoseSpec) -> Image.Image:
    """The picture with two views of its people on its right, one above the other; as it is where there is no depth."""
    points = in_space(poses, spec)
    if points is None or not poses.count:
        return picture
    side = max(picture.height // 2, 160)
    sheet = Image.new("RGB", (picture.width + side, max(picture.height, 2 * side)), PAPER)
    sheet.paste(picture, (0, 0))
    for number, (title, axes) in enumerate(VIEWS):
        sheet.paste(_view(points[..., list(axes)], poses, spec, side, title), (picture.width, number * side))
    return sheet


def _view(points: Floats, poses: Poses, spec: PoseSpec, side: int, title: str) -> Image.Image:
    """One projection (N, K, 2) in a square, everybody at one scale; empty where it is not finite."""
    view = Image.new("RGB", (side, side), PAPER)
    draw = ImageDraw.Draw(view)
    draw.rectangle((0, 0, side - 1, side - 1), outline=FRAME)
    draw.text((4, 3), title, fill=INK)
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    scale = (1 - 2 * MARGIN) * side / max(float((high - low).max()), 1e-9)
    placed = (points - (low + high) / 2) * scale + side / 2
    lines, dots = marks(replace(poses, keypoints=placed), spec.keypoints.names, spec.keypoints.edges)
    width = max(round(side / 150), 1)
    for line in lines:
        draw.line([line.start, line.end], fill=line.colour, width=2 * width)
    for dot in dots:
        x, y = dot.at
        box = (x - 2 * width, y - 2 * width, x + 2 * width, y + 2 * width)
        draw.ellipse(box, fill=None if dot.hollow else dot.colour, outline=INK)
    return view
