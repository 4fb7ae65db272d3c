"""Put what a plain torch function computes in the place of one operation of an exported graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

ORIGIN = ("nn_module_stack", "stack_trace")  # in a node's meta: the layer and the line of the user's code


def inline(
    graph_module: Any,
    node: Any,
    function: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    table: Mapping[Any, Callable[..., Any]] | None = None,
) -> tuple[Any, ...]:
    """Replace `node` by the operations of function(*inputs); returns the nodes that were put in.

    inputs: nodes and tensors; a tensor becomes a constant of the graph. Without a table the function's own operations
    stay as they are written; with one, each is taken apart as the table says, else into torch's core operations.
    """
    from torch import fx
    from torch.func import functionalize
    from torch.fx.experimental.proxy_tensor import make_fx

    examples = [example(one) if isinstance(one, fx.Node) else one.to("meta") for one in inputs]
    if table is not None:  # torch's own are free to write in place
        function = functionalize(function, remove="mutations")
    traced = make_fx(
        lambda *given: function(*given), decomposition_table=dict(table or {}), pre_dispatch=table is None
    )(*examples)
    result, added = _put_in(graph_module, node, traced, inputs)
    if isinstance(result, fx.Node):
        node.replace_all_uses_with(result)
    else:
        for user in list(node.users):  # of several results each is taken out by its number
            user.replace_all_uses_with(result[user.args[1]])
            graph_module.graph.erase_node(user)
    graph_module.graph.erase_node(node)
    return tuple(added)


def _put_in(graph_module: Any, node: Any, traced: Any, inputs: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Copy the operations of the graph `traced` to before `node`; its result, and the nodes that were put in."""
    from torch import Tensor, fx

    known: dict[Any, Any] = {}
    given = iter(inputs)
    added: list[Any] = []
    result: Any = None
    with graph_module.graph.inserting_before(node):
        for inner in traced.graph.nodes:
            if inner.op == "placeholder":
                source = next(given)
                known[inner] = constant(graph_module, source) if isinstance(source, Tensor) else source
            elif inner.op == "get_attr":
                known[inner] = constant(graph_module, getattr(traced, inner.target))
            elif inner.op == "output":
                result = fx.node.map_arg(inner.args[0], lambda one: known[one])
            else:
                copy = known[inner] = graph_module.graph.node_copy(inner, lambda one: known[one])
                if copy.kwargs.get("device") is not None:
                    copy.kwargs = {**copy.kwargs, "device": None}  # that of the examples
                copy.meta |= {key: node.meta[key] for key in ORIGIN if key in node.meta}
                added.append(copy)
    return result, added


def example(node: Any) -> Any:
    """A tensor without values, of the shape, strides and type that a node gives."""
    import torch

    value = node.meta.get("val")
    if value is None and node.op == "get_attr":
        value = attribute(node)
    if not isinstance(value, torch.Tensor):
        return value
    return torch.empty_strided(tuple(value.shape), value.stride(), dtype=value.dtype, device="meta")


def shape_of(node: Any) -> tuple[int, ...]:
    """The shape that a node gives."""
    return tuple(int(size) for size in example(node).shape)


def attribute(node: Any) -> Any:
    """The value behind a get_attr node."""
    value = node.graph.owning_module
    for part in node.target.split("."):
        value = getattr(value, part)
    return value


def constant(graph_module: Any, value: Any) -> Any:
    """A node of a new constant, at the place where nodes are being put in."""
    taken = {name for name, _ in graph_module.named_buffers()}
    name = next(free for number in count(len(taken)) if (free := f"constant_{number}") not in taken)
    graph_module.register_buffer(name, value.detach().clone().contiguous())
    node = graph_module.graph.get_attr(name)
    node.meta["val"] = value.to("meta")
    return node


def arguments(node: Any) -> dict[str, Any]:
    """The arguments of an operation by the names of its schema, defaults filled in."""
    given = dict(node.kwargs)
    for place, argument in enumerate(node.target._schema.arguments):
        if place < len(node.args):
            given[argument.name] = node.args[place]
        elif argument.name not in given:
            given[argument.name] = argument.default_value
    return given


def called(node: Any) -> tuple[Callable[..., Any], list[Any]]:
    """A node's own call as a function of its tensors, and those."""
    from torch.fx.node import map_arg

    sources = list(node.all_input_nodes)

    def call(*tensors: Any) -> Any:
        known = dict(zip(sources, tensors, strict=True))
        args, kwargs = (map_arg(given, lambda one: known[one]) for given in (node.args, node.kwargs))
        return node.target(*args, **kwargs)

    return call, sources


def name_of(node: Any) -> str:
    """`conv2d` for aten.conv2d.default; empty for what is no operation of torch."""
    target = str(node.target)
    return target.split(".")[1] if node.op == "call_function" and target.startswith("aten.") else ""


def nodes_in(values: Any) -> list[Any]:
    """The nodes of arguments that are nodes, or lists of nodes, numbers and nothing."""
    from torch import fx

    found = [one for value in values for one in (value if isinstance(value, list | tuple) else [value])]
    return [one for one in found if isinstance(one, fx.Node)]
