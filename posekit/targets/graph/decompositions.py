"""Operations that a converter does not know, taken apart into those that both know: by torch's own table, or by
ours."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from posekit.targets.graph import recurrent, scans, sorting, sums, writes
from posekit.targets.graph.inlining import arguments, called, inline, name_of, shape_of
from posekit.targets.graph.passes import ARITHMETIC, tidy
from posekit.targets.graph.ranks import is_high
from posekit.targets.graph.sampling import grid_sample

# in torch's table of decompositions, and done as they are by both converters
KNOWN = """
_convolution adaptive_avg_pool1d adaptive_avg_pool2d affine_grid_generator all arange argsort avg_pool1d baddbmm
broadcast_tensors clamp_max clamp_min clip conv1d conv2d conv_transpose1d conv_transpose2d einsum elu_ empty_like eye
fill floor_divide gelu_ glu grid_sampler group_norm gru hardsigmoid hardsigmoid_ hardswish hardswish_ hardtanh_ im2col
instance_norm layer_norm leaky_relu_ linalg_norm linear linspace log_softmax logsumexp lstm masked_fill masked_fill_
max max_pool1d max_pool2d min mish mish_ nan_to_num new_empty new_full new_zeros norm ones ones_like pad pixel_shuffle
pixel_unshuffle prelu reflection_pad1d reflection_pad2d relu6 repeat_interleave replication_pad1d replication_pad2d
rms_norm roll rsub scaled_dot_product_attention select_scatter selu silu silu_ softmax softplus split square squeeze
stack std sum threshold threshold_ tile transpose tril triu true_divide type_as unbind upsample_bilinear2d
upsample_nearest2d var where zeros zeros_like
"""
KEPT = frozenset(KNOWN.split())
# views and products of others that torch's table leaves as they are, and coremltools does not know
COMPOSED = """
adjoint broadcast_to cartesian_prod dsplit hsplit linalg_diagonal matrix_H moveaxis movedim positive ravel reshape_as
tensor_split unsafe_chunk view_as vsplit
"""
ADDING = ("col2im", "index_add")  # by a product with zeros and ones
LARGEST_DIFFERENCE = 1 << 16  # values of all points' differences; more of them are a product of matrices
EXACT_SOFTPLUS = 17.0  # from here on ln(1 + e^x) is x in float32
SPLIT_AT_MOST = 64  # windows of an adaptive maximum along one axis


def decompose(graph_module: Any) -> int:
    """Take apart what is not known to both converters; returns how many operations."""
    import torch
    from torch.fx import Node

    known: Any = torch.export.default_decompositions()
    table = {op: how for op, how in known.items() if _name(op) not in KEPT}
    count = 0
    for node in reversed(list(graph_module.graph.nodes)):  # what reads indices of maxima before what gives them
        name = name_of(node)
        if not name or not node.users:  # what read it is computed otherwise by now
            continue
        own = OWN.get(name)
        if own is not None and (function := own(node)) is not None:
            given = [one for one in node.args if isinstance(one, Node)]
            added = inline(graph_module, node, *(function if isinstance(function, tuple) else (function, given)))
            for one in added if name in ADDING else ():
                one.meta[ARITHMETIC] = True
        elif own is None and (
            (name not in KEPT and node.target in table) or name in COMPOSED or (name == "einsum" and is_high(node))
        ):
            inline(graph_module, node, *called(node), table=table)
        else:
            continue
        count += 1
    tidy(graph_module)
    return count


def _name(op: Any) -> str:
    return str(op).split(".")[1] if str(op).startswith("aten.") else ""


def _rrelu(node: Any) -> Callable[..., Any]:
    """In evaluation the slope is the middle of its range."""
    import torch

    given = arguments(node)
    slope = (given["lower"] + given["upper"]) / 2
    return lambda x: torch.ops.aten.leaky_relu.default(x, slope)


def _hardshrink(node: Any) -> Callable[..., Any]:
    limit = arguments(node)["lambd"]
    return lambda x: x * (x.abs() > limit).to(x.dtype)


def _softplus(node: Any) -> Callable[..., Any] | None:
    """With a threshold that can be seen in float32, which coremltools leaves out without a word."""
    import torch

    given = arguments(node)
    beta, threshold = given["beta"], given["threshold"]
    if threshold >= EXACT_SOFTPLUS:
        return None

    def softplus(x: Any) -> Any:
        curved = torch.nn.functional.softplus((x * beta).clamp(max=threshold)) / beta
        return torch.where(x * beta > threshold, x, curved)

    return softplus


def _hypot(_: Any) -> Callable[..., Any]:
    return lambda x, y: (x * x + y * y).sqrt()


def _average_pool(node: Any) -> Callable[..., Any] | None:
    """With a divisor of the user's: the mean of all of a window's places, padded ones too, times their number."""
    import torch

    given = arguments(node)
    divisor, kernel = given["divisor_override"], given["kernel_size"]
    if not divisor or given["ceil_mode"]:
        return None
    area = math.prod(kernel) if len(kernel) == 2 else kernel[0] ** 2
    rest = given["stride"] or kernel, given["padding"], False, True
    return lambda x: torch.ops.aten.avg_pool2d.default(x, kernel, *rest) * (area / divisor)


def _vector_product(node: Any) -> Callable[..., Any] | None:
    """A product with a vector as one with a matrix of one row or column: coremltools 9.0 fails at vectors."""
    ranks = [len(shape_of(one)) for one in node.args[:2]]
    shape = shape_of(node)
    if 1 not in ranks:
        return None

    def multiply(x: Any, y: Any) -> Any:
        x, y = x.unsqueeze(0) if ranks[0] == 1 else x, y.unsqueeze(-1) if ranks[1] == 1 else y
        return (x @ y).reshape(shape)

    return multiply


def _power(node: Any) -> Callable[..., Any] | None:
    """A power of a tensor of five axes on one: LiteRT's own takes at most four."""
    shape, exponent = shape_of(node), node.args[1]
    if len(shape) < 5 or not isinstance(exponent, int | float):
        return None
    return lambda x: x.reshape(-1).pow(exponent).reshape(shape)


