"""TFLite and TensorFlow files through the whole: packaged, validated against the file itself, and compared."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.contract.spec import canonical_json
from tests.conftest import Run
from tests.tflites import Adding, convolution, result, scaled, spec_of, tflite, written

pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

pytestmark = pytest.mark.xdist_group("tensorflow")
DATA = Path(__file__).parents[3] / "shared" / "data"
PHOTO = DATA / "photo" / "000000000785.jpg"
MOVENET = DATA / "movenet" / "movenet_single_pose_lightning_ptq.tflite"
CLOSE_PX = 0.05  # of the same network in several files
CLOSE = 0.034  # 0-1, of keypoints that another runtime published
RNG = np.random.default_rng(11)


def eight_bits(adding: Adding, x: int) -> int:
    """Pixels as they are, a layer whose weights are int8, heatmaps in int8: all that is added to a file."""
    floats = adding.cast(x, "float32")
    numbers = np.clip(np.rint(RNG.normal(0, 40, (8, 3, 3, 3))), -127, 127).astype(np.int8)
    kernel = scaled(adding, adding.constant("kernel", numbers), 0.001)
    weights = result(adding, "DEQUANTIZE", (kernel,), numbers.shape, "DequantizeOptions", name="weights")
    bias = adding.constant("bias", np.zeros(8, np.float32))
    made = result(adding, "CONV_2D", (floats, weights, bias), (1, 24, 16, 8), "Conv2DOptions", name="first", padding=0,
                  strideW=2, strideH=2, fusedActivationFunction=1)  # fmt: skip
    maps = convolution(adding, made, RNG.normal(0, 0.3, (3, 3, 3, 8)).astype(np.float32), stride=2, name="maps")
    rounded = scaled(adding, adding.tensor("rounded", (1, 12, 8, 3), "int8"), 0.1, -20)
    return adding.add("QUANTIZE", (maps,), rounded, "QuantizeOptions")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A file of 8 bits, its contract, and a folder with a picture."""
    folder = tmp_path_factory.mktemp("eight")
    (folder / "network.json").write_bytes(canonical_json(spec_of(input={"mean": [127.5] * 3, "std": [127.5] * 3})))
    pictures = folder / "pictures"
    pictures.mkdir()
    noise = RNG.integers(0, 256, (12, 8, 3)).astype(np.uint8)
    Image.fromarray(noise).resize((64, 96), Image.Resampling.BICUBIC).save(pictures / "noise.png")
    content = tflite((1, 48, 32, 3), eight_bits, kind="uint8", scale=1 / 127.5, zero=127)
    return written(folder, content), folder / "network.json", pictures


def test_a_file_of_8_bits_is_packaged_and_is_the_files(
    case: tuple[Path, Path, Path], run_posekit: Callable[..., Run], tmp_path: Path
) -> None:
    """Every check of validate with the file at hand: trace, normalisation, and the file made again byte for byte."""
    model, spec, pictures = case
    given = ("--platform", "android", "--spec", spec, "--images", pictures)
    ran = run_posekit("package", model, *given, "--out", tmp_path, "--json")
    assert ran.code == 0, ran
    bundle = tmp_path / "small-android"
    report = json.loads((bundle / "report" / "report.json").read_text())
    assert report["route"] == "the file itself"
    assert {one["stored"] for one in report["layers"]} == {"int8, 1 scale", "float32"}
    assert any("keeps them" in one for one in report["notes"])
    ran = run_posekit("validate", bundle, "--source", model, "--spec", spec, "--json")
    assert ran.code == 0, ran
    checks = {one["name"]: one["outcome"] for one in json.loads(ran.out)["checks"]}
    assert checks["the trace is the network's"] == "pass"
    assert checks["the model file is what the network becomes"] == "pass"
    assert checks["mean, std and colour order are the model file's"] == "pass"
    ran = run_posekit("bisect", bundle, "--json")
    assert ran.code == 0, ran
    assert json.loads(ran.out)["parting"] is None


