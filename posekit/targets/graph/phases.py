"""Transposed convolutions as ordinary ones, whose results lie between each other.

Along an axis, pixel t of the result is the sum over q of x[n - q] w[s q + r], where t + padding = s n + r. Each of the
s remainders r has a kernel of its own: a small convolution of the input as it is, and no tap meets a zero. LiteRT's own
operation takes 1.6 to 5 times as long on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from posekit.targets.graph.deconvolutions import cut, each, padded, turned
from posekit.targets.graph.inlining import arguments, attribute, inline, name_of, shape_of
from posekit.targets.graph.passes import WEIGHT, tidy

ACTIVATIONS = ("relu", "relu6", "hardtanh")
LARGEST_STRIDE = 4  # beyond it there are more parts than work in each


@dataclass(frozen=True, slots=True)
class Phase:
    """The windows over one axis of the input that give every `stride`-th pixel: the first place, and how many."""

    remainder: int
    taps: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a transposed convolution: sizes of the input, the result and the kernel, and how it is placed."""

    before: int
    after: int
    kernel: int
    stride: int
    padding: int

    @property
    def phases(self) -> list[Phase]:
        """The phase of each pixel of the first `stride` of the result."""
        count = -(-self.after // self.stride)
        found = []
        for pixel in range(self.stride):
            window, remainder = divmod(pixel + self.padding, self.stride)
            taps = -(-(self.kernel - remainder) // self.stride)
            found.append(Phase(remainder, taps, window - taps + 1, count))
        return found

    @property
    def together(self) -> Phase:
        """All phases in the same windows, the first pixels of which are beyond the result."""
        taps = -(-self.kernel // self.stride)
        count = -(-(self.after + self.beyond) // self.stride)
        return Phase(0, taps, self.padding // self.stride - taps + 1, count)

    @property
    def beyond(self) -> int:
        """How many pixels of all phases together come before the result."""
        return self.padding % self.stride


def rewrite_transposed(graph_module: Any) -> int:
    """Transposed convolutions of stride 2 to 4 by constant weights as phases; returns how many."""
    count = 0
    for node in list(graph_module.graph.nodes):
        if name_of(node) not in ("conv_transpose1d", "conv_transpose2d"):
            continue
        given = arguments(node)
        constants = [one for one in (given["weight"], given["bias"]) if one is not None]
        if any(one.op != "get_attr" for one in constants) or (axes := _axes(node, given)) is None:
            continue
        weight, *bias = (attribute(one).detach() for one in constants)
        path = node.meta.get(WEIGHT) or given["weight"].meta.get(WEIGHT) or given["weight"].target
        function, weights = _interleaved(axes, weight, bias, given["groups"], _activation(graph_module, node))
        for added in inline(graph_module, node, function, [node.args[0], *weights]):
            added.meta[WEIGHT] = path
        count += 1
    tidy(graph_module)
    return count


def _axes(node: Any, given: dict[str, Any]) -> tuple[Axis, Axis] | None:
    """Rows and columns, of one row where there is one axis; None where phases are no way to compute it."""
    before, after, kernel = (list(shape_of(one)[2:]) for one in (node.args[0], node, given["weight"]))
    stride, padding, dilation = (each(given[name], len(before)) for name in ("stride", "padding", "dilation"))
    found = [Axis(*one) for one in zip(before, after, kernel, stride, padding, strict=True)]
    if max(dilation) > 1 or not 1 < max(stride) <= LARGEST_STRIDE or any(one.kernel < one.stride for one in found):
        return None
    return (Axis(1, 1, 1, 1, 0), found[0]) if len(found) == 1 else (found[0], found[1])


def _activation(graph_module: Any, node: Any) -> Callable[[Any], Any]:
    """The activation that follows, taken out of the graph: behind each convolution LiteRT does it at no cost."""
    user = next(iter(node.users)) if len(node.users) == 1 else None
    if user is None or name_of(user) not in ACTIVATIONS:
        return lambda x: x
    target, rest, named = user.target, user.args[1:], dict(user.kwargs)
    user.replace_all_uses_with(node)
    graph_module.graph.erase_node(user)
    return lambda x: target(x, *rest, **named)


def _interleaved(
    axes: tuple[Axis, Axis], weight: Any, bias: list[Any], groups: int, activation: Callable[[Any], Any]
) -> tuple[Callable[..., Any], list[Any]]:
    """The computation as a function of the input and of constants, and those: weights, then the bias.

    The columns of a line come out of one convolution with `stride` times the channels, side by side already. Each has
    its own where their taps differ in number, and with groups, whose channels must stay together.
    """
    import torch

    rows, columns = axes
    joint = groups == 1 and columns.kernel % columns.stride == 0
    across = [columns.together] if joint else columns.phases
    parts = [(down, one) for down in rows.phases for one in across]
    weight = weight.reshape(*weight.shape[:2], rows.kernel, columns.kernel)
    make = _joint if joint else _single
    weights = [make(weight, rows, columns, down, one, groups) for down, one in parts]
    bias = [one.repeat(columns.stride if joint else 1) for one in bias]

    def transposed(x: Any, *given: Any) -> Any:
        is_flat = x.ndim == 3
        x, top, left = _surrounded(x.unsqueeze(2) if is_flat else x, axes, parts)
        lines: list[list[Any]] = [[] for _ in rows.phases]
        for number, (down, one) in enumerate(parts):
            part = cut(x, 2, down.first + top, down.count + down.taps - 1)
            part = cut(part, 3, one.first + left, one.count + one.taps - 1)
            made = torch.ops.aten.conv2d.default(part, given[number], *given[len(parts) :], groups=groups)
            lines[number // len(across)].append(activation(made).permute(0, 2, 3, 1))
        result = cut(_woven(lines, columns.stride), 1, 0, rows.after)
        result = cut(result, 2, columns.beyond if joint else 0, columns.after).permute(0, 3, 1, 2)
        return result.squeeze(2) if is_flat else result

    return transposed, [*weights, *bias]


def _single(weight: Any, rows: Axis, columns: Axis, down: Phase, across: Phase, groups: int) -> Any:
    """The kernel of one phase as a convolution has it."""
    return turned(weight[:, :, down.remainder :: rows.stride, across.remainder :: columns.stride], groups)


def _joint(weight: Any, rows: Axis, columns: Axis, down: Phase, across: Phase, _: int) -> Any:
    """The kernels of all columns of a line, one behind the other; missing taps are zeros."""
    import torch

    weight = torch.nn.functional.pad(weight, (0, across.taps * columns.stride - columns.kernel))
    phases = (Phase(one, across.taps, 0, 0) for one in range(columns.stride))
    return torch.cat([_single(weight, rows, columns, down, one, 1) for one in phases])


def _surrounded(x: Any, axes: tuple[Axis, Axis], parts: Sequence[tuple[Phase, Phase]]) -> tuple[Any, int, int]:
    """The input with the zeros that windows reach over, and how many are above and left."""
    around = []
    for axis, phases in zip(axes, zip(*parts, strict=True), strict=True):
        last = max(one.first + one.count + one.taps - 1 for one in phases)
        around.append((max(-min(one.first for one in phases), 0), max(last - axis.before, 0)))
    return padded(x, around), around[0][0], around[1][0]


def _woven(lines: list[list[Any]], stride: int) -> Any:
    """Columns and then rows of parts (batch, height, width, channels) between each other."""
    import torch

    whole = [torch.cat(line, 3) if len(line) > 1 else line[0] for line in lines]
    batch, height, width, channels = whole[0].shape
    flat = [line.reshape(batch, height, 1, width * channels) for line in whole] if len(whole) > 1 else whole
    joined = torch.cat(flat, 2) if len(flat) > 1 else flat[0]
    return joined.reshape(batch, height * len(whole), width * stride, channels // stride)
