"""Every precision of Core ML: made, read back from the file, and evaluated."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posekit.contract.precisions import Precision, of_platform
from posekit.contract.recipe import Recipe, uniform
from posekit.contract.spec import PoseSpec, canonical_json
from posekit.errors import ConversionError, InputError
from posekit.runtimes import mil
from posekit.runtimes.mlpackage import data_folder, read_specification
from posekit.sources.recognise import Form
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel
from posekit.targets import contracts
from posekit.targets.converted import Base, Calibration, Converted
from posekit.targets.coreml import activations, readback, weights
from posekit.targets.coreml import program as coreml_program
from posekit.targets.coreml import target as coreml
from posekit.targets.graph.lowering import Lowered, lower, relative_rms
from tests import networks
from tests.targets.test_networks import spec_of

pytestmark = pytest.mark.xdist_group("coreml precisions")
FLOAT32 = 65568  # of a feature in the package's description
NAME = "deconv_batchnorm"
DECONVOLUTIONS = ("head.0", "head.3")


@dataclass(frozen=True)
class Made:
    """A network in float, ready to be made smaller, and the pictures that calibrate it."""

    lowered: Lowered
    spec: PoseSpec
    reference: dict[str, np.ndarray]
    base: Base
    calibration: Calibration

    def compress(self, recipe: Recipe, folder: Path, calibration: Calibration | None = None) -> Converted:
        given = self.calibration if calibration is None else calibration
        path = folder / f"{self.spec.name}.mlpackage"
        return coreml.compress(self.base, self.spec, recipe, given, path, folder / "convert.log")

    def error(self, converted: Converted) -> float:
        outputs = mil.open_model(converted.path)(self.lowered.pixels)
        return max(relative_rms(outputs[name], expected) for name, expected in self.reference.items())


class Sharing(nn.Module):
    """One convolution at two places, and one tensor that two convolutions read."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Conv2d(3, 32, 3, 4, 1), nn.Conv2d(32, 32, 3, 1, 1)
        self.left, self.right = nn.Conv2d(32, networks.K, 1), nn.Conv2d(32, networks.K, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(torch.relu(self.again(torch.relu(self.first(x)))))
        return self.left(x) + torch.sigmoid(self.right(x))


def prepared(network: nn.Module, spec: PoseSpec, folder: Path) -> Made:
    rng, (width, height) = np.random.default_rng(0), spec.input.size_wh
    pictures = [rng.uniform(0, 255, (height, width, 3)).astype(np.float32) * scale for scale in (1.0, 0.9, 0.6)]
    source = SourceModel(Path("in-memory"), Form.MODULE, "", network)
    reference = run_reference(source, spec, pictures[0])
    lowered = lower(source, spec, pictures[0], reference)
    base = coreml.base(lowered, folder, folder / "convert.log")
    return Made(lowered, spec, reference, base, coreml.calibrate(base, pictures))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """A network of tests/networks.py by name, converted once."""
    return cache(lambda name: prepared(networks.build(name), spec_of(name), tmp_path_factory.mktemp(name)))


# precision: bits of the large layers, how they lie in the file, the oldest iOS, the error that random weights may have
EXPECTED: dict[Precision, tuple[float, str, str, float]] = {
    "fp32": (32, "float32", "16", 1e-5),
    "fp16": (16, "float16", "16", 2e-3),
    "w8": (8, "int8, one scale a channel", "16", 0.02),
    "w8a8": (8, "int8, one scale a channel", "17", 0.03),
    "w4": (4, "int4, one scale", "18", 0.4),
    "pal8": (8, "a table of 256 values", "16", 0.02),
    "pal6": (6, "a table of 64 values", "16", 0.1),
    "pal4": (4, "a table of 16 values", "16", 0.4),
    "sparse50": (9, "float16, 50% zero", "16", 0.9),
    "sparse50-w8": (5, "int8, one scale a channel, 50% zero", "18", 0.9),
    "sparse50-pal4": (3, "a table of 16 values, 50% zero", "18", 0.9),
}


def test_every_precision_of_the_platform_is_tested() -> None:
    assert set(EXPECTED) == set(of_platform("ios"))


def test_the_same_network_gives_the_same_base(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A search that goes on knows its network by it."""
    network = made(NAME)
    again = coreml.base(network.lowered, tmp_path, tmp_path / "log")
    files = [
        {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in (folder / "fp32.mlpackage").rglob("*")
            if path.is_file()
        }
        for folder in (network.base.folder, again.folder)
    ]
    assert files[0] == files[1]


@pytest.mark.parametrize("precision", EXPECTED)
def test_a_precision_is_what_its_name_says(made, precision: Precision, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    network = made(NAME)
    bits, stored, system, limit = EXPECTED[precision]
    converted = network.compress(uniform(precision), tmp_path)
    layers = {layer.name: layer for layer in converted.layers}
    assert list(layers) == list(network.base.layers.values())
    large = [layer for layer in converted.layers if layer.weights > 2000]
    assert len(large) == 4
    for layer in large:
        assert layer.bits == pytest.approx(bits, abs=0.01)
        assert layer.stored.startswith(stored)
        told = precision == "w8a8" and layer.name in DECONVOLUTIONS
        assert layer.why == ("no conv_transpose on 8-bit integers; its weights are 8-bit" if told else "")
    assert all("too little room" in layer.why for layer in converted.layers if layer.why and layer not in large)
    assert converted.minimum_system == system
    assert read_specification(converted.path).specificationVersion == {"16": 7, "17": 8, "18": 9}[system]
    assert any(f"needs iOS {system}" in note for note in converted.notes) == (system != "16")
    assert network.error(converted) < limit
    _check_borders(network, converted.path)
    _check_size(converted)


def _check_borders(network: Made, path: Path) -> None:
    model = read_specification(path)
    assert [feature.name for feature in model.description.input] == ["image"]
    assert {feature.name for feature in model.description.output} == set(network.reference)
    for feature in (*model.description.input, *model.description.output):
        assert feature.type.multiArrayType.dataType == FLOAT32
    assert contracts.of_mlpackage(path) == canonical_json(network.spec)


def _check_size(converted: Converted) -> None:
    """The bits that are read back account for the weight file: what is left are tables, scales, biases and padding."""
    held = (data_folder(converted.path) / "weights" / "weight.bin").stat().st_size
    counted = sum(layer.weights * layer.bits / 8 for layer in converted.layers)
    assert 0 < held - counted < 700 * len(converted.layers)


@pytest.mark.parametrize("precision", ["w8", "w4"])
def test_integers_are_beside_those_of_coremltools(made, precision: Precision, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Its own quantizer, given the same grid, has the same scales, and rounds a fifth of the weights the other way."""
    from coremltools.converters.mil.mil import types
    from coremltools.optimize import _utils as theirs

    network = made(NAME)
    bits, block = (8, 0) if precision == "w8" else (4, 8)
    program = mil.open_program(network.base.folder / coreml.BASE_FILE)
    op = next(op for op in program.ops if op.type == "conv" and op.types[0].shape[1] == 32)
    values = program.constant(op.inputs["weight"][0])
    kind = types.string_to_builtin(f"int{bits}")
    data, scale, _ = theirs.compute_qparams_by_dtype(values, kind, "LINEAR_SYMMETRIC", [1, block, 0, 0])
    blocks = (values.shape[0], values.shape[1] // block if block else 1, 1, 1)
    ours, scales = weights.integers(values, bits, blocks, 1)
    assert np.abs(scales / scale.reshape(blocks) - 1).max() < 1e-3
    assert np.mean(ours != data.astype(np.int8)) < 0.2
    assert np.abs(ours - data.astype(np.int8)).max() <= 1


def test_a_recipe_is_followed_layer_by_layer(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    wanted: dict[str, Precision] = {
        "backbone.1.0": "pal6", "backbone.2.0": "w4", "head.0": "fp32", "head.3": "pal8", "head.6": "fp16",
    }  # fmt: skip
    network = made(NAME)
    converted = network.compress(Recipe(precision="w8", layers=wanted), tmp_path)
    seen = {layer.name: (layer.stored.split(",")[0], layer.activations) for layer in converted.layers}
    assert seen == {
        "backbone.0.0": ("float16", "float16"), "backbone.1.0": ("a table of 64 values", "float16"),
        "backbone.2.0": ("int4", "float16"), "head.0": ("float32", "float32"),
        "head.3": ("a table of 256 values", "float16"), "head.6": ("float16", "float16"),
    }  # fmt: skip
    assert [layer.name for layer in converted.layers if layer.why] == ["backbone.0.0"]
    assert converted.minimum_system == "18"
    assert network.error(converted) < 0.2


def test_activations_of_single_layers(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    network = made(NAME)
    recipe = Recipe(precision="fp16", layers={"backbone.1.0": "w8a8", "head.6": "w8a8"})
    converted = network.compress(recipe, tmp_path)
    eight = {layer.name: layer for layer in converted.layers if layer.activations != "float16"}
    assert set(eight) == {"backbone.1.0", "head.6"}
    assert all(layer.bits == 8 and not layer.why for layer in eight.values())
    assert converted.op_counts["quantize"] == converted.op_counts["dequantize"] == 2


def test_one_layer_in_eight_bits_of_a_float_network(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    converted = made(NAME).compress(Recipe(precision="fp32", layers={"backbone.2.0": "w8a8"}), tmp_path)
    seen = {layer.name: (layer.bits, layer.activations, layer.why) for layer in converted.layers}
    assert seen.pop("backbone.2.0")[:2] in ((8, "int8"), (8, "uint8"))
    assert set(seen.values()) == {(32.0, "float32", "")}
    assert made(NAME).error(converted) < 0.01


def test_a_layer_that_is_silently_left_is_told(made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """As coremltools leaves a layer whose block size does not fit, with a line in a log."""
    original, calls = coreml_program.replace, []

    def leave_the_second(model: Any, old: Any, new: Any) -> None:
        calls.append(old)
        if len(calls) != 2:
            original(model, old, new)

    monkeypatch.setattr(coreml_program, "replace", leave_the_second)
    layers = made(NAME).compress(uniform("w4"), tmp_path).layers
    lied = [layer for layer in layers if layer.why == readback.UNEXPLAINED]
    assert len(calls) > 2
    assert [(layer.bits, layer.stored) for layer in lied] == [(16.0, "float16")]


def test_activations_that_are_silently_left_are_told(made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(activations, "round_input", lambda *_: None)
    layers = made(NAME).compress(uniform("w8a8"), tmp_path).layers
    assert {layer.why for layer in layers if layer.name not in DECONVOLUTIONS} == {readback.UNEXPLAINED}


def test_other_bits_than_the_name_says_are_told(made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(weights._HOW, "pal4", weights._HOW["pal6"])
    layers = made(NAME).compress(uniform("pal4"), tmp_path).layers
    large = [layer for layer in layers if layer.weights > 2000]
    assert {(layer.bits, layer.why) for layer in large} == {(6.0, readback.UNEXPLAINED)}


def test_weights_that_are_not_the_layers_are_refused(made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    original = weights.places_in
    monkeypatch.setattr(weights, "places_in", lambda table, values: original(table, values)[::-1])
    with pytest.raises(ConversionError, match="none of the network's"):
        made(NAME).compress(uniform("pal8"), tmp_path)


@pytest.mark.parametrize("precision", ["w8a8", "pal6"])
def test_same_bytes_twice_also_from_the_files_alone(made, precision: Precision, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    network = made(NAME)
    worker = replace(network, base=pickle.loads(pickle.dumps(replace(network.base, lowered=None))))
    contents = []
    for number, one in enumerate((network, worker)):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = one.compress(uniform(precision), folder).path
        contents.append(
            {file.relative_to(path): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
        )
    assert len(contents[0]) == 3
    assert contents[0] == contents[1]


def test_a_base_without_its_file_is_said(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    network = made(NAME)
    lost = replace(network, base=replace(network.base, folder=tmp_path, lowered=None))
    with pytest.raises(InputError, match="fp32.mlpackage is not there"):
        lost.compress(uniform("w8"), tmp_path)


def test_eight_bit_activations_without_pictures_are_refused(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    network = made(NAME)
    with pytest.raises(InputError, match="no pictures"):
        coreml.calibrate(network.base, [])
    with pytest.raises(InputError, match="need pictures") as caught:
        network.compress(uniform("w8a8"), tmp_path, Calibration())
    assert caught.value.hint == "pass --calibration DIR"


def test_ranges_are_those_of_the_eager_graph(made) -> None:  # type: ignore[no-untyped-def]
    from torch.fx import Interpreter

    network = made(NAME)
    expected: dict[str, list[tuple[float, float]]] = {}

    class Noting(Interpreter):
        def run_node(self, n: Any) -> Any:
            if "conv2d" in str(n.target):
                x = self.map_nodes_to_values(n.args, n)[0]
                expected.setdefault(n.name, []).append((float(x.min()), float(x.max())))
            return super().run_node(n)

    for picture in network.calibration.inputs:
        with torch.no_grad():
            Noting(network.lowered.graph).run(torch.from_numpy(picture[None]))
    spans = [(min(low for low, _ in seen), max(high for _, high in seen)) for seen in expected.values()]
    program = mil.open_program(network.base.folder / coreml.BASE_FILE)
    names = [op.inputs["x"][0] for op in program.ops if op.type == "conv"]
    assert len(names) == len(spans) == 4
    np.testing.assert_allclose([network.calibration.ranges[name] for name in names], spans, rtol=1e-4, atol=1e-5)


def test_a_convolution_is_what_integers_make_of_it(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Sums of products of the 8-bit numbers in the file, scaled at the end, are what the evaluator gives."""
    network = made(NAME)
    path = network.compress(uniform("w8a8"), tmp_path).path
    program, values = mil.open_program(path), {}
    mil.run(program, {"image": network.lowered.pixels[None]}, "fp16", lambda done: values.update(done.outputs))
    stored = _stored_integers(path)
    makers = {name: op for op in program.ops for name in op.outputs}
    checked = 0
    for op in (op for op in program.ops if op.type == "conv"):
        back = makers[op.inputs["x"][0]]
        quantize = makers[back.inputs["input"][0]]
        step = program.constant(quantize.inputs["scale"][0]).astype(np.float64)
        zero = program.constant(quantize.inputs["zero_point"][0]) * 1.0 if "zero_point" in quantize.inputs else 0.0
        x = values[quantize.inputs["input"][0]].astype(np.float64)
        low, high = (0, 255) if quantize.types[0].dtype == "uint8" else (-128, 127)
        places = np.clip(np.round(x / step) + zero, low, high)
        np.testing.assert_array_equal(values[quantize.outputs[0]], places)
        data, scales = stored[op.inputs["weight"][0]]
        attributes = {key: program.constant(op.inputs[key][0]).tolist() for key in ("strides", "pad")}
        sums = torch.nn.functional.conv2d(
            torch.from_numpy(places - zero), torch.from_numpy(data.astype(np.float64)),
            stride=attributes["strides"], padding=attributes["pad"][::2],
        ).numpy()  # fmt: skip
        assert np.array_equal(sums, np.round(sums)), "sums of integers"
        bias = program.constant(op.inputs["bias"][0]).astype(np.float64)
        expected = sums * step * scales.reshape(1, -1, 1, 1) + bias.reshape(1, -1, 1, 1)
        assert relative_rms(values[op.outputs[0]], expected) < 1e-3
        checked += 1
    assert checked == 4


def _stored_integers(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The 8-bit weights of a package and their scales, read by coremltools."""
    import coremltools as ct
    from coremltools.converters.mil.frontend.milproto.load import load

    model = ct.models.MLModel(str(path), skip_model_load=True)
    block = load(model.get_spec(), 8, model.weights_dir).functions["main"]
    return {
        op.outputs[0].name: (op.quantized_data.val, op.scale.val.astype(np.float64))
        for op in block.operations
        if op.op_type == "constexpr_affine_dequantize"
    }


def test_a_decoder_in_the_graph_stays_float(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """YOLO: what is rounded feeds convolutions, and nothing of the boxes' and keypoints' arithmetic."""
    network = made("yolo_pose")
    converted = network.compress(uniform("w8a8"), tmp_path)
    program = mil.open_program(converted.path)
    readers = {op.type for name in _given_by(program, "dequantize") for op in program.readers(name)}
    assert readers == {"conv"}
    assert network.error(converted) < 0.1
    large = [layer for layer in converted.layers if layer.weights >= coreml_program.MIN_WEIGHTS]
    assert all(layer.activations in ("int8", "uint8") for layer in large)


def _given_by(program: mil.Program, kind: str) -> list[str]:
    return [op.outputs[0] for op in program.ops if op.type == kind]


@pytest.mark.parametrize("precision", ["w4", "w8a8"])
def test_shared_weights_and_shared_inputs_are_there_once(precision: Precision, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = prepared(Sharing().train(False), spec_of("sharing"), tmp_path)
    converted = network.compress(uniform(precision), tmp_path)
    assert sorted(layer.name for layer in converted.layers) == ["again", "first", "left", "right"]
    assert converted.op_counts["conv"] == 5
    assert converted.op_counts.get("quantize", 0) == (4 if precision == "w8a8" else 0)
    assert {layer.bits for layer in converted.layers if layer.name == "again"} == {4 if precision == "w4" else 8}
    assert network.error(converted) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in networks.NETWORKS if name != NAME])
def test_every_network_at_eight_bits(made, name: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    network = made(name)
    errors: list[float] = []
    for precision in ("w8", "w8a8"):
        converted = network.compress(uniform(precision), tmp_path)
        unexplained = [layer for layer in converted.layers if layer.why == readback.UNEXPLAINED]
        assert not unexplained
        errors.append(network.error(converted))
    assert errors[0] < 0.05
    assert errors[1] < 0.2
