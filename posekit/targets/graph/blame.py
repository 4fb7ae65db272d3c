"""Which layer of the user's code an operation comes from, and what can be put in its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from posekit.targets.graph.inlining import name_of

# operations that no route to LiteRT brings into a file that loads; a converter's minutes need not be spent first
NOT_IN_LITERT = ("argsort", "kthvalue", "median", "mode", "msort", "nonzero", "sort", "unique_consecutive")
REMEDIES = {
    "fft": "a Fourier transform of fixed size is a product with a constant matrix: torch.matmul",
    "grid_sampler": "give one picture at a time, and mode bilinear or nearest",
    "kthvalue": "a threshold by torch.topk of few values is converted",
    "complex": "compute with the real and the imaginary part as two tensors",
    "linalg": "compute it outside of forward(), or in closed form",
    "max_unpool": "unpool with the indices of a MaxPool2d(k, stride=k) of the same size, or upsample",
    "median": "a threshold by torch.topk of few values is converted",
    "index": "keep all values, and choose by torch.where or multiply by a mask",
    "nonzero": "the number of its results depends on the picture: keep all, and multiply by a mask",
    "masked_select": "keep all values, and choose by torch.where or multiply by a mask",
    "scatter_reduce": "compute it by torch.where and amax over the places of each group",
    "searchsorted": "compare with every boundary, and sum: (x[..., None] > boundaries).sum(-1)",
    "sort": "torch.topk of few values is converted; sort in the app",
    "topk": "take fewer values, or leave it to the decoder",
}
# how converters name an operation of torch: aten.sort.default, aten::sort, 'sort', `sort`, op sort; the bare word may
# be one of a sentence (where, to, index, select)
NAMED = re.compile(r"(?:aten|prims)[.:]+(\w+)|['\"`](\w+)['\"`]|\b[Oo]p(?:eration|erator)?:? (\w+)")


def explained(graph_module: Any, text: str) -> str:
    """The operation that an error of a converter is about, its layer, its line and a remedy; empty if it names none.

    Of several names it is the one that comes first; of several operations of that name the first, which is said.
    """
    nodes: dict[str, list[Any]] = {}
    for node in graph_module.graph.nodes:
        nodes.setdefault(name_of(node).replace("_", ""), []).append(node)  # erfinv is erf_inv in another table
    named = (one.replace("_", "") for match in NAMED.finditer(text) for one in match.groups() if one)
    same = next((nodes[one] for one in named if one in nodes), [])
    if not same:
        return ""
    return told(same[0]) + (f" (the first of {len(same)} of that name)" if len(same) > 1 else "")


def first_of(graph_module: Any, names: tuple[str, ...]) -> Any:
    """The first operation with one of these names; None without one."""
    return next((node for node in graph_module.graph.nodes if name_of(node) in names), None)


def first_complex(graph_module: Any) -> Any:
    """The first operation that gives complex numbers, which neither file format holds; None without one."""
    values = ((node, node.meta.get("val")) for node in graph_module.graph.nodes if node.op == "call_function")
    return next((node for node, value in values if getattr(getattr(value, "dtype", None), "is_complex", False)), None)


def first_unknown(graph_module: Any, is_known: Callable[[Any], bool]) -> Any:
    """The first operation of torch that a converter does not know; None without one."""
    return next((node for node in graph_module.graph.nodes if name_of(node) and not is_known(node)), None)


def told(node: Any) -> str:
    """`sort in layer neck.rank (pose.py, line 12: x.sort(1)): ` and what to do about it."""
    return f"{place_of(node)}: {remedy_of(node)}"


def place_of(node: Any) -> str:
    """`sort in layer neck.rank (pose.py, line 12: x.sort(1))`."""
    layer, line = layer_of(node), line_of(node)
    place = f" in layer {layer}" if layer else "" if line else _behind(node)
    return f"{name_of(node)}{place}{line}"


def remedy_of(node: Any) -> str:
    """What can be put in the place of an operation."""
    name = name_of(node)
    return next(
        (text for word, text in REMEDIES.items() if word in name), "replace it by operations that are converted"
    )


def layer_of(node: Any) -> str:
    """The module whose forward() calls an operation, as the user's own code names it; empty for the network itself."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path = str(stack[-1][0]) if stack else ""
    return re.sub(r"^(L\['self'\]\.)?network\.?", "", path)


def _behind(node: Any) -> str:
    """` behind layer head`, of an exported program, which does not say more: the last layer before an operation."""
    seen, ahead = set(), [node]
    while ahead:
        one = ahead.pop(0)
        weight = next((str(source.target) for source in one.all_input_nodes if source.op == "get_attr"), "")
        if weight.startswith("network."):
            return f" behind layer {weight.removeprefix('network.').rpartition('.')[0]}"
        ahead += [source for source in one.all_input_nodes if source not in seen]
        seen.update(ahead)
    return ""


def line_of(node: Any) -> str:
    """` (file, line n: code)` of the user's code, empty where it is not known."""
    calls = re.findall(r'File "([^"]+)", line (\d+), in [^\n]*\n\s*([^\n]+)', str(node.meta.get("stack_trace") or ""))
    own = [call for call in calls if "/torch/" not in call[0] and not call[0].startswith("<")]
    if not own:
        return ""
    file, line, code = own[-1]
    return f" ({Path(file).name}, line {line}: {code.strip()[:80]})"
