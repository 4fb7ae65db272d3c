"""TFLite's operations in PyTorch: what moves, cuts and joins values without changing them."""

from __future__ import annotations

from typing import Any

import numpy as np

from posekit.sources.network import Constant, Node, Operand, Rule, RuleError, fixed, tensor, whole
from posekit.sources.operations import depth_to_space, part, selected, space_to_depth


def reshaped(node: Node, x: Operand, shape: Operand = None) -> Any:
    """To the shape given, else to that of the options; -1 takes what is left."""
    option = node.attributes.get("newShape")
    if shape is None and option is None:
        return tensor(x).reshape(node.attributes["shapes"][0])
    return tensor(x).reshape(whole(shape, "shape") if shape is not None else [int(one) for one in option or ()])


def transposed(node: Node, x: Operand, order: Operand) -> Any:
    del node
    return tensor(x).permute(whole(order, "order of axes"))


def joined(node: Node, *parts: Operand) -> Any:
    import torch

    return torch.cat([tensor(one) for one in parts], dim=int(node.attributes["axis"]))


def stacked(node: Node, *parts: Operand) -> Any:
    import torch

    return torch.stack([tensor(one) for one in parts], dim=int(node.attributes["axis"]))


def unstacked(node: Node, x: Operand) -> Any:
    return tuple(tensor(x).unbind(int(node.attributes["axis"])))


