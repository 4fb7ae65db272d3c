"""LSTM, GRU and plain recurrent layers step by step, with the products of the inputs done for all steps at once.

litert-torch unrolls them itself, the inputs' products with them; coremltools makes a loop of a GRU, which nothing here
evaluates, and refuses a plain layer in both directions. A converter takes about half a second a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posekit.targets.graph.inlining import arguments, shape_of

MOST_STEPS = 128  # of all layers and directions: each is a dozen operations of the file; more are left to converters
State = tuple[Any, ...]


def lstm(node: Any) -> tuple[Callable[..., Any], list[Any]] | None:
    """In place of aten.lstm.input; None for packed sequences, projections and very long ones."""
    return _unrolled(node, _lstm_steps, states=2)


def gru(node: Any) -> tuple[Callable[..., Any], list[Any]] | None:
    """In place of aten.gru.input."""
    return _unrolled(node, _gru_steps, states=1)


def rnn_tanh(node: Any) -> tuple[Callable[..., Any], list[Any]] | None:
    """In place of aten.rnn_tanh.input."""
    import torch

    return _unrolled(node, _plain_steps(torch.tanh), states=1)


def rnn_relu(node: Any) -> tuple[Callable[..., Any], list[Any]] | None:
    """In place of aten.rnn_relu.input."""
    import torch

    return _unrolled(node, _plain_steps(torch.relu), states=1)


def _unrolled(node: Any, steps: Callable[..., Any], *, states: int) -> tuple[Callable[..., Any], list[Any]] | None:
    """The function of a layer's input, its first states and its weights, and those.

    steps(x, state, weights) is one direction of one layer over (T, B, I): its results, first to last, and its last
    state.
    """
    import torch

    if not str(node.target).endswith(".input"):
        return None
    given = arguments(node)
    weights, directions = list(given["params"]), 2 if given["bidirectional"] else 1
    passes = given["num_layers"] * directions
    count = 4 if given["has_biases"] else 2
    is_batch_first = given["batch_first"]
    length, batch = shape_of(node.args[0])[:2][:: -1 if is_batch_first else 1]
    if len(weights) != count * passes or length * passes > MOST_STEPS:
        return None
    first = list(node.args[1]) if states == 2 else [node.args[1]]

    def run(x: Any, *tensors: Any) -> Any:
        starts, weights = tensors[:states], tensors[states:]
        x = x.transpose(0, 1) if is_batch_first else x
        last: list[State] = []
        for layer in range(given["num_layers"]):
            sides = []
            for direction in range(directions):
                place = layer * directions + direction
                own = (*weights[place * count : (place + 1) * count], None, None)[:4]
                parts = _by_step(x, own[0], _input_bias(own, is_joint=steps is not _gru_steps), batch)
                results, end = steps(parts[::-1] if direction else parts, [start[place] for start in starts], own)
                sides.append(torch.cat(results[::-1] if direction else results).reshape(length, batch, -1))
                last.append(end)
            x = torch.cat(sides, -1) if directions > 1 else sides[0]
        ends = [torch.stack([end[which] for end in last]) for which in range(states)]
        return x.transpose(0, 1) if is_batch_first else x, *ends

    return run, [node.args[0], *first, *weights]


def _input_bias(weights: State, *, is_joint: bool) -> Any:
    """What is added to the inputs' products; of a GRU the states' bias stays with them, since a gate comes between."""
    return weights[2] if weights[2] is None or not is_joint else weights[2] + weights[3]


def _by_step(x: Any, weight: Any, bias: Any, batch: int) -> list[Any]:
    """The inputs' part of every gate, (B, gates) a step."""
    import torch

    gates: Any = torch.nn.functional.linear(x.reshape(-1, x.shape[-1]), weight, bias)
    return list(gates.split(batch))


def _lstm_steps(parts: list[Any], state: list[Any], weights: State) -> tuple[list[Any], State]:
    import torch

    hidden, cell = state
    results = []
    for part in parts:
        enter, forget, new, leave = (part + torch.nn.functional.linear(hidden, weights[1])).chunk(4, 1)
        cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
        hidden = leave.sigmoid() * cell.tanh()
        results.append(hidden)
    return results, (hidden, cell)


def _gru_steps(parts: list[Any], state: list[Any], weights: State) -> tuple[list[Any], State]:
    import torch

    (hidden,) = state
    results = []
    for part in parts:
        own = torch.nn.functional.linear(hidden, weights[1], weights[3])
        reset, update, new = part.chunk(3, 1)
        own_reset, own_update, own_new = own.chunk(3, 1)
        share = (update + own_update).sigmoid()
        new = (new + (reset + own_reset).sigmoid() * own_new).tanh()
        hidden = new + share * (hidden - new)
        results.append(hidden)
    return results, (hidden,)


def _plain_steps(activation: Callable[[Any], Any]) -> Callable[..., Any]:
    import torch

    def steps(parts: list[Any], state: list[Any], weights: State) -> tuple[list[Any], State]:
        (hidden,) = state
        results = []
        for part in parts:
            hidden = activation(part + torch.nn.functional.linear(hidden, weights[1]))
            results.append(hidden)
        return results, (hidden,)

    return steps
