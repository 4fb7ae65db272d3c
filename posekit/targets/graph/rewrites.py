"""What makes a .tflite faster and changes no value: rewrites of the lowered graph, each with a name to leave it out by.

Core ML's file is made of the graph as it is: its own compiler chooses how a layer is computed.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from posekit.contract.precisions import Rewrite
from posekit.targets.graph import bands, deconvolutions, normalisation, phases, simplify
from posekit.targets.graph.lowering import Lowered
from posekit.targets.graph.passes import tidied_once


@dataclass(frozen=True, slots=True)
class Faster:
    """apply: changes a graph in place and returns how many it has changed. of: what those are, in words."""

    apply: Callable[[Any], int]
    of: str


FASTER: Mapping[Rewrite, Faster] = {
    "phases": Faster(phases.rewrite_transposed, "transposed convolutions in phases"),
    "bands": Faster(bands.rewrite_depthwise, "depthwise convolutions of more than 25 taps in bands"),
    "input": Faster(normalisation.rewrite_input, "normalisation by one subtraction, its scale in the first layer"),
}


def plain(lowered: Lowered) -> Lowered:
    """The graph in operations that converters know, without any rewrite for speed."""
    graph = _copied(lowered.graph)
    deconvolutions.rewrite_deconvolutions(graph)
    return replace(lowered, graph=graph)


def rewritten(lowered: Lowered, without: Collection[Rewrite] = ()) -> tuple[Lowered, dict[Rewrite, int]]:
    """The graph as it is fastest on a CPU, and how many times each rewrite was made; those of none are left out."""
    graph = _copied(lowered.graph)
    with tidied_once(graph):
        counts = {name: one.apply(graph) for name, one in FASTER.items() if name not in without}
        deconvolutions.rewrite_deconvolutions(graph)
        simplify.name_slices(graph)
    return replace(lowered, graph=graph), {name: count for name, count in counts.items() if count}


def told(counts: Mapping[Rewrite, int]) -> tuple[str, ...]:
    """A sentence for each rewrite that was made."""
    return tuple(
        f"rewritten for speed on a CPU: {FASTER[name].of} ({count}); --no-rewrite {name} leaves that out"
        for name, count in counts.items()
    )


def _copied(graph_module: Any) -> Any:
    """A graph of its own on the same weights."""
    from torch import fx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch's own code, as it copies what it made itself
        made = fx.GraphModule(graph_module, copy.deepcopy(graph_module.graph))
    for module in made.modules():
        module.training = False
    return made
