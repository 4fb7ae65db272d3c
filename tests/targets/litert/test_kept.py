"""Files that are kept: what is added to them is the contract's arithmetic, and what they compute stays bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

from posekit.contract.recipe import uniform  # noqa: E402
from posekit.contract.spec import PoseSpec  # noqa: E402
from posekit.errors import InputError  # noqa: E402
from posekit.runtimes import litert  # noqa: E402
from posekit.runtimes.flatbuffer import text, unpack  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.reference import network_input, run_reference  # noqa: E402
from posekit.sources.tflite.opening import runner  # noqa: E402
from posekit.sources.tflite.ports import Network, port_of  # noqa: E402
from posekit.targets import TARGETS, Calibration  # noqa: E402
from posekit.targets.graph.lowering import Lowered  # noqa: E402
from posekit.targets.kept import Kept, start_of, starts_of, trace_of  # noqa: E402
from posekit.targets.litert.kept import base_of  # noqa: E402
from posekit.targets.litert.tflite_file import op_counts, unread  # noqa: E402
from tests.tflites import Adding, convolution, result, scaled, spec_of, tflite, written  # noqa: E402

DATA = Path(__file__).parents[4] / "shared" / "data"
PHOTO = DATA / "photo" / "000000000785.jpg"
RNG = np.random.default_rng(5)
KERNEL = RNG.normal(0, 0.3, (3, 3, 3, 3)).astype(np.float32)
PIXELS = RNG.uniform(0, 255, (48, 32, 3)).astype(np.float32)
UNIT, PLAIN = {"mean": [127.5] * 3, "std": [127.5] * 3}, {}
REAL: dict[str, dict[str, Any]] = {
    "movenet/movenet_single_pose_lightning_ptq.tflite": PLAIN,
    "posenet/posenet_mobilenet_v1_075_353_481_quant.tflite": {"mean": [128] * 3, "std": [128] * 3},
    "bodypix/bodypix_mobilenet_v1_075_512_512_16_quant_heads.tflite": {"mean": [128] * 3, "std": [128] * 3},
    "cpm/cpm.tflite": {"color_order": "bgr"},
    "paf_mobilenetv2/mobilenet_v2_pose_dm10_368_432_weight_quant.tflite": {"color_order": "bgr"},
    "blazepose/pose_detection.tflite": UNIT,
    "blazepose/pose_landmark_full.tflite": {"std": [255] * 3},
}


def packaged(path: Path, spec: PoseSpec, folder: Path, precision: Any = "fp32") -> Any:
    """The Android file of a source, and what it is made from."""
    source = open_source(path, spec)
    start = start_of("android", source, spec, PIXELS, run_reference(source, spec, PIXELS))
    assert isinstance(start, Kept)
    base = TARGETS["android"].base(start, folder, folder / "log")
    made = TARGETS["android"].compress(
        base, spec, uniform(precision), Calibration(), folder / "made.tflite", folder / "log"
    )
    return made, start, source


@pytest.mark.parametrize("name", REAL)
def test_real_files_give_what_they_gave_bit_for_bit(name: str, tmp_path: Path) -> None:
    """On the photograph, with its whole pixels and with those that resampling leaves between them."""
    path = DATA / name
    if not (path.is_file() and PHOTO.is_file()):
        pytest.skip("shared/data is not beside this checkout")
    content = path.read_bytes()
    graph = unpack(content).subgraphs[0]
    image = port_of(graph, int(graph.inputs[0]), path)
    _, height, width, _ = image.sides
    outputs = {f"output_{place}": port_of(graph, int(one), path) for place, one in enumerate(graph.outputs)}
    network = Network(path, content, image, outputs, True, frozenset())
    spec = spec_of(input={"size_wh": [width, height], **REAL[name]})
    made, _, _ = base_of(network, spec)
    run, original = litert.open_model(written(tmp_path, made)), runner(network)
    picture = np.asarray(Image.open(PHOTO).convert("RGB").resize((width, height)), np.float32)
    for pixels in (picture, np.clip(picture * 0.97 + 1.3, 0, 255).astype(np.float32)):
        seen, expected = run(pixels), original(network_input(spec, pixels))
        assert sorted(seen) == sorted(expected)
        for one in expected:
            assert seen[one].dtype == np.float32
            if image.is_whole or REAL[name] in (PLAIN, {"color_order": "bgr"}):
                assert np.array_equal(seen[one], expected[one])
            else:  # the normalisation in float32 differs from numpy's in the last digit
                assert np.allclose(seen[one], expected[one], rtol=1e-3, atol=1e-3 * np.abs(expected[one]).max())
        assert any(np.ptp(one) > 0 for one in seen.values())


def maps(adding: Adding, x: int) -> int:
    return convolution(adding, x, KERNEL[..., : adding.shape(x)[-1]], stride=4)


@pytest.mark.parametrize("order", ["rgb", "bgr", "gray"])
@pytest.mark.parametrize(("mean", "std"), [(0, 1), (100, 50)])
def test_colours_and_normalisation_are_in_the_file(order: str, mean: float, std: float, tmp_path: Path) -> None:
    count = 1 if order == "gray" else 3
    spread = [mean + 3 * place if mean else 0 for place in range(count)]
    spec = spec_of(input={"color_order": order, "mean": spread, "std": [std] * count})
    made, start, _ = packaged(written(tmp_path, tflite((1, 48, 32, count), maps)), spec, tmp_path)
    seen = litert.open_model(made.path)(PIXELS)["heatmaps"]
    assert np.allclose(seen, start.reference["heatmaps"], rtol=1e-4, atol=1e-4 * np.abs(seen).max())
    if (order, mean) == ("rgb", 0):
        assert op_counts(made.path.read_bytes()) == {"CONV_2D": 1}  # nothing is added where nothing is needed


@pytest.mark.parametrize("background", ["first", "last"])
def test_the_background_is_cut_off_in_the_file_without_turning_it(background: str, tmp_path: Path) -> None:
    def four(adding: Adding, x: int) -> int:
        return convolution(adding, x, RNG.normal(0, 1, (4, 3, 3, 3)).astype(np.float32), stride=4)

    decoder = {"kind": "heatmap", "output": "heatmaps", "refinement": "none", "alignment": "stride"}
    spec = spec_of(decoder=decoder | {"background": background})
    made, start, source = packaged(written(tmp_path, tflite((1, 48, 32, 3), four)), spec, tmp_path)
    whole = source.run(network_input(spec, PIXELS))["heatmaps"].transpose(0, 2, 3, 1)
    seen = litert.open_model(made.path)(PIXELS)["heatmaps"]
    assert np.array_equal(seen, whole[..., 1:] if background == "first" else whole[..., :3])
    assert np.array_equal(seen, start.reference["heatmaps"])
    assert op_counts(made.path.read_bytes()) == {"CONV_2D": 1, "SLICE": 1}


def test_channels_first_files_are_turned_in_the_file(tmp_path: Path) -> None:
    def turned(adding: Adding, x: int) -> int:
        return adding.transposed(maps(adding, adding.transposed(x, (0, 2, 3, 1))), (0, 3, 1, 2))

    spec = spec_of()
    made, start, _ = packaged(written(tmp_path, tflite((1, 3, 48, 32), turned)), spec, tmp_path)
    assert np.array_equal(litert.open_model(made.path)(PIXELS)["heatmaps"], start.reference["heatmaps"])


@pytest.mark.parametrize(
    ("kind", "scale", "zero"),
    [("uint8", 0.0, 0), ("uint8", 1 / 127.5, 127), ("uint8", 1 / 127.5, 128), ("int8", 0.0157, -3), ("int32", 0.0, 0)],
)
def test_whole_inputs_and_outputs_become_floats(kind: str, scale: float, zero: int, tmp_path: Path) -> None:
    """Among the pixels are halves, which kernels of QUANTIZE round differently."""

    def rounded(adding: Adding, x: int) -> int:
        floats = adding.cast(x, "float32") if not scale else result(
            adding, "DEQUANTIZE", (x,), adding.shape(x), "DequantizeOptions"
        )  # fmt: skip
        found = adding.tensor("numbers", (1, 12, 8, 3), "int8")
        scaled(adding, found, 0.25, 5)
        return adding.add("QUANTIZE", (maps(adding, floats),), found, "QuantizeOptions")

    spec = spec_of(input={"mean": [127.5] * 3, "std": [127.5] * 3} if scale else {})
    made, start, _ = packaged(
        written(tmp_path, tflite((1, 48, 32, 3), rounded, kind=kind, scale=scale, zero=zero)), spec, tmp_path
    )
    run = litert.open_model(made.path)
    halves = np.floor(PIXELS) + 0.5
    source = open_source(tmp_path / "network.tflite", spec)
    for pixels in (PIXELS, halves):
        assert np.array_equal(run(pixels)["heatmaps"], run_reference(source, spec, pixels)["heatmaps"])
    assert start.reference["heatmaps"].dtype == np.float32
    assert np.ptp(start.reference["heatmaps"]) > 1


def in_eight_bits(adding: Adding, x: int) -> int:
    """A layer whose weights are stored in 8 bits."""
    numbers = np.clip(np.rint(KERNEL * 100), -127, 127).astype(np.int8)
    kernel = scaled(adding, adding.constant("kernel", numbers), 0.01)
    floats = result(adding, "DEQUANTIZE", (kernel,), KERNEL.shape, "DequantizeOptions", name="floats")
    return result(adding, "CONV_2D", (x, floats, adding.constant("bias", np.zeros(3, np.float32))), (1, 12, 8, 3),
                  "Conv2DOptions", padding=0, strideW=4, strideH=4, name="image")  # fmt: skip


def test_layers_are_told_as_the_file_has_them(tmp_path: Path) -> None:
    """A tensor that is called as the input will be is called otherwise then."""
    spec = spec_of()
    made, _, _ = packaged(written(tmp_path, tflite((1, 48, 32, 3), in_eight_bits)), spec, tmp_path)
    (layer,) = made.layers
    assert (layer.op, layer.weights, layer.stored) == ("CONV_2D", 81, "int8, 1 scale")
    assert layer.why == "the source file has it so"
    assert unread(unpack(made.path.read_bytes())) == []
    names = [text(one.name) for one in unpack(made.path.read_bytes()).subgraphs[0].tensors]
    assert len(set(names)) == len(names)


def test_what_has_its_precision_gets_no_other(tmp_path: Path) -> None:
    path = written(tmp_path, tflite((1, 48, 32, 3), in_eight_bits))
    with pytest.raises(InputError, match="'fp16' cannot be made: the file has its weights in 8 bits already"):
        packaged(path, spec_of(), tmp_path, "fp16")


@pytest.mark.parametrize("precision", ["fp16", "w8"])
def test_float_files_are_compressed_as_others_are(precision: str, tmp_path: Path) -> None:
    """Codes of operations as old converters wrote them, which the quantizer does not read."""
    from posekit.runtimes.flatbuffer import pack

    rng = np.random.default_rng(0)

    def wide(adding: Adding, x: int) -> int:
        middle = convolution(adding, x, rng.normal(0, 0.2, (32, 3, 3, 3)).astype(np.float32), stride=4, name="a;b")
        return convolution(adding, middle, rng.normal(0, 0.2, (3, 3, 3, 32)).astype(np.float32), name="c")

    unpacked = unpack(tflite((1, 48, 32, 3), wide))
    for code in unpacked.operatorCodes:
        code.builtinCode = 0
    made, start, _ = packaged(written(tmp_path, pack(unpacked)), spec_of(), tmp_path, precision)
    kind = {"fp16": "float16", "w8": "int8"}[precision]
    assert [one.stored.partition(",")[0] for one in made.layers] == [kind, kind]
    assert [one.name for one in made.layers] == ["a", "c"]
    seen, expected = litert.open_model(made.path)(PIXELS)["heatmaps"], start.reference["heatmaps"]
    assert np.abs(seen - expected).max() < 0.05 * np.abs(expected).max()


def test_the_trace_is_of_the_file_from_its_input_to_its_outputs(tmp_path: Path) -> None:
    spec = spec_of(input={"mean": [100] * 3, "std": [50] * 3})
    _, start, _ = packaged(written(tmp_path, tflite((1, 48, 32, 3), maps)), spec, tmp_path)
    steps = trace_of(start)
    assert [one.op for one in steps] == ["sub", "mul", "conv_2d", "output"]
    assert [one.inputs for one in steps] == [(), ("sub",), ("mul",), ("maps",)]
    assert steps[-1].name == "heatmaps"
    assert steps[1].shape == (1, 3, 48, 32)


def test_a_file_that_is_to_look_at_the_mirror_image_too_is_not_kept(tmp_path: Path) -> None:
    """Its own graph looks once, so that what is packaged would not be what the reference gives."""
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite((1, 48, 32, 3), lambda adding, x: convolution(adding, x, KERNEL, padding=0)))
    spec = spec_of(flip_test="plain")
    source = open_source(path, spec)
    found = starts_of(("ios", "android"), source, spec, PIXELS, run_reference(source, spec, PIXELS))
    assert isinstance(found["android"], Lowered)
    assert found["android"] is found["ios"]
    assert isinstance(starts_of(("android",), source, spec.looking_once, PIXELS, {})["android"], Kept)
