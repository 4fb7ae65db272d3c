"""Coordinates given as numbers, as by MoveNet (y, x, score over the input) and BlazePose (x, y, z, ... in input px)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders.activation import sigmoid
from posekit.poses import Floats

if TYPE_CHECKING:
    from posekit.decoder_specs import RegressionSpec


def shapes(spec: RegressionSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, tuple[int | None, ...]]:
    """Expected shape: K rows of the fields' numbers; any shape of as many numbers will do."""
    return {spec.output: (keypoint_count, len(spec.fields))}


def decode(
    outputs: Mapping[str, NDArray[Any]], spec: RegressionSpec, size_wh: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Rows (..., K, fields), or the same numbers flat, to keypoints (K, 2|3) in input px and scores (K,).

    z is in the unit of x, about the origin that the network gives it.
    """
    rows = outputs[spec.output].astype(np.float64).reshape(-1, len(spec.fields))
    column: dict[str, Floats] = {name: rows[:, index] for index, name in enumerate(spec.fields) if name != "skip"}
    width, height = size_wh
    axes = [("x", width), ("y", height)] + ([("z", width)] if "z" in column else [])
    points = np.stack([_to_input_px(column[name], spec.range, size, name) for name, size in axes], axis=-1)
    scores = column.get("score", np.ones(len(rows)))
    return points, sigmoid(scores) if spec.activation == "sigmoid" and "score" in column else scores


def _to_input_px(values: Floats, value_range: str, size: int, axis: str) -> Floats:
    if value_range == "input_px":
        return values
    if value_range == "unit":
        return values * size
    # a depth has no origin at the image's edge, so it is scaled, not shifted
    return values * (size / 2) if axis == "z" else (values + 1) * (size / 2)


def encode(keypoints: Floats, scores: Floats, spec: RegressionSpec, size_wh: tuple[int, int]) -> dict[str, Floats]:
    """Rows for keypoints (K, 2|3) in input px and raw scores (K,); for tests."""
    sizes = {"x": size_wh[0], "y": size_wh[1], "z": size_wh[0]}
    rows = np.zeros((len(keypoints), len(spec.fields)))
    for index, name in enumerate(spec.fields):
        if name == "score":
            rows[:, index] = scores
        elif name in sizes:
            values = keypoints[:, "xyz".index(name)]
            if spec.range == "unit":
                values = values / sizes[name]
            elif spec.range == "signed_unit":
                values = values / (sizes[name] / 2) - (0 if name == "z" else 1)
            rows[:, index] = values
    return {spec.output: rows}
