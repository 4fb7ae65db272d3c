"""Tensors of more axes than a runtime holds, with axes that lie side by side taken as one.

Values lie in memory in the same order however many axes they are counted by. So every operation on many axes is one on
few, between two reshapes; of two reshapes in a row the first is left out, and no tensor of many axes remains.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from posekit.targets.graph.inlining import arguments, called, example, inline, name_of, shape_of
from posekit.targets.graph.passes import tidy

MOST_AXES = 5  # of Core ML; LiteRT's own bounds are between 4 and 8, by operation
RESHAPES = ("view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as")
TURNS = ("permute", "transpose", "t", "movedim", "moveaxis", "swapaxes", "swapdims", "mT", "mH", "adjoint")
CASTS = ("to", "type_as", "float", "_to_copy", "where", "masked_fill")  # element by element, and not tagged so
REDUCTIONS = ("sum", "mean", "amax", "amin", "any", "all", "prod")
ALONG = ("softmax", "_softmax", "log_softmax", "_log_softmax", "cumsum", "cumprod", "logcumsumexp")
OF_ONE = (
    "select",
    "slice",
    "narrow",
    "index_select",
    "logsumexp",
    "argmax",
    "argmin",
    "max",
    "min",
    "cummax",
    "cummin",
)
PARTS = ("split", "split_with_sizes", "chunk", "tensor_split", "unbind")
Own = Callable[..., Any] | None


def merge_axes(graph_module: Any) -> int:
    """Every operation on more than MOST_AXES axes as one on fewer; returns how many are changed."""
    count = 0
    for node in list(graph_module.graph.nodes):
        if node.op != "call_function" or node.target is operator.getitem or not is_high(node):
            continue
        if (function := _with_few(node)) is not None:
            inline(graph_module, node, function, list(node.all_input_nodes))
            count += 1
    if count:
        _drop_detours(graph_module)
    return count


def is_high(node: Any) -> bool:
    """Whether a node reads or gives a tensor of more than MOST_AXES axes."""
    return any(rank > MOST_AXES for one in (node, *node.all_input_nodes) for rank in _ranks(one))


def _ranks(node: Any) -> list[int]:
    value = example(node)
    values = value if isinstance(value, list | tuple) else [value]
    return [len(one.shape) for one in values if hasattr(one, "shape")]


def _with_few(node: Any) -> Own:
    """The function of a node's tensors that computes it on few axes; None where none is known."""
    import torch

    name = name_of(node)
    tags = getattr(node.target, "tags", ())
    if name in RESHAPES:
        shape = shape_of(node)
        return lambda x, *_: x.reshape(shape)
    if name in TURNS:
        return _turned(node)
    if name in CASTS or torch.Tag.pointwise in tags:
        return _by_element(node)
    return next((how(node) for names, how in HOW.items() if name in names), None)


def _drop_detours(graph_module: Any) -> None:
    """Reshapes of reshapes as one."""
    for node in graph_module.graph.nodes:
        if name_of(node) == "reshape":
            while name_of(node.args[0]) == "reshape":
                node.replace_input_with(node.args[0], node.args[0].args[0])
    tidy(graph_module)


def _around(shape: Sequence[int], axis: int) -> tuple[int, int, int]:
    """How many values there are before an axis, along it, and behind."""
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def _turned(node: Any) -> Own:
    before, after = shape_of(node.args[0]), shape_of(node)
    axes = torch_permutation(node)
    axes = [axis for axis in axes if before[axis] != 1]  # an axis of one value may be anywhere
    kept = sorted(axes)
    sizes, order = [before[axis] for axis in kept], [kept.index(axis) for axis in axes]

    def turn(x: Any) -> Any:
        for shape, way in turns(sizes, order):
            x = x.reshape(shape).permute(way)
        return x.reshape(after)

    return turn


def torch_permutation(node: Any) -> list[int]:
    """Which axis of its input each axis of a transposition's result is."""
    import torch

    rank = len(shape_of(node.args[0]))
    result = node.target(torch.empty(tuple(range(2, 2 + rank)), device="meta"), *node.args[1:], **node.kwargs)
    return [size - 2 for size in result.shape]


