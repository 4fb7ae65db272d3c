"""Pictures of other sizes, an axis at a time: each place of the result from places of the operand.

Where PyTorch's own interpolation is the same, that is taken, which converters know; else a selection or a product with
a fixed matrix an axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.sources.operations import selected

Places = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resampling:
    """mode: nearest, linear or cubic. transform: a name of PLACES, where pixel i of the result lies. rounding: of
    `nearest`. cubic: coefficient of its kernel; leaves_out: whether places outside count nothing, rather than as the
    edge."""

    mode: str
    transform: str
    rounding: str = "floor"
    cubic: float = -0.75
    leaves_out: bool = False


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


def resampled(x: Any, sides: Sequence[tuple[int, float]], how: Resampling) -> Any:
    """A tensor with other sides: of each axis how long it becomes, and how much longer that is."""
    changed = [axis for axis, (count, _) in enumerate(sides) if count != x.shape[axis]]
    own = _own(x, sides, how) if x.ndim == 4 and changed and changed[0] >= 2 else None
    if own is not None:
        return own
    for axis in changed:
        count, factor = sides[axis]
        places = PLACES[how.transform](np.arange(count, dtype=np.float64), factor, x.shape[axis], count)
        x = _axis(x, axis, places, how)
    return x


def _own(x: Any, given: Sequence[tuple[int, float]], how: Resampling) -> Any:
    """PyTorch's interpolation where it is the same; None where it is not."""
    from torch.nn import functional

    mode, transform = how.mode, how.transform
    size = [given[2][0], given[3][0]]
    exact = all(abs(side * factor - count) < 1e-6 for side, (count, factor) in zip(x.shape, given, strict=True))
    if mode == "nearest":
        spans = [(_nearest(how, PLACES[transform](np.arange(c, dtype=float), f, b, c), b), b, c)
                 for (c, f), b in zip(given[2:], x.shape[2:], strict=True)]  # fmt: skip
        if all(places == [i * b // c for i in range(c)] for places, b, c in spans):
            return functional.interpolate(x, size=size, mode="nearest")
        return None
    if mode == "linear" and exact and transform in ("half_pixel", "pytorch_half_pixel"):
        return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
    if mode == "linear" and transform == "align_corners" and min(size) > 1:
        return functional.interpolate(x, size=size, mode="bilinear", align_corners=True)
    if mode == "linear" and exact and transform == "asymmetric":
        # first on first is corners on corners with one more pixel at the end, of which a repeated one is made
        grown = functional.pad(x, (0, 1, 0, 1), mode="replicate")
        whole = functional.interpolate(grown, size=[side + 1 for side in size], mode="bilinear", align_corners=True)
        return whole[:, :, : size[0], : size[1]]
    return None


def _axis(x: Any, axis: int, places: Places, how: Resampling) -> Any:
    import torch

    count = x.shape[axis]
    if how.mode == "nearest":
        return selected(x, axis, _nearest(how, places, count))
    weights = _linear(places, count) if how.mode == "linear" else _cubic(how, places, count)
    matrix = torch.from_numpy(np.ascontiguousarray(weights.T, np.float32))
    if axis == x.ndim - 1:
        return x @ matrix
    return (x.transpose(axis, -1) @ matrix).transpose(axis, -1)


def _nearest(how: Resampling, places: Places, count: int) -> list[int]:
    exact = np.round(places, 9)  # a tie is one, whatever the division left of it
    rounded = {
        "round_prefer_floor": np.ceil(exact - 0.5), "round_prefer_ceil": np.floor(exact + 0.5),
        "floor": np.floor(exact), "ceil": np.ceil(exact),
    }[how.rounding]  # fmt: skip
    return [int(one) for one in rounded.clip(0, count - 1)]


def _linear(places: Places, count: int) -> NDArray[np.float64]:
    weights = np.zeros((len(places), count))
    clipped = places.clip(0, count - 1)
    low = np.floor(clipped).astype(int)
    rows = np.arange(len(places))
    np.add.at(weights, (rows, low), 1 - (clipped - low))
    np.add.at(weights, (rows, (low + 1).clip(0, count - 1)), clipped - low)
    return weights


def _cubic(how: Resampling, places: Places, count: int) -> NDArray[np.float64]:
    """Keys' kernel over four places."""
    a = how.cubic
    weights = np.zeros((len(places), count))
    for row, place in enumerate(places):
        low = math.floor(place)
        for tap in range(low - 1, low + 3):
            t = abs(place - tap)
            weight = ((a + 2) * t - (a + 3)) * t * t + 1 if t <= 1 else ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
            if how.leaves_out and not 0 <= tap < count:
                continue
            weights[row, min(max(tap, 0), count - 1)] += weight
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
