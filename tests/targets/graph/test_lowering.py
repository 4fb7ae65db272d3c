"""One static graph that takes pixels, held against the eager network before any converter sees it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posekit.contract.spec import PoseSpec, parse_spec, read_spec  # noqa: E402
from posekit.errors import ConversionError  # noqa: E402
from posekit.sources import SourceModel, open_source  # noqa: E402
from posekit.sources.recognise import Form  # noqa: E402
from posekit.sources.reference import run_reference  # noqa: E402
from posekit.targets.graph import folding  # noqa: E402
from posekit.targets.graph.lowering import Lowered, lower, relative_rms  # noqa: E402

PIXELS = np.random.default_rng(1).uniform(0, 255, (48, 32, 3)).astype(np.float32)


def spec_with(tiny: Any, **changes: Any) -> PoseSpec:
    data = read_spec(tiny.spec_file).model_dump(mode="json", by_alias=True)
    inputs = {key: changes.pop(key) for key in ("color_order", "mean", "std") if key in changes}
    return parse_spec({**data, **changes, "input": {**data["input"], **inputs}}, "test")


def lowered(source: SourceModel, spec: PoseSpec) -> Lowered:
    return lower(source, spec, PIXELS, run_reference(source, spec, PIXELS))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"color_order": "bgr"},
        {"mean": [0, 0, 0], "std": [1, 1, 1]},
        {"mean": [127.5] * 3, "std": [255, 127.5, 1e-2]},
    ],
    ids=["rgb", "bgr", "plain", "odd"],
)
@pytest.mark.parametrize("form", ["exported", "torchscript", "module"])
def test_pixels_in_the_reference_out(form: str, changes: dict[str, Any], tiny: Any) -> None:
    source, spec = open_source(tiny.save(form), trust=True), spec_with(tiny, **changes)
    result = lowered(source, spec)
    assert result.output_shapes == {"heatmaps": (1, 12, 8, 3)}
    other = 255 - PIXELS
    (seen,) = result.graph(torch.from_numpy(other[None]))
    assert relative_rms(seen.detach().numpy(), run_reference(source, spec, other)["heatmaps"]) < 1e-5


def test_outputs_are_in_the_order_of_the_spec(tiny: Any) -> None:
    source = open_source(tiny.save("state_dict"), arch="tinynet:TwoOutputs")
    result = lowered(source, spec_with(tiny, outputs=["heatmaps", "doubled"]))
    one, two = result.graph(torch.from_numpy(PIXELS[None]))
    assert list(result.output_shapes) == ["heatmaps", "doubled"]
    assert torch.allclose(one * 2, two.permute(0, 2, 3, 1))  # the decoder does not read it, so it stays as it is


def test_no_batch_norm_is_left(tiny: Any) -> None:
    graph = lowered(open_source(tiny.save("module"), trust=True), spec_with(tiny)).graph
    assert not any("batch_norm" in str(node.target) for node in graph.graph.nodes)


def test_no_sum_is_scaled(tiny: Any) -> None:
    graph = lowered(open_source(tiny.save("state_dict"), arch="tinynet:ScaledSum"), spec_with(tiny)).graph
    assert not any("alpha" in node.kwargs for node in graph.graph.nodes)


@pytest.mark.parametrize(
    ("network", "says"),
    [("Branching", "decides by its data"), ("MakesTheSameLayers", "is not the network's: relative RMS error")],
)
def test_networks_without_a_static_graph(network: str, says: str, tiny: Any, capfd: pytest.CaptureFixture[str]) -> None:
    source = open_source(tiny.save("state_dict"), arch=f"tinynet:{network}")
    with pytest.raises(ConversionError, match=says) as caught:
        lowered(source, spec_with(tiny))
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("factor", [1.001, 0.0, float("nan")])
def test_a_graph_that_differs_is_refused(factor: float, tiny: Any) -> None:
    source, spec = open_source(tiny.save("module"), trust=True), spec_with(tiny)
    reference = {name: values * np.float32(factor) for name, values in run_reference(source, spec, PIXELS).items()}
    with pytest.raises(ConversionError, match="'heatmaps' is not the network's"):
        lower(source, spec, PIXELS, reference)


def test_a_network_that_cannot_be_exported_names_torchs_reason(tiny: Any) -> None:
    class Opaque(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.from_numpy(x.numpy()[:, :, ::4, ::4])

    source = replace(open_source(tiny.save("module"), trust=True), module=Opaque())
    with pytest.raises(ConversionError, match="torch.export cannot export the network") as caught:
        lowered(source, spec_with(tiny))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("seen", "expected", "error"),
    [([1, 2], [1, 2], 0.0), ([1.1, 0], [1, 0], 0.1), ([0, 0], [3, 4], 1.0), ([1], [0], 1e12), ([0], [0], 0.0)],
)
def test_relative_rms(seen: list[float], expected: list[float], error: float) -> None:
    assert relative_rms(np.array(seen, float), np.array(expected, float)) == pytest.approx(error)
    assert not relative_rms(np.array([*seen, np.nan]), np.array([*expected, 0.0])) <= 1e9


def test_complex_numbers_are_refused_before_any_converter(tiny: Any) -> None:
    class Filter(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.fft.irfft2(torch.fft.rfft2(x) * 0.5, s=x.shape[-2:])

    network = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3, 4, 1), Filter())
    source = SourceModel(Path("in-memory"), Form.MODULE, "", network.eval())
    says = r"complex numbers that _fft_r2c in layer 1 \(test_lowering.py, line \d+: .*\) gives$"
    with pytest.raises(ConversionError, match=says) as raised:
        lowered(source, spec_with(tiny))
    assert "matmul" in raised.value.hint


@pytest.mark.parametrize("most", [0, 1 << 22])
def test_what_is_folded_has_a_bound(most: int, tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gridded(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = torch.nn.Conv2d(3, 3, 3, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.body(x)
            return x * torch.linspace(0, 1, x.shape[-1]).sin()

    monkeypatch.setattr(folding, "MOST_VALUES", most)
    graph = lowered(SourceModel(Path("in-memory"), Form.MODULE, "", Gridded().eval()), spec_with(tiny)).graph
    assert any("sin" in str(node.target) for node in graph.graph.nodes) == (most == 0)