def split(node: Node, axis: Operand, x: Operand) -> Any:
    import torch

    (along,) = whole(axis, "axis")
    values, count = tensor(x), int(node.attributes["numSplits"])
    return torch.split(values, int(values.shape[along]) // count, dim=along)


def split_by(node: Node, x: Operand, sizes: Operand, axis: Operand) -> Any:
    import torch

    del node
    (along,), values, parts = whole(axis, "axis"), tensor(x), whole(sizes, "sizes")
    left = int(values.shape[along]) - sum(one for one in parts if one >= 0)
    return torch.split(values, [left if one < 0 else one for one in parts], dim=along)


def cut(node: Node, x: Operand, begin: Operand, size: Operand) -> Any:
    del node
    values = tensor(x)
    for axis, (start, length) in enumerate(zip(whole(begin, "begin"), whole(size, "size"), strict=True)):
        length = int(values.shape[axis]) - start if length < 0 else length
        if (start, length) != (0, int(values.shape[axis])):
            values = values.narrow(axis, start, length)
    return values


def cut_in_steps(node: Node, x: Operand, begin: Operand, end: Operand, steps: Operand) -> Any:
    """Python's own slices, with bits for what is left out, added and dropped."""
    option = node.attributes
    if option.get("ellipsisMask", 0) or option.get("newAxisMask", 0):
        raise RuleError("it adds axes")
    values = tensor(x)
    firsts, ends, strides = (whole(one, name) for one, name in ((begin, "begin"), (end, "end"), (steps, "steps")))
    dropped = []
    for axis, (first, last, stride) in enumerate(zip(firsts, ends, strides, strict=True)):
        size = int(values.shape[axis])
        if option.get("shrinkAxisMask", 0) >> axis & 1:
            values = values.narrow(axis, first % size, 1)
            dropped.append(axis)
            continue
        if option.get("offset", False):
            last += first
        places = range(size)[
            None if option.get("beginMask", 0) >> axis & 1 else first :
            None if option.get("endMask", 0) >> axis & 1 else last : stride
        ]  # fmt: skip
        values = part(values, axis, places)
    for axis in reversed(dropped):
        values = values.squeeze(axis)
    return values


def padded(node: Node, x: Operand, margins: Operand, value: Operand = None) -> Any:
    from torch.nn import functional

    del node
    pairs = np.asarray(fixed(margins, "margins")).reshape(-1, 2).tolist()
    filled = 0.0 if value is None else float(np.asarray(fixed(value, "value")).reshape(-1)[0])
    flat = [int(side) for pair in reversed(pairs) for side in pair]
    return functional.pad(tensor(x), flat, value=filled)


def mirrored(node: Node, x: Operand, margins: Operand) -> Any:
    """Margins that mirror what is inside: without the edge itself, or with it (mode 1)."""
    values = tensor(x)
    offset = 0 if node.attributes["mode"] else 1
    for axis, (before, after) in enumerate(np.asarray(fixed(margins, "margins")).reshape(-1, 2).tolist()):
        size = int(values.shape[axis])
        order = [*range(before - 1 + offset, offset - 1, -1), *range(size)]
        order += range(size - 1 - offset, size - 1 - offset - after, -1)
        if order != list(range(size)):
            values = selected(values, axis, order)
    return values


def gathered(node: Node, x: Operand, indices: Operand) -> Any:
    import torch

    if node.attributes.get("batchDims", 0):
        raise RuleError("it gathers by batch")
    values, places = tensor(x), tensor(indices).to(torch.long)
    axis = int(node.attributes.get("axis", 0)) % values.ndim
    found = values.index_select(axis, places.reshape(-1))
    return found.reshape(*values.shape[:axis], *places.shape, *values.shape[axis + 1 :])


def gathered_at(node: Node, x: Operand, indices: Operand) -> Any:
    """Values at places along the first axes, as one index into those axes laid flat."""
    import torch

    del node
    values, places = tensor(x), tensor(indices).to(torch.long)
    depth = int(places.shape[-1])
    flat = torch.zeros(places.shape[:-1], dtype=torch.long)
    for axis in range(depth):
        flat = flat * int(values.shape[axis]) + places[..., axis]
    rows = values.reshape(-1, *values.shape[depth:])
    return rows.index_select(0, flat.reshape(-1)).reshape(*places.shape[:-1], *values.shape[depth:])


def squeezed(node: Node, x: Operand) -> Any:
    return tensor(x).reshape(node.attributes["shapes"][0])


def expanded(node: Node, x: Operand, axis: Operand) -> Any:
    del node
    (along,) = whole(axis, "axis")
    return tensor(x).unsqueeze(along)


def tiled(node: Node, x: Operand, times: Operand) -> Any:
    del node
    return tensor(x).repeat(whole(times, "times"))


def broadcast(node: Node, x: Operand, shape: Operand) -> Any:
    del node
    return tensor(x).expand(whole(shape, "shape"))


def shape_of(node: Node, x: Operand) -> Any:
    sides = x.values.shape if isinstance(x, Constant) else tuple(x.shape)
    return Constant(np.array(sides, np.int64 if node.attributes.get("outType", 2) == 4 else np.int32))


def filled(node: Node, shape: Operand, value: Operand) -> Any:
    del node
    return tensor(value).reshape(()).expand(whole(shape, "shape"))


def counted(node: Node, start: Operand, end: Operand, step: Operand) -> Any:
    del node
    first, last, by = (np.asarray(fixed(one, "end")).reshape(-1)[0] for one in (start, end, step))
    return Constant(np.arange(first, last, by).astype(first.dtype))


def deepened(node: Node, x: Operand) -> Any:
    """Blocks of b x b pixels as channels, row by row."""
    return space_to_depth(tensor(x).permute(0, 3, 1, 2), int(node.attributes["blockSize"])).permute(0, 2, 3, 1)


def spread(node: Node, x: Operand) -> Any:
    """Channels as blocks of b x b pixels."""
    return depth_to_space(tensor(x).permute(0, 3, 1, 2), int(node.attributes["blockSize"])).permute(0, 2, 3, 1)


def reversed_along(node: Node, x: Operand, axes: Operand) -> Any:
    del node
    return tensor(x).flip(whole(axes, "axes"))


def to_batch(node: Node, x: Operand, blocks: Operand, margins: Operand) -> Any:
    """Every b-th row and column as a picture of the batch, as dilated convolutions were once written."""
    from torch.nn import functional

    del node
    (bh, bw), pads = whole(blocks, "blocks"), np.asarray(fixed(margins, "margins")).reshape(-1, 2).tolist()
    (top, bottom), (left, right) = pads
    values = functional.pad(tensor(x), (0, 0, left, right, top, bottom))
    n, h, w, c = values.shape
    parts = values.reshape(n, h // bh, bh, w // bw, bw, c).permute(2, 4, 0, 1, 3, 5)
    return parts.reshape(bh * bw * n, h // bh, w // bw, c)


def from_batch(node: Node, x: Operand, blocks: Operand, crops: Operand) -> Any:
    del node
    (bh, bw), cut_off = whole(blocks, "blocks"), np.asarray(fixed(crops, "crops")).reshape(-1, 2).tolist()
    values = tensor(x)
    n, h, w, c = values.shape
    parts = values.reshape(bh, bw, n // (bh * bw), h, w, c).permute(2, 3, 0, 4, 1, 5)
    whole_ = parts.reshape(n // (bh * bw), h * bh, w * bw, c)
    (top, bottom), (left, right) = cut_off
    return whole_[:, top : h * bh - bottom, left : w * bw - right]


RULES: dict[str, Rule] = {
    "RESHAPE": reshaped, "TRANSPOSE": transposed, "CONCATENATION": joined, "PACK": stacked, "UNPACK": unstacked,
    "SPLIT": split, "SPLIT_V": split_by, "SLICE": cut, "STRIDED_SLICE": cut_in_steps, "PAD": padded, "PADV2": padded,
    "MIRROR_PAD": mirrored, "GATHER": gathered, "GATHER_ND": gathered_at, "SQUEEZE": squeezed, "EXPAND_DIMS": expanded,
    "TILE": tiled, "BROADCAST_TO": broadcast, "SHAPE": shape_of, "FILL": filled, "RANGE": counted,
    "SPACE_TO_DEPTH": deepened, "DEPTH_TO_SPACE": spread, "REVERSE_V2": reversed_along,
    "SPACE_TO_BATCH_ND": to_batch, "BATCH_TO_SPACE_ND": from_batch,
}  # fmt: skip
