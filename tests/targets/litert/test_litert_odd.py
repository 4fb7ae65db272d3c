"""Networks that static quantization trips over: each keeps its values at 8 and 16 bits, or its name says what is
float."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posekit.contract.recipe import uniform
from posekit.errors import InputError
from posekit.runtimes import eight_bits
from posekit.runtimes.litert_ranges import tensor_ranges
from posekit.targets import TARGETS, Calibration
from posekit.targets.converted import Layer
from posekit.targets.litert import plan as litert_plan
from posekit.targets.litert import quantize, tflite_file
from posekit.targets.litert.plan import plan
from posekit.targets.litert.tflite_graph import nodes_of
from tests.networks import K
from tests.targets.litert.test_litert_precisions import Network, errors, made, network_of
from tests.targets.test_networks import spec_of

pytestmark = pytest.mark.xdist_group("litert_odd")


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1), nn.ReLU())
        self.head = nn.Conv2d(24, K, 1)
        self.add_more()

    def add_more(self) -> None:
        pass

    def between(self, x: Tensor) -> Tensor:
        return x

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.head(self.between(self.stem(x)))


class DeadChannels(Plain):
    """Of six channels BatchNorm left the bias alone, as training does."""

    def add_more(self) -> None:
        self.conv, self.norm = nn.Conv2d(24, 24, 3, 1, 1, bias=False), nn.BatchNorm2d(24)
        self.norm.weight.data[:6] = 0
        self.norm.bias.data[:] = torch.linspace(0.5, 1, 24)

    def between(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class PaddedMaximum(Plain):
    """ResNet's stem: the maximum is padded with minus infinity."""

    def add_more(self) -> None:
        self.pool, self.up, self.conv = (
            nn.MaxPool2d(3, 2, 1),
            nn.ConvTranspose2d(24, 24, 4, 2, 1),
            nn.Conv2d(24, 24, 3, 1, 1),
        )

    def between(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(F.relu(self.up(self.pool(x)))))


class MaskedAttention(Plain):
    def add_more(self) -> None:
        self.register_buffer("mask", torch.zeros(24, 24).masked_fill(torch.arange(24) > 12, float("-inf")))
        self.conv = nn.Conv2d(24, 24, 3, 1, 1)

    def between(self, x: Tensor) -> Tensor:
        y = x.flatten(2)
        attention = torch.softmax(y @ y.transpose(1, 2) * 0.001 + self.mask, -1)
        return F.relu(self.conv((attention @ y).reshape(x.shape)))


class SmallChannels(Plain):
    """Half of the channels are a thousandth of the others, and the depthwise convolution behind makes them alike."""

    def add_more(self) -> None:
        gains = torch.where(torch.arange(24) % 2 == 0, 1.0, 1e-3).reshape(24, 1, 1, 1)
        self.small, self.alike = nn.Conv2d(24, 24, 1), nn.Conv2d(24, 24, 3, 1, 1, groups=24)
        self.small.weight.data *= gains
        self.small.bias.data *= gains.flatten()
        self.alike.weight.data /= gains
        self.alike.bias.data[:] = 1.0  # no channel that hardly ever passes the ReLU, which would be small too
        self.mixed = nn.Conv2d(24, 24, 3, 1, 1)

    def between(self, x: Tensor) -> Tensor:
        return F.relu(self.mixed(F.relu(self.alike(F.relu(self.small(x))))))


class Block(Plain):
    """A transformer's block: norms, attention and a linear layer, each over a residual sum."""

    def add_more(self) -> None:
        self.first, self.second = nn.LayerNorm(24), nn.LayerNorm(24)
        self.attention, self.linear = nn.MultiheadAttention(24, 3, batch_first=True), nn.Linear(24, 24)

    def between(self, x: Tensor) -> Tensor:
        y = x.flatten(2).transpose(1, 2)
        z = self.first(y)
        y = y + self.attention(z, z, z, need_weights=False)[0]
        y = y + F.gelu(self.linear(self.second(y)))
        return y.transpose(1, 2).reshape(x.shape)


class ComputedWeight(Plain):
    def add_more(self) -> None:
        self.kernel = nn.Parameter(torch.randn(24, 24, 3, 3) * 0.05)

    def between(self, x: Tensor) -> Tensor:
        return F.relu(F.conv2d(x, self.kernel * x.mean(), padding=1))


