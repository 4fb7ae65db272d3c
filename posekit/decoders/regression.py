"""Coordinates given as numbers, as by MoveNet (y, x, score over the input) and BlazePose (x, y, z, ... in input px)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders import layout
from posekit.decoders.activation import sigmoid
from posekit.poses import Floats

if TYPE_CHECKING:
    from posekit.decoders.specs import RegressionSpec
    from posekit.poses.input_spec import InputSpec


def shapes(spec: RegressionSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, tuple[int | None, ...]]:
    """Expected shape: K rows of the fields' numbers."""
    return {spec.output: (keypoint_count, len(spec.fields))}


def pack(values: Any, wanted: layout.Wanted, spec: RegressionSpec, size_wh: tuple[int, int]) -> Any:
    """Rows K x fields of the network, or the same numbers flat, as (1, K, fields); MisfitError for other axes."""
    del spec, size_wh  # heatmaps need them
    return layout.rows(values, wanted, may_be_flat=True)


def decode(outputs: Mapping[str, NDArray[Any]], spec: RegressionSpec, image: InputSpec) -> tuple[Floats, Floats]:
    """Rows (K, fields) to keypoints (K, 2|3) in input px and scores (K,).

    z is in the unit of x, about the origin that the network gives it.
    """
    rows = outputs[spec.output].astype(np.float64)
    column: dict[str, Floats] = {name: rows[:, index] for index, name in enumerate(spec.fields) if name != "skip"}
    width, height = image.extent_wh
    axes = [("x", width), ("y", height)] + ([("z", width)] if "z" in column else [])
    points = np.stack([_to_input_px(column[name], spec.range, extent, name) for name, extent in axes], axis=-1)
    scores = column.get("score", np.ones(len(rows)))
    return points, sigmoid(scores) if spec.activation == "sigmoid" and "score" in column else scores


def _to_input_px(values: Floats, value_range: str, extent: int, axis: str) -> Floats:
    if value_range == "input_px":
        return values
    if value_range == "unit":
        return values * extent
    # a depth has no origin at the image's edge, so it is scaled, not shifted
    return values * (extent / 2) if axis == "z" else (values + 1) * (extent / 2)


def encode(keypoints: Floats, scores: Floats, spec: RegressionSpec, image: InputSpec) -> dict[str, Floats]:
    """Rows for keypoints (K, 2|3) in input px and raw scores (K,); for tests."""
    width, height = image.extent_wh
    extents = {"x": width, "y": height, "z": width}
    rows = np.zeros((len(keypoints), len(spec.fields)))
    for index, name in enumerate(spec.fields):
        if name == "score":
            rows[:, index] = scores
        elif name in extents:
            values = keypoints[:, "xyz".index(name)]
            if spec.range == "unit":
                values = values / extents[name]
            elif spec.range == "signed_unit":
                values = values / (extents[name] / 2) - (0 if name == "z" else 1)
            rows[:, index] = values
    return {spec.output: rows}
