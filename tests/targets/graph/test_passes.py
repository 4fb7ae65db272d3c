"""Rewrites of an exported graph leave every value as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from posekit.sources import open_source  # noqa: E402
from posekit.targets.graph import passes  # noqa: E402


def graph_of(network: nn.Module, x: Any) -> Any:
    return torch.export.export(network.eval(), (x,)).module(check_guards=False)


def differing(rewrite: Callable[[Any], int], network: nn.Module, x: Any) -> tuple[int, float]:
    """How many a rewrite has made, and by how much the result is off at most."""
    network.eval()
    graph = graph_of(network, x)
    count = rewrite(graph)
    with torch.no_grad():
        seen, expected = graph(x), network(x)
    assert seen.shape == expected.shape
    return count, float((seen - expected).abs().max())


def operators(graph: Any) -> Counter[str]:
    return Counter(str(node.target) for node in graph.graph.nodes if node.op == "call_function")


def unsettle(network: nn.Module) -> nn.Module:
    """BatchNorm statistics that change every value."""
    torch.manual_seed(0)
    for norm in network.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            norm.running_mean.normal_(0, 0.5)
            norm.running_var.uniform_(0.3, 2)
            if norm.affine:
                nn.init.uniform_(norm.weight, -1.5, 1.5)
                nn.init.normal_(norm.bias)
    return network.eval()


CONVOLUTIONS: dict[str, tuple[type[nn.Module], dict[str, Any], type[nn.Module], tuple[int, ...]]] = {
    "conv2d": (nn.Conv2d, {}, nn.BatchNorm2d, (1, 4, 9, 8)),
    "conv2d strided, dilated": (nn.Conv2d, {"stride": 2, "dilation": 2, "padding": 1}, nn.BatchNorm2d, (1, 4, 9, 8)),
    "conv2d depthwise": (nn.Conv2d, {"groups": 2}, nn.BatchNorm2d, (1, 4, 9, 8)),
    "conv1d": (nn.Conv1d, {}, nn.BatchNorm1d, (1, 4, 9)),
    "conv1d grouped": (nn.Conv1d, {"groups": 2}, nn.BatchNorm1d, (1, 4, 9)),
    "transposed": (nn.ConvTranspose2d, {}, nn.BatchNorm2d, (1, 4, 5, 6)),
    "transposed strided": (
        nn.ConvTranspose2d,
        {"stride": 2, "padding": 1, "output_padding": 1},
        nn.BatchNorm2d,
        (1, 4, 5, 6),
    ),
    "transposed grouped": (nn.ConvTranspose2d, {"groups": 2, "stride": 2}, nn.BatchNorm2d, (1, 4, 5, 6)),
    "transposed 1d grouped": (nn.ConvTranspose1d, {"groups": 2}, nn.BatchNorm1d, (1, 4, 5)),
}


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_batch_norm_is_fused(name: str, bias: bool, affine: bool) -> None:
    kind, options, norm, shape = CONVOLUTIONS[name]
    network = unsettle(nn.Sequential(kind(4, 6, 3, bias=bias, **options), norm(6, affine=affine, eps=1e-3), nn.ReLU()))
    x = torch.randn(shape)
    graph, expected = graph_of(network, x), network(x)
    assert passes.fuse_batch_norm(graph) == 1
    assert not any("batch_norm" in name for name in operators(graph))
    assert torch.allclose(graph(x), expected, atol=1e-5)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_traced_networks_convolutions_are_named_and_fused(name: str, tmp_path: Path) -> None:
    kind, options, norm, shape = CONVOLUTIONS[name]
    network = unsettle(nn.Sequential(kind(4, 6, 3, **options), norm(6), nn.ReLU()))
    x = torch.randn(shape)
    torch.jit.trace(network, x).save(str(tmp_path / "traced.pt"))
    graph = graph_of(nn.Sequential(open_source(tmp_path / "traced.pt").module), x)
    assert passes.name_convolutions(graph) == 1
    assert not any("_convolution" in name for name in operators(graph))
    assert passes.fuse_batch_norm(graph) == 1
    assert torch.allclose(graph(x), network(x), atol=1e-5)


class Shared(nn.Module):
    """A convolution whose output is used beside the norm too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: Any) -> Any:
        y = self.conv(x)
        return self.norm(y) + y


