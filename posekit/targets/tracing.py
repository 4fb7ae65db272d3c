"""What the network computes on one picture, op by op: the record that posekit bisect compares with."""

from __future__ import annotations

from typing import Any

from posekit.parity.trace import Step, step_of
from posekit.targets.lowering import Lowered
from posekit.targets.passes import WEIGHT


def trace(lowered: Lowered) -> list[Step]:
    """Run the exported graph on its picture and note every floating-point output, in order."""
    import torch
    from torch.fx import Interpreter, Node

    steps: list[Step] = []
    layers: dict[Any, str] = {}

    class Noting(Interpreter):
        """Runs the graph node by node."""

        def run_node(self, n: Node) -> Any:
            result = super().run_node(n)
            layers[n] = _layer(n) or next((layers[source] for source in n.all_input_nodes if layers.get(source)), "")
            if n.op.startswith("call") and isinstance(result, torch.Tensor) and result.is_floating_point():
                op = str(n.target).removeprefix("aten.").partition(".")[0]
                steps.append(step_of(n.name, op, layers[n], result.numpy()))
            return result

    with torch.no_grad():
        Noting(lowered.graph).run(torch.from_numpy(lowered.pixels[None]))
    return steps


def _layer(node: Any) -> str:
    """The module whose weight a node uses, as the user's own code names it; empty for a node without weights, which
    counts to the layer whose result it takes."""
    weights = [node.meta.get(WEIGHT), *(source.target for source in node.all_input_nodes if source.op == "get_attr")]
    first = next((str(weight) for weight in weights if weight), "")
    return first.removeprefix("network.").rpartition(".")[0]
