"""What depends on no pixel is computed once, before any converter sees it: grids, masks, normalised weights."""

from __future__ import annotations

import re
from typing import Any

from posekit.targets.graph.inlining import attribute, constant, example, name_of
from posekit.targets.graph.passes import WEIGHT, tidy

MOST_VALUES = 1 << 22  # of one constant, unless what it is made of is as large already
SHAPED = (
    "full_like",
    "new_full",
    "new_ones",
    "new_zeros",
    "ones_like",
    "zeros_like",
)  # of a tensor, they read its size
RANDOM = ("bernoulli", "dropout", "multinomial", "normal", "poisson", "rand", "uniform")


def fold_constants(graph_module: Any) -> int:
    """Compute every operation whose inputs are all constants; returns how many constants the graph has then got.

    A result of more than MOST_VALUES stays as it is computed, unless its inputs hold as many.
    """
    import torch
    from torch import Tensor

    values: dict[Any, Any] = {}
    made: dict[Any, str] = {}  # of each constant: the weight that it was computed from, where there is one
    with torch.no_grad():
        for node in graph_module.graph.nodes:
            if node.op == "get_attr" and isinstance(value := attribute(node), Tensor):
                values[node], made[node] = value.detach(), str(node.target)
            elif (name_of(node) in SHAPED and _is_measured(node)) or _is_fixed(node, values):
                sources = [one for one in node.all_input_nodes if one in values]
                args = _filled(node.args, values) if name_of(node) not in SHAPED else (_shaped(node), *node.args[1:])
                result = node.target(*args, **_filled(node.kwargs, values))
                if not _is_small(result, [values[one] for one in sources]):
                    continue
                values[node] = result
                made[node] = next((made[one] for one in sources if made.get(one)), "")
    folded = 0
    for node, value in list(values.items()):
        if node.op == "get_attr" or not isinstance(value, Tensor) or all(user in values for user in node.users):
            continue
        with graph_module.graph.inserting_before(node):
            new = constant(graph_module, value)
        if made[node]:
            new.meta[WEIGHT] = _source(made[node])
        node.replace_all_uses_with(new)
        folded += 1
    tidy(graph_module)
    return folded


def _is_fixed(node: Any, values: dict[Any, Any]) -> bool:
    """Whether a node is an operation without chance or side effect, on known values alone."""
    import operator

    if node.op != "call_function":
        return False
    if node.target is not operator.getitem:
        schema = getattr(node.target, "_schema", None)
        if schema is None or schema.is_mutable or any(word in name_of(node) for word in RANDOM):
            return False
        if not name_of(node) or not schema.returns:
            return False
    return all(one in values for one in node.all_input_nodes)


def _is_measured(node: Any) -> bool:
    """Whether the sizes that a node reads are numbers, and do not depend on the picture."""
    return all(isinstance(size, int) for size in node.args[0].meta["val"].shape)


def _shaped(node: Any) -> Any:
    """Zeros like the tensor that an operation reads the size and type of."""
    import torch

    like = example(node.args[0])
    return torch.zeros(tuple(like.shape), dtype=like.dtype)


def _filled(given: Any, values: dict[Any, Any]) -> Any:
    from torch.fx.node import map_arg

    return map_arg(given, lambda one: values[one])


def _is_small(result: Any, sources: list[Any]) -> bool:
    from torch import Tensor

    if not isinstance(result, Tensor):
        return True
    largest = max((one.numel() for one in sources if isinstance(one, Tensor)), default=0)
    return result.numel() <= max(MOST_VALUES, largest)


def _source(weight: str) -> str:
    """The weight of the layer whose parametrisation a weight is: `conv.weight` for `conv.weight_orig`, and alike."""
    found = re.fullmatch(r"(.*\.)?parametrizations\.(\w+)\.original\d*", weight)
    if found:
        return f"{found[1] or ''}{found[2]}"
    return re.sub(r"_(orig|[gv])$", "", weight)
