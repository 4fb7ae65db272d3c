"""grid_sample as gathers along one axis: where to look may be computed from the picture, as deformable sampling does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posekit.targets.inlining import arguments, shape_of

BILINEAR, NEAREST = 0, 1  # interpolation_mode
ZEROS, BORDER, REFLECTION = 0, 1, 2  # padding_mode


def grid_sample(node: Any) -> Callable[..., Any] | None:
    """The function of a picture and its grid that gives what the node does; None for cubic, and for more than a picture."""
    given = arguments(node)
    mode, padding, align = (given[name] for name in ("interpolation_mode", "padding_mode", "align_corners"))
    shape = shape_of(node.args[0])
    if mode not in (BILINEAR, NEAREST) or len(shape) != 4 or shape[0] != 1:
        return None
    sizes = shape[3], shape[2]

    def sample(x: Any, grid: Any) -> Any:
        result = shape[1], *grid.shape[1:3]
        places = [_places(grid[..., axis].reshape(-1), size, padding, align) for axis, size in enumerate(sizes)]
        flat = x.reshape(shape[1], -1)
        if mode == NEAREST:
            corners = [([place.round() for place in places], None)]
        else:
            firsts = [place.floor() for place in places]
            corners = [_corner(places, firsts, moved) for moved in ((0, 0), (1, 0), (0, 1), (1, 1))]
        total = sum(_taken(flat, where, weight, sizes, padding) for where, weight in corners)
        return total.reshape(1, *result)

    return sample


def _places(grid: Any, size: int, padding: int, align: bool) -> Any:
    """Where -1 to 1 lies on an axis of `size` pixels, brought onto it as the padding says."""
    place = (grid + 1) * ((size - 1) / 2) if align else ((grid + 1) * size - 1) / 2
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


def _corner(places: list[Any], firsts: list[Any], moved: tuple[int, int]) -> tuple[list[Any], Any]:
    """One of the four pixels around each place, and its weight."""
    where = [first + step for first, step in zip(firsts, moved, strict=True)]
    x, y = (1 - (place - one).abs() for place, one in zip(places, where, strict=True))
    return where, x * y


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
