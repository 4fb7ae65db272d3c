"""Resize, Upsample and GridSample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from posekit.sources.network import Node, Operand, Rule, RuleError, fixed, tensor, whole
from posekit.sources.resampling import PLACES, Resampling, resampled


def resize(node: Node, x: Operand, region: Operand = None, scales: Operand = None, sizes: Operand = None) -> Any:
    """Resize of every version, and Upsample, whose second operand are scales."""
    x, is_old = tensor(x), node.op == "Upsample" or node.version < 11
    if is_old:
        scales, region = region, None
    said = node.attributes
    transform = "asymmetric" if is_old else said.get("coordinate_transformation_mode", "half_pixel")
    if transform not in PLACES:
        raise RuleError(f"coordinate_transformation_mode {transform!r}")
    if said.get("antialias"):
        raise RuleError("antialias, which no phone has")
    how = Resampling(
        said.get("mode", "nearest"), transform, "floor" if is_old else said.get("nearest_mode", "round_prefer_floor"),
        float(said.get("cubic_coeff_a", -0.75)), bool(said.get("exclude_outside", 0)),
    )  # fmt: skip
    return resampled(x, _factors(node, x.shape, scales, sizes), how)


def _factors(node: Node, shape: Sequence[int], scales: Operand, sizes: Operand) -> list[tuple[int, float]]:
    """Of each axis: how long it becomes, and how much longer that is."""
    axes = [int(one) % len(shape) for one in node.attributes.get("axes", range(len(shape)))]
    result = [(side, 1.0) for side in shape]
    by = node.attributes.get("scales") if scales is None else fixed(scales, "scales").reshape(-1)
    if by is not None and len(by):
        for axis, factor in zip(axes, by, strict=True):
            result[axis] = (math.floor(shape[axis] * float(np.float32(factor))), float(np.float32(factor)))
        return result
    if sizes is None:
        raise RuleError("neither scales nor sizes")
    if node.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise RuleError(f"keep_aspect_ratio_policy {node.attributes['keep_aspect_ratio_policy']!r}")
    for axis, count in zip(axes, whole(sizes, "sizes"), strict=True):
        result[axis] = (count, count / shape[axis])
    return result


def grid_sample(node: Node, x: Operand, grid: Operand) -> Any:
    """GridSample."""
    from torch.nn import functional

    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(text := node.attributes.get("mode", "bilinear"), text)
    outside, corners = node.attributes.get("padding_mode", "zeros"), bool(node.attributes.get("align_corners", 0))
    return functional.grid_sample(tensor(x), tensor(grid), mode, outside, corners)


RULES: dict[str, Rule] = {"Resize": resize, "Upsample": resize, "GridSample": grid_sample}
