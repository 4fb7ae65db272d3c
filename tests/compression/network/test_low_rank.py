"""Low-rank factors: exact where nothing is lost, within the error asked for else, and only where they save work."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from posekit.compression.network.graph import Graph, cloned, copied, multiply_adds, tidy  # noqa: E402
from posekit.compression.network.layers import layers_of, moments, watch  # noqa: E402
from posekit.compression.network.low_rank import factorise, factors_of, replace  # noqa: E402
from tests import networks  # noqa: E402

SIZE_WH = (20, 16)


def graph_of(module: nn.Module, channels: int = 3) -> Graph:
    exported = torch.export.export(module.eval(), (torch.zeros(1, channels, *SIZE_WH[::-1]),))
    return copied(exported.module(check_guards=False))


@pytest.mark.parametrize("data", [False, True], ids=["weights", "pictures"])
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_at_full_rank_every_layer_gives_what_it_gave(
    name: str, data: bool, graphs: dict[str, Any], noise: list[Any]
) -> None:
    graph = cloned(graphs[name])
    layers = [layer for layer in layers_of(graph, networks.SIZE_WH) if layer.groups == 1]
    seen = moments(graph, {layer.node.name: layer.channel_axis for layer in layers}, noise) if data else {}
    for layer in layers:
        replace(graph, layer, factors_of(layer, seen.get(layer.node.name), 0.0))
    tidy(graph)
    with torch.no_grad():
        for seen_output, expected in zip(graph(noise[0]), graphs[name](noise[0]), strict=True):
            torch.testing.assert_close(seen_output, expected, rtol=1e-3, atol=1e-3)
    assert multiply_adds(graph, networks.SIZE_WH) > multiply_adds(graphs[name], networks.SIZE_WH)  # truly replaced


def low_rank_weight(layer: Any, rank: int, out_axis: int) -> None:
    rows = layer.weight.data.movedim(out_axis, 0)
    flat = rows.reshape(len(rows), -1)
    few = torch.randn(len(rows), rank) @ torch.randn(rank, flat.shape[1]) * 0.1
    layer.weight.data = few.reshape(rows.shape).movedim(0, out_axis).contiguous()


LAYERS = {
    "conv": (lambda: nn.Conv2d(3, 24, (3, 5), (2, 1), (1, 0), (1, 2)), 0),
    "same": (lambda: nn.Conv2d(3, 24, 3, padding="same"), 0),
    "no_bias": (lambda: nn.Conv2d(3, 24, 3, bias=False), 0),
    "deconv": (lambda: nn.ConvTranspose2d(3, 24, (4, 3), (2, 1), 1, (1, 0)), 1),
    "linear": (lambda: nn.Linear(20, 24), 0),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_low_rank_is_found_to_be_so_and_kept_exactly(name: str) -> None:
    torch.manual_seed(0)
    layer, out_axis = LAYERS[name][0](), LAYERS[name][1]
    low_rank_weight(layer, 2, out_axis)
    graph = graph_of(nn.Sequential(layer))
    image = torch.randn(1, 3, *SIZE_WH[::-1])
    expected = graph(image)[0]
    (change,) = factorise(graph, 1e-3, SIZE_WH, [])
    assert (change.size_before, change.size_after, change.left) == (24, 2, "")
    assert change.error == pytest.approx(0, abs=1e-3)
    torch.testing.assert_close(graph(image)[0], expected, rtol=1e-4, atol=1e-5)
    assert multiply_adds(graph, SIZE_WH) == change.after < change.before


@pytest.mark.parametrize("error", [0.05, 0.2, 0.5])
def test_the_error_on_the_pictures_is_the_one_asked_for_and_the_rank_the_least(
    error: float, graphs: dict[str, Any], noise: list[Any]
) -> None:
    graph = graphs["deconv_batchnorm"]
    layer = next(layer for layer in layers_of(graph, networks.SIZE_WH) if layer.kind == "deconv")
    seen = moments(graph, {layer.node.name: 1}, noise)[layer.node.name]
    factors = factors_of(layer, seen, error)
    assert 1 < len(factors.spread.T) < len(factors.spread)
    alone = cloned(graph)
    replace(alone, layers_of(alone, networks.SIZE_WH)[layers_of(graph, networks.SIZE_WH).index(layer)], factors)
    tidy(alone)
    new = next(node.name for node in alone.graph.nodes if node.meta.get("posekit_replaces") == layer.node.name)
    before, after = outputs_of(graph, layer.node.name, noise), outputs_of(alone, new, noise)
    spread = (before - before.mean((0, 2, 3), keepdim=True)).square().mean()
    measured = float(((after - before).square().mean() / spread).sqrt())
    assert measured == pytest.approx(factors.error, rel=0.02)
    assert measured <= error
    shorter = torch.linalg.eigvalsh(seen.covariance).flip(0)[len(factors.spread.T) - 1 :].sum()
    assert float((shorter / seen.covariance.trace()).sqrt()) > error  # one less would not do


def outputs_of(graph: Graph, name: str, inputs: list[Any]) -> Any:
    found: list[Any] = []
    watch(graph, inputs, lambda node, value: found.append(value.clone()) if node.name == name else None)
    return torch.cat(found)


def test_pictures_tell_a_lower_rank_than_weights_do() -> None:
    """Inputs that lie in a plane need two outputs, whatever the weights are."""
    torch.manual_seed(0)
    graph = graph_of(nn.Sequential(nn.Linear(20, 24)))
    plane = torch.randn(2, 20)
    inputs = [torch.randn(1, 3, 16, 2) @ plane + 3 for _ in range(4)]
    expected = graph(inputs[0])[0]
    by_weights = factorise(cloned(graph), 0.01, SIZE_WH, [])[0]
    (change,) = factorise(graph, 0.01, SIZE_WH, inputs)
    assert by_weights.left
    assert change.size_after == 2
    torch.testing.assert_close(graph(inputs[0])[0], expected, rtol=1e-4, atol=1e-4)


def test_what_saves_nothing_and_what_is_grouped_is_left_and_said(graphs: dict[str, Any]) -> None:
    graph = cloned(graphs["hardswish_se"])
    before = multiply_adds(graph, networks.SIZE_WH)
    changes = factorise(graph, 0.3, networks.SIZE_WH, [])
    assert any("grouped" in change.left for change in changes)
    assert any("no fewer multiply-adds" in change.left for change in changes)
    assert any(not change.left for change in changes)
    after = multiply_adds(graph, networks.SIZE_WH)
    assert after < before
    assert before - after == sum(change.before - change.after for change in changes)
    assert all(change.after < change.before for change in changes if not change.left)
