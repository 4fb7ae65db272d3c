"""Resize, Upsample and GridSample: an axis at a time, each place of the result from places of the operand.

Where PyTorch's own interpolation is the same, that is taken, which converters know; else a selection or a product with
a fixed matrix an axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.sources.network import Node, Operand, Rule, RuleError, fixed, tensor, whole
from posekit.sources.onnx.rules.shapes import selected

Places = NDArray[np.float64]


def resize(node: Node, x: Operand, region: Operand = None, scales: Operand = None, sizes: Operand = None) -> Any:
    """Resize of every version, and Upsample, whose second operand are scales."""
    x = tensor(x)
    if node.op == "Upsample" or node.version < 11:
        scales, region = region, None
    given = _factors(node, x.shape, scales, sizes)
    transform = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    transform = "asymmetric" if node.op == "Upsample" or node.version < 11 else transform
    if transform not in PLACES:
        raise RuleError(f"coordinate_transformation_mode {transform!r}")
    if node.attributes.get("antialias"):
        raise RuleError("antialias, which no phone has")
    changed = [axis for axis, (count, _) in enumerate(given) if count != x.shape[axis]]
    mode = node.attributes.get("mode", "nearest")
    if (
        changed
        and changed[0] >= x.ndim - 2 >= 1
        and x.ndim == 4
        and (own := _own(node, x, given, mode, transform)) is not None
    ):
        return own
    for axis in changed:
        count, factor = given[axis]
        places = PLACES[transform](np.arange(count, dtype=np.float64), factor, x.shape[axis], count)
        x = _axis(node, x, axis, places, mode)
    return x


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


def _half_pixel(i: Places, factor: float, before: int, after: int) -> Places:
    return (i + 0.5) / factor - 0.5


PLACES: dict[str, Callable[[Places, float, int, int], Places]] = {
    "half_pixel": _half_pixel,
    "pytorch_half_pixel": lambda i, f, b, a: _half_pixel(i, f, b, a) if a > 1 else i * 0,
    "half_pixel_symmetric": lambda i, f, b, a: b / 2 * (1 - a / (f * b)) + _half_pixel(i, f, b, a),
    "asymmetric": lambda i, f, b, a: i / f,
    "align_corners": lambda i, f, b, a: i * (b - 1) / (a - 1) if a > 1 else i * 0,
    "tf_half_pixel_for_nn": lambda i, f, b, a: (i + 0.5) / f,
}


def _own(node: Node, x: Any, given: Sequence[tuple[int, float]], mode: str, transform: str) -> Any:
    """PyTorch's interpolation where it is the same; None where it is not."""
    from torch.nn import functional

    size = [given[2][0], given[3][0]]
    exact = all(abs(side * factor - count) < 1e-6 for side, (count, factor) in zip(x.shape, given, strict=True))
    if mode == "nearest":
        spans = [(_nearest(node, PLACES[transform](np.arange(c, dtype=float), f, b, c), b), b, c)
                 for (c, f), b in zip(given[2:], x.shape[2:], strict=True)]  # fmt: skip
        if all(places == [i * b // c for i in range(c)] for places, b, c in spans):
            return functional.interpolate(x, size=size, mode="nearest")
        return None
    if mode == "linear" and exact and transform in ("half_pixel", "pytorch_half_pixel"):
        return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
    if mode == "linear" and transform == "align_corners" and min(size) > 1:
        return functional.interpolate(x, size=size, mode="bilinear", align_corners=True)
    return None


def _axis(node: Node, x: Any, axis: int, places: Places, mode: str) -> Any:
    import torch

    count = x.shape[axis]
    if mode == "nearest":
        return selected(x, axis, _nearest(node, places, count))
    weights = _linear(places, count) if mode == "linear" else _cubic(node, places, count)
    matrix = torch.from_numpy(np.ascontiguousarray(weights.T, np.float32))
    if axis == x.ndim - 1:
        return x @ matrix
    return (x.transpose(axis, -1) @ matrix).transpose(axis, -1)


def _nearest(node: Node, places: Places, count: int) -> list[int]:
    mode = node.attributes.get("nearest_mode", "round_prefer_floor")
    if node.op == "Upsample" or node.version < 11:
        mode = "floor"
    exact = np.round(places, 9)  # a tie is one, whatever the division left of it
    rounded = {
        "round_prefer_floor": np.ceil(exact - 0.5), "round_prefer_ceil": np.floor(exact + 0.5),
        "floor": np.floor(exact), "ceil": np.ceil(exact),
    }[mode]  # fmt: skip
    return [int(one) for one in rounded.clip(0, count - 1)]


def _linear(places: Places, count: int) -> NDArray[np.float64]:
    weights = np.zeros((len(places), count))
    clipped = places.clip(0, count - 1)
    low = np.floor(clipped).astype(int)
    rows = np.arange(len(places))
    np.add.at(weights, (rows, low), 1 - (clipped - low))
    np.add.at(weights, (rows, (low + 1).clip(0, count - 1)), clipped - low)
    return weights


def _cubic(node: Node, places: Places, count: int) -> NDArray[np.float64]:
    """Keys' kernel over four places; outside is the edge, or left out with `exclude_outside`."""
    a = float(node.attributes.get("cubic_coeff_a", -0.75))
    weights = np.zeros((len(places), count))
    for row, place in enumerate(places):
        low = math.floor(place)
        for tap in range(low - 1, low + 3):
            t = abs(place - tap)
            weight = ((a + 2) * t - (a + 3)) * t * t + 1 if t <= 1 else ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
            if node.attributes.get("exclude_outside") and not 0 <= tap < count:
                continue
            weights[row, min(max(tap, 0), count - 1)] += weight
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def grid_sample(node: Node, x: Operand, grid: Operand) -> Any:
    """GridSample."""
    from torch.nn import functional

    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(text := node.attributes.get("mode", "bilinear"), text)
    outside, corners = node.attributes.get("padding_mode", "zeros"), bool(node.attributes.get("align_corners", 0))
    return functional.grid_sample(tensor(x), tensor(grid), mode, outside, corners)


RULES: dict[str, Rule] = {"Resize": resize, "Upsample": resize, "GridSample": grid_sample}
