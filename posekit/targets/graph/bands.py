"""Depthwise convolutions of large kernels as several of small ones, whose results are added.

LiteRT's CPU kernels hold 25 taps in registers; of 49 each pixel takes 5 times as long as of three bands of 7 x 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posekit.targets.graph.deconvolutions import cut, each, padded
from posekit.targets.graph.inlining import arguments, attribute, inline, name_of, shape_of
from posekit.targets.graph.passes import WEIGHT, tidy

MOST_TAPS = 25

Band = tuple[int, int, int, int]  # of a kernel: its first row and column, how many rows and columns


def rewrite_depthwise(graph_module: Any) -> int:
    """Depthwise convolutions of more than 25 taps by constant weights as bands; returns how many."""
    count = 0
    for node in list(graph_module.graph.nodes):
        if name_of(node) not in ("conv1d", "conv2d"):
            continue
        given = arguments(node)
        constants = [one for one in (given["weight"], given["bias"]) if one is not None]
        if any(one.op != "get_attr" for one in constants) or not 1 < given["groups"] == shape_of(node.args[0])[1]:
            continue
        weight, *bias = (attribute(one).detach() for one in constants)
        weight = weight.unsqueeze(2) if weight.ndim == 3 else weight
        if weight[0, 0].numel() <= MOST_TAPS:
            continue
        path = node.meta.get(WEIGHT) or given["weight"].meta.get(WEIGHT) or given["weight"].target
        bands = bands_of(*weight.shape[2:])
        weights = [weight[:, :, row : row + rows, left : left + width] for row, left, rows, width in bands]
        function = _added(node, given, bands)
        for added in inline(graph_module, node, function, [node.args[0], *weights, *bias]):
            added.meta[WEIGHT] = path
        count += 1
    tidy(graph_module)
    return count


def bands_of(height: int, width: int) -> list[Band]:
    """A kernel's parts of at most 25 taps: as few as possible, as wide as possible."""
    layouts = []
    for columns in range(1, width + 1):
        wide = -(-width // columns)
        rows = MOST_TAPS // wide
        if rows:
            layouts.append((-(-width // wide) * -(-height // rows), columns, wide, rows))
    _, _, wide, rows = min(layouts)
    return [
        (row, left, min(rows, height - row), min(wide, width - left))
        for row in range(0, height, rows)
        for left in range(0, width, wide)
    ]


def _added(node: Any, given: dict[str, Any], bands: list[Band]) -> Callable[..., Any]:
    """The convolution as a function of its input, the bands' weights, and the bias, which the first band adds."""
    import torch

    is_flat = len(shape_of(node)) == 3
    after, kernel = ((1, *shape_of(one)[2:])[-2:] for one in (node, given["weight"]))
    stride, dilation = (_pair(given[name], is_flat, 1) for name in ("stride", "dilation"))
    around = _around(given["padding"], kernel, dilation, is_flat)

    def convolve(x: Any, *constants: Any) -> Any:
        x = padded(x.unsqueeze(2) if is_flat else x, around)
        total = None
        for number, (row, left, *size) in enumerate(bands):
            part = x
            for axis, first, wide, step, spread, pixels in zip(
                (2, 3), (row, left), size, stride, dilation, after, strict=True
            ):
                reach = (wide - 1) * spread
                length = x.shape[axis] - first * spread
                if (length - reach - 1) // step + 1 > pixels:  # more pixels than are wanted
                    length = (pixels - 1) * step + reach + 1
                part = cut(part, axis, first * spread, length)
            bias = constants[len(bands)] if number == 0 and len(constants) > len(bands) else None
            made = torch.ops.aten.conv2d.default(
                part, constants[number], bias, stride, [0, 0], dilation, given["groups"]
            )
            total = made if total is None else total + made
        return total.squeeze(2) if is_flat else total  # type: ignore[union-attr]

    return convolve


def _pair(value: Any, is_flat: bool, other: int) -> list[int]:
    """A setting of rows and columns; `other` of the rows where there is one axis."""
    return [other, *each(value, 1)] if is_flat else each(value, 2)


def _around(padding: Any, kernel: tuple[int, ...], dilation: list[int], is_flat: bool) -> list[tuple[int, int]]:
    """Zeros before and after rows and columns; padding: numbers, or `same` or `valid`."""
    if padding == "same":
        whole = [(size - 1) * step for size, step in zip(kernel, dilation, strict=True)]
        return [(one // 2, one - one // 2) for one in whole]
    numbers = [0, 0] if padding == "valid" else _pair(padding, is_flat, 0)
    return [(one, one) for one in numbers]
