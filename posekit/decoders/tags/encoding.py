"""People to the outputs of associative embedding, as training draws them: for golden vectors and tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posekit.decoders.tags.roles import TagMapsSpec, maps_of, shapes
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec


def encode(
    keypoints: Floats, spec: TagMapsSpec, image: InputSpec, sizes_wh: Sequence[tuple[int, int]], sigma: float = 2.0
) -> dict[str, Floats]:
    """Outputs of people (N, K, 2) input px as training draws them, NaN for what is not in the picture.

    sizes_wh: of the maps of each output. Tags are 0 for the first person, 3 for the next and so on, as near to whom a
    cell is.
    """
    count = keypoints.shape[1]
    channels = shapes(spec, image.size_wh, count)
    found = {
        output: np.zeros((height, width, channels[output][2] or 0))
        for output, (width, height) in zip(spec.outputs, sizes_wh, strict=True)
    }
    maps = maps_of(found, spec, image, count)
    grid = np.array(maps.heat.size_wh)
    squared = {}
    for output, values in found.items():
        size = np.array(values.shape[1::-1])
        centre = (keypoints * grid / image.size_wh - spec.shift + 0.5) * size / grid - 0.5
        y, x = np.mgrid[: size[1], : size[0]][..., None, None]
        squared[output] = np.nan_to_num((x - centre[..., 0]) ** 2 + (y - centre[..., 1]) ** 2, nan=np.inf)
    for output, first in spec.heatmaps.places if len(keypoints) else ():
        found[output][..., first : first + count] = np.exp(-squared[output] / (2 * sigma**2)).max(axis=2)
    for output, first in spec.tags.places if len(keypoints) else ():
        near = squared[output].min(axis=3, keepdims=True) if spec.tags.shared else squared[output]
        found[output][..., first : first + near.shape[3]] = 3.0 * near.argmin(axis=2)
    return found


def examples(spec: TagMapsSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Three people of whom one lacks a keypoint; each output twice as large as the one before it."""
    size = np.array(image.size_wh, np.float64)
    base = np.maximum(np.rint(size * 24 / size.max()), 4).astype(int)
    middle = np.array([[0.2, 0.3], [0.5, 0.7], [0.8, 0.35]]) * size
    points = middle[:, None] + rng.uniform(-0.12, 0.12, (3, count, 2)) * size
    points[2, count // 2] = np.nan
    sizes = [(int(base[0]) << level, int(base[1]) << level) for level in range(len(spec.outputs))]
    return encode(points, spec, image, sizes, sigma=1.5)
