"""Channel pruning: exact where what goes was nothing, fitted where it can be told from the rest, and chains only."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402

from posekit.compression.network.graph import Graph, cloned, copied, multiply_adds  # noqa: E402
from posekit.compression.network.layers import layers_of  # noqa: E402
from posekit.compression.network.prune import Chain, chain_from, prune  # noqa: E402
from tests import networks  # noqa: E402

SIZE_WH = (12, 16)


def graph_of(module: nn.Module) -> Graph:
    torch.manual_seed(0)
    exported = torch.export.export(module.eval(), (torch.zeros(1, 3, *SIZE_WH[::-1]),))
    return copied(exported.module(check_guards=False))


class Inverted(nn.Module):
    """Widen, a BatchNorm that cannot be folded, depthwise, narrow; and a residual sum, which keeps its width."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.wide = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 16, 1)
        self.norm, self.depth, self.narrow = (
            nn.BatchNorm2d(16),
            nn.Conv2d(16, 16, 5, 1, 2, groups=16),
            nn.Conv2d(16, 6, 1),
        )
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        z = self.depth(self.norm(torch.nn.functional.hardswish(self.wide(y))))
        return y + self.narrow(torch.nn.functional.hardswish(z))


CHAINS: dict[str, Any] = {
    "convs": lambda: nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 5, (3, 1), 1, (1, 0))),
    "deconvs": lambda: nn.Sequential(
        nn.ConvTranspose2d(3, 16, 4, 2, 1, bias=False), nn.ReLU(), nn.ConvTranspose2d(16, 5, 3, 2, 1)
    ),
    "conv_to_deconv": lambda: nn.Sequential(nn.Conv2d(3, 16, 1), nn.MaxPool2d(2), nn.ConvTranspose2d(16, 5, 2, 2)),
    "linears": lambda: nn.Sequential(nn.Linear(12, 16), nn.GELU(), nn.Linear(16, 5)),
    "inverted": Inverted,
}


def silence(graph: Graph, count: int) -> None:
    """Make channels of the first chain that give nothing: neither by weight nor by bias, wherever they pass."""
    layers = layers_of(graph, SIZE_WH)
    chain = next(found for layer in layers if isinstance(found := chain_from(layer, layers), Chain))
    dead = torch.randperm(chain.channels)[:count]
    with torch.no_grad():
        chain.first.weight.movedim(chain.first.out_axis, 0)[dead] = 0
        chain.last.weight.movedim(chain.last.in_axis, 0)[dead] = 0
        if chain.first.bias is not None:
            chain.first.bias[dead] = 0


@pytest.mark.parametrize("data", [False, True], ids=["weights", "pictures"])
@pytest.mark.parametrize("name", CHAINS)
def test_channels_that_give_nothing_go_without_a_trace(name: str, data: bool) -> None:
    graph = graph_of(CHAINS[name]())
    silence(graph, 6)
    images = [torch.randn(1, 3, *SIZE_WH[::-1]) for _ in range(4)]
    expected, before = graph(images[0])[0], multiply_adds(graph, SIZE_WH)
    changes = prune(graph, 6 / 16, SIZE_WH, images if data else [])
    assert [(change.size_before, change.size_after) for change in changes if not change.left] == [(16, 10)]
    torch.testing.assert_close(graph(images[0])[0], expected, rtol=1e-4, atol=1e-4)
    after = multiply_adds(graph, SIZE_WH)
    assert after < before
    assert before - after == sum(change.before - change.after for change in changes)


@pytest.mark.parametrize("name", ["convs", "deconvs", "linears"])
def test_what_the_others_tell_is_told_by_them(name: str) -> None:
    """Twice the same channel: one goes, and the next layer takes the other for both."""
    graph = graph_of(CHAINS[name]())
    layers = layers_of(graph, SIZE_WH)
    with torch.no_grad():
        rows = layers[0].weight.movedim(layers[0].out_axis, 0)
        rows[8:] = rows[:8]
        if layers[0].bias is not None:
            layers[0].bias[8:] = layers[0].bias[:8]
    images = [torch.randn(1, 3, *SIZE_WH[::-1]) for _ in range(8)]
    by_weights = cloned(graph)
    expected = graph(images[0])[0]
    prune(by_weights, 0.5, SIZE_WH, [])
    prune(graph, 0.5, SIZE_WH, images)
    error, blind = (
        (net(images[0])[0] - expected).square().mean() / expected.square().mean() for net in (graph, by_weights)
    )
    assert error < 1e-4
    assert blind > 0.01


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_other_networks_stay_sound_and_every_layer_left_says_why(
    name: str, graphs: dict[str, Any], noise: list[Any]
) -> None:
    graph = cloned(graphs[name])
    changes = prune(graph, 0.25, networks.SIZE_WH, noise)
    assert len(changes) == len(layers_of(graphs[name], networks.SIZE_WH))
    with torch.no_grad():
        for seen, expected in zip(graph(noise[0]), graphs[name](noise[0]), strict=True):
            assert seen.shape == expected.shape
            assert seen.isfinite().all()
    saved = sum(change.before - change.after for change in changes)
    assert multiply_adds(graphs[name], networks.SIZE_WH) - multiply_adds(graph, networks.SIZE_WH) == saved > 0
    for original, copy in zip(graphs[name].parameters(), cloned(graphs[name]).parameters(), strict=True):
        assert original.shape == copy.shape


class Reasons(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(8, 4, 1)
        self.e, self.f, self.g = nn.Conv2d(4, 4, 1, groups=2), nn.Linear(12, 5), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)  # read twice
        y = torch.cat([self.b(y), self.c(y)], 1)  # mixed
        y = self.e(self.d(y))  # grouped reader, and grouped
        return self.f(self.g(self.g(y)))  # one weight twice, another axis


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("a", "2 operations read"),
        ("b", "reach cat"),
        ("d", "reach e, which is grouped"),
        ("e", "grouped"),
        ("g", "used twice"),
        ("f", "are the network's"),
    ],
)
def test_why_a_layer_is_left(layer: str, reason: str) -> None:
    graph = graph_of(Reasons())
    layers = layers_of(graph, SIZE_WH)
    found = next(one for one in layers if one.name == layer)
    left = chain_from(found, layers)
    assert isinstance(left, str)
    assert reason in left
