"""Which axes the outputs of a head have: settled here once, for the reference, the packaged graph and every decoder.

A network gives *maps*, K x h x w, or *rows*, K x n. Packaged they are always (1, h, w, K) and (1, K, n). What has other
axes is refused: numbers that are as many as expected, but in another order, would be keypoints in wrong places.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from posekit.errors import InputError

Shape = tuple[int, ...]
ExpectedShape = tuple[int | None, ...]  # None: any size
CHANNELS_LAST = "are the channels last? Permute the output in forward()"


class MisfitError(ValueError):
    """An output has other axes than its head: what was expected, and a hint where one is known."""

    def __init__(self, expected: str, hint: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint


def maps(values: Any, wanted: ExpectedShape, size_wh: tuple[int, int], background: str) -> Any:
    """Maps (K, h, w) after any axes of size 1, as (1, h, w, K); `background` (none, first, last) is left out.

    values: of numpy or torch. wanted: (h, w, K). size_wh: input px. MisfitError for other axes.
    """
    shape, count = tuple(values.shape), int(wanted[-1] or 0)
    given = count if background == "none" else count + 1
    expected = f"1 x {given} x any x any, channels first"
    if len(shape) < 3 or shape[-3] != given or math.prod(shape[:-3]) != 1:
        raise MisfitError(expected, _hint_of_maps(shape, given, background))
    if shape[-1] == given and not _proportional(shape[-2:], size_wh) and _proportional(shape[-3:-1], size_wh):
        raise MisfitError(expected, CHANNELS_LAST)
    if not _proportional(shape[-2:], size_wh) and _proportional((shape[-1], shape[-2]), size_wh):
        raise MisfitError(f"{expected}, in the input's proportions", "are width and height exchanged?")
    stacked = _shaped(values, (1, *shape[-3:]))
    if background != "none":
        stacked = stacked[:, 1:] if background == "first" else stacked[:, :count]
    return _permuted(stacked, (0, 2, 3, 1))


def check_one_grid(outputs: Mapping[str, Any], names: Sequence[str]) -> None:
    """InputError unless maps (h, w, C) of those names have the same height and width."""
    sizes = {name: outputs[name].shape[:2] for name in names}
    if len(set(sizes.values())) > 1:
        shown = ", ".join(f"{name} {height} x {width}" for name, (height, width) in sizes.items())
        raise InputError(
            f"the decoder's maps have several sizes: {shown}; expected one", "are they of one stage of the network?"
        )


def rows(values: Any, wanted: ExpectedShape, *, may_be_flat: bool) -> Any:
    """Rows (K, n) whatever axes of size 1 stand about them, or the same numbers flat, as (1, K, n).

    values: of numpy or torch. wanted: (K, n). MisfitError for other axes.
    """
    shape, (count, width) = _squeezed(values.shape), (int(side or 0) for side in wanted)
    if shape == _squeezed((count, width)) or (may_be_flat and shape == (count * width,)):
        return _shaped(values, (1, count, width))
    turned = shape == _squeezed((width, count))
    expected = f"1 x {count} x {width}" + (f" or 1 x {count * width}" if may_be_flat else "")
    raise MisfitError(expected, "rows and columns are exchanged: transpose the output in forward()" if turned else "")


def _hint_of_maps(shape: Shape, given: int, background: str) -> str:
    if len(shape) >= 3 and background == "none" and shape[-3] == given + 1 and math.prod(shape[:-3]) == 1:
        return 'is one of the maps the background? Say which: decoder.background = "last" or "first"'
    if len(shape) >= 3 and background != "none" and shape[-3] == given - 1:
        return f"decoder.background is {background!r}: does the network give such a map?"
    if len(shape) == 4 and shape[-1] == given:
        return CHANNELS_LAST
    if len(shape) > 4 and shape[-3] == given:
        return "are these the maps of several stages or pictures? Return those of the last stage from forward()"
    return ""


def _proportional(map_hw: Sequence[int], size_wh: tuple[int, int]) -> bool:
    """Whether the map has the input's proportions exactly."""
    return map_hw[1] * size_wh[1] == map_hw[0] * size_wh[0]


def _squeezed(shape: Sequence[int]) -> Shape:
    return tuple(int(side) for side in shape if side != 1)


def _shaped(values: Any, shape: Shape) -> Any:
    """Reshaped where it must be: a reshape to the same shape is an operation in the graph."""
    return values if tuple(values.shape) == shape else values.reshape(shape)


def _permuted(values: Any, order: tuple[int, ...]) -> Any:
    return values.permute(order) if hasattr(values, "permute") else values.transpose(order)
