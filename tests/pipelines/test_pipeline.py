"""The main job end to end: package, validate, the five forms, planted faults, same bytes."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from posekit import bundle
from posekit.cli.app import main
from posekit.parity.evaluation import Evaluation
from posekit.pipelines.inputs import find_images, find_spec
from posekit.pipelines.package import package
from posekit.pipelines.validate import validate
from posekit.sources.sample import write_sample
from tests.forms import FORMS, save_in_form
from tests.model_faults import scale_weight

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder / "sample")
    return folder / "sample"


@pytest.fixture(scope="session")
def bundles(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Both samples at both precisions on both platforms, packaged once: (name, precision) -> folder of bundles."""
    made = {}
    for name in ("tinypose", "tinysimcc"):
        for precision in ("fp32", "fp16"):
            out = tmp_path_factory.mktemp(f"{name}-{precision}")
            run = main_exit(
                "package", sample / f"{name}.pt2", "--platform", "all", "--precision", precision, "--out", out,
                "--images", sample / "images", "--annotations", sample / "annotations.json",
            )  # fmt: skip
            assert run == 0
            made[name, precision] = out
    return made


def main_exit(*arguments: object) -> int:
    """Exit code of the command line."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def report_of(folder: Path) -> dict:
    return json.loads((folder / "report" / "report.json").read_text())


def test_a_picture_cut_short_and_a_second_category_cost_no_run(
    bundles: dict, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = shutil.copytree(sample / "images", tmp_path / "images")
    bad = pictures / "scene_8.jpg"
    bad.write_bytes(bad.read_bytes()[: bad.stat().st_size // 2])
    document = json.loads((sample / "annotations.json").read_text())
    document["categories"].append({"id": 2, "name": "ball"})
    document["annotations"].append({"image_id": 1, "category_id": 2, "bbox": [5, 5, 30, 30]})
    for entry in (*document["images"], *document["annotations"]):
        key = "id" if "file_name" in entry else "image_id"
        entry[key] = f"img-{entry[key]}"
    (tmp_path / "people.json").write_text(json.dumps(document))
    folder = bundles["tinypose", "fp32"] / "tinypose-android"
    capsys.readouterr()
    code = main_exit("validate", folder, "--images", pictures, "--annotations", tmp_path / "people.json", "--json")
    seen = capsys.readouterr()
    found = json.loads(seen.out)
    assert code == 0
    assert found["accuracy"]["packaged"]["people"] == 13  # 15 without the two of the picture
    assert found["accuracy"]["packaged"]["ap"] == pytest.approx(0.8578, abs=1e-3)  # of these 13 by pycocotools
    assert found["warnings"] == [
        "1 of 16 annotations in people.json are left out: 1 (of category 'ball')",
        f"1 of 8 pictures left out: {bad} cannot be read as a picture: it is damaged or cut short",
    ]
    assert [f"warning: {warning}" in seen.err for warning in found["warnings"]] == [True, True]


@pytest.mark.parametrize("name", ["tinypose", "tinysimcc"])
def test_fp32_is_within_a_twentieth_px_of_the_reference(bundles: dict, name: str) -> None:
    report = report_of(bundles[name, "fp32"] / f"{name}-android")
    assert report["total"]["keypoints"]["max_px"] <= 0.05
    assert report["status"] == "HOST"
    assert report["cases"] >= 12


@pytest.mark.parametrize("name", ["tinypose", "tinysimcc"])
def test_fp16_is_within_a_quarter_px_at_p95_of_every_image(bundles: dict, name: str) -> None:
    report = report_of(bundles[name, "fp16"] / f"{name}-android")
    assert report["total"]["keypoints"]["worst_case_p95_px"] <= 0.25
    steps = {step["name"]: step for step in report["steps"]}
    assert steps["conversion"]["keypoints"]["max_px"] <= 0.05
    assert steps["precision"]["keypoints"]["max_px"] > 0, "fp16 that changes nothing was not done"


@pytest.mark.parametrize("name", ["tinypose", "tinysimcc"])
def test_accuracy_is_kept(bundles: dict, name: str) -> None:
    for precision in ("fp32", "fp16"):
        accuracy = report_of(bundles[name, precision] / f"{name}-android")["accuracy"]
        assert accuracy["reference"]["pck"] >= 0.9
        assert abs(accuracy["reference"]["pck"] - accuracy["packaged"]["pck"]) <= 0.005


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has Core ML, so the bundle is measured there")
@pytest.mark.parametrize("key", [("tinypose", "fp32"), ("tinysimcc", "fp16")])
def test_ios_off_a_mac_is_simulated_with_figures(bundles: dict, key: tuple[str, str]) -> None:
    name, precision = key
    report = report_of(bundles[key] / f"{name}-ios")
    assert (report["verdict"], report["status"]) == ("passed", "SIMULATED")
    assert "evaluated with torch" in report["runtime"]
    found = report["total"]["keypoints"]
    assert found["max_px"] <= 0.05 if precision == "fp32" else 0 < found["worst_case_p95_px"] <= 0.25
    assert report["cases"] >= 12


def test_a_core_ml_file_of_half_precision_keeps_the_layers_of_its_outputs_in_float32(bundles: dict) -> None:
    assert any(
        "simcc_x, simcc_y" in note for note in report_of(bundles["tinysimcc", "fp16"] / "tinysimcc-ios")["notes"]
    )


@pytest.mark.parametrize("platform", ["android", "ios"])
@pytest.mark.parametrize("key", [("tinypose", "fp32"), ("tinysimcc", "fp16")])
def test_validate_accepts_what_package_wrote(bundles: dict, key: tuple[str, str], platform: str) -> None:
    assert main_exit("validate", bundles[key] / f"{key[0]}-{platform}") == 0


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_a_changed_byte_exits_2(bundles: dict, platform: str, tmp_path: Path) -> None:
    copy = shutil.copytree(bundles["tinypose", "fp32"] / f"tinypose-{platform}", tmp_path / "copy")
    target = next(path for path in sorted(copy.rglob("*")) if path.suffix in (".tflite", ".bin"))
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    assert main_exit("validate", copy) == 2


def rewrite_manifest(folder: Path) -> None:
    path = folder / bundle.MANIFEST
    facts = json.loads(path.read_text())
    for key in ("files", "schema"):
        del facts[key]
    bundle.write_manifest(folder, facts)


@pytest.mark.parametrize("name", ["tinypose", "tinysimcc"])
@pytest.mark.parametrize("position", [0, 3, 8])
def test_a_scaled_weight_exits_1(bundles: dict, name: str, position: int, tmp_path: Path) -> None:
    copy = shutil.copytree(bundles[name, "fp32"] / f"{name}-android", tmp_path / "copy")
    model = copy / f"{name}.tflite"
    model.write_bytes(scale_weight(model.read_bytes(), 1.1, position))
    rewrite_manifest(copy)
    assert main_exit("validate", copy) == 1
    assert measured_failures(validate(copy).evaluation), (
        "the figures themselves must fail, not only the evidence's hash"
    )


def test_a_scaled_weight_in_the_copy_that_the_app_gets_exits_1(bundles: dict, tmp_path: Path) -> None:
    copy = shutil.copytree(bundles["tinypose", "fp32"] / "tinypose-android", tmp_path / "copy")
    model = bundle.open_bundle(copy).shipped_model_path
    model.write_bytes(scale_weight(model.read_bytes(), 1.1, 0))
    rewrite_manifest(copy)
    assert main_exit("validate", copy) == 1


def measured_failures(evaluation: Evaluation) -> list[str]:
    return [c.name for c in evaluation.checks if c.outcome == "fail" and not c.name.startswith("model file")]


def test_a_scaled_core_ml_weight_exits_1(bundles: dict, tmp_path: Path) -> None:
    copy = shutil.copytree(bundles["tinypose", "fp32"] / "tinypose-ios", tmp_path / "copy")
    weights = next((copy / "tinypose.mlpackage").rglob("weight.bin"))
    content = bytearray(weights.read_bytes())
    start = len(content) // 2 // 4 * 4
    values = np.frombuffer(bytes(content[start : start + 4096]), "<f4") * np.float32(1.1)
    content[start : start + 4096] = values.tobytes()
    weights.write_bytes(content)
    rewrite_manifest(copy)
    assert main_exit("validate", copy) == 1
    assert measured_failures(validate(copy).evaluation)


def test_a_second_run_gives_the_same_bytes(bundles: dict, sample: Path, tmp_path: Path) -> None:
    for key in (("tinypose", "fp32"), ("tinysimcc", "fp16")):
        name, precision = key
        arguments = (
            "package",
            sample / f"{name}.pt2",
            "--platform",
            "all",
            "--precision",
            precision,
            "--out",
            tmp_path,
            "--images",
            sample / "images",
            "--annotations",
            sample / "annotations.json",
            "--overwrite",
        )
        assert main_exit(*arguments) == 0
        for platform in ("android", "ios", "linux"):
            first, second = (folder / f"{name}-{platform}" for folder in (bundles[key], tmp_path))
            assert bundle.file_hashes(first) == bundle.file_hashes(second)
            assert (first / bundle.MANIFEST).read_bytes() == (second / bundle.MANIFEST).read_bytes()
        files = [tmp_path / f"{name}-{platform}" / f"{name}.tflite" for platform in ("android", "linux")]
        assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("name", ["tinypose", "tinysimcc"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_sample_packages_and_validates(sample: Path, tmp_path: Path, name: str, form: str) -> None:
    model, options = save_in_form(sample / f"{name}.pt2", form, tmp_path)
    spec = find_spec(sample / f"{name}.pt2", "")
    results = package(
        model, "all", spec, find_images(sample / "images", sample / "annotations.json", spec), out=tmp_path, **options
    )
    for result in results:
        assert result.evaluation.is_good
        assert validate(result.folder).evaluation.is_good
    assert results[0].evaluation.total.keypoints.max_px <= 0.05


def test_a_failed_gate_is_written_as_rejected_and_exits_1(sample: Path, tmp_path: Path) -> None:
    spec = tmp_path / "strict.toml"
    spec.write_text((sample / "tinypose.toml").read_text() + "\n[gate]\nmax_px = 1e-12\ntie = 0\n")
    arguments = ("package", sample / "tinypose.pt2", "--spec", spec, "--platform", "android", "--out", tmp_path)
    assert main_exit(*arguments) == 1
    assert not (tmp_path / "tinypose-android").exists()
    rejected = report_of(tmp_path / "tinypose-android.rejected")
    assert rejected["verdict"] == "rejected"
    assert not list(tmp_path.glob(".*partial"))


def test_the_photograph_goes_through(bundles: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = Path(__file__).resolve().parents[3] / "shared" / "data" / "photo" / "000000000785.jpg"
    if not photo.exists():
        pytest.skip("the photograph of the development data is not there")
    code = main_exit("predict", bundles["tinypose", "fp32"] / "tinypose-android", photo, "--box", "280,44,499,389",
                     "--out", tmp_path, "--json")  # fmt: skip
    assert code == 0
    prediction = json.loads(capsys.readouterr().out)["predictions"][0]
    points = np.array(prediction["instances"][0]["keypoints"])
    assert points.shape == (17, 2)
    assert ((points > [220, 0]) & (points < [560, 425])).all()
    assert (tmp_path / "000000000785.overlay.png").exists()