def turns(sizes: Sequence[int], order: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Shapes and permutations of at most MOST_AXES axes that together permute axes of these sizes.

    Axes that stay side by side are one. Where more are left, blocks change places one after the other.
    """
    found = []
    now = list(range(len(sizes)))  # the axes as they lie
    for place in range(len(order) + 1):
        blocks = _blocks(now, order)
        if len(blocks) <= MOST_AXES:
            lie = sorted(blocks, key=lambda block: now.index(block[0]))
            if lie != blocks:
                found.append(
                    ([math.prod(sizes[one] for one in block) for block in lie], [lie.index(one) for one in blocks])
                )
            break
        at = now.index(order[place])
        if at == place:
            continue
        block = next(one for one in blocks if one[0] == order[place])
        parts = now[:place], now[place:at], list(block), now[at + len(block) :]
        found.append(([math.prod(sizes[one] for one in part) for part in parts], [0, 2, 1, 3]))
        now = [*parts[0], *parts[2], *parts[1], *parts[3]]
    return found


def _blocks(now: Sequence[int], order: Sequence[int]) -> list[tuple[int, ...]]:
    """The wanted order in blocks of axes that lie side by side already."""
    blocks: list[list[int]] = []
    for axis in order:
        if blocks and now.index(blocks[-1][-1]) + 1 == now.index(axis):
            blocks[-1].append(axis)
        else:
            blocks.append([axis])
    return [tuple(block) for block in blocks]


def _by_element(node: Any) -> Own:
    """Axes are one where every input has all of them, or none."""
    whole = shape_of(node)
    call, sources = called(node)
    shapes = [(1,) * (len(whole) - len(shape_of(one))) + shape_of(one) for one in sources]
    groups: list[list[int]] = []
    kinds: list[tuple[bool, ...]] = []
    for axis, size in enumerate(whole):
        if size == 1:
            continue
        kind = tuple(shape[axis] == 1 for shape in shapes)
        if kinds and kinds[-1] == kind:
            groups[-1].append(axis)
        else:
            groups.append([axis])
            kinds.append(kind)
    is_many = len(groups) > MOST_AXES

    def compute(*given: Any) -> Any:
        if is_many:
            given = tuple(_spread(one, shape, whole).reshape(-1) for one, shape in zip(given, shapes, strict=True))
        else:
            sizes = [[math.prod(shape[axis] for axis in group) for group in groups] for shape in shapes]
            given = tuple(one.reshape(size) for one, size in zip(given, sizes, strict=True))
        return call(*given).reshape(whole)

    return compute


def _spread(x: Any, shape: Sequence[int], whole: Sequence[int]) -> Any:
    """Repeated along every axis that it has another size of, one after the other."""
    sizes = list(shape)
    for axis, (size, wanted) in enumerate(zip(shape, whole, strict=True)):
        if size != wanted:
            before, behind = math.prod(sizes[:axis]), math.prod(sizes[axis:])
            x = x.reshape(before, 1, behind).expand(before, wanted // size, behind)
            sizes[axis] = wanted
    return x.reshape(sizes) if len(sizes) <= MOST_AXES else x.reshape(-1)


def _repeated(node: Any) -> Own:
    before, after = shape_of(node.args[0]), shape_of(node)
    shape = (1,) * (len(after) - len(before)) + before
    return lambda x, *_: _spread(x, shape, after).reshape(after)


def _reduced(node: Any) -> Own:
    """Run by run of axes that lie side by side."""
    given, shape, after = arguments(node), shape_of(node.args[0]), shape_of(node)
    dim, kind = given.get("dim"), example(node).dtype
    axes = sorted({axis % len(shape) for axis in ([dim] if isinstance(dim, int) else dim or range(len(shape)))})
    runs: list[list[int]] = []
    for axis in axes:
        if runs and runs[-1][-1] == axis - 1:
            runs[-1].append(axis)
        else:
            runs.append([axis])

    def reduce(x: Any) -> Any:
        sizes = list(shape)
        for run in reversed(runs):
            first, last = run[0], run[-1] + 1
            parts = math.prod(sizes[:first]), math.prod(sizes[first:last]), math.prod(sizes[last:])
            x = getattr(x.reshape(parts), name_of(node))(1)
            del sizes[first:last]
        return x.reshape(after) if x.dtype == kind else x.reshape(after).to(kind)

    return reduce


def _along(node: Any) -> Own:
    """One axis: what is before it is one, and what is behind."""
    shape, after = shape_of(node.args[0]), example(node)
    given = arguments(node)
    axis = given.get("dim", given.get("dimension"))
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    if not isinstance(axis, int):
        return None
    parts = _around(shape, axis % len(shape))
    names = [one.name for one in node.target._schema.arguments]
    given["dim"] = 1
    if "keepdim" in given:
        given["keepdim"] = False
    values = [given[name] for name in names[1:] if name in given]
    count = next((at for at, one in enumerate(node.target._schema.arguments) if one.kwarg_only), len(names)) - 1
    rest, named = values[:count], {name: given[name] for name in names[count + 1 :] if given[name] is not None}

    def compute(x: Any, *tensors: Any) -> Any:
        known = iter(tensors)
        filled = [next(known) if hasattr(one, "op") else one for one in rest]
        result = node.target(x.reshape(parts), *filled, **named)
        if isinstance(result, list | tuple):
            return tuple(one.reshape(tuple(wanted.shape)) for one, wanted in zip(result, after, strict=True))
        return result.reshape(tuple(after.shape))

    return compute


def _flipped(node: Any) -> Own:
    """Axis by axis."""
    given, shape = arguments(node), shape_of(node.args[0])
    axes = given["dims"]
    if not axes:
        return None
    steps = given.get("shifts") or [0] * len(axes)

    def flip(x: Any) -> Any:
        for axis, step in zip(axes, steps, strict=True):
            x = x.reshape(_around(shape, axis % len(shape)))
            x = x.roll(step, 1) if name_of(node) == "roll" else x.flip(1)
        return x.reshape(shape)

    return flip


def _joined(node: Any) -> Own:
    import torch

    after, given = shape_of(node), arguments(node)
    axis = given["dim"] % len(after)
    shapes = [shape_of(one) for one in given["tensors"]]
    is_new = name_of(node) == "stack"
    parts = [(*_around(after, axis)[:1], 1 if is_new else shape[axis], _around(after, axis)[2]) for shape in shapes]
    order = [node.all_input_nodes.index(one) for one in given["tensors"]]

    def join(*tensors: Any) -> Any:
        return torch.cat([tensors[at].reshape(part) for at, part in zip(order, parts, strict=True)], 1).reshape(after)

    return join


def _padded(node: Any) -> Own:
    import torch

    given, after = arguments(node), shape_of(node)
    pads, value = given["pad"], given.get("value") or 0.0
    if given.get("mode", "constant") != "constant":
        return None

    def pad(x: Any) -> Any:
        sizes = list(shape_of(node.args[0]))
        for number in range(len(pads) // 2):
            axis, ends = len(sizes) - 1 - number, pads[2 * number : 2 * number + 2]
            if any(ends):
                x = torch.ops.aten.constant_pad_nd.default(x.reshape(_around(sizes, axis)), [0, 0, *ends], value)
                sizes[axis] += sum(ends)
        return x.reshape(after)

    return pad


def _multiplied(node: Any) -> Own:
    """Products of matrices, all of them one after the other."""
    first, second = (shape_of(one) for one in node.args[:2])
    after = shape_of(node)
    if min(len(first), len(second)) < 2:
        return None
    batch = after[:-2]

    def multiply(x: Any, y: Any) -> Any:
        if len(second) == 2:
            return (x.reshape(-1, first[-1]) @ y).reshape(after)
        x, y = (
            _spread(one, (1,) * (len(after) - len(shape)) + shape, (*batch, *shape[-2:])).reshape(-1, *shape[-2:])
            for one, shape in ((x, first), (y, second))
        )
        return (x @ y).reshape(after)

    return multiply


def _linear(node: Any) -> Own:
    import torch

    after, count = shape_of(node), shape_of(node.args[0])[-1]
    return lambda x, *rest: torch.nn.functional.linear(x.reshape(-1, count), *rest).reshape(after)


def _normed(node: Any) -> Own:
    given, after = arguments(node), shape_of(node)
    sizes = given["normalized_shape"]
    call, _ = called(node)
    return lambda x, *rest: call(x.reshape(-1, *sizes), *rest).reshape(after) if len(sizes) < MOST_AXES else None


def _attending(node: Any) -> Own:
    import torch

    given, after = arguments(node), shape_of(node)
    if given["attn_mask"] is not None:
        return None

    def attend(*tensors: Any) -> Any:
        known = dict(zip(node.all_input_nodes, tensors, strict=True))
        parts = [known[given[name]] for name in ("query", "key", "value")]
        parts = [one.reshape(-1, 1, *one.shape[-2:]) for one in parts]
        found = torch.nn.functional.scaled_dot_product_attention(
            parts[0], parts[1], parts[2], is_causal=given["is_causal"], scale=given["scale"]
        )
        return found.reshape(after)

    return attend


HOW: dict[Sequence[str], Callable[[Any], Own]] = {
    REDUCTIONS: _reduced,
    (*ALONG, *OF_ONE, *PARTS): _along,
    ("flip", "roll"): _flipped,
    ("cat", "stack", "concat"): _joined,
    ("constant_pad_nd", "pad"): _padded,
    ("expand", "expand_as", "repeat", "tile", "broadcast_to"): _repeated,
    ("matmul", "bmm"): _multiplied,
    ("linear",): _linear,
    ("layer_norm", "rms_norm"): _normed,
    ("scaled_dot_product_attention",): _attending,
}
