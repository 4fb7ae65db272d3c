"""Layers of Core ML that are easily lost: computed, tiny, zero, alike, and beyond float16."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posekit.contract.precisions import Precision, of_platform
from posekit.contract.recipe import Recipe, uniform
from posekit.errors import ConversionError, InputError
from posekit.runtimes import mil
from posekit.runtimes.mlpackage import specification_file
from posekit.targets import check_recipe
from posekit.targets.converted import Layer
from posekit.targets.coreml import program as coreml_program
from posekit.targets.coreml import readback
from posekit.targets.coreml import target as coreml
from posekit.targets.graph.layers import fingerprint
from tests import networks
from tests.runtimes.packages import altered, one, weight_file
from tests.targets.coreml.test_coreml_precisions import Made, prepared
from tests.targets.test_networks import spec_of

pytestmark = pytest.mark.xdist_group("coreml precisions")  # one import of coremltools for both
HUGE = 2e5


class Odd(nn.Module):
    """Four layers whose weights are computed, and one of each other kind."""

    def __init__(self) -> None:
        super().__init__()
        self.normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 32, 5, 4, 2))
        self.gated, self.gate = nn.Parameter(torch.randn(32, 32, 1, 1) / 6), nn.Parameter(torch.randn(32, 1, 1, 1))
        self.turned, self.summed = (nn.Parameter(torch.randn(32, 32) / 6) for _ in range(2))
        self.one, self.same, self.mirrored = (nn.Conv2d(32, 32, 1, bias=False) for _ in range(3))
        self.zero, self.huge = (nn.Conv2d(32, 32, 1, bias=False) for _ in range(2))
        self.head, self.small = nn.Conv2d(32, networks.K, 1), nn.Conv2d(networks.K, networks.K, 1)
        with torch.no_grad():
            self.same.weight.copy_(self.one.weight)
            self.mirrored.weight.copy_(self.one.weight.flip(0, 1))
            self.zero.weight.zero_()
            self.huge.weight.mul_(HUGE / self.huge.weight.abs().max())

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.conv2d(F.relu(self.normed(x)), self.gated * torch.sigmoid(self.gate)))
        x = F.relu(F.linear(x.permute(0, 2, 3, 1), self.turned.t()))
        x = F.relu(torch.einsum("bhwi,oi->bhwo", x, self.summed)).permute(0, 3, 1, 2)
        x = self.mirrored(F.relu(self.same(F.relu(self.one(x)))))
        x = x + self.zero(x) + self.huge(torch.sigmoid(x) * 1e-4)
        return self.small(F.relu(self.head(x)))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Made:
    torch.manual_seed(1)  # of 0 8-bit activations lose a tenth, however weights are rounded
    return prepared(Odd().train(False), spec_of("odd"), tmp_path_factory.mktemp("odd"))


def _by_name(layers: tuple[Layer, ...]) -> dict[str, list[Layer]]:
    return {one.name: [layer for layer in layers if layer.name == one.name] for one in layers}


@pytest.mark.parametrize("precision", of_platform("ios"))
def test_every_layer_is_listed_and_is_what_is_said(odd: Made, precision: Precision, tmp_path: Path) -> None:
    """All that multiply with a constant: eleven, of which two are equal and lie in the file once."""
    converted = odd.compress(uniform(precision), tmp_path)
    layers = _by_name(converted.layers)
    assert list(layers) == list(odd.base.layers.values())
    assert {"one", "zero", "huge", "head", "small"} <= set(layers)
    assert len(converted.layers) == 10
    assert len(layers["one"]) == 2, "once for two equal layers, once for the mirrored one"
    why = {layer.name: layer.why for layer in converted.layers if layer.why}
    if precision != "fp32":
        assert "kept in float32" in why.pop("huge")
        assert (layers["huge"][0].stored, layers["huge"][0].activations) == ("float32", "float32")
    if precision not in ("fp32", "fp16"):
        assert why.pop("small") == "of 25 weights too little room would be saved"
    if precision.startswith("sparse"):
        assert "100% zero" in layers["zero"][0].stored
    assert all("too little room" in one for one in why.values())
    assert set(why) <= {"head"} or precision == "pal8", "a table of 256 values is not worth it for 1024 weights"
    assert odd.error(converted) < (0.03 if precision in ("fp32", "fp16", "w8", "w8a8", "pal8") else 1)


def test_a_recipe_of_all_that_is_read_back_is_taken_again(odd: Made, tmp_path: Path) -> None:
    """Layers with computed weights too, which only the program has a name for."""
    first = odd.compress(uniform("w8"), tmp_path).layers
    computed = [layer.name for layer in first if layer.weights > 1000 and layer.name not in Odd().state_dict()]
    wanted: dict[str, Precision] = {
        layer.name: "pal6" if number % 2 else "w8" for number, layer in enumerate(first) if layer.weights > 500
    }
    recipe = Recipe(precision="fp16", layers=wanted)
    check_recipe(recipe, "ios", odd.base)
    again = odd.compress(recipe, tmp_path).layers
    assert len(computed) > 4
    assert [layer.name for layer in again] == [layer.name for layer in first]
    for layer in again:
        if layer.name != "huge":
            bits = {"pal6": 6, "w8": 8}.get(wanted.get(layer.name, ""), 16)
            assert (layer.bits, layer.why) == (bits, "")


def test_a_recipe_names_a_small_layer(odd: Made, tmp_path: Path) -> None:
    layers = _by_name(odd.compress(Recipe(precision="fp16", layers={"small": "fp32", "head": "w8"}), tmp_path).layers)
    assert (layers["small"][0].stored, layers["small"][0].activations, layers["small"][0].why) == (
        "float32",
        "float32",
        "",
    )
    assert layers["head"][0].stored.startswith("int8") or layers["head"][0].why


def test_the_weights_of_a_resize_are_no_layer(tmp_path: Path) -> None:
    class Resized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Conv2d(3, 16, 3, 4, 1), nn.Conv2d(16, networks.K, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(F.interpolate(self.body(x), scale_factor=1.3, mode="bilinear"))

    made = prepared(Resized().train(False), spec_of("odd"), tmp_path)
    converted = made.compress(uniform("w4"), tmp_path)
    assert [layer.name for layer in converted.layers] == ["body", "head"]
    assert made.error(converted) < made.error(made.compress(uniform("fp16"), tmp_path)) + 0.2


def test_names_of_operations_do_not_take_those_of_layers(odd: Made) -> None:
    package = odd.base.folder / coreml.BASE_FILE
    program = mil.open_program(package)
    weights = [(op.name, program.constant(op.inputs["weight"][0])) for op in program.ops if op.type == "conv"]
    known = {fingerprint(weights[0][1]): weights[1][0]}  # the network calls its first layer as the second operation is
    names = readback.named(package, known)
    assert len(set(names.values())) == len(names)
    assert list(names.values())[:2] == [weights[1][0], f"{weights[1][0]}_2"]


@pytest.mark.parametrize("step", ["opened", "halve", "write"])
def test_a_foreign_error_is_told_with_the_precision(
    odd: Made, step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: Any) -> None:
        raise IndexError("it is planted\nwith more lines")

    monkeypatch.setattr(coreml_program, step, fail)
    with pytest.raises(ConversionError, match=r"cannot make 'w4' of the network: it is planted$"):
        odd.compress(uniform("w4"), tmp_path)


def test_tiny_weights_that_vanish_in_half_precision_are_found_again(tmp_path: Path) -> None:
    """coremltools lifts those that would become zero, of few: the weights are others, and still the layer's."""

    class Faint(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.faint = nn.Conv2d(3, 16, 3, 4, 1), nn.Conv2d(16, 16, 1)
            self.head = nn.Conv2d(16, networks.K, 1)
            nn.init.uniform_(self.faint.weight, -2e-8, 2e-8)

        def forward(self, x: Tensor) -> Tensor:
            x = F.relu(self.body(x))
            return self.head(x + self.faint(x))

    torch.manual_seed(0)
    made = prepared(Faint().train(False), spec_of("faint"), tmp_path)
    for precision in ("fp16", "w8a8"):
        assert [layer.name for layer in made.compress(uniform(precision), tmp_path).layers] == ["body", "faint", "head"]


def test_scales_of_activations_are_those_of_the_calibration_pictures(odd: Made, tmp_path: Path) -> None:
    """In the written file: a 255th of what the evaluator of the float program sees go into each product."""
    seen: dict[str, tuple[float, float]] = {}

    def observe(done: mil.OpRun) -> None:
        for name, values in done.outputs.items():
            low, high = seen.get(name, (0.0, 0.0))
            seen[name] = min(low, float(values.min())), max(high, float(values.max()))

    floats = mil.open_program(odd.base.folder / coreml.BASE_FILE)
    for picture in odd.calibration.inputs:
        mil.run(floats, {"image": picture[None]}, "fp32", observe)
    written = mil.open_program(odd.compress(uniform("w8a8"), tmp_path).path)
    rounded = _scales(written)
    products = ("conv", "linear", "matmul")
    ranges = [seen[op.inputs["x"][0]] for op in floats.ops if op.type in products]
    scales = [rounded.get(op.inputs["x"][0]) for op in written.ops if op.type in products]
    found = [(scale, (high - low) / 255) for scale, (low, high) in zip(scales, ranges, strict=True) if scale]
    assert len(found) == 9, "all but the small one and the one beyond float16"
    np.testing.assert_allclose(*zip(*found, strict=True), rtol=2e-3)
    assert max(scale for scale, _ in found) > 1.5 * min(scale for scale, _ in found)


def _scales(program: mil.Program) -> dict[str, float]:
    """Steps of the values that come out of a dequantize."""
    makers = {name: op for op in program.ops for name in op.outputs}
    return {
        op.outputs[0]: float(program.constant(makers[op.inputs["input"][0]].inputs["scale"][0]))
        for op in program.ops
        if op.type == "dequantize"
    }


def _without(kind: str, part: str) -> Callable[[Any], object]:
    return lambda model: one(model, kind).attributes.pop(part)


def _of_integers(model: Any) -> object:
    kind = one(model, "constexpr_sparse_to_dense").attributes["nonzero_data"].type.tensorType
    kind.dataType = 21
    return kind


@pytest.mark.parametrize(
    ("precision", "alter"),
    [
        ("w8", _without("constexpr_affine_dequantize", "scale")),
        ("w8", _without("constexpr_affine_dequantize", "quantized_data")),
        ("pal6", _without("constexpr_lut_to_dense", "lut")),
        ("sparse50", _without("constexpr_sparse_to_dense", "nonzero_data")),
        ("sparse50", _of_integers),
        ("w8a8", lambda model: one(model, "dequantize").inputs.pop("input")),
        ("w8a8", lambda model: one(model, "linear").inputs.pop("x")),
    ],
)
def test_a_damaged_package_is_an_input_error(
    odd: Made, precision: Precision, alter: Callable[[Any], object], tmp_path: Path
) -> None:
    path = odd.compress(uniform(precision), tmp_path).path
    altered(path, alter)
    with pytest.raises(InputError, match="odd.mlpackage"):
        readback.stored(path)


def test_flipped_bytes_are_read_or_refused(odd: Made, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = odd.compress(uniform("sparse50-pal4"), tmp_path).path
    refused = 0
    for file in (specification_file(path), weight_file(path)):
        good = file.read_bytes()
        for _ in range(40):
            content = bytearray(good)
            for place in rng.integers(0, len(good), rng.integers(1, 20)):
                content[place] = rng.integers(0, 256)
            file.write_bytes(content[: rng.integers(1, len(good))] if rng.random() < 0.1 else content)
            try:
                assert readback.stored(path)
            except InputError:
                refused += 1
        file.write_bytes(good)
    assert refused > 20
    assert sum(readback.stored(path).values()) == 10
