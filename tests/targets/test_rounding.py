"""Rounding whose errors cancel, and layers too small for 4 bits: the arithmetic, and the files of both platforms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from posekit.contract.precisions import Precision
from posekit.contract.recipe import Recipe, uniform
from posekit.runtimes import runtime_for
from posekit.sources.recognise import Form
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel
from posekit.targets import TARGETS, Base, Calibration, Converted, rounding
from posekit.targets.coreml import weights as coreml_weights
from posekit.targets.graph.lowering import lower, relative_rms
from posekit.targets.litert import quantize as litert_quantize
from posekit.targets.litert import tflite_file
from posekit.targets.litert.tflite_graph import nodes_of, weights_of
from posekit.targets.rounding import cancelling, size_of_small
from tests import networks
from tests.targets.litert.test_litert_precisions import pictures
from tests.targets.test_networks import spec_of

pytestmark = pytest.mark.xdist_group("rounding")
SMALL = {"stem": 1176, "head": 960}  # the others have 4608, 1600 and 110592 weights


class Positive(nn.Module):
    """Layers after ReLU, as most are: what they read is of one sign. Two of five are small."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.wide = nn.Conv2d(3, 8, 7, 2, 3), nn.Conv2d(8, 64, 3, 2, 1)
        self.narrow, self.deep = nn.Conv2d(64, 64, 5, 1, 2, groups=64), nn.Conv2d(64, 192, 3, 1, 1)
        self.head = nn.Conv2d(192, networks.K, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.wide(torch.relu(self.stem(x))))
        return self.head(torch.relu(self.deep(torch.relu(self.narrow(x)))))


class Converting:
    """The network's float file on a platform, and files of it."""

    def __init__(self, platform: str, folder: Path) -> None:
        torch.manual_seed(0)
        self.platform, self.folder, self.spec = platform, folder, spec_of("positive")
        source = SourceModel(Path("in-memory"), Form.MODULE, "", Positive().eval())
        self.pixels = pictures(self.spec, 1)[0]
        self.reference = run_reference(source, self.spec, self.pixels)
        self.base: Base = TARGETS[platform].base(
            lower(source, self.spec, self.pixels, self.reference), folder, folder / "log"
        )

    def compress(self, recipe: Recipe) -> Converted:
        target = TARGETS[self.platform]
        path = self.folder / target.model_file("small")
        return target.compress(self.base, self.spec, recipe, Calibration(), path, self.folder / "log")

    def error(self, converted: Converted) -> float:
        seen = runtime_for(self.platform, converted.path).run(self.pixels)
        return max(relative_rms(seen[name], expected) for name, expected in self.reference.items())


@pytest.fixture(scope="module", params=["android", "ios"])
def positive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Converting:
    return Converting(request.param, tmp_path_factory.mktemp(request.param))


@given(st.integers(0, 2**32 - 1), st.sampled_from([7, 127]), st.integers(1, 5), st.integers(1, 6), st.integers(1, 9))
def test_errors_of_kernels_and_groups_cancel(seed: int, most: int, groups: int, kernels: int, places: int) -> None:
    steps = np.random.default_rng(seed).uniform(-1, 1, (groups, kernels, places)) * (most - 1)
    rounded = cancelling(steps, most)
    assert np.array_equal(rounded, np.rint(rounded))
    assert np.abs(rounded - steps).max() <= 1 + 1e-9, "one of the two integers beside a weight"
    assert np.abs((rounded - steps).sum(axis=(1, 2))).max() <= 0.5 + 1e-9
    # a kernel gives up at most one weight for its group
    assert np.abs((rounded - steps).sum(axis=2)).max() <= 0.5 + places
    assert np.array_equal(cancelling(rounded, most), rounded)


def test_a_kernel_of_equal_errors_is_rounded_both_ways() -> None:
    assert sorted(cancelling(np.full((1, 1, 4), 2.25), 7).ravel()) == [2, 2, 2, 3]
    assert sorted(cancelling(np.full((1, 4, 1), -2.75), 7).ravel()) == [-3, -3, -3, -2]
    assert sorted(cancelling(np.full((1, 2, 4), 2.25), 7)[0].ravel()) == [2, 2, 2, 2, 2, 2, 3, 3]


