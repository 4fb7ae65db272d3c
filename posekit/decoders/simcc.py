"""SimCC: one 1-D map an axis. Source: Li et al. 2022, "SimCC: a Simple Coordinate Classification Perspective".

The published decoder takes the best bin. `quadratic` goes between bins: training on Gaussian labels makes the logits
near the peak a parabola, and the place no longer jumps by a whole bin where rounding (fp16, int8) turns a near tie.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders import layout
from posekit.poses import Floats

if TYPE_CHECKING:
    from posekit.decoders.specs import SimccSpec
    from posekit.poses.input_spec import InputSpec


def shapes(spec: SimccSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, tuple[int | None, ...]]:
    """Expected shapes: K rows of input px * split_ratio bins."""
    bins_x, bins_y = (round(size * spec.split_ratio) for size in size_wh)
    return {spec.output_x: (keypoint_count, bins_x), spec.output_y: (keypoint_count, bins_y)}


def pack(values: Any, wanted: layout.Wanted, spec: SimccSpec, size_wh: tuple[int, int]) -> Any:
    """Rows K x bins of the network as (1, K, bins); MisfitError for other axes."""
    del spec, size_wh  # heatmaps need them
    return layout.rows(values, wanted, may_be_flat=False)


def decode(outputs: Mapping[str, NDArray[Any]], spec: SimccSpec, image: InputSpec) -> tuple[Floats, Floats]:
    """simcc_x (K, bins_x) and simcc_y (K, bins_y) to keypoints (K, 2) in input px and scores (K,).

    A bin's index over split_ratio is its input px, whatever the input `image` is; the first maximum wins.
    """
    del image
    points, peaks = [], []
    for name in (spec.output_x, spec.output_y):
        maps = outputs[name].astype(np.float64)
        best = maps.argmax(axis=1)
        peak = maps[np.arange(len(maps)), best]
        if spec.activation == "softmax":
            peak = 1.0 / np.exp(maps - peak[:, None]).sum(axis=1)
        offset = _quadratic(maps, best) if spec.refinement == "quadratic" else 0.0
        points.append((best + offset) / spec.split_ratio)
        peaks.append(peak)
    scores = np.minimum(*peaks) if spec.score_reduction == "min" else (peaks[0] + peaks[1]) / 2
    return np.stack(points, axis=-1), np.asarray(scores)


def _quadratic(maps: Floats, best: NDArray[Any]) -> Floats:
    """Offset in bins, -0.5 to 0.5, of the parabola's top; 0 at the ends and on a plateau."""
    inside = (best > 0) & (best < maps.shape[1] - 1)
    rows, middle = np.arange(len(maps)), np.clip(best, 1, max(maps.shape[1] - 2, 1))
    left, centre, right = (maps[rows, np.minimum(middle + step, maps.shape[1] - 1)] for step in (-1, 0, 1))
    curvature = left - 2 * centre + right
    sound = inside & (curvature < 0)
    return np.where(sound, 0.5 * (left - right) / np.where(sound, curvature, 1.0), 0.0)


def encode(keypoints: Floats, spec: SimccSpec, size_wh: tuple[int, int], sigma: float = 4.0) -> dict[str, Floats]:
    """1-D Gaussians of height 1 at keypoints (K, 2) in input px; for tests."""
    maps = {}
    for axis, name in enumerate((spec.output_x, spec.output_y)):
        bins = np.arange(round(size_wh[axis] * spec.split_ratio))
        centre = keypoints[:, axis, None] * spec.split_ratio
        maps[name] = np.exp(-((bins - centre) ** 2) / (2 * sigma**2))
    return maps
