"""Transposed convolutions in phases give eager torch's values, whatever their sizes."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from posekit.targets.graph import phases  # noqa: E402
from tests.targets.graph.test_passes import differing, graph_of, operators  # noqa: E402

KERNELS = [2, 3, 4, 5, (4, 3)]
STRIDES = [2, 3, 4, (2, 1)]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("stride", STRIDES, ids=str)
def test_every_padding_group_and_size(kernel: Any, stride: Any) -> None:
    torch.manual_seed(0)
    tried = 0
    pairs = zip(*(one if isinstance(one, tuple) else (one, one) for one in (kernel, stride)), strict=True)
    is_whole = all(wide >= step for wide, step in pairs)
    sizes = ((5, 4), (1, 3))
    settings = [*product((0, 1), (0, (1, 0)), (1,)), (2, 0, 2), ((1, 0), 1, 4)]
    for number, (padding, more, groups) in enumerate(settings):
        try:
            network = nn.ConvTranspose2d(4, 8, kernel, stride, padding, more, groups, bias=groups != 2)
            x = torch.randn(1, 4, *sizes[number % 2])
            possible = network(x).numel() > 0
        except RuntimeError:
            possible = False  # sizes below 1, output padding beyond the stride
        if possible:
            count, error = differing(phases.rewrite_transposed, network, x)
            assert count == is_whole
            assert error < 1e-5, (padding, more, groups)
            tried += 1
    assert tried >= 3


@pytest.mark.parametrize("options", [(4, 2, 1), (3, 2, 1, 1), (2, 2), (5, 3, 2, 1, 2)], ids=str)
def test_of_one_axis(options: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    assert differing(phases.rewrite_transposed, nn.ConvTranspose1d(4, 6, *options), torch.randn(2, 4, 7)) == (
        1,
        pytest.approx(0, abs=1e-5),
    )


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-0.1, 0.2), nn.Sigmoid()], ids=str)
def test_what_follows_is_kept(activation: nn.Module) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.ConvTranspose2d(4, 6, 4, 2, 1), activation, nn.Conv2d(6, 3, 1))
    assert differing(phases.rewrite_transposed, network, torch.randn(1, 4, 5, 6) * 9) == (1, pytest.approx(0, abs=1e-5))


class Read(nn.Module):
    """The result before its activation is read by another layer too."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 4, 4, 2, 1)

    def forward(self, x: Any) -> Any:
        y = self.up(x)
        return torch.relu(y) - y


class Computed(nn.Module):
    """A kernel that depends on the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4, 4, 4))

    def forward(self, x: Any) -> Any:
        return torch.nn.functional.conv_transpose2d(x, self.weight * x.mean(), stride=2)


LEFT = {
    "stride one": nn.ConvTranspose2d(4, 4, 3, 1, 1),
    "large stride": nn.ConvTranspose2d(4, 4, 16, 8, 4),
    "gaps": nn.ConvTranspose2d(4, 4, 2, 3),
    "dilated": nn.ConvTranspose2d(4, 4, 3, 2, dilation=2),
    "computed": Computed(),
}


def test_a_result_that_is_read_twice() -> None:
    assert differing(phases.rewrite_transposed, Read(), torch.randn(1, 4, 5, 6)) == (1, pytest.approx(0, abs=1e-5))


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_as_it_is(name: str) -> None:
    assert differing(phases.rewrite_transposed, LEFT[name], torch.randn(1, 4, 5, 6)) == (0, 0.0)


def test_no_tap_meets_a_zero() -> None:
    """The multiplications are those of the transposed convolution: 9 taps of a 3 x 3 kernel, not 16."""
    graph = graph_of(nn.ConvTranspose2d(4, 4, 3, 2, 1, 1).eval(), torch.randn(1, 4, 5, 6))
    phases.rewrite_transposed(graph)
    assert operators(graph)["aten.conv2d.default"] == 4
    weights = [value for name, value in graph.named_buffers() if name.startswith("constant_") and value.ndim == 4]
    assert sum(value.numel() for value in weights) == 4 * 4 * 9
