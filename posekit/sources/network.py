"""A graph of another framework's operations as a PyTorch module, by one rule an operation.

Sizes are fixed, so whatever depends on shapes alone is computed once as the module is built; what is left depends on
the picture. A rule is a function of a node and its operands that gives a tensor, a `Constant`, or a tuple of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from posekit.errors import ConversionError, PosekitError, said

if TYPE_CHECKING:
    from torch import Tensor, nn

WITHOUT = "cut the network before it with `file_outputs` where it belongs to the decoding, or export it without it"
MOST_NUMBERS = 1 << 26  # of one tensor that a file asks for in a few bytes


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that does not depend on the picture; parameter: the module's own of it, where it is a weight."""

    values: NDArray[Any]
    parameter: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. inputs: names, empty where an optional one is left out. version: of the operation's meaning, where
    the framework counts them."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0

    @property
    def place(self) -> str:
        """How it is told of."""
        return f"{self.op} {self.name!r}" if self.name else self.op


@dataclass(frozen=True, slots=True)
class Branch:
    """One of the two graphs of an `If`. outputs: names of its results, in the order of the node's."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, NDArray[Any]]
    outputs: tuple[str, ...]

    @property
    def reads(self) -> set[str]:
        """Names from outside that it needs."""
        given = set(self.constants) | {name for node in self.nodes for name in node.outputs}
        return ({name for node in self.nodes for name in node.inputs} | set(self.outputs)) - given


Operand = Any  # Tensor | Constant | None
Rule = Callable[..., Any]
Arrange = Callable[[dict[str, Any]], dict[str, Any]]  # of tensors or arrays by name


class RuleError(ValueError):
    """An operation that its rule does not do, in words."""


def tensor(operand: Operand) -> Tensor:
    """An operand as a tensor, whatever it depends on."""
    import torch

    if not isinstance(operand, Constant):
        return cast("Tensor", operand)
    if operand.parameter is not None:
        return operand.parameter
    return torch.from_numpy(np.array(operand.values, order="C"))


def fixed(operand: Operand, what: str) -> NDArray[Any]:
    """An operand that must not depend on the picture; what: its name in a refusal."""
    if not isinstance(operand, Constant):
        raise RuleError(f"its {what} depends on the picture")
    return operand.values


def whole(operand: Operand, what: str) -> list[int]:
    """A constant operand as a list of whole numbers."""
    return [int(one) for one in np.asarray(fixed(operand, what)).reshape(-1)]


def bounded(sides: Sequence[int]) -> list[int]:
    """The sides of a tensor that is to be made; RuleError where it would be larger than any network needs."""
    if any(side < 0 for side in sides) or math.prod(sides) > MOST_NUMBERS:
        raise RuleError(f"a tensor of {' x '.join(map(str, sides))} numbers, at most {MOST_NUMBERS:,} are made")
    return list(sides)


def build(
    nodes: Sequence[Node], constants: Mapping[str, NDArray[Any]], inputs: Mapping[str, NDArray[np.float32]],
    outputs: Mapping[str, str], rules: Mapping[str, Rule], prepare: Callable[[Any], Any],
    arrange: Arrange,
) -> nn.Module:  # fmt: skip
    """The module from (1, C, H, W) to a dictionary of outputs.

    constants: by the graph's names. inputs: one example (1, C, H, W) by name. outputs: the graph's names by those to
    give. prepare: what is done to (1, C, H, W) to be the graph's input; arrange: what is done to its outputs. Constants
    in float are parameters, named after their node. ConversionError names the operation that has no rule, or whose rule
    refuses.
    """
    import torch

    ((input_name, example),) = inputs.items()
    needed = _needed(nodes, set(outputs.values()))
    values: dict[str, Operand] = {name: Constant(one) for name, one in constants.items()}
    values[input_name] = prepare(torch.from_numpy(example))
    left: list[Node] = []
    with torch.no_grad():
        waiting = needed[::-1]
        while waiting:
            node = waiting.pop()
            if node.op == "If":
                waiting += _taken(node, values)[::-1]
                continue
            _require(node, rules)
            results = _run(node, [values.get(name) if name else None for name in node.inputs], rules, is_folding=True)
            values.update(zip(node.outputs, results, strict=False))
            if not all(isinstance(one, Constant) for one in results):
                left.append(node)
    read = {name for node in left for name in node.inputs} | set(outputs.values())
    known = {name: one.values for name, one in values.items() if isinstance(one, Constant) and name in read}
    return _module(left, known, input_name, outputs, rules, prepare, arrange)


def refusing(why: PosekitError) -> nn.Module:
    """A module that raises `why` as soon as it is run: of a network that another framework runs and PyTorch does
    not."""
    from torch import nn

    class Refusing(nn.Module):
        """No network: the reason for there being none."""

        def forward(self, image: Tensor) -> Tensor:
            raise why

    return Refusing().eval()


def _needed(nodes: Sequence[Node], wanted: set[str]) -> list[Node]:
    """The nodes that `wanted` comes from, in their order."""
    kept: list[Node] = []
    wanted = set(wanted)
    for node in reversed(nodes):
        if wanted & set(node.outputs):
            kept.append(node)
            wanted |= set(node.inputs)
    return kept[::-1]


def _taken(node: Node, values: dict[str, Operand]) -> list[Node]:
    """The nodes of the branch that is always taken; its constants are put among `values`."""
    condition = values[node.inputs[0]]
    if not isinstance(condition, Constant):
        raise ConversionError(
            f"{node.place} decides by the picture which operations run, which no phone graph can hold",
            "export the network without it",
        )
    branch: Branch = node.attributes["branches"][0 if bool(condition.values.reshape(-1)[0]) else 1]
    values |= {name: Constant(one) for name, one in branch.constants.items()}
    pairs = zip(branch.outputs, node.outputs, strict=True)
    return [*branch.nodes, *(Node("Identity", node.name, (own,), (name,)) for own, name in pairs)]


def _require(node: Node, rules: Mapping[str, Rule]) -> None:
    if node.op not in rules:
        raise ConversionError(
            f"posekit has no PyTorch equivalent of {node.place}",
            WITHOUT,
        )


def _run(node: Node, operands: list[Operand], rules: Mapping[str, Rule], *, is_folding: bool = False) -> list[Operand]:
    """The results of a node; folded where every operand is a constant."""
    try:
        result = rules[node.op](node, *operands)
        results = list(result) if isinstance(result, tuple | list) else [result]
        if is_folding and all(one is None or isinstance(one, Constant) for one in operands):
            return [one if isinstance(one, Constant) else Constant(one.numpy()) for one in results]
    except ConversionError:
        raise
    except RuleError as error:
        raise ConversionError(f"{node.place} cannot be converted: {error}", WITHOUT) from error
    except Exception as error:  # torch raises what it likes for sizes that do not fit
        raise ConversionError(
            f"{node.place} cannot be converted{said(error)}", "does the size fit the file?"
        ) from error
    return results


def _module(
    nodes: Sequence[Node], constants: Mapping[str, NDArray[Any]], input_name: str, outputs: Mapping[str, str],
    rules: Mapping[str, Rule], prepare: Callable[[Any], Any], arrange: Arrange,
) -> nn.Module:  # fmt: skip
    from torch import nn

    class Rules(nn.Module):
        """The graph's nodes in their order, each by its rule."""

        def __init__(self) -> None:
            super().__init__()
            self.places = _register(self, nodes, constants)

        def forward(self, image: Tensor) -> dict[str, Tensor]:
            values: dict[str, Operand] = {
                name: Constant(one, self.get_parameter(self.places[name]) if name in self.places else None)
                for name, one in constants.items()
            }
            values[input_name] = prepare(image)
            for node in nodes:
                results = _run(node, [values.get(name) if name else None for name in node.inputs], rules)
                values.update(zip(node.outputs, results, strict=False))
            return arrange({name: tensor(values[place]) for name, place in outputs.items()})

    return Rules().eval()


