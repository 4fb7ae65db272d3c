"""The simulated rounding is that of a static int8 file, and leaves the network itself alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402

from posekit.compression.network.fake_quantize import rounding, set_ranges  # noqa: E402
from posekit.compression.network.graph import batched, cloned, copied  # noqa: E402
from posekit.compression.network.layers import watch  # noqa: E402
from tests import networks  # noqa: E402


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deconv = nn.Conv2d(3, 6, 3, 2, 1), nn.ConvTranspose2d(6, 4, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.deconv(torch.relu(self.conv(x)).reshape(1, 6, 4, 4))


def rounded_weight(weight: Tensor, axis: int) -> Tensor:
    others = [dim for dim in range(weight.ndim) if dim != axis]
    scale = weight.abs().amax(others, keepdim=True) / 127
    return (weight / scale).round().clamp(-127, 127) * scale


def rounded(values: Tensor, low: float, high: float) -> Tensor:
    scale = (high - low) / 255
    zero = round(-low / scale)
    return ((values / scale).round() + zero).clamp(0, 255).sub(zero) * scale


def test_it_rounds_where_a_file_does_and_as_it_does() -> None:
    torch.manual_seed(0)
    network, images = Small().eval(), [torch.randn(1, 3, 8, 8) for _ in range(3)]
    graph = copied(torch.export.export(network, (images[0],)).module(check_guards=False))
    simulated = rounding(graph)
    set_ranges(simulated, graph, images)
    with torch.no_grad():
        inputs = torch.cat(images)
        hidden = torch.cat([torch.relu(network.conv(image)) for image in images])
        outputs = torch.cat([network(image) for image in images])
        x = rounded(images[0], float(inputs.min()), float(inputs.max()))
        x = torch.nn.functional.conv2d(x, rounded_weight(network.conv.weight, 0), network.conv.bias, 2, 1)
        x = rounded(torch.relu(x), 0.0, float(hidden.max()))  # once after the two, and not after reshape
        x = torch.nn.functional.conv_transpose2d(x, rounded_weight(network.deconv.weight, 1), network.deconv.bias, 2)
        x = rounded(x, float(outputs.min()), float(outputs.max()))
        torch.testing.assert_close(simulated(images[0])[0], x, rtol=0, atol=1e-5)
        assert not torch.allclose(x, network(images[0]), atol=1e-4)
        torch.testing.assert_close(graph(images[0])[0], network(images[0]))  # itself as it was


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_every_tensor_of_every_network_has_few_values(name: str, graphs: dict[str, Any], noise: list[Any]) -> None:
    graph = graphs[name]
    simulated = rounding(graph)
    set_ranges(simulated, graph, noise)
    counts: dict[str, int] = {}

    def see(node: Any, value: Any) -> None:
        if node.op == "call_module" and not node.name.endswith("weight_rounding"):
            counts[node.name] = len(np.unique(value.numpy()))

    watch(simulated, noise[:1], see)
    assert counts
    assert max(counts.values()) <= 256
    (first, *_), (expected, *_) = simulated(noise[0]), graph(noise[0])
    error = (first - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    assert 1e-5 < error < 0.5
    together = batched(simulated, networks.SIZE_WH, twin=graph)(torch.cat(noise[:2]))[0]
    # values at a border between two steps fall to either side, and a network of gates passes that on
    assert (together[:1] - first).square().mean().sqrt() < (first - expected).square().mean().sqrt() + 1e-6


def test_gradients_reach_every_weight_as_if_nothing_were_rounded(graphs: dict[str, Any], noise: list[Any]) -> None:
    graph = cloned(graphs["deconv_batchnorm"])
    simulated = rounding(graph)
    set_ranges(simulated, graph, noise)
    for parameter in graph.parameters():
        parameter.requires_grad_(True)
    gradients = []
    for net in (simulated, graph):
        net(noise[0])[0].square().sum().backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in graph.parameters()]))
        for parameter in graph.parameters():
            parameter.grad = None
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.9
