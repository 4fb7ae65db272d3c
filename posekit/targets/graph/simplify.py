"""An exported graph without what does nothing when a trained network runs: copies, dropouts, spread-out constants."""

from __future__ import annotations

import math
import operator
from typing import Any

from posekit.targets.graph.inlining import arguments, attribute, constant, example, inline, name_of, shape_of
from posekit.targets.graph.passes import tidy

IDENTITIES = ("alias", "clone", "contiguous", "detach", "detach_", "lift_fresh", "lift_fresh_copy")
DROPOUTS = ("alpha_dropout", "dropout", "feature_alpha_dropout", "feature_dropout")
SPREADING = ("broadcast_to", "expand", "expand_as", "repeat", "tile")
MOST_COPIES = 64
BROADCASTING = """
add atan2 div eq floor_divide fmod ge gt le lt maximum minimum mul ne pow remainder rsub sub true_divide where
logical_and logical_or logical_xor
"""


def is_functional(graph: Any) -> bool:
    """Whether no operation changes a tensor that others may read; one of its own alone, as relu_, is no harm."""
    for node in graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op != "call_function" or schema is None or not schema.is_mutable or name_of(node) in IDENTITIES:
            continue
        changed = node.args[0]
        if _functional(node) is None or len(changed.users) > 1 or _is_view(changed):
            return False
    return True


def make_functional(graph_module: Any) -> int:
    """relu_ and alike as relu; returns how many."""
    count = 0
    for node in graph_module.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op == "call_function" and schema is not None and schema.is_mutable and (other := _functional(node)):
            node.target = other
            count += 1
    graph_module.recompile()
    return count


def drop_identities(graph_module: Any) -> int:
    """Remove copies, dropouts that are off and assertions; returns how many. The graph changes no tensor in place."""
    import torch

    aten = torch.ops.aten
    count = 0
    for node in list(graph_module.graph.nodes):
        _rename_prims(node)
        name = name_of(node)
        if name.startswith("_assert") or name == "sym_constrain_range_for_size":
            graph_module.graph.erase_node(node)
        elif name in IDENTITIES or (name in DROPOUTS and not arguments(node)["train"]):
            node.replace_all_uses_with(node.args[0])
            graph_module.graph.erase_node(node)
        elif name in ("view", "_unsafe_view"):  # what it sees may have lost a copy that made it contiguous
            node.target = aten.reshape.default
        elif node.target is aten._native_batch_norm_legit_no_training.default:
            _named_again(graph_module, node)
        elif node.target is aten.instance_norm.default and not arguments(node)["use_input_stats"]:
            _fixed_norm(graph_module, node)
        else:
            continue
        count += 1
    tidy(graph_module)
    return count


def drop_expands(graph_module: Any) -> int:
    """Remove spreading of axes of size 1 before an operation that broadcasts by itself, as squeeze-and-excitation with
    expand_as or repeat has it; returns how many.

    Of what is left, a point spread over a map becomes a resize, and other maps copies side by side: behind a
    convolution litert-torch turns the axes of its input and not the shape that it is spread to, and of five axes it
    makes ten.
    """
    import torch

    resize = torch.ops.aten.upsample_nearest2d.vec
    count = 0
    for node in list(graph_module.graph.nodes):
        if name_of(node) not in SPREADING:
            continue
        for user in list(node.users) if _only_spreads(node) else ():
            if name_of(user) in BROADCASTING.split() and _gives_the_same(user, node):
                user.replace_input_with(node, node.args[0])
                count += 1
        before, after = shape_of(node.args[0]), shape_of(node)
        if before == after:
            node.replace_all_uses_with(node.args[0])
            count += 1
        is_point = len(before) == 4 and before[:2] == after[:2] and _only_spreads(node)
        if node.users and is_point and example(node).dtype.is_floating_point:
            size = list(after[2:])
            inline(graph_module, node, lambda x, size=size: resize(x, size, None), [node.args[0]])
            count += 1
        elif node.users and (len(after) == 4 or name_of(node) in ("repeat", "tile")) and _is_few(before, after):
            inline(graph_module, node, _copies(before, after), [node.args[0]])
            count += 1
    tidy(graph_module)
    return count


def name_slices(graph_module: Any) -> int:
    """narrow as the slice that it is, which converters need not take apart; returns how many."""
    import torch

    count = 0
    for node in graph_module.graph.nodes:
        if node.target is torch.ops.aten.narrow.default and isinstance(node.args[2], int) and node.args[2] >= 0:
            x, axis, start, length = node.args
            node.target, node.args = torch.ops.aten.slice.Tensor, (x, axis, start, start + length)
            count += 1
    tidy(graph_module)
    return count


