"""People to centres and displacements, as training draws them: for golden vectors and tests."""

from __future__ import annotations

import numpy as np

from posekit.decoders.centers.roles import CenterMapsSpec, PeakChannels, shapes
from posekit.decoders.map_roles import MapRole
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec


def encode(poses: Poses, spec: CenterMapsSpec, image: InputSpec, sigma: float = 1.5) -> dict[str, Floats]:
    """Outputs of people with boxes, in input px. Each lies about its centre's cell, as high as the person is confident;
    every cell tells of the person whose centre is nearest, every offset of the nearest keypoint."""
    count = poses.keypoints.shape[1]
    found = {
        name: np.zeros([side or 0 for side in shape]) for name, shape in shapes(spec, image.size_wh, count).items()
    }
    height, width = next(iter(found.values())).shape[:2]
    grid = np.stack(np.meshgrid(np.arange(float(width)), np.arange(float(height))), axis=-1)
    assert poses.boxes_xyxy is not None
    assert poses.confidences is not None
    boxes, points = poses.boxes_xyxy / spec.stride, poses.keypoints / spec.stride
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    peaks = found_peaks(np.clip(np.floor(middles), 0, (width - 1, height - 1)), grid, sigma) * poses.confidences
    write(found, spec.centers, _raw(peaks.max(axis=2, initial=0.0)[..., None], spec.centers))
    keypoint_peaks = found_peaks(np.floor(points), grid, sigma).max(axis=2, initial=0.0)
    if spec.scoring:
        write(found, spec.scoring, keypoint_peaks)
    if spec.snapping:
        write(found, spec.snapping, _raw(keypoint_peaks, spec.snapping))
    if not poses.count:
        return found
    nearest = ((grid[:, :, None] - middles) ** 2).sum(axis=-1).argmin(axis=2)
    sign = 1.0 if spec.displacements.sign == "added" else -1.0
    displacements = sign * (points[nearest] - spec.shift - grid[:, :, None])
    write(found, spec.displacements, displacements.reshape(height, width, -1))
    if spec.boxes:
        write(found, spec.boxes.sizes, (boxes[:, 2:] - boxes[:, :2])[nearest])
        write(found, spec.boxes.offsets, middles[nearest] - grid)
    if spec.snapping and spec.snapping.offsets:
        flat = points.reshape(-1, 2)
        nearest = ((grid[:, :, None] - np.floor(flat)) ** 2).sum(axis=-1).argmin(axis=2)
        write(found, spec.snapping.offsets, flat[nearest] - grid)
    return found


def found_peaks(cells: Floats, grid: Floats, sigma: float) -> Floats:
    """Gaussians of height 1 about cells (..., 2), as (h, w, ...)."""
    away = grid.reshape(*grid.shape[:2], *(1,) * (cells.ndim - 1), 2) - cells
    return np.asarray(np.exp(-(away**2).sum(axis=-1) / (2 * sigma**2)))


def write(found: dict[str, Floats], channels: MapRole | None, values: Floats) -> None:
    """Write maps into the channels of a role, where there is one."""
    if channels:
        found[channels.output][..., channels.first : channels.first + values.shape[2]] = values


def _raw(scores: Floats, spec: PeakChannels) -> Floats:
    """Values of which the activation makes scores."""
    if spec.activation == "none":
        return scores
    inside = np.clip(scores, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(inside / (1 - inside)))


def examples(spec: CenterMapsSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Three people apart from each other."""
    size = np.array(image.size_wh, np.float64)
    middle = np.array([[0.2, 0.3], [0.5, 0.7], [0.8, 0.35]]) * size
    points = middle[:, None] + rng.uniform(-0.12, 0.12, (3, count, 2)) * size
    boxes = np.concatenate([points.min(axis=1) - 1, points.max(axis=1) + 1], axis=1)
    return encode(Poses(points, np.ones((3, count)), np.array([0.9, 0.8, 0.7]), boxes), spec, image)
