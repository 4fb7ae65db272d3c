"""Depthwise convolutions in bands give eager torch's values, whatever their sizes."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from posekit.targets.graph import bands  # noqa: E402
from tests.targets.graph.test_passes import differing, graph_of, operators  # noqa: E402

KERNELS = [7, 9, (5, 7), (1, 27), (13, 3), 11]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("stride", [1, 2, (2, 1), 3], ids=str)
def test_every_padding_and_dilation(kernel: Any, stride: Any) -> None:
    torch.manual_seed(0)
    settings: list[tuple[Any, int, int, bool]] = [(0, 1, 1, True), (3, 1, 2, False), ((1, 4), 2, 1, True)]
    settings += [("same", 1, 1, True), ("same", 2, 1, False), ("valid", 1, 1, True)] if stride == 1 else []
    for padding, dilation, multiplier, bias in settings:
        network = nn.Conv2d(4, 4 * multiplier, kernel, stride, padding, dilation, 4, bias)
        x = torch.randn(1, 4, 27, 60)
        assert differing(bands.rewrite_depthwise, network, x) == (1, pytest.approx(0, abs=1e-5)), (
            padding,
            dilation,
            multiplier,
        )


@pytest.mark.parametrize("options", [(1, 0, 1), (2, 14, 1), (1, "same", 2), (3, 5, 2)], ids=str)
def test_of_one_axis(options: tuple[Any, ...]) -> None:
    torch.manual_seed(0)
    network = nn.Conv1d(4, 4, 29, *options, groups=4)
    assert differing(bands.rewrite_depthwise, network, torch.randn(2, 4, 80)) == (1, pytest.approx(0, abs=1e-5))


@pytest.mark.parametrize(
    "network",
    [
        nn.Conv2d(4, 4, 5, 1, 2, groups=4), nn.Conv2d(4, 4, 7, 1, 3), nn.Conv2d(4, 4, 7, 1, 3, groups=2),
        nn.Conv2d(1, 4, 7, 1, 3),
    ],
    ids=["25 taps", "one group", "two groups", "one channel"],
)  # fmt: skip
def test_what_is_left_as_it_is(network: nn.Module) -> None:
    assert differing(bands.rewrite_depthwise, network, torch.randn(1, network.in_channels, 9, 9)) == (0, 0.0)


def test_bands_hold_25_taps_and_the_whole_kernel_once() -> None:
    for height, width in [(7, 7), (9, 9), (1, 31), (31, 1), (13, 13), (5, 6), (27, 27)]:
        found = bands.bands_of(height, width)
        covered = torch.zeros(height, width)
        for row, left, rows, columns in found:
            assert rows * columns <= bands.MOST_TAPS
            covered[row : row + rows, left : left + columns] += 1
        assert bool((covered == 1).all())
    assert [band[2:] for band in bands.bands_of(7, 7)] == [(3, 7), (3, 7), (1, 7)]
    assert len(bands.bands_of(9, 9)) == 4


def test_one_padding_serves_all_bands() -> None:
    graph = graph_of(nn.Conv2d(4, 4, 7, 1, 3, groups=4).eval(), torch.randn(1, 4, 12, 12))
    bands.rewrite_depthwise(graph)
    assert operators(graph)["aten.constant_pad_nd.default"] == 1
    assert operators(graph)["aten.conv2d.default"] == 3
