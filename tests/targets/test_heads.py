"""Every layout of a head and a gray input, on both platforms, against points that torch works out by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posekit.contract.outputs import check_outputs, decode  # noqa: E402
from posekit.contract.recipe import uniform  # noqa: E402
from posekit.contract.spec import PoseSpec, parse_spec  # noqa: E402
from posekit.errors import InputError  # noqa: E402
from posekit.runtimes import runtime_for  # noqa: E402
from posekit.sources.recognise import Form  # noqa: E402
from posekit.sources.reference import run_reference  # noqa: E402
from posekit.sources.source import SourceModel  # noqa: E402
from posekit.targets.graph.lowering import Lowered, lower  # noqa: E402
from tests.targets import conversion  # noqa: E402

WIDTH, HEIGHT, K = 32, 48, 5
PIXELS = np.random.default_rng(4).uniform(0, 255, (HEIGHT, WIDTH, 3)).astype(np.float32)


class Net(torch.nn.Module):
    """Maps of K keypoints from a small trunk, and what `head` makes of them."""

    def __init__(self, head: Any, channels: int = 3) -> None:
        super().__init__()
        torch.manual_seed(5)
        conv = torch.nn.Conv2d
        self.trunk = torch.nn.Sequential(conv(channels, 8, 3, 2, 1), torch.nn.ReLU(), conv(8, K, 3, 2, 1))
        self.head = head
        self.eval()

    def forward(self, x: Any) -> Any:
        return self.head(self.trunk(x) * 20)


def points(maps: Any) -> Any:
    """Soft-argmax (1, K, 2) as fractions of the input, pixel centres at a half."""
    mass = maps.flatten(2).softmax(-1).unflatten(2, maps.shape[2:])
    x = (torch.arange(maps.shape[3]) + 0.5) / maps.shape[3]
    y = (torch.arange(maps.shape[2]) + 0.5) / maps.shape[2]
    return torch.stack([(mass.sum(2) * x).sum(-1), (mass.sum(3) * y).sum(-1)], dim=-1)


def scored(maps: Any) -> Any:
    return torch.cat([points(maps), maps.flatten(2).amax(-1)[..., None]], dim=-1)


def bins(maps: Any) -> tuple[Any, Any]:
    return maps.amax(2), maps.amax(3)


ROWS = {
    "rows": lambda maps: scored(maps),
    "no batch": lambda maps: scored(maps)[0],
    "MoveNet's": lambda maps: scored(maps)[:, None],
    "column": lambda maps: scored(maps)[:, :, None],
    "trailing": lambda maps: scored(maps)[..., None],
    "flat": lambda maps: scored(maps).flatten(1),
    "convolution's": lambda maps: scored(maps).flatten(1)[..., None, None],
    "half": lambda maps: scored(maps).half(),
    "double": lambda maps: scored(maps).double(),
}
MAPS = {
    "maps": (lambda maps: maps, "none"),
    "no batch of maps": (lambda maps: maps[0], "none"),
    "step of one": (lambda maps: maps[:, None], "none"),
    "background first": (lambda maps: torch.cat([-maps.sum(1, True), maps], 1), "first"),
    "background last": (lambda maps: torch.cat([maps, maps.sum(1, True)], 1), "last"),
}
BINS = {
    "bins": lambda maps: bins(maps),
    "bins with an axis behind": lambda maps: tuple(part[..., None] for part in bins(maps)),
    "bins with an axis before": lambda maps: tuple(part[:, None] for part in bins(maps)),
}
EXTRAS = {
    "extra outputs": lambda maps: (
        maps, maps.mean(), maps.flatten(2).argmax(-1)[0], maps.flatten(2) > 0, maps[:, :2] * 3, maps[:, None] + 1,
    )
}  # fmt: skip


def spec_of(decoder: dict[str, Any], outputs: list[str], color_order: str = "bgr") -> PoseSpec:
    gray = color_order == "gray"
    return parse_spec({
        "schema": 1, "name": "heads", "version": "1", "license": "MIT", "kind": "top_down", "outputs": outputs,
        "input": {"size_wh": [WIDTH, HEIGHT], "color_order": color_order,
                  "mean": 120.5 if gray else [103.5, 116.3, 123.7], "std": 57.0 if gray else [57.4, 57.1, 58.4],
                  "resize": "stretch", "alignment": "half_pixel"},
        "decoder": decoder, "keypoints": {"names": [f"k{i}" for i in range(K)], "oks_sigmas": [0.05] * K},
    }, "heads")  # fmt: skip


def heatmap(background: str = "none") -> dict[str, Any]:
    return {"kind": "heatmap", "output": "maps", "refinement": "none", "alignment": "stride", "background": background}


def arranged() -> dict[str, tuple[Any, PoseSpec]]:
    rows = spec_of({"kind": "regression", "output": "rows", "fields": ["x", "y", "score"], "range": "unit"}, ["rows"])
    simcc = spec_of({"kind": "simcc", "output_x": "x", "output_y": "y", "split_ratio": 0.25, "score_reduction": "min"},
                    ["x", "y"])  # fmt: skip
    found = {name: (head, rows) for name, head in ROWS.items()}
    found |= {name: (head, spec_of(heatmap(ground), ["maps"])) for name, (head, ground) in MAPS.items()}
    found |= {name: (head, simcc) for name, head in BINS.items()}
    names = ["maps", "scalar", "vector", "three", "four", "five"]
    found |= {name: (head, spec_of(heatmap(), names)) for name, head in EXTRAS.items()}
    return found | {"gray": (MAPS["maps"][0], spec_of(heatmap(), ["maps"], "gray"))}


ARRANGED = arranged()


def truth(spec: PoseSpec, network: Net) -> np.ndarray[Any, Any]:
    """Keypoints (K, 2) in input px, from the trunk's maps by torch alone."""
    image = torch.from_numpy(PIXELS.astype(np.float64)).permute(2, 0, 1)[None]
    if spec.input.color_order == "gray":
        image = (image * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    else:
        image = image.flip(1)
    normal = (image - torch.tensor(spec.input.mean).reshape(1, -1, 1, 1)) / torch.tensor(spec.input.std).reshape(
        1, -1, 1, 1
    )
    with torch.no_grad():
        maps = network.trunk(normal.float()) * 20
    if spec.decoder.kind == "regression":
        return np.asarray(points(maps)[0].numpy() * [WIDTH, HEIGHT])
    if spec.decoder.kind == "simcc":
        return np.stack([maps.amax(2).argmax(-1)[0].numpy(), maps.amax(3).argmax(-1)[0].numpy()], axis=-1) * 4.0
    best = maps.flatten(2).argmax(-1)[0].numpy()
    return np.stack([best % maps.shape[3], best // maps.shape[3]], axis=-1) * 4.0


@pytest.mark.parametrize("name", ARRANGED)
def test_a_head_gives_torchs_points(name: str) -> None:
    head, spec = ARRANGED[name]
    network = Net(head, len(spec.input.mean))
    lowered, reference = lowered_of(network, spec)
    for outputs in (reference, dict(zip(reference, lowered.graph(torch.from_numpy(PIXELS[None])), strict=True))):
        arrays = {key: np.asarray(torch.as_tensor(values).detach()) for key, values in outputs.items()}
        check_outputs({key: values.shape for key, values in arrays.items()}, spec)
        found = decode(arrays, spec).keypoints[0]
        np.testing.assert_allclose(found, truth(spec, network), atol=0.05 if name == "half" else 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convolution's", "half", "background first", "extra outputs", "gray"])
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_both_platforms_give_torchs_points(platform: str, name: str, tmp_path: Path) -> None:
    head, spec = ARRANGED[name]
    network = Net(head, len(spec.input.mean))
    lowered, reference = lowered_of(network, spec)
    converted = conversion.converted(platform, lowered, spec, uniform("fp32"), tmp_path)
    outputs = runtime_for(platform, converted.path).run(PIXELS)
    assert {key: values.shape for key, values in outputs.items()} == {key: v.shape for key, v in reference.items()}
    assert {str(values.dtype) for values in outputs.values()} == {"float32"}
    found = decode(outputs, spec).keypoints[0]
    np.testing.assert_allclose(found, truth(spec, network), atol=0.05 if name == "half" else 1e-3)


def lowered_of(network: Net, spec: PoseSpec) -> tuple[Lowered, dict[str, Any]]:
    source = SourceModel(Path("in-memory"), Form.MODULE, "", network)
    reference = run_reference(source, spec, PIXELS)
    return lower(source, spec, PIXELS, reference), reference


@pytest.mark.parametrize(
    ("head", "name"),
    [(lambda maps: scored(maps).transpose(1, 2), "rows"), (lambda maps: maps.permute(0, 2, 3, 1), "maps"),
     (lambda maps: torch.stack([maps, maps], 1), "maps"), (lambda maps: bins(maps)[0].transpose(1, 2), "bins")],
    ids=["transposed rows", "channels last", "two steps", "transposed bins"],
)  # fmt: skip
def test_other_layouts_are_refused_with_a_hint(head: Any, name: str) -> None:
    spec = ARRANGED[name][1]
    one = head if name != "bins" else lambda maps: (head(maps), maps.amax(3))
    with pytest.raises(InputError, match="has shape .* expects 1 x 5") as raised:
        run_reference(SourceModel(Path("in-memory"), Form.MODULE, "", Net(one)), spec, PIXELS)
    assert "forward()" in raised.value.hint


def test_a_gray_network_under_a_colour_contract_is_told_where_to_look() -> None:
    with pytest.raises(InputError) as raised:
        run_reference(
            SourceModel(Path("in-memory"), Form.MODULE, "", Net(lambda maps: maps, 1)), ARRANGED["maps"][1], PIXELS
        )
    assert "input.color_order" in raised.value.hint