class Expectation(Plain):
    """A convolution that only counts bins, as YOLO's boxes end in, between two that are layers."""

    def add_more(self) -> None:
        self.before, self.count, self.after = (
            nn.Conv2d(24, 16, 1),
            nn.Conv2d(16, 1, 1, bias=False),
            nn.Conv2d(1, 24, 3, 1, 1),
        )
        self.count.weight.data[:] = torch.arange(16.0).reshape(1, 16, 1, 1)

    def between(self, x: Tensor) -> Tensor:
        return F.relu(self.after(self.count(torch.softmax(self.before(x), 1))))


class NamedImage(Plain):
    """A layer with the name of the input."""

    def add_more(self) -> None:
        self.image = nn.Conv2d(24, 24, 3, 1, 1)

    def between(self, x: Tensor) -> Tensor:
        return F.relu(self.image(x))


class EqualWeights(Plain):
    def add_more(self) -> None:
        self.a, self.b = nn.Conv2d(24, 24, 3, 1, 1), nn.Conv2d(24, 24, 3, 1, 1)
        self.b.weight.data.copy_(self.a.weight.data)

    def between(self, x: Tensor) -> Tensor:
        return F.relu(self.b(F.relu(self.a(x))))


class UsedResult(Plain):
    """An output that is also read inside."""

    def add_more(self) -> None:
        self.second = nn.Conv2d(K, K, 3, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        first = self.head(self.stem(x))
        return first, self.second(F.relu(first))


class Divided(Plain):
    """A divisor that is next to nothing at some places beside its largest: of 8 bits it rounds to zero there."""

    def between(self, x: Tensor) -> Tensor:
        size = F.relu(x[:, :1] - x[:, :1].mean())
        return x * size / (size + 1e-3)


class Resized(Plain):
    """The weights of a resize are no layer, and keep all their digits."""

    def between(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=1.3, mode="bilinear", align_corners=False)


ODD = (
    DeadChannels,
    PaddedMaximum,
    MaskedAttention,
    SmallChannels,
    Block,
    ComputedWeight,
    Expectation,
    NamedImage,
    EqualWeights,
    UsedResult,
    Resized,
)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Callable[[type[Plain]], Network]:
    known: dict[type[Plain], Network] = {}

    def build(kind: type[Plain]) -> Network:
        if kind not in known:
            torch.manual_seed(3)
            spec = spec_of("odd")
            if kind is UsedResult:
                spec = spec.model_copy(update={"outputs": ("heatmaps", "second")})
            known[kind] = network_of(spec, kind().eval(), tmp_path_factory.mktemp(kind.__name__))
        return known[kind]

    return build


@pytest.mark.parametrize("kind", ODD)
def test_static_precisions_keep_the_values(kind: type[Plain], odd: Callable[..., Network], tmp_path: Path) -> None:
    found = odd(kind)
    for precision, most in (("w8", 0.015), ("w8a8", 0.02), ("w8a16", 0.015), ("w4", 0.4)):
        converted = made(found, uniform(precision), tmp_path)  # type: ignore[arg-type]
        assert max(errors(found, converted).values()) < most, precision


def layers(found: Network, precision: str, tmp_path: Path) -> dict[str, Layer]:
    return {layer.name: layer for layer in made(found, uniform(precision), tmp_path).layers}  # type: ignore[arg-type]


def test_a_division_computes_in_float_at_8_bits(
    odd: Callable[..., Network], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """LiteRT's own 8-bit kernel ends the run where a divisor rounds to zero."""
    found = odd(Divided)
    assert max(errors(found, made(found, uniform("w8a8"), tmp_path)).values()) < 0.1
    monkeypatch.setattr(litert_plan, "INEXACT", ())
    monkeypatch.setattr(eight_bits, "SEVERE", 1.0)
    with pytest.raises(InputError, match=r"LiteRT cannot run .*DIV"):
        errors(found, made(found, uniform("w8a8"), tmp_path))


def test_a_resize_is_no_layer(odd: Callable[..., Network], tmp_path: Path) -> None:
    assert list(layers(odd(Resized), "w4", tmp_path)) == ["stem.0", "stem.2", "head"]


def test_a_layer_is_told_by_its_own_weights(odd: Callable[..., Network], tmp_path: Path) -> None:
    """One of the same kind that is no layer stands between them."""
    found = layers(odd(Expectation), "w8a8", tmp_path)
    assert list(found) == ["stem.0", "stem.2", "before", "after", "head"]
    assert {name: layer.weights for name, layer in found.items()}["after"] == 24 * 9
    assert {layer.bits for layer in found.values()} == {8}


def test_a_result_that_is_read_inside_computes_in_float_too(odd: Callable[..., Network], tmp_path: Path) -> None:
    found = layers(odd(UsedResult), "w8a8", tmp_path)
    assert {name for name, layer in found.items() if layer.activations == "float32"} == {"head", "second"}


def test_what_reads_or_makes_small_channels_computes_in_float(
    odd: Callable[..., Network], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = odd(SmallChannels)
    good = errors(found, made(found, uniform("w8a8"), tmp_path))["heatmaps"]
    told = {layer.name: layer.why for layer in made(found, uniform("w8a8"), tmp_path).layers}
    assert [name for name, why in told.items() if why == litert_plan.COARSE] == ["small", "alike"]
    monkeypatch.setattr(eight_bits, "SEVERE", 1.0)
    assert errors(found, made(found, uniform("w8a8"), tmp_path))["heatmaps"] > 3 * good


def test_attention_and_norms_compute_in_float_and_their_layers_in_8_bits(
    odd: Callable[..., Network], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = odd(Block)
    nodes = nodes_of(tflite_file.unpack((found.base.folder / "base.tflite").read_bytes()), found.base.layers)
    planned = plan(nodes, uniform("w8a8"), found.calibration)
    rounded = {node.op for node, done in zip(nodes, planned.done, strict=True) if not node.layer and done}
    assert rounded <= {"PAD", "MAXIMUM"}  # of the convolutions before
    inner = [layer for layer in made(found, uniform("w8a8"), tmp_path).layers if layer.name != "head"]
    assert len(inner) > 4
    assert {layer.activations for layer in inner} == {"int8"}
    good = errors(found, made(found, uniform("w8a8"), tmp_path))["heatmaps"]
    monkeypatch.setattr(litert_plan, "ATTENTION", ())
    assert errors(found, made(found, uniform("w8a8"), tmp_path))["heatmaps"] > 2 * good


@pytest.mark.parametrize(
    ("kind", "module", "fault"),
    [(DeadChannels, quantize, "_raise_weights"), (PaddedMaximum, litert_plan, "paddings_of_maxima")],
)
def test_without_what_is_put_right_the_values_are_lost(kind, module, fault, odd, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = odd(kind)
    good = errors(found, made(found, uniform("w8a8"), tmp_path))
    monkeypatch.setattr(module, fault, lambda *_: set())
    if fault == "paddings_of_maxima":  # it then computes in float, which costs time and no values
        model = tflite_file.unpack((found.base.folder / "base.tflite").read_bytes())
        nodes = nodes_of(model, found.base.layers)
        done = plan(nodes, uniform("w8a8"), found.calibration).done
        assert [one for node, one in zip(nodes, done, strict=True) if node.op == "PADV2"] == [None]
    else:
        assert max(errors(found, made(found, uniform("w8a8"), tmp_path)).values()) > 20 * max(good.values())


def test_values_beyond_all_use_have_no_range(odd: Callable[..., Network]) -> None:
    found = odd(MaskedAttention)
    assert max(abs(end) for ends in found.calibration.ranges.values() for end in ends) < 1e9
    whole = tensor_ranges(found.base.folder / "base.tflite", found.inputs)
    assert set(found.calibration.ranges) < set(whole)


def test_the_steps_in_the_file_are_those_of_the_range(odd: Callable[..., Network], tmp_path: Path) -> None:
    found = odd(EqualWeights)
    half = {name: (low / 2, high / 2) for name, (low, high) in found.calibration.ranges.items()}
    changed = Calibration(found.calibration.inputs, half)
    path = tmp_path / "m.tflite"
    TARGETS["android"].compress(found.base, found.spec, uniform("w8a8"), changed, path, tmp_path / "log")
    tensors = tflite_file.unpack(path.read_bytes()).subgraphs[0].tensors
    steps = {
        tflite_file.text(one.name): one.quantization.scale for one in tensors if one.type == 9 and one.quantization
    }
    seen = [(name, steps[name]) for name in half if name in steps]
    assert len(seen) > 2
    for name, step in seen:
        low, high = half[name]
        assert np.asarray(step) == pytest.approx((high - low) / 255, rel=0.01)
