"""Operations that move numbers and change none."""

from __future__ import annotations

from typing import Any

import numpy as np

from posekit.sources import operations
from posekit.sources.network import Constant, Node, Operand, Rule, RuleError, bounded, fixed, tensor, whole
from posekit.sources.operations import selected


def listed(node: Node, operand: Operand, name: str, what: str = "") -> list[int] | None:
    """Whole numbers that are an attribute in early versions and an operand in later ones; None where neither is."""
    if operand is not None:
        return whole(operand, what or name)
    given = node.attributes.get(name)
    return None if given is None else [int(one) for one in given]


def reshape(node: Node, x: Operand, shape: Operand = None) -> Any:
    """Reshape: 0 keeps a side unless `allowzero`, -1 takes what is left."""
    x = tensor(x)
    sides = listed(node, shape, "shape") or []
    if not node.attributes.get("allowzero"):
        sides = [x.shape[index] if side == 0 else side for index, side in enumerate(sides)]
    return x.reshape(sides)


def flatten(node: Node, x: Operand) -> Any:
    """Flatten: two axes, those before `axis` and those from it on."""
    x = tensor(x)
    axis = int(node.attributes.get("axis", 1))
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(int(np.prod(x.shape[:axis], dtype=np.int64)), -1)


def transpose(node: Node, x: Operand) -> Any:
    """Transpose; without `perm` the axes are turned round."""
    x = tensor(x)
    return x.permute([int(one) for one in node.attributes.get("perm", range(x.ndim)[::-1])])


def squeeze(node: Node, x: Operand, axes: Operand = None) -> Any:
    """Squeeze; without axes all of one."""
    x = tensor(x)
    gone = listed(node, axes, "axes")
    gone = [i for i, side in enumerate(x.shape) if side == 1] if gone is None else [one % x.ndim for one in gone]
    if any(x.shape[one] != 1 for one in gone):
        raise RuleError(f"axes {gone} of {tuple(x.shape)} are not all of one")
    return x.reshape([side for index, side in enumerate(x.shape) if index not in gone])


def unsqueeze(node: Node, x: Operand, axes: Operand = None) -> Any:
    """Unsqueeze: axes count those of the result."""
    x, given = tensor(x), listed(node, axes, "axes") or []
    for axis in sorted(one % (x.ndim + len(given)) for one in given):
        x = x.unsqueeze(axis)
    return x


def concat(node: Node, *operands: Operand) -> Any:
    """Concat."""
    import torch

    return torch.cat([tensor(one) for one in operands], int(node.attributes["axis"]))


def split(node: Node, x: Operand, sizes: Operand = None) -> Any:
    """Split into given sizes, or as many equal parts as there are results, the last one smaller."""
    x, axis = tensor(x), int(node.attributes.get("axis", 0))
    parts = listed(node, sizes, "split")
    if parts is None:
        each = -(-x.shape[axis] // int(node.attributes.get("num_outputs", len(node.outputs))))
        return tuple(x.split(each, axis))
    return tuple(x.split(parts, axis))


def cut(
    node: Node, x: Operand, starts: Operand = None, ends: Operand = None, axes: Operand = None, steps: Operand = None
) -> Any:
    """Slice; backwards as a selection."""
    x = tensor(x)
    first, last = listed(node, starts, "starts") or [], listed(node, ends, "ends") or []
    over = listed(node, axes, "axes") or list(range(len(first)))
    by = listed(node, steps, "steps") or [1] * len(first)
    for start, end, axis, step in zip(first, last, over, by, strict=True):
        x = operations.part(x, axis, range(x.shape[axis])[_slice(start, end, step)])
    return x


def _slice(start: int, end: int, step: int) -> slice:
    """ONNX's ends as Python's: what lies before the first when walking backwards is no end at all."""
    least = -(1 << 30)
    return slice(start, None if step < 0 and end < least else end, step)


def gather(node: Node, x: Operand, indices: Operand) -> Any:
    """Gather: entries of an axis, whose axes stand where the axis stood."""
    x, axis = tensor(x), int(node.attributes.get("axis", 0)) % tensor(x).ndim
    if not isinstance(indices, Constant):
        places = tensor(indices)
        places = places + (places < 0) * x.shape[axis]
        shape = [*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]]
        return x.index_select(axis, places.reshape(-1)).reshape(shape)
    given = np.asarray(indices.values)
    chosen = [int(one) % x.shape[axis] for one in given.reshape(-1)]
    return selected(x, axis, chosen).reshape([*x.shape[:axis], *given.shape, *x.shape[axis + 1 :]])


def gather_elements(node: Node, x: Operand, indices: Operand) -> Any:
    """GatherElements."""
    x, axis = tensor(x), int(node.attributes.get("axis", 0)) % tensor(x).ndim
    places = tensor(indices).long()
    return x.gather(axis, places + (places < 0) * x.shape[axis])


def gather_nd(node: Node, x: Operand, indices: Operand) -> Any:
    """GatherND without batch axes."""
    if node.attributes.get("batch_dims"):
        raise RuleError("batch_dims other than 0")
    x, places = tensor(x), tensor(indices).long()
    return x[tuple(places[..., one] for one in range(places.shape[-1]))]


def scatter_nd(node: Node, x: Operand, indices: Operand, updates: Operand) -> Any:
    """ScatterND that replaces."""
    if node.attributes.get("reduction", "none") != "none":
        raise RuleError(f"reduction {node.attributes['reduction']!r}")
    x, places = tensor(x).clone(), tensor(indices).long()
    return x.index_put(tuple(places[..., one] for one in range(places.shape[-1])), tensor(updates))


