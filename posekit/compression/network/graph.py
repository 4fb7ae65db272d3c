"""A network as a graph whose layers can be exchanged: from the source, over batches, and back into a file."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from posekit.contract.outputs import check_outputs
from posekit.contract.spec import PoseSpec
from posekit.errors import ConversionError
from posekit.progress import captured
from posekit.sources.reference import named_outputs, run_reference
from posekit.sources.source import SourceModel
from posekit.sources.torch.exported import forget_machine
from posekit.targets.graph import passes
from posekit.targets.graph.lowering import export_failure

Graph = Any  # torch.fx.GraphModule from a normalised (1, 3, H, W) to a flat tuple of tensors
Batched = Callable[[Any], tuple[Any, ...]]  # (N, 3, H, W) -> tensors with N first


def export_network(source: SourceModel, spec: PoseSpec) -> tuple[Graph, tuple[str, ...]]:
    """The bare network as a graph of aten operations with its BatchNorms folded, and the names of its outputs.

    InputError where its outputs are not the contract's; ConversionError (exit 4) where torch.export cannot follow it.
    """
    import torch

    width, height = spec.input.size_wh
    example = torch.zeros(1, len(spec.input.mean), height, width)
    outputs = run_reference(source, spec.looking_once, np.zeros((height, width, 3), np.float32))
    check_outputs({name: values.shape for name, values in outputs.items()}, spec)
    with captured(), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        _detach_copies(source.module)
        try:
            exported = torch.export.export(_flat(source.module, spec), (example,)).module(check_guards=False)
        except Exception as error:
            raise ConversionError(*export_failure(error)) from error
        graph = copied(exported)
        passes.name_convolutions(graph)
        passes.fuse_batch_norm(graph)
        _without_mutation(graph)
    return graph, tuple(outputs)


def copied(graph_module: Graph, more: tuple[str, ...] = ()) -> Graph:
    """A graph of its own over the same parameters; `more` names nodes that it gives after its outputs."""
    import torch

    graph = torch.fx.Graph()
    nodes: dict[Any, Any] = {}
    result = graph.graph_copy(graph_module.graph, nodes)
    by_name = {old.name: new for old, new in nodes.items()}
    outputs = result if isinstance(result, tuple | list) else (result,)
    graph.output((*outputs, *(by_name[name] for name in more)))
    return torch.fx.GraphModule(graph_module, graph)


def cloned(graph_module: Graph) -> Graph:
    """A graph of its own over parameters of its own."""
    result = copied(graph_module)
    for node in result.graph.nodes:
        if node.op == "get_attr":
            set_tensor(result, node, tensor_of(result, node))
    return result


def tensor_of(graph_module: Graph, node: Any) -> Any:
    """The tensor behind a node that reads an attribute; None for anything else."""
    if getattr(node, "op", "") != "get_attr":
        return None
    return operator.attrgetter(node.target)(graph_module)


def set_tensor(graph_module: Graph, node: Any, value: Any) -> None:
    """Put another tensor behind a node that reads an attribute; it must be the attribute's only reader."""
    from torch import nn

    path, _, name = node.target.rpartition(".")
    owner = operator.attrgetter(path)(graph_module) if path else graph_module
    old = getattr(owner, name)
    value = value.detach().clone()
    setattr(owner, name, nn.Parameter(value, requires_grad=False) if isinstance(old, nn.Parameter) else value)


def tidy(graph_module: Graph) -> None:
    """Drop what nothing reads any more, and make the graph's code anew."""
    graph_module.graph.eliminate_dead_code()
    graph_module.graph.lint()
    graph_module.delete_all_unused_submodules()
    graph_module.recompile()


def example(graph_module: Graph, size_wh: tuple[int, int]) -> Any:
    """Zeros (1, C, H, W) of as many channels as the graph was exported with."""
    import torch

    image = next(node for node in graph_module.graph.nodes if node.op == "placeholder")
    return torch.zeros(1, image.meta["val"].shape[1], *size_wh[::-1])