def test_another_precision_than_its_own_is_refused(
    case: tuple[Path, Path, Path], refused: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    model, spec, pictures = case
    refused(2, "package", model, "--platform", "android", "--spec", spec, "--images", pictures, "--precision", "fp16",
            "--out", tmp_path, says=("the file has its weights in 8 bits already",))  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_inspect_tells_of_a_file_without_a_contract(
    case: tuple[Path, Path, Path], run_posekit: Callable[..., Run]
) -> None:
    ran = run_posekit("inspect", case[0], "--json")
    assert ran.code == 0, ran
    facts = json.loads(ran.out)
    assert facts["inputs"]["picture"].startswith("uint8 1 x 48 x 32 x 3, scale")
    assert facts["operations"] == {"CAST": 1, "CONV_2D": 2, "DEQUANTIZE": 1, "QUANTIZE": 1}
    assert facts["layers"] == {"int8, computed in float32": 1, "float32, computed in float32": 1}


def predicted(run_posekit: Callable[..., Run], model: Path, picture: Path, *more: str) -> np.ndarray[Any, Any]:
    ran = run_posekit("predict", model, picture, *more, "--json")
    assert ran.code == 0, ran
    (person,) = json.loads(ran.out)["predictions"][0]["instances"]
    return np.array(person["keypoints"])[:, :2]


def packaged(run_posekit: Callable[..., Run], model: Path, spec: str, picture: Path, out: Path, *more: str) -> Path:
    given = ("--platform", "android", "--spec", spec, "--images", picture.parent)
    ran = run_posekit("package", model, *given, "--out", out, *more, "--json")
    assert ran.code == 0, ran
    (folder,) = (one for one in out.iterdir() if one.is_dir())  # beside the log
    return folder


def needs(*paths: Path) -> None:
    if not all(path.is_file() for path in paths):
        pytest.skip("shared/data is not beside this checkout")


@pytest.mark.slow
def test_one_network_in_three_files_has_the_same_keypoints(run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    """The phone CPM as a frozen graph, a .tflite and an .mlmodel, whose colours are RGB; two of them packaged, one kept
    and one through PyTorch."""
    pytest.importorskip("tensorflow")
    pytest.importorskip("coremltools")
    files = [DATA / "cpm" / f"cpm.{form}" for form in ("tflite", "pb", "mlmodel")]
    needs(PHOTO, *files)
    (tmp_path / "pictures").mkdir()
    Image.open(PHOTO).save(picture := tmp_path / "pictures" / "photo.png")
    colours = ("--set", 'input.color_order="rgb"')
    found = [predicted(run_posekit, one, picture, "--spec", "cpm", *colours) for one in files]
    for one in (files[0], files[2]):
        bundle = packaged(run_posekit, one, "cpm", picture, tmp_path / one.name, *colours)
        found.append(predicted(run_posekit, bundle, picture))
    for one in found[1:]:
        assert np.abs(one - found[0]).max() < CLOSE_PX


def test_movenet_gives_what_its_publisher_says(run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    squat = DATA / "movenet" / "squat.bmp"
    published = DATA / "movenet" / "movenet_single_pose_lightning_ptq_reference.csv"
    needs(MOVENET, squat, published)
    with published.open() as file:
        expected = np.array([[float(row["keypoint_x"]), float(row["keypoint_y"])] for row in csv.DictReader(file)])
    (tmp_path / "pictures").mkdir()
    Image.open(squat).save(picture := tmp_path / "pictures" / "squat.png")
    bundle = packaged(run_posekit, MOVENET, "movenet-lightning", picture, tmp_path / "out")
    size_wh = Image.open(squat).size
    assert np.abs(predicted(run_posekit, bundle, picture) / size_wh - expected).max() < CLOSE


@pytest.mark.slow
def test_movenet_in_kotlin_is_movenet_in_python(run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    from posekit.devices import desktop
    from posekit.errors import MissingToolError

    squat = DATA / "movenet" / "squat.bmp"
    needs(MOVENET, squat)
    try:
        desktop.require("android")
    except MissingToolError as error:
        pytest.skip(error.message)
    (tmp_path / "pictures").mkdir()
    Image.open(squat).save(picture := tmp_path / "pictures" / "squat.png")
    bundle = packaged(run_posekit, MOVENET, "movenet-lightning", picture, tmp_path / "out", "--wrapper")
    report = json.loads((bundle / "report" / "report.json").read_text())
    steps = {one["name"]: one for one in report["steps"]}
    for name in ("preprocessing", "decoding"):
        assert steps[name]["keypoints"]["max_px"] < 0.01