def _channel_shuffle(node: Any) -> Callable[..., Any]:
    groups, shape = arguments(node)["groups"], shape_of(node)
    return lambda x: x.reshape(shape[0], groups, -1, *shape[2:]).transpose(1, 2).reshape(shape)


def _cdist(node: Any) -> Callable[..., Any] | None:
    """Distances of points, as torch computes them: few by their differences, many by a product."""
    given = arguments(node)
    if given["p"] not in (1, 2):
        return None
    count = math.prod(shape_of(node)) * shape_of(node.args[0])[-1]
    is_product = given["p"] == 2 and count > LARGEST_DIFFERENCE

    def distances(x: Any, y: Any) -> Any:
        if is_product:
            lengths = x.pow(2).sum(-1, keepdim=True) + y.pow(2).sum(-1, keepdim=True).transpose(-1, -2)
            return (lengths - 2 * (x @ y.transpose(-1, -2))).clamp_min(0.0).sqrt()
        apart = x.unsqueeze(-2) - y.unsqueeze(-3)
        return apart.abs().sum(-1) if given["p"] == 1 else apart.pow(2).sum(-1).sqrt()

    return distances


def _pad(node: Any) -> Callable[..., Any] | None:
    """Circular padding: the other end's rows in front, and this end's behind. A negative count cuts."""
    import torch

    given = arguments(node)
    pads, is_circular = list(given["pad"]), given.get("mode", "constant") == "circular"
    if not is_circular and min(pads) >= 0:
        return None
    more = [max(one, 0) for one in pads]

    def pad(x: Any) -> Any:
        for number in range(len(pads) // 2):
            axis, (before, after) = x.ndim - 1 - number, pads[2 * number : 2 * number + 2]
            start, size = max(-before, 0), x.shape[axis] - max(-before, 0) - max(-after, 0)
            x = x if size == x.shape[axis] else x.narrow(axis, start, size)
            if is_circular:
                parts = [x.narrow(axis, size - before, before)] if before > 0 else []
                parts += [x] + ([x.narrow(axis, 0, after)] if after > 0 else [])
                x = torch.cat(parts, axis) if len(parts) > 1 else x
        if is_circular or not any(more):
            return x
        return torch.ops.aten.constant_pad_nd.default(x, more, given.get("value") or 0.0)

    return pad


def _bilinear(_: Any) -> Callable[..., Any]:
    """nn.Bilinear: every pair of inputs has a weight for every output."""

    def multiply(x: Any, y: Any, weight: Any, *bias: Any) -> Any:
        pairs = (x.unsqueeze(-1) * y.unsqueeze(-2)).flatten(-2)
        return pairs @ weight.flatten(1).t() + (bias[0] if bias else 0.0)

    return multiply


def _adaptive_max(node: Any) -> Callable[..., Any] | None:
    """Of windows that overlap or differ in size: the maximum of each, axis by axis."""
    import torch

    shape = shape_of(node.args[0])
    sizes = list(arguments(node)["output_size"])
    if not _is_first_alone(node) or max(sizes) > SPLIT_AT_MOST:
        return None

    def pool(x: Any) -> Any:
        for axis, wanted in enumerate(sizes, len(shape) - len(sizes)):
            size = x.shape[axis]
            ends = [(i * size // wanted, math.ceil((i + 1) * size / wanted)) for i in range(wanted)]
            x = torch.cat([x.narrow(axis, a, b - a).amax(axis, keepdim=True) for a, b in ends], axis)
        return x, None

    return pool


def _turn(node: Any) -> Callable[..., Any]:
    """The transpositions that have a name of their own."""
    axes = node.args[1:] if len(node.args) == 3 else (-1, -2)
    return lambda x: x.transpose(*axes)


def _trunc(_: Any) -> Callable[..., Any]:
    return lambda x: x.sign() * x.abs().floor()


def _fmod(node: Any) -> Callable[..., Any]:
    """The rest that has the sign of what is divided."""
    divisor = node.args[1] if isinstance(node.args[1], int | float) else None

    def rest(x: Any, *given: Any) -> Any:
        by = given[0] if divisor is None else divisor
        whole = x / by
        return x - whole.sign() * whole.abs().floor() * by

    return rest


def _spread(node: Any) -> Callable[..., Any]:
    """Variance or standard deviation, with the mean where that is asked for too.

    coremltools 9.0 divides by the count where no correction is given, and torch by one less.
    """
    given, shape, name = arguments(node), shape_of(node.args[0]), name_of(node)
    axes = [axis % len(shape) for axis in given.get("dim") or range(len(shape))]
    keepdim = bool(given.get("keepdim", False))
    correction = given.get("correction") if "correction" in given else float(given["unbiased"])
    count = math.prod(shape[axis] for axis in axes) - (1 if correction is None else correction)

    def spread(x: Any) -> Any:
        mean = x.mean(axes, keepdim=True)
        variance = (x - mean).pow(2).sum(axes, keepdim=keepdim) / count
        value = variance.sqrt() if name.startswith("std") else variance
        return (value, mean if keepdim else x.mean(axes)) if name.endswith("_mean") else value

    return spread


def _max_pool(node: Any) -> Callable[..., Any] | None:
    import torch

    if not _is_first_alone(node):
        return None
    rest = node.args[1:]
    return lambda x: (torch.ops.aten.max_pool2d.default(x, *rest), None)


def _is_first_alone(node: Any) -> bool:
    """Whether of several results only the first is read: the maxima, not where they are."""
    return all(user.args[1] == 0 or not user.users for user in node.users)


def _max_unpool(node: Any) -> tuple[Callable[..., Any], list[Any]] | None:
    """What a maximum was taken of is known: its place is the first that is not below the maximum.

    Of windows side by side, as encoders have them; None otherwise.
    """
    import torch

    values, indices = node.args[:2]
    pool = indices.args[0] if indices.target is operator.getitem else None
    if pool is None or name_of(pool) != "max_pool2d_with_indices":
        return None
    given = arguments(pool)
    kernel, stride, padding, dilation = (_pair(given[one]) for one in ("kernel_size", "stride", "padding", "dilation"))
    x = pool.args[0]
    is_apart = (stride or kernel) == kernel and padding == [0, 0] and dilation == [1, 1] and not given["ceil_mode"]
    if not is_apart or shape_of(x)[2:] != shape_of(node)[2:]:
        return None
    size = shape_of(node)[2:]

    def unpool(values: Any, x: Any) -> Any:
        rows, columns = values.shape[2:]
        x = x[:, :, : rows * kernel[0], : columns * kernel[1]]
        maxima = torch.ops.aten.max_pool2d.default(x, kernel, kernel)
        free = torch.ones_like(maxima)
        lines = []
        for i in range(kernel[0]):
            cells = []
            for j in range(kernel[1]):
                here = (x[:, :, i :: kernel[0], j :: kernel[1]] >= maxima).to(x.dtype) * free
                free = free - here
                cells.append(values * here)
            lines.append(torch.stack(cells, -1).reshape(*values.shape[:2], rows, -1))
        whole = torch.stack(lines, 3).reshape(*values.shape[:2], -1, lines[0].shape[-1])
        missing = [0, size[1] - whole.shape[3], 0, size[0] - whole.shape[2]]
        return torch.ops.aten.constant_pad_nd.default(whole, missing, 0.0) if any(missing) else whole

    return unpool, [values, x]


def _pair(value: Any) -> list[int]:
    values = [value] if isinstance(value, int) else list(value)
    return values * 2 if len(values) == 1 else values


Own = Callable[..., Any] | tuple[Callable[..., Any], list[Any]] | None
OWN: dict[str, Callable[[Any], Own]] = {
    "argsort": sorting.sort,
    "avg_pool2d": _average_pool,
    "adaptive_max_pool1d": _adaptive_max,
    "adaptive_max_pool2d": _adaptive_max,
    "bilinear": _bilinear,
    "cdist": _cdist,
    "cummax": scans.cumulative,
    "cummin": scans.cumulative,
    "cumprod": scans.cumulative,
    "diagonal": writes.moved,
    "index": writes.moved,
    "take": writes.moved,
    "as_strided_scatter": writes.moved,
    "channel_shuffle": _channel_shuffle,
    "col2im": sums.folded,
    "copy": writes.copied,
    "diagonal_scatter": writes.moved,
    "fill": writes.filled,
    "fmod": _fmod,
    "grid_sampler": grid_sample,
    "gru": recurrent.gru,
    "hardshrink": _hardshrink,
    "hypot": _hypot,
    "index_add": writes.moved,
    "index_copy": writes.moved,
    "index_fill": writes.moved,
    "index_put": writes.moved,
    "kthvalue": sorting.order_statistic,
    "lstm": recurrent.lstm,
    "dot": _vector_product,
    "matmul": _vector_product,
    "max_pool2d_with_indices": _max_pool,
    "mv": _vector_product,
    "masked_scatter": writes.moved,
    "max_unpool2d": _max_unpool,
    "median": sorting.order_statistic,
    "msort": sorting.sort,
    "constant_pad_nd": _pad,
    "mH": _turn,
    "mT": _turn,
    "pad": _pad,
    "pow": _power,
    "prod": scans.product,
    "rnn_relu": recurrent.rnn_relu,
    "rnn_tanh": recurrent.rnn_tanh,
    "rrelu": _rrelu,
    "scatter": writes.moved,
    "scatter_add": writes.moved,
    "select_scatter": writes.moved,
    "slice_scatter": writes.moved,
    "softplus": _softplus,
    "std": _spread,
    "std_mean": _spread,
    "sort": sorting.sort,
    "topk": sorting.topk,
    "swapaxes": _turn,
    "swapdims": _turn,
    "trunc": _trunc,
    "unfold": writes.unfolded,
    "var": _spread,
    "var_mean": _spread,
}
