"""The layers of a graph that hold most of its arithmetic, and what flows through them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from posekit.compression.network.graph import Graph, example, tensor_of
from posekit.targets.graph import passes

REPLACES = "posekit_replaces"  # in a node's meta: the original's layer whose outputs it gives


@dataclass(frozen=True, slots=True)
class CompressibleLayer:
    """One convolution, transposed convolution or linear layer with constant weights.

    node: of the graph; weight and bias: tensors (bias may be None); out_axis and in_axis: of `weight`. groups: 1 for a
    dense layer. positions: how often the weight is applied for one input; outputs: at how many places it gives a value.
    shared: others read the same weight.
    """

    node: Any
    kind: str
    name: str
    weight: Any
    bias: Any
    groups: int
    positions: int
    outputs: int
    shared: bool

    @property
    def out_axis(self) -> int:
        """Axis of the weight that counts outputs."""
        return 1 if self.kind == "deconv" else 0

    @property
    def in_axis(self) -> int:
        """Axis of the weight that counts inputs."""
        return 0 if self.kind == "deconv" else 1

    @property
    def channel_axis(self) -> int:
        """Axis of its input and its output that counts channels."""
        return -1 if self.kind == "linear" else 1

    @property
    def multiply_adds(self) -> int:
        """For one input."""
        return self.positions * int(self.weight.numel())


def layer_kinds() -> dict[Any, str]:
    """What is a layer, by operation."""
    import torch

    aten = torch.ops.aten
    return {
        aten.conv2d.default: "conv",
        aten.conv2d.padding: "conv",  # padding="same"
        aten.conv1d.default: "conv",
        aten.conv_transpose2d.input: "deconv",
        aten.conv_transpose1d.default: "deconv",
        aten.linear.default: "linear",
    }


def layers_of(graph_module: Graph, size_wh: tuple[int, int]) -> list[CompressibleLayer]:
    """The layers in the order in which they run."""
    kinds, shapes = layer_kinds(), shapes_of(graph_module, size_wh)
    nodes = list(graph_module.graph.nodes)
    readers = Counter(user for node in nodes if node.op == "get_attr" for user in [node.target] * len(node.users))
    found = []
    for node in nodes:
        if node.target not in kinds or len(node.args) < 2 or node.kwargs:
            continue
        weight = tensor_of(graph_module, node.args[1])
        if weight is None:
            continue
        kind, bias = kinds[node.target], tensor_of(graph_module, (*node.args, None)[2])
        groups = node.args[6] if kind != "linear" and len(node.args) > 6 else 1
        outputs = _places(shapes[node.name], kind)
        positions = _places(shapes[node.args[0].name], kind) if kind == "deconv" else outputs
        held = [part.target for part in node.args[1:3] if getattr(part, "op", "") == "get_attr"]
        name = str(node.meta.get(passes.WEIGHT, node.args[1].target)).removesuffix(".weight").removeprefix("network.")
        shared = any(readers[target] > 1 for target in held)
        found.append(CompressibleLayer(node, kind, name, weight, bias, groups, positions, outputs, shared))
    return found


def _places(shape: tuple[int, ...], kind: str) -> int:
    return math.prod(shape[:-1]) if kind == "linear" else math.prod((shape[0], *shape[2:]))


def shapes_of(graph_module: Graph, size_wh: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of the graph by the name of its node, for one input."""
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = [example(graph_module, size_wh)]
    watch(graph_module, inputs, lambda node, value: shapes.update({node.name: tuple(value.shape)}))
    return shapes


def watch(graph_module: Graph, inputs: Iterable[Any], see: Callable[[Any, Any], None]) -> None:
    """Run the graph on inputs (1, 3, H, W), and give every tensor with its node to `see` as soon as it is there."""
    import torch

    class Watching(torch.fx.Interpreter):
        def run_node(self, n: Any) -> Any:
            value = super().run_node(n)
            if isinstance(value, torch.Tensor):
                see(n, value)
            return value

    with torch.no_grad():
        for one in inputs:
            Watching(graph_module).run(one)


@dataclass
class Moments:
    """Sums over positions of a tensor's channels: weight, sum (C,) and products (C, C), float64.

    An input counts the less the stronger it is: there are crops whose values are ten times those of the others, and
    which alone would say what matters.
    """

    weight: float = 0.0
    total: Any = 0.0
    products: Any = 0.0
    _power: float = 0.0
    _inputs: int = 0

    def add(self, values: Any) -> None:
        """Add the positions (P, C) of one input."""
        values = values.double()
        power = float((values - values.mean(0)).square().mean())
        self._power, self._inputs = self._power + power, self._inputs + 1
        usual = self._power / self._inputs
        weight = usual / max(power + usual, 1e-30) if usual else 1.0
        self.weight += weight * len(values)
        self.total = self.total + weight * values.sum(0)
        self.products = self.products + weight * (values.T @ values)

    @property
    def mean(self) -> Any:
        """(C,)."""
        return self.total / self.weight

    @property
    def second(self) -> Any:
        """Mean products (C, C), about zero."""
        return self.products / self.weight

    @property
    def covariance(self) -> Any:
        """(C, C), about the mean."""
        import torch

        return self.second - torch.outer(self.mean, self.mean)


def moments(graph_module: Graph, axes: dict[str, int], inputs: Iterable[Any]) -> dict[str, Moments]:
    """Moments of the tensors of the nodes named in `axes`, over their channel axes, on inputs (1, 3, H, W)."""
    found = {name: Moments() for name in axes}

    def see(node: Any, value: Any) -> None:
        if node.name in found:
            found[node.name].add(value.movedim(axes[node.name], -1).reshape(-1, value.shape[axes[node.name]]))

    watch(graph_module, inputs, see)
    return found