def _register(module: nn.Module, nodes: Sequence[Node], constants: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Make parameters of the constants in float that nodes read; their paths in the module by name."""
    paths: dict[str, list[str]] = {}
    for node in nodes:
        for index, name in enumerate(node.inputs):
            values = constants.get(name)
            if values is not None and values.dtype.kind == "f" and values.size > 1:
                paths.setdefault(name, _path(node, name, index))
    return {name: registered(module, path, constants[name]) for name, path in paths.items()}


def registered(module: nn.Module, path: list[str], values: NDArray[Any]) -> str:
    """Make a parameter at a path of nested modules, or beside it where that is taken; its name in the module."""
    from torch import nn

    while not _is_free(module, path):
        path = [*path[:-2], *(f"{part}_" for part in path[-2:-1]), path[-1] if len(path) > 1 else f"{path[-1]}_"]
    parent = module
    for part in path[:-1]:
        if not hasattr(parent, part):
            parent.add_module(part, nn.Module())
        parent = getattr(parent, part)
    parent.register_parameter(path[-1], _parameter(values))
    return ".".join(path)


def _parameter(values: NDArray[Any]) -> Any:
    import torch
    from torch import nn

    return nn.Parameter(torch.from_numpy(np.array(values, np.float32, order="C")), requires_grad=False)


def _path(node: Node, name: str, index: int) -> list[str]:
    """The module path of a node's constant: its own name where that is one, else the node's."""
    parts = re.split(r"[./]", name)
    if len(parts) < 2 or not all(re.fullmatch(r"[A-Za-z0-9_]+", part) for part in parts):
        role = {1: "weight", 2: "bias"}.get(index, f"operand_{index}")
        parts = [*_module_path(node), role]
    return [re.sub(r"\W", "_", part) for part in parts if part] or [f"operand_{index}"]


def _module_path(node: Node) -> list[str]:
    """The path of the module that a node came from, `/body/body.0/Conv` as body, 0; else its name."""
    whole = [part for part in (node.name or node.outputs[0]).split("/") if part]
    parts = whole[:-1] if whole[-1].startswith(node.op) else whole
    path: list[str] = []
    for part in parts:
        if path and part.startswith(f"{path[-1]}."):  # torch's tracer repeats what is around
            path.pop()
        path.append(part)
    return re.split(r"[.]", ".".join(path or whole))


def _is_free(module: nn.Module, path: Sequence[str]) -> bool:
    """Whether a parameter can be put there: no part of its path is one, and nothing has its name."""
    from torch import nn

    parent = module
    for part in path[:-1]:
        if not hasattr(parent, part):
            return True
        parent = getattr(parent, part)
        if not isinstance(parent, nn.Module):
            return False
    return not hasattr(parent, path[-1])