class Computed(nn.Module):
    """A convolution by a weight that is not a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.norm = nn.Parameter(torch.randn(4, 4, 1, 1)), nn.BatchNorm2d(4)

    def forward(self, x: Any) -> Any:
        return self.norm(F.conv2d(x, self.weight * x.mean()))


class TwiceUsed(nn.Module):
    """One convolution called twice, each time before another norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.one, self.two = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, x: Any) -> Any:
        return self.two(self.conv(self.one(self.conv(x))))


class ComputedBias(nn.Module):
    """A convolution with a bias that is not a constant: it must not be dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4)

    def forward(self, x: Any) -> Any:
        return self.norm(F.conv2d(x, self.conv.weight, x.mean((0, 2, 3))))


@pytest.mark.parametrize(
    ("network", "fused"),
    [
        (Shared(), 0),
        (Computed(), 0),
        (ComputedBias(), 0),
        (TwiceUsed(), 2),
        (nn.Sequential(nn.ConvTranspose2d(4, 4, 2, groups=2), nn.BatchNorm2d(4)), 1),
        (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4)), 0),
        (nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)), 0),
        (nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4)), 2),
        (
            nn.Sequential(
                nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ELU(), nn.ConvTranspose2d(4, 4, 2), nn.BatchNorm2d(4)
            ),
            2,
        ),
    ],
    ids=[
        "two users",
        "weight computed",
        "bias computed",
        "called twice",
        "grouped transposed",
        "no convolution",
        "norm first",
        "two norms",
        "chain",
    ],
)
def test_batch_norm_is_fused_only_where_that_is_right(network: nn.Module, fused: int) -> None:
    unsettle(network)
    x = torch.randn(1, 4, 5, 6)
    graph, expected = graph_of(network, x), network(x)
    before = sum(count for name, count in operators(graph).items() if "batch_norm" in name)
    assert passes.fuse_batch_norm(graph) == fused
    assert sum(count for name, count in operators(graph).items() if "batch_norm" in name) == before - fused
    assert torch.allclose(graph(x), expected, atol=1e-5)


class Inplace(nn.Module):
    """ELU in place, on a tensor that is read again afterwards."""

    def forward(self, x: Any) -> Any:
        y = x * 2
        z = F.elu(y, alpha=0.7, inplace=True)
        return y + z


class Functional(nn.Module):
    def forward(self, x: Any) -> Any:
        return F.elu(x) * 2


@pytest.mark.parametrize(
    ("network", "rewritten", "left"),
    [
        (nn.ELU(), 1, ""),
        (nn.ELU(alpha=0.3), 1, ""),
        (nn.Sequential(nn.ELU(), nn.Linear(6, 6), nn.ELU(0.5)), 2, ""),
        (Functional(), 1, ""),
        (Inplace(), 1, ""),
        (nn.SELU(), 0, "selu"),
        (nn.CELU(alpha=0.6), 0, "celu"),
        (nn.ReLU(), 0, "relu"),
    ],
    ids=["elu", "alpha", "two", "functional", "in place", "selu", "celu", "relu"],
)
def test_elu(network: nn.Module, rewritten: int, left: str) -> None:
    torch.manual_seed(0)
    x = torch.cat([torch.randn(2, 6) * 5, torch.tensor([[0.0, -0.0, 1e-8, -1e-8, 100.0, -200.0]])])
    graph, expected = graph_of(network, x.clone()), network(x.clone())
    assert passes.rewrite_elu(graph) == rewritten
    assert not any(".elu" in name for name in operators(graph))
    assert any(left in name for name in operators(graph))
    seen = graph(x.clone())
    assert seen.isfinite().all()
    assert torch.allclose(seen, expected, atol=1e-5)


class ScaledInplace(nn.Module):
    """A scaled sum in place, on a tensor that is read again afterwards."""

    def forward(self, x: Any) -> Any:
        y = x * 2
        z = y.add_(x, alpha=0.5)
        return torch.stack((y, z))


class ScaledAdd(nn.Module):
    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        return torch.add(x, x.flip(0), alpha=self.alpha) + 3


@pytest.mark.parametrize(
    ("network", "rewritten"),
    [(ScaledAdd(2.5), 1), (ScaledAdd(-1), 1), (ScaledAdd(1), 0), (ScaledInplace(), 1)],
    ids=["scaled", "negative", "plain", "in place"],
)
def test_scaled_add(network: nn.Module, rewritten: int) -> None:
    x = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    graph, expected = graph_of(network, x.clone()), network(x.clone())
    assert passes.rewrite_scaled_add(graph) == rewritten
    assert not any(node.kwargs.get("alpha") for node in graph.graph.nodes if "add" in str(node.target))
    assert torch.allclose(graph(x.clone()), expected, atol=1e-6)
