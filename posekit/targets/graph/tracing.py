"""What the network computes on one picture, op by op: the record that posekit bisect compares with."""

from __future__ import annotations

from typing import Any

import numpy as np

from posekit.parity.trace import TracedOp, step_of
from posekit.targets.graph.lowering import Lowered
from posekit.targets.graph.passes import WEIGHT


def trace(lowered: Lowered) -> tuple[TracedOp, ...]:
    """Run the exported graph on its picture and note every output, in order: numbers, indices and masks. An output that
    is not all finite (a mask of minus infinity) has nothing to compare with, and is left out."""
    import torch
    from torch.fx import Interpreter, Node

    steps: list[TracedOp] = []
    layers: dict[Any, str] = {}
    noted: dict[Any, tuple[str, ...]] = {}  # of each node: the steps that its value is, or was computed from

    class Noting(Interpreter):
        """Runs the graph node by node."""

        def run_node(self, n: Node) -> Any:
            result = super().run_node(n)
            layers[n] = _layer(n) or next((layers[source] for source in n.all_input_nodes if layers.get(source)), "")
            sources = tuple(dict.fromkeys(name for source in n.all_input_nodes for name in noted[source]))
            noted[n] = sources
            if (
                n.op.startswith("call")
                and isinstance(result, torch.Tensor)
                and result.numel()
                and not result.is_complex()
            ):
                values = result.to(torch.float32).numpy()
                if np.isfinite(values).all():
                    steps.append(step_of(n.name, _op(n), layers[n], sources, values))
                    noted[n] = (n.name,)
            return result

    with torch.no_grad():
        Noting(lowered.graph).run(torch.from_numpy(lowered.pixels[None]))
    return tuple(steps)


def _op(node: Any) -> str:
    """`conv2d` for aten.conv2d.default."""
    name = str(node.target)
    return (
        name.removeprefix("aten.").partition(".")[0]
        if name.startswith("aten.")
        else getattr(node.target, "__name__", name)
    )


def _layer(node: Any) -> str:
    """The module whose weight a node uses, as the user's own code names it; empty for a node without weights, which
    counts to the layer whose result it takes."""
    weights = [node.meta.get(WEIGHT), *(source.target for source in node.all_input_nodes if source.op == "get_attr")]
    first = next((str(weight) for weight in weights if weight), "")
    return first.removeprefix("network.").rpartition(".")[0]