def expand(node: Node, x: Operand, shape: Operand) -> Any:
    """Expand: sides spread both ways, as in arithmetic."""
    x, sides = tensor(x), whole(shape, "shape")
    rank = max(x.ndim, len(sides))
    own = [1] * (rank - x.ndim) + list(x.shape)
    other = [1] * (rank - len(sides)) + sides
    return x.expand(bounded([max(a, b) if 0 not in (a, b) else 0 for a, b in zip(own, other, strict=True)]))


def tile(node: Node, x: Operand, repeats: Operand) -> Any:
    """Tile."""
    x, by = tensor(x), whole(repeats, "repeats")
    bounded([x.numel(), *by])
    return x.repeat(by)


def pad(node: Node, x: Operand, pads: Operand = None, value: Operand = None, axes: Operand = None) -> Any:
    """Pad by a value, by reflection or by repeating the edge; negative pads cut."""
    from torch.nn import functional

    x = tensor(x)
    both = listed(node, pads, "pads") or []
    over = list(range(x.ndim)) if axes is None else [one % x.ndim for one in whole(axes, "axes")]
    before, after = [0] * x.ndim, [0] * x.ndim
    for index, axis in enumerate(over):
        before[axis], after[axis] = both[index], both[index + len(over)]
    mode = node.attributes.get("mode", "constant")
    filling = node.attributes.get("value", 0.0) if value is None else fixed(value, "value").reshape(-1)[0]
    first = next((i for i in range(x.ndim) if before[i] or after[i]), x.ndim)
    pairs = [one for i in reversed(range(first, x.ndim)) for one in (before[i], after[i])]
    if not pairs:
        return x
    if mode == "constant":
        return functional.pad(x, pairs, value=float(filling))
    known = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    return functional.pad(x, pairs, mode=known[mode])


def shape_of(node: Node, x: Operand) -> Constant:
    """Shape, from `start` to `end`."""
    sides = np.array(tuple(tensor(x).shape), np.int64)
    start, end = int(node.attributes.get("start", 0)), node.attributes.get("end")
    return Constant(sides[start : None if end is None else int(end)])


def size_of(node: Node, x: Operand) -> Constant:
    """Size."""
    return Constant(np.array(tensor(x).numel(), np.int64))


def constant_of_shape(node: Node, shape: Operand) -> Constant:
    """ConstantOfShape."""
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).reshape(-1)[0]
    return Constant(np.full(bounded(whole(shape, "shape")), value))


def numbers(node: Node, start: Operand, limit: Operand, delta: Operand) -> Constant:
    """Range."""
    ends = [fixed(one, name).reshape(()) for one, name in ((start, "start"), (limit, "limit"), (delta, "delta"))]
    first, last, step = (one.item() for one in ends)
    bounded([int(abs((last - first) / step)) if step else 0])
    return Constant(np.arange(first, last, step).astype(ends[0].dtype))


def constant(node: Node) -> Constant:
    """Constant, of whichever attribute."""
    names = ("value", "value_float", "value_int", "value_floats", "value_ints")
    name = next((one for one in names if one in node.attributes), None)
    if name is None:
        raise RuleError("a value that is neither numbers nor a tensor")
    kind = np.float32 if "float" in name else np.int64
    value = node.attributes[name]
    return Constant(np.asarray(value) if name == "value" else np.asarray(value, kind))


def depth_to_space(node: Node, x: Operand) -> Any:
    """DepthToSpace, in either order of its channels."""
    from torch.nn import functional

    is_plain = node.attributes.get("mode", "DCR") == "DCR"
    return (operations.depth_to_space if is_plain else functional.pixel_shuffle)(
        tensor(x), int(node.attributes["blocksize"])
    )


def space_to_depth(node: Node, x: Operand) -> Any:
    """SpaceToDepth."""
    return operations.space_to_depth(tensor(x), int(node.attributes["blocksize"]))


def non_zero(node: Node, x: Operand) -> Constant:
    """NonZero of what does not depend on the picture."""
    return Constant(np.stack(np.nonzero(fixed(x, "operand"))).astype(np.int64))


def triangle(node: Node, x: Operand, diagonal: Operand = None) -> Any:
    """Trilu."""
    by = 0 if diagonal is None else whole(diagonal, "k")[0]
    return tensor(x).triu(by) if node.attributes.get("upper", 1) else tensor(x).tril(by)


def one_hot(node: Node, indices: Operand, depth: Operand, values: Operand) -> Any:
    """OneHot along the last axis, or another."""
    import torch

    count, axis = whole(depth, "depth")[0], int(node.attributes.get("axis", -1))
    off, on = fixed(values, "values").reshape(-1)
    places = tensor(indices).long() % count
    result = torch.where(places[..., None] == torch.arange(count), torch.tensor(on), torch.tensor(off))
    return result if axis in (-1, result.ndim - 1) else result.movedim(-1, axis)


RULES: dict[str, Rule] = {
    "Reshape": reshape, "Flatten": flatten, "Transpose": transpose, "Squeeze": squeeze, "Unsqueeze": unsqueeze,
    "Concat": concat, "Split": split, "Slice": cut, "Gather": gather, "GatherElements": gather_elements,
    "GatherND": gather_nd, "ScatterND": scatter_nd, "Expand": expand, "Tile": tile, "Pad": pad, "Shape": shape_of,
    "Size": size_of, "ConstantOfShape": constant_of_shape, "Range": numbers, "Constant": constant,
    "DepthToSpace": depth_to_space, "SpaceToDepth": space_to_depth, "NonZero": non_zero, "Trilu": triangle,
    "OneHot": one_hot,
}  # fmt: skip
