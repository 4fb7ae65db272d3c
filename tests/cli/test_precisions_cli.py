"""Compressed bundles through the command line: what is made, what is told, what is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.sources.sample import sample_images, write_sample

pytestmark = pytest.mark.xdist_group("precisions_cli")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "sample"
    write_sample(folder)
    return folder


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures without anybody: blurred noise, so that none is refused for being noise."""
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    for index in range(16):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 5, 3), np.uint8))
        coarse.resize((200, 240), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    return folder


def pictures(tiny: Any, folder: Path, count: int = 12) -> Path:
    """Distinct pictures for the tiny network."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for index in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 7, 3), np.uint8))
        coarse.resize((90, 120), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    return folder


@pytest.mark.slow
def test_an_8_bit_bundle_tells_what_was_done_and_stays_valid(
    sample: Path, run_posekit: Callable[..., Any], tmp_path: Path
) -> None:
    result = run_posekit(
        "package", sample / "tinysimcc.pt2", "--platform", "android", "--precision", "w8a8", "--out", tmp_path,
        "--images", sample / "images", "--annotations", sample / "annotations.json",
    )  # fmt: skip
    assert result.code == 0
    assert "layers: 27 in int8, computed in int8; 2 in int8, computed in float32" in result.out
    assert "2 of them not as w8a8 says: its result is an output" in result.out
    folder = tmp_path / "tinysimcc-android"
    report = json.loads((folder / "report/report.json").read_text())
    assert report["calibration"]["chosen"] == 15
    assert report["calibration"]["seen"].startswith("the network follows a person in 100%")
    assert {layer["bits"] for layer in report["layers"]} == {8}
    assert json.loads((folder / "recipe.json").read_text()) == {
        "schema": 1,
        "precision": "w8a8",
        "layers": {},
        "without": [],
        "budget": "",
    }
    page = (folder / "report/index.html").read_text()
    assert "29 layers, as read back from the file" in page
    assert "calibrated on" in page
    assert run_posekit("validate", folder).code == 0
    assert run_posekit("bisect", folder).code == 0
    inspected = json.loads(run_posekit("inspect", folder, "--json").out)
    # the file alone does not tell that two products are one layer's, computed in phases
    assert inspected["layers"] == {"int8, computed in int8": 28, "int8, computed in float32": 2}
    again = run_posekit(
        "package", sample / "tinysimcc.pt2", "--platform", "android", "--recipe", folder / "recipe.json", "--out",
        tmp_path / "again", "--images", sample / "images", "--annotations", sample / "annotations.json",
    )  # fmt: skip
    assert again.code == 0
    model = "tinysimcc-android/tinysimcc.tflite"
    assert (tmp_path / "again" / model).read_bytes() == (tmp_path / model).read_bytes()


@pytest.mark.slow
def test_a_file_whose_keypoints_moved_too_far_is_rejected(
    sample: Path, run_posekit: Callable[..., Any], tmp_path: Path
) -> None:
    result = run_posekit(
        "package",
        sample / "tinysimcc.pt2",
        "--platform",
        "android",
        "--precision",
        "w4",
        "--out",
        tmp_path,
        "--images",
        sample / "images",
        "--annotations",
        sample / "annotations.json",
    )
    assert result.code == 1
    failed = re.search(r"FAILED mean OKS against the reference: (\S+) over all, at least 0.98", result.out)
    assert failed
    assert 0.9 < float(failed[1]) < 0.98
    assert (tmp_path / "tinysimcc-android.rejected/manifest.json").is_file()
    assert not (tmp_path / "tinysimcc-android").exists()
    assert run_posekit("validate", tmp_path / "tinysimcc-android.rejected").code == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("budget", "failed"),
    [
        ("oks>=0.94", []),
        ("oks>=0.94,size<=100kB", ["budget oks>=0.94, size<=100kB"]),
        ("worst-oks>=0.99", ["budget worst-oks>=0.99"]),
        ("size<=100MB", ["mean OKS against the reference"]),
    ],
)
def test_a_recipes_budget_is_the_gate_when_it_is_packaged_and_when_it_is_validated(
    budget: str, failed: list[str], sample: Path, run_posekit: Callable[..., Any], tmp_path: Path
) -> None:
    """Of size alone it is one more: keypoints are then held to what they always are."""
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"schema": 1, "precision": "w4", "budget": budget}))
    result = run_posekit(
        "package", sample / "tinysimcc.pt2", "--platform", "android", "--recipe", recipe, "--out", tmp_path, "--images",
        sample / "images", "--annotations", sample / "annotations.json", "--json",
    )  # fmt: skip
    (packaged,) = json.loads(result.out)["bundles"]
    validated = run_posekit("validate", packaged["folder"], "--json")
    for code, report in ((result.code, packaged), (validated.code, json.loads(validated.out))):
        assert [check["name"] for check in report["checks"] if check["outcome"] == "fail"] == failed
        assert code == bool(failed)
        assert any(check["name"].startswith("budget ") for check in report["checks"])
    assert json.loads((Path(packaged["folder"]) / "manifest.json").read_text())["precision"] == "auto"
    assert {step["name"]: step["keypoints"]["max_px"] for step in packaged["steps"] if step["keypoints"]}[
        "conversion"
    ] < 0.01


@pytest.mark.slow
def test_an_ios_bundle_asks_for_the_system_that_its_model_needs(
    tiny: Any, run_posekit: Callable[..., Any], tmp_path: Path
) -> None:
    result = run_posekit(
        "package", tiny.save("exported"), "--platform", "ios", "--precision", "w4", "--spec", tiny.spec_file, "--out",
        tmp_path, "--images", tiny.images,
    )  # fmt: skip
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert result.code in (0, 1)
    assert "needs iOS 18 or later" in result.out
    inspected = json.loads(run_posekit("inspect", folder, "--json").out)
    assert any(way.startswith("int4") for way in inspected["layers"])
    assert "platforms: [.iOS(.v18), .macOS(.v15)]" in (folder / "package/Package.swift").read_text()


def test_what_calibrates_takes_no_pictures_by_itself_for_a_users_model(
    tiny: Any, not_packaged: Callable[..., Any]
) -> None:
    for precision in ("w8a8", "w8a16"):
        not_packaged(
            2, tiny.save("exported"), "--precision", precision,
            says=(f"precision {precision} needs calibration pictures and none are given", "--calibration"),
        )  # fmt: skip


@pytest.mark.slow
def test_pictures_without_people_are_refused_where_people_are_known(
    sample: Path, noise: Path, not_packaged: Callable[..., Any]
) -> None:
    not_packaged(
        2, sample / "tinypose.pt2", "--spec", sample / "tinypose.toml", "--precision", "w8a8", "--calibration", noise,
        "--images", sample / "images", "--annotations", sample / "annotations.json",
        says=("the calibration pictures show nobody that the network sees",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--precision", "w8a8", "--calibration", "{empty}"), ("no pictures",)),
        (("--precision", "w8a8", "--calibration", "{missing}"), ("there is no",)),
        (("--precision", "w8a8", "--calibration", "{same}"), ("expected",)),
        (
            ("--precision", "w8", "--calibration", "{good}"),
            ("needs no calibration pictures", "leave out --calibration"),
        ),
        (("--precision", "pal6"), ("'pal6' is not one of android", "w8a8")),
        (("--precision", "auto", "--budget", "oks>=2"), ("OKS is at most 1",)),
        (("--precision", "auto", "--budget", "speed<=1"), ("has 'speed<=1'", "oks>=")),
        (("--precision", "auto", "--budget", "ap-drop<=1"), ("about accuracy", "--annotations")),
        (("--precision", "w8", "--budget", "oks>=0.9"), ("--budget is for --precision auto, not w8",)),
        (("--scheduler", "tcp://127.0.0.1:1"), ("are for a search",)),
        (("--recipe", "{missing}"), ("is no readable recipe",)),
        (("--recipe", "{recipe}", "--precision", "w8"), ("--recipe says the precision of every layer",)),
        (("--recipe", "{recipe}"), ("names 1 layers that the network does not have: nowhere",)),
        (("--calibration-annotations", "{recipe}"), ("--calibration-annotations needs --calibration",)),
    ],
)
def test_wrong_options(
    options: tuple[str, ...], says: tuple[str, ...], tiny: Any, not_packaged: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "recipe.json").write_text('{"schema": 1, "precision": "w8", "layers": {"nowhere": "fp16"}}')
    pictures(tiny, tmp_path / "good")
    (tmp_path / "same").mkdir()
    for index in range(5):
        shutil.copyfile(sample_images()[0] / "scene_1.jpg", tmp_path / "same" / f"{index}.jpg")
    places = {name: tmp_path / name for name in ("empty", "missing", "good", "same")} | {
        "recipe": tmp_path / "recipe.json"
    }
    not_packaged(2, tiny.save("exported"), *(option.format(**places) for option in options), says=says)


def test_a_ladder_skips_what_calibrates_where_there_are_no_pictures(
    tiny: Any, run_posekit: Callable[..., Any], tmp_path: Path
) -> None:
    result = run_posekit(
        "ladder", tiny.save("exported"), "--platform", "android", "--spec", tiny.spec_file, "--images", tiny.images,
        "--out", tmp_path / "ladder", "--json",
    )  # fmt: skip
    (found,) = json.loads(result.out)["ladders"]
    by_name = {one["precision"]: one for one in found["precisions"]}
    for precision in ("w8a8", "w8a16"):
        assert by_name[precision]["status"] == "SKIPPED"
        assert by_name[precision]["failed"] == ["needs calibration pictures: --calibration"]
    assert by_name["w8"]["quality"]["oks"] > 0.9
    assert by_name["w8"]["quality"]["ap"] is None
    assert (tmp_path / "ladder/index.html").is_file()


def test_a_ladder_is_not_written_over_what_is_none(tiny: Any, refused: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    common = ("ladder", tiny.save("exported"), "--platform", "android", "--spec", tiny.spec_file)
    refused(2, *common, "--out", tmp_path / "mine", "--overwrite", says=("exists and is no ladder",))
    refused(2, *common, "--out", tmp_path / "mine/notes.txt", "--overwrite", says=("exists and is no ladder",))
    (tmp_path / "old").mkdir()
    (tmp_path / "old/ladder.json").write_text("{}")
    refused(2, *common, "--out", tmp_path / "old", says=("--overwrite",))
    assert (tmp_path / "mine/notes.txt").read_text() == "mine"