def multiply_adds(graph_module: Graph, size_wh: tuple[int, int]) -> int:
    """Multiply-adds for one input."""
    from torch import inference_mode
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, inference_mode():
        graph_module(example(graph_module, size_wh))
    return int(counter.get_total_flops()) // 2


def batched(graph_module: Graph, size_wh: tuple[int, int], twin: Graph | None = None) -> Batched:
    """The graph, which was made for one input, for many at a time: as it is where it allows that, else mapped.

    A shape that was written down with its batch of 1, as a ViT's reshape is, is what does not allow it. twin: a graph
    of the same shapes on which that is tried, for one that rounds, whose values jump.
    """
    import torch

    tried = _ways(graph_module if twin is None else twin)
    channels = example(graph_module, size_wh).shape[1]
    two = torch.randn(2, channels, *size_wh[::-1], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = tried[-1](two)
        for number, way in enumerate(tried[:-1]):
            try:
                seen = way(two)
            except Exception:  # any kind: the operations were written for one input
                continue
            if all(
                a.shape == b.shape and torch.allclose(a, b, 1e-3, 1e-4) for a, b in zip(seen, expected, strict=True)
            ):
                return _ways(graph_module)[number]
    return _ways(graph_module)[-1]


def _ways(graph_module: Graph) -> tuple[Batched, ...]:
    """Ways to run the graph on many, the fastest first; the last one always works."""
    import torch

    def mapped(images: Any) -> tuple[Any, ...]:
        outputs = torch.func.vmap(lambda image: tuple(graph_module(image[None])))(images)
        return tuple(output.flatten(0, 1) for output in outputs)

    def looped(images: Any) -> tuple[Any, ...]:
        return tuple(torch.cat(parts) for parts in zip(*(graph_module(row[None]) for row in images), strict=True))

    return graph_module, mapped, looped


def save(graph_module: Graph, names: tuple[str, ...], size_wh: tuple[int, int], file: Path) -> None:
    """Export for one input, the outputs by name, without the stack traces that would carry this machine's paths."""
    import torch

    with captured(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.export.export(_named(graph_module, names), (example(graph_module, size_wh),))
        forget_machine(exported)
        torch.export.save(exported, file)


def _detach_copies(network: Any) -> None:
    """Of a network from a .pt2: constants that its code makes are detached in place there, which torch.export writes
    and then refuses to read. Detached copies are the same numbers."""
    import torch

    for part in network.modules() if isinstance(network, torch.nn.Module) else ():
        if isinstance(part, torch.fx.GraphModule):
            for node in part.graph.find_nodes(op="call_function", target=torch.ops.aten.detach_.default):
                node.target = torch.ops.aten.detach.default
            part.recompile()


def _flat(network: Any, spec: PoseSpec) -> Any:
    from torch import Tensor, nn

    class Flat(nn.Module):
        """The network with its outputs in one flat tuple."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            return tuple(named_outputs(self.network(image), spec.outputs).values())

    model = Flat()
    model.training = False  # the network itself is in eval mode; an exported program refuses to be told again
    return model


def _named(graph_module: Graph, names: tuple[str, ...]) -> Any:
    from torch import Tensor, nn

    class Named(nn.Module):
        """The graph with its outputs by name."""

        def __init__(self) -> None:
            super().__init__()
            self.network = graph_module

        def forward(self, image: Tensor) -> dict[str, Tensor]:
            return dict(zip(names, self.network(image), strict=True))

    return Named().eval()


def _without_mutation(graph_module: Graph) -> None:
    """relu_ as relu and the like, where nobody else reads what it writes to: one tensor, one value."""
    import torch

    for node in graph_module.graph.nodes:
        packet = getattr(node.target, "_opname", "")
        if packet.endswith("_") and not packet.startswith("_") and len(node.args[0].users) == 1:
            functional = getattr(torch.ops.aten, packet.rstrip("_"), None)
            overload = node.target._overloadname
            if functional is not None and overload in functional.overloads():
                node.target = getattr(functional, overload)
    graph_module.recompile()
