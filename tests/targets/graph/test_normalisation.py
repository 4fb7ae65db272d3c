"""The normalisation as one subtraction over rows: the same values up to the border, and left alone where it must be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from posekit.sources.recognise import Form  # noqa: E402
from posekit.sources.reference import run_reference  # noqa: E402
from posekit.sources.source import SourceModel  # noqa: E402
from posekit.targets.graph import normalisation  # noqa: E402
from posekit.targets.graph.layers import layer_names  # noqa: E402
from posekit.targets.graph.lowering import Lowered, lower, relative_rms  # noqa: E402
from tests.targets.graph.test_lowering import PIXELS, spec_with  # noqa: E402
from tests.targets.graph.test_passes import operators  # noqa: E402

FIRST: dict[str, nn.Module] = {
    "padded": nn.Conv2d(3, 6, 3, 4, 1),
    "wide": nn.Conv2d(3, 6, 7, 4, 3, bias=False),
    "patches": nn.Conv2d(3, 6, 4, 4),
    "same": nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 6, 3, 4)),
    "odd padding": nn.Conv2d(3, 6, 5, 4, (2, 1)),
}
CONTRACTS: dict[str, dict[str, Any]] = {
    "rgb": {},
    "bgr": {"color_order": "bgr"},
    "no mean": {"mean": [0, 0, 0], "std": [255.0] * 3, "color_order": "bgr"},
    "one mean": {"mean": [127.5] * 3, "std": [127.5, 128, 100]},
}


class Net(nn.Module):
    def __init__(self, first: nn.Module, reads: Any = None) -> None:
        super().__init__()
        self.first, self.head, self.reads = first, nn.LazyConv2d(3, 1), reads

    def forward(self, x: Any) -> Any:
        y = self.head(torch.relu(self.first(x)))[:, :, :12, :8]
        return y if self.reads is None else y + self.reads(x)


def lowered(tiny: Any, network: nn.Module, **changes: Any) -> tuple[Lowered, SourceModel, Any]:
    torch.manual_seed(0)
    network(torch.randn(1, 3, 48, 32))
    spec = spec_with(tiny, **changes)
    source = SourceModel(Path("in-memory"), Form.MODULE, "", network.eval())
    return lower(source, spec, PIXELS, run_reference(source, spec, PIXELS)), source, spec


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("first", FIRST)
def test_values_are_the_same_to_the_border(first: str, contract: str, tiny: Any) -> None:
    made, source, spec = lowered(tiny, Net(FIRST[first]), **CONTRACTS[contract])
    expected_names = list(layer_names(made.graph).values())
    assert normalisation.rewrite_input(made.graph) == 1
    found = operators(made.graph)
    assert found["aten.mul.Tensor"] == found["aten.cat.default"] == 0
    assert found["aten.sub.Tensor"] == (contract != "no mean")
    assert list(layer_names(made.graph).values()) == expected_names
    for pixels in (PIXELS, 255 - PIXELS, np.full_like(PIXELS, 255)):
        (seen,) = made.graph(torch.from_numpy(pixels[None]))
        expected = run_reference(source, spec, pixels)["heatmaps"]
        assert relative_rms(seen.detach().numpy(), expected) < 1e-5


LEFT: dict[str, tuple[Any, dict[str, Any]]] = {
    "read by another": (lambda: Net(nn.Conv2d(3, 6, 3, 4, 1), lambda x: x[:, :, ::4, ::4] * 0.1), {}),
    "a norm first": (lambda: Net(nn.Sequential(nn.InstanceNorm2d(3), nn.Conv2d(3, 6, 3, 4, 1))), {}),
    "padded with another value": (lambda: Net(nn.Sequential(nn.ConstantPad2d(1, 0.5), nn.Conv2d(3, 6, 3, 4))), {}),
    "mirrored": (lambda: Net(nn.Conv2d(3, 6, 3, 4, 1, padding_mode="reflect")), {}),
    "depthwise": (lambda: Net(nn.Conv2d(3, 6, 3, 4, 1, groups=3)), {}),
    "unlike deviations": (lambda: Net(nn.Conv2d(3, 6, 3, 4, 1)), {"std": [58.0, 5.0, 58.0]}),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_as_it_is(name: str, tiny: Any) -> None:
    network, changes = LEFT[name]
    made, _, _ = lowered(tiny, network(), **changes)
    before = operators(made.graph)
    assert normalisation.rewrite_input(made.graph) == 0
    assert operators(made.graph) == before


class Gray(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(1, 3, 3, 4, 1)

    def forward(self, x: Any) -> Any:
        return self.body(x[:, :1])


def test_gray_is_left_as_it_is(tiny: Any) -> None:
    made, _, _ = lowered(tiny, Gray(), color_order="gray", mean=[120.0], std=[57.0])
    assert normalisation.rewrite_input(made.graph) == 0
