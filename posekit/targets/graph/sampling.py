"""grid_sample as gathers along one axis: where to look may be computed from the picture, as deformable sampling
does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posekit.targets.graph.inlining import arguments, shape_of

BILINEAR, NEAREST, CUBIC = 0, 1, 2  # interpolation_mode
ZEROS, BORDER, REFLECTION = 0, 1, 2  # padding_mode
SHARPNESS = -0.75  # of torch's cubic kernel
MOST_PICTURES = 16


def grid_sample(node: Any) -> Callable[..., Any] | None:
    """The function of pictures and their grids that gives what the node does; None for volumes, and for many
    pictures."""
    import torch

    given = arguments(node)
    mode, padding, align = (given[name] for name in ("interpolation_mode", "padding_mode", "align_corners"))
    shape = shape_of(node.args[0])
    if len(shape) != 4 or shape[0] > MOST_PICTURES:
        return None
    sizes = shape[3], shape[2]

    def one(x: Any, grid: Any) -> Any:
        places = [_places(grid[..., axis].reshape(-1), size, align) for axis, size in enumerate(sizes)]
        if mode != CUBIC:  # of a cubic, each of the pixels is brought onto the picture instead
            places = [_onto(place, size, padding, align) for place, size in zip(places, sizes, strict=True)]
        flat = x.reshape(shape[1], -1)
        total = 0
        for where, weight in _taps(places, mode):
            if mode == CUBIC:
                where = [_onto(place, size, padding, align) for place, size in zip(where, sizes, strict=True)]
            total = total + _taken(flat, where, weight, sizes, padding)
        return total.reshape(1, shape[1], *grid.shape[1:3])  # type: ignore[attr-defined]

    def sample(x: Any, grid: Any) -> Any:
        found = [one(x[number : number + 1], grid[number : number + 1]) for number in range(shape[0])]
        return torch.cat(found) if len(found) > 1 else found[0]

    return sample


def _places(grid: Any, size: int, align: bool) -> Any:
    """Where -1 to 1 lies on an axis of `size` pixels."""
    return (grid + 1) * ((size - 1) / 2) if align else ((grid + 1) * size - 1) / 2


def _onto(place: Any, size: int, padding: int, align: bool) -> Any:
    """Places along an axis brought onto it as the padding says."""
    if padding == REFLECTION:
        low, span = (0.0, size - 1.0) if align else (-0.5, float(size))
        if span == 0:
            return place * 0
        away = (place - low).abs()
        turns = (away / span).floor()
        rest = away - turns * span
        is_odd = turns - (turns / 2).floor() * 2
        place = rest + is_odd * (span - 2 * rest) + low
    return place if padding == ZEROS else place.clamp(0, size - 1)


def _taps(places: list[Any], mode: int) -> list[tuple[list[Any], Any]]:
    """The pixels around each place, (x, y), and the weight of each; None where it is the only one."""
    if mode == NEAREST:
        return [([place.round() for place in places], None)]
    firsts = [place.floor() for place in places]
    parts = [place - first for place, first in zip(places, firsts, strict=True)]
    weights_x, weights_y = ([(0, 1 - part), (1, part)] if mode == BILINEAR else _cubic(part) for part in parts)
    return [([firsts[0] + step_x, firsts[1] + step_y], x * y) for step_y, y in weights_y for step_x, x in weights_x]


def _cubic(part: Any) -> list[tuple[int, Any]]:
    """The four pixels along an axis and their weights; `part` is the way from the second to the third."""

    def near(distance: Any) -> Any:
        return ((SHARPNESS + 2) * distance - (SHARPNESS + 3)) * distance * distance + 1

    def far(distance: Any) -> Any:
        return ((SHARPNESS * distance - 5 * SHARPNESS) * distance + 8 * SHARPNESS) * distance - 4 * SHARPNESS

    return [(-1, far(part + 1)), (0, near(part)), (1, near(1 - part)), (2, far(2 - part))]


def _taken(flat: Any, where: list[Any], weight: Any, sizes: tuple[int, int], padding: int) -> Any:
    """(C, places): the pixels there times their weights, nothing beyond the picture."""
    import torch

    # whole numbers before the product: float16 holds none above 2048
    x, y = (one.clamp(0, size - 1).to(torch.int32) for one, size in zip(where, sizes, strict=True))
    values = flat.index_select(1, y * sizes[0] + x)
    if padding == ZEROS:
        for one, size in zip(where, sizes, strict=True):
            is_inside = (one >= 0).to(flat.dtype) * (one <= size - 1).to(flat.dtype)
            weight = is_inside if weight is None else weight * is_inside
    return values if weight is None else values * weight
