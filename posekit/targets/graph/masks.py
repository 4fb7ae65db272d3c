"""Values chosen by a mask: at known places, where the mask is known, else all of them and a choice at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posekit.errors import ConversionError
from posekit.targets.graph import blame
from posekit.targets.graph.inlining import arguments, attribute, constant, example, inline, name_of, nodes_in, shape_of
from posekit.targets.graph.passes import tidy

Made = tuple[Callable[..., Any], list[Any]] | None


def settle_masks(graph_module: Any) -> int:
    """Values chosen by a mask as values at known places, where the mask is known, or as all of them, where what is
    computed of the chosen is written back; returns how many.

    ConversionError for what is left: results of which the picture decides how many there are.
    """
    import torch

    count = 0
    for node in list(graph_module.graph.nodes):
        if name_of(node) not in ("index", "index_put") or not node.users:
            continue
        for one in nodes_in([arguments(node)["indices"]]):
            if one.op == "get_attr" and attribute(one).dtype == torch.bool:
                _known_places(graph_module, node, one)
                count += 1
        if (made := masked(node)) is not None:
            inline(graph_module, node, *made)
            count += 1
    tidy(graph_module)
    for node in list(graph_module.graph.nodes):
        _settle(node)
    tidy(graph_module)
    if (left := next((node for node in graph_module.graph.nodes if not is_settled(node)), None)) is not None:
        what = f"no phone's graph holds what {blame.place_of(left)} gives: as many values as the picture decides"
        raise ConversionError(what, blame.remedy_of(left))
    return count


def masked(node: Any) -> Made:
    """What is written where a mask is true: one value, the same for all of it, or what is computed of the values
    there."""
    import torch

    given = arguments(node)
    masks = [one for one in given.get("indices") or () if one is not None]
    if (
        name_of(node) != "index_put"
        or len(masks) != 1
        or given["accumulate"]
        or masks[0].meta["val"].dtype != torch.bool
    ):
        return None
    mask, shape = masks[0], shape_of(node)
    first = given["indices"].index(mask)
    behind = len(shape) - first - len(shape_of(mask))
    axes = [1] * first + list(shape_of(mask)) + [1] * behind
    found = _of_all(given["values"], given["indices"], behind)
    if found is None:
        return None
    values, sources = found

    def write(x: Any, mask: Any, *given: Any) -> Any:
        return torch.where(mask.reshape(axes), values(dict(zip(sources, given, strict=True))).to(x.dtype), x)

    return write, [given["self"], mask, *sources]


def is_settled(node: Any) -> bool:
    """Whether the sizes of what a node gives are numbers."""
    value = node.meta.get("val")
    return all(
        isinstance(size, int)
        for one in (value if isinstance(value, list | tuple) else [value])
        for size in getattr(one, "shape", ())
    )


def _known_places(graph_module: Any, node: Any, mask: Any) -> None:
    """The places where a mask is true instead of the mask."""
    indices = list(node.args[1])
    at = indices.index(mask)
    with graph_module.graph.inserting_before(node):
        places = [constant(graph_module, one) for one in attribute(mask).nonzero(as_tuple=True)]
    node.args = (node.args[0], [*indices[:at], *places, *indices[at + 1 :]], *node.args[2:])


def _settle(node: Any) -> None:
    """The sizes of a node anew, and numbers instead of what is computed of them, where those of what it reads are
    known."""
    import torch
    from torch.fx.node import map_arg

    if node.op != "call_function" or not all(is_settled(one) for one in node.all_input_nodes):
        return
    tags = getattr(node.target, "tags", ())
    if name_of(node) == "sym_size":
        _replace(node, shape_of(node.args[0])[node.args[1]])
    elif not name_of(node) and not node.all_input_nodes and all(isinstance(one, int) for one in node.args):
        _replace(node, node.target(*node.args))
    elif not is_settled(node) and (name_of(node) == "index" or torch.Tag.dynamic_output_shape not in tags):
        args, kwargs = (map_arg(given, example) for given in (node.args, node.kwargs))
        kinds = [one.dtype for one in args[1] if one is not None] if name_of(node) == "index" else []
        if torch.bool not in kinds:
            node.meta["val"] = node.target(*args, **kwargs)


def _replace(node: Any, value: int) -> None:
    """A number instead of the node that computes it."""
    from torch.fx.node import map_arg

    for user in list(node.users):
        user.args = map_arg(user.args, lambda one: value if one is node else one)
        user.kwargs = map_arg(user.kwargs, lambda one: value if one is node else one)


def _of_all(node: Any, indices: Any, behind: int) -> tuple[Callable[[dict[Any, Any]], Any], list[Any]] | None:
    """What the values where a mask is true are computed from, as a function of whole tensors, and those; None where one
    of the operations needs to know which values there are."""
    import torch
    from torch import fx
    from torch.fx.node import map_arg

    sizes = list(node.meta["val"].shape)
    if all(isinstance(size, int) for size in sizes) and all(size == 1 for size in sizes[: len(sizes) - behind]):
        shape = sizes[max(len(sizes) - behind, 0) :]
        return lambda known: known[node].reshape(shape), [node]
    if name_of(node) == "index" and list(node.args[1]) == list(indices):
        return lambda known: known[node.args[0]], [node.args[0]]
    if name_of(node) in ("view", "reshape", "squeeze") and _long(node) == _long(node.args[0]):
        return _of_all(node.args[0], indices, behind)
    if not isinstance(node.target, torch._ops.OpOverload) or torch.Tag.pointwise not in node.target.tags:
        return None
    parts = {one: _of_all(one, indices, behind) for one in node.all_input_nodes}
    if any(part is None for part in parts.values()):
        return None

    def compute(known: dict[Any, Any]) -> Any:
        def value(one: fx.Node) -> Any:
            return parts[one][0](known)  # type: ignore[index]

        return node.target(*map_arg(node.args, value), **map_arg(node.kwargs, value))

    return compute, list(dict.fromkeys(source for part in parts.values() if part for source in part[1]))


def _long(node: Any) -> list[str]:
    """The sizes of a node but for axes of one value."""
    return [str(size) for size in node.meta["val"].shape if not (isinstance(size, int) and size == 1)]