def test_the_largest_weights_stay_since_the_scale_is_told_by_them() -> None:
    steps = np.array([[[7.0, 6.6, 6.6, 6.6]]])
    assert cancelling(steps, 7).tolist() == [[[7, 7, 7, 7]]]
    assert cancelling(-steps, 7).tolist() == [[[-7, -7, -7, -7]]]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], 0), ([100], 0), ([100, 100], 0), ([1, 99], 1), ([2, 98], 2), ([3, 97], 0),
        ([1, 1, 98], 1), ([1, 1, 1, 97], 0),  # alike is treated alike
        ([1176, 4608, 1600, 110592, 960], 1176),
    ],
    ids=str,
)  # fmt: skip
def test_the_smallest_layers_are_those_of_two_percent(sizes: list[int], expected: int) -> None:
    assert size_of_small(sizes) == expected


@pytest.mark.parametrize("precision", ["w4", "pal4", "sparse50-pal4"])
def test_small_layers_have_eight_bits_where_four_are_asked_for(positive: Converting, precision: Precision) -> None:
    if precision != "w4" and positive.platform == "android":
        return
    layers = {layer.name: layer for layer in positive.compress(uniform(precision)).layers}
    why = {name: f"of {size} weights 4 bits would save too little room: 8-bit" for name, size in SMALL.items()}
    if positive.platform == "android":
        why["narrow"] = "LiteRT has no 4-bit DEPTHWISE_CONV_2D"
    assert {name for name, layer in layers.items() if layer.stored.startswith("int8")} == set(why)
    assert {name: layer.why for name, layer in layers.items() if layer.why} == why


def test_a_small_layer_alone_is_small_by_the_whole_network(positive: Converting) -> None:
    layers = {
        layer.name: layer
        for layer in positive.compress(Recipe(precision="fp16", layers={"stem": "w4", "deep": "w4"})).layers
    }
    assert layers["stem"].stored.startswith("int8")
    assert layers["deep"].stored.startswith("int4")


@pytest.mark.parametrize(("precision", "most"), [("w8", 0.9), ("w4", 0.8)])
def test_cancelling_errors_move_the_outputs_less(
    positive: Converting, precision: Precision, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = positive.error(positive.compress(uniform(precision)))

    def nearest(steps: Any, most: int) -> Any:
        return np.clip(np.rint(steps), -most, most)

    for module in (litert_quantize, coreml_weights):
        monkeypatch.setattr(module, "cancelling", nearest)
    assert error < most * positive.error(positive.compress(uniform(precision)))


def test_eight_bits_in_small_layers_move_the_outputs_less(
    positive: Converting, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = positive.error(positive.compress(uniform("w4")))
    monkeypatch.setattr(rounding, "SMALL", 0.0)
    assert error < 0.9 * positive.error(positive.compress(uniform("w4")))


def test_the_quantizer_finds_the_integers_that_were_chosen(
    tmp_path_factory: pytest.TempPathFactory, positive: Converting
) -> None:
    """The weights in a .tflite are those, and the sum of each channel's errors is half a step at most."""
    if positive.platform != "android":
        return
    converted = positive.compress(uniform("w4"))
    source = tflite_file.unpack((positive.base.folder / "base.tflite").read_bytes())
    written = tflite_file.unpack(converted.path.read_bytes())
    held = {
        tuple(tensor.shape): tensor for tensor in written.subgraphs[0].tensors if tensor.type == 17
    }  # INT4  # fmt: skip
    checked = 0
    for node in nodes_of(source, positive.base.layers):
        shape = tuple(source.subgraphs[0].tensors[node.weight].shape) if node.layer else ()
        if shape not in held:
            continue
        data = np.frombuffer(bytes(written.buffers[held[shape].buffer].data), np.uint8)
        halves = np.stack([data & 15, data >> 4], axis=1).ravel()[: int(np.prod(shape))].astype(int)
        numbers = np.where(halves > 7, halves - 16, halves).reshape(shape[0], -1)
        weights = weights_of(source, node.weight)
        assert weights is not None
        errors = numbers - weights.reshape(shape[0], -1) / np.asarray(held[shape].quantization.scale)[:, None]
        assert np.abs(errors.sum(axis=1)).max() <= 0.51
        assert np.abs(errors).max() <= 1.01
        checked += 1
    assert checked == 2