def match_types(graph_module: Any) -> int:
    """Numbers and constants beside floats as floats, where converters want both alike; returns how many are changed."""
    import torch
    from torch import Tensor

    count = 0
    for node in list(graph_module.graph.nodes):
        if name_of(node) not in ("clamp", "clamp_max", "clamp_min", "where"):
            continue
        wanted = example(node).dtype
        if wanted.is_floating_point and name_of(node) != "where":
            node.args = tuple(float(one) if isinstance(one, int) else one for one in node.args)
        for source in [one for one in node.all_input_nodes if one.op == "get_attr"]:
            value = attribute(source)
            if isinstance(value, Tensor) and value.dtype not in (wanted, torch.bool):
                with graph_module.graph.inserting_before(node):
                    node.replace_input_with(source, constant(graph_module, value.to(wanted)))
                count += 1
    tidy(graph_module)
    return count


def _functional(node: Any) -> Any:
    """The operation that gives what an in-place one writes; None where there is none."""
    import torch

    name = name_of(node)
    packet = getattr(torch.ops.aten, name[:-1], None) if name.endswith("_") and not name.endswith("__") else None
    return getattr(packet, node.target._overloadname, None) if packet is not None else None


def _is_view(node: Any) -> bool:
    """Whether a node may share its values with another one."""
    if node.op != "call_function":
        return True
    returns = getattr(getattr(node.target, "_schema", None), "returns", ())
    return any(one.alias_info is not None for one in returns) or node.target is operator.getitem


def _rename_prims(node: Any) -> None:
    """What torch's own decompositions leave behind, a change of type or of strides alone, as any converter knows it."""
    import torch

    if node.target is torch.ops.prims.convert_element_type.default:
        node.target = torch.ops.aten.to.dtype
    elif node.target is torch.ops.prims.copy_strided.default:
        node.target, node.args = torch.ops.aten.alias.default, node.args[:1]


def _named_again(graph_module: Any, node: Any) -> None:
    """The one result of a decomposed batch norm as the norm itself."""
    import torch

    with graph_module.graph.inserting_before(node):
        *inputs, momentum, eps = node.args
        call = graph_module.graph.call_function
        new = call(torch.ops.aten.batch_norm.default, (*inputs, False, momentum, eps, False))
    new.meta = dict(node.meta)
    for user in list(node.users):
        new.meta["val"] = user.meta.get("val")
        user.replace_all_uses_with(new)
        graph_module.graph.erase_node(user)
    graph_module.graph.erase_node(node)


def _fixed_norm(graph_module: Any, node: Any) -> None:
    """An instance norm with the statistics of its training is a batch norm."""
    import torch

    x, weight, bias, mean, variance, _, momentum, eps, _ = (
        arguments(node)[one.name] for one in node.target._schema.arguments
    )
    with graph_module.graph.inserting_before(node):
        call = graph_module.graph.call_function
        args = (x, weight, bias, mean, variance, False, momentum, eps, False)
        new = call(torch.ops.aten.batch_norm.default, args)
    new.meta = dict(node.meta)
    node.replace_all_uses_with(new)
    graph_module.graph.erase_node(node)


def _only_spreads(node: Any) -> bool:
    """Whether every axis stays as it is or is one value that is repeated."""
    before, after = shape_of(node.args[0]), shape_of(node)
    added = len(after) - len(before)
    return added >= 0 and all(was in (1, now) for was, now in zip(before, after[added:], strict=True))


def _is_few(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether copies side by side are not too many to be written one by one."""
    return 1 < math.prod(after) // max(math.prod(before), 1) <= MOST_COPIES


def _copies(before: tuple[int, ...], after: tuple[int, ...]) -> Any:
    """A function that puts copies of a tensor side by side, axis by axis."""
    import torch

    whole = (1,) * (len(after) - len(before)) + before

    def repeat(x: Any) -> Any:
        x = x.reshape(whole)
        for axis, (was, now) in enumerate(zip(whole, after, strict=True)):
            if was != now:
                x = torch.cat([x] * (now // was), axis)
        return x

    return repeat


def _gives_the_same(user: Any, node: Any) -> bool:
    """Whether an operation has a result of the same shape without the spreading of `node`."""
    import torch

    shapes = [shape_of(node.args[0] if one is node else one) for one in user.all_input_nodes]
    together: Any = torch.broadcast_shapes
    return tuple(together(*shapes)) == shape_of(user)
