"""The Android app around a bundle of each kind: nothing is left to fill in, and all that is referred to is there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from posekit.bundle import Bundle, demo_app, wrapper
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.errors import InputError
from tests.android.kinds import SPECS, package_of
from tests.bundle.demo_references import dangling, misfilled, unused
from tests.heads import networks

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "android_demo"
IDENTIFIER = "com.example.poses"
LEFT = re.compile(r"TemplatePose|[Tt]emplate[_/]?pose|posekit[./]template|posekit\.demo\.template|\{\{|\{%")
SECRET = re.compile(r"PRIVATE KEY|storePassword|keyPassword|AIza[\w-]{30}")
PLACE = re.compile(rf"{re.escape(str(ROOT))}|/home/\w|/Users/\w|/root/|(?<!local)/tmp/|[A-Z]:\\\\")


def bundle(spec: PoseSpec, folder: Path, precision: str = "fp32") -> Bundle:
    """A bundle with a rendered module, whose model files hold their own name."""
    stages = networks(spec, "tflite")
    assets = wrapper.render("android", spec, stages[0], folder / "module", *stages[1:])
    for one in stages:
        (assets / one.model_file).write_text(f"{precision} {one.model_file}")
    shutil.copy(assets / stages[0].model_file, folder)
    (folder / "golden").mkdir()
    (folder / "golden" / "warp.json").write_text("{}")
    return Bundle(folder, {"platform": "android", "precision": precision}, spec)


def texts(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes().decode("utf-8") for name, path in found.items()}


@pytest.fixture(params=SPECS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    bundled = bundle(SPECS[request.param](), tmp_path / "bundle")
    demo_app.write_app([bundled], IDENTIFIER, tmp_path / "app")
    return request.param, tmp_path / "app"


def test_nothing_is_left_to_fill_in(written: tuple[str, Path]) -> None:
    kind, app = written
    type_name, package = SPECS[kind]().type_name, package_of(kind)
    found = texts(app)
    of_app = {name: text for name, text in found.items() if not name.startswith("pose/golden")}
    for pattern in (LEFT, SECRET, PLACE):
        held = {name: pattern.findall(f"{name}\n{text}") for name, text in of_app.items()}
        assert not {name: matches for name, matches in held.items() if matches}
    assert f'applicationId = "{IDENTIFIER}"' in found["app/build.gradle.kts"]
    for name, text in of_app.items():
        imported = set(re.findall(r"^import (posekit\.\w+|com\.acme\.\w+)", text, re.MULTILINE))
        assert imported <= {package, "posekit.demo"}, name
    worker = found["app/src/main/kotlin/posekit/demo/app/PoseWorker.kt"]
    assert f"import {package}.{type_name} as PoseModel" in worker
    assert f'name="app_name">{type_name}<' in found["app/src/main/res/values/strings.xml"]


def test_all_that_is_referred_to_is_there(written: tuple[str, Path]) -> None:
    _, app = written
    assert dangling(app) == set()
    assert unused(app) == set()
    assert misfilled(app) == set()
    assert 'include(":pose")' in (app / "settings.gradle.kts").read_text()
    assert (app / "pose" / "build.gradle.kts").is_file()
    assert (app / "pose" / "golden" / "warp.json").is_file()
    assert list((app / "pose" / "src" / "deviceRun").rglob("ThisDevice.kt"))
    assert demo_app.is_demo(app)


FAULTS: dict[str, tuple[str, str, str]] = {
    "@string/bone": ("app/src/main/res/layout/panel.xml", "@string/model", "@string/bone"),
    "@id/stages": ("app/src/main/kotlin/posekit/demo/app/MainActivity.kt", "R.id.stage", "R.id.stages"),
    "@xml/shared": ("app/src/main/AndroidManifest.xml", "@xml/shared_files", "@xml/shared"),
    "@dimen/bone": ("app/src/main/res/values/dimens.xml", 'name="bone"', 'name="bones"'),
    "libs.androidx.camera.view": ("gradle/libs.versions.toml", "androidx-camera-view", "androidx-camera-views"),
    "libs.versions.minSdk": ("gradle/libs.versions.toml", "minSdk =", "minimumSdk ="),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_reference_to_nothing_is_found(fault: str, tmp_path: Path) -> None:
    app = Path(shutil.copytree(TREE, tmp_path / "app"))
    file, old, new = FAULTS[fault]
    text = (app / file).read_text()
    assert old in text
    (app / file).write_text(text.replace(old, new))
    assert fault in dangling(app)


def test_a_text_without_a_value_for_each_place_is_found(tmp_path: Path) -> None:
    app = Path(shutil.copytree(TREE, tmp_path / "app"))
    file = app / "app/src/main/kotlin/posekit/demo/app/StatusText.kt"
    text = file.read_text().replace("R.string.running_on, model, use", "R.string.running_on, use")
    file.write_text(text.replace("spread.p50, spread.p90)", "spread.p50, spread.p90, name)"))
    assert misfilled(app) == {"running_on", "step_times"}


def test_the_tree_holds_plain_licensed_sources_alone() -> None:
    files = demo_app.tree_files("android")
    assert len(files) > 30
    for path in files:
        data = path.read_bytes()
        assert b"\0" not in data, path
        lines = data.decode("utf-8").splitlines()
        if path.name not in ("gradle-wrapper.properties", ".gitignore"):
            assert any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:2]), path
        if path.suffix == ".kt":
            assert len(lines) <= 200, f"{path} has {len(lines)} lines"
            assert max(map(len, lines)) <= 120, path
    wrapper_text = (TREE / "gradle/wrapper/gradle-wrapper.properties").read_text()
    assert re.search(r"^distributionSha256Sum=[0-9a-f]{64}$", wrapper_text, re.MULTILINE)
    assert "gradle-9.4.1-bin.zip" in wrapper_text


def test_the_app_asks_for_the_camera_alone() -> None:
    manifest = (TREE / "app/src/main/AndroidManifest.xml").read_text()
    asked = re.findall(r'<uses-permission android:name="android\.permission\.(\w+)"( tools:node="remove")?', manifest)
    assert [name for name, removed in asked if not removed] == ["CAMERA"]
    assert {"INTERNET", "FOREGROUND_SERVICE", "FOREGROUND_SERVICE_DATA_SYNC"} <= {name for name, out in asked if out}


def test_the_app_knows_no_kind_of_model() -> None:
    names = {name for make in SPECS.values() for name in make().keypoints.names}
    words = re.compile(rf"\b(?:{'|'.join(sorted(names))})\b", re.IGNORECASE)
    kinds = re.compile(r"\b(?:Decoder|heatmap|estimate|RegionTracker|PeopleTracker|follow)\w*", re.IGNORECASE)
    for path in (TREE / "app/src/main/kotlin").rglob("*.kt"):
        code = re.sub(r"//.*|/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert not words.findall(code) + kinds.findall(code), path


def test_further_bundles_give_their_models_to_switch_between(tmp_path: Path) -> None:
    spec = SPECS["two-stage"]()
    precisions = ("fp32", "w8", "w8")
    bundles = [bundle(spec, tmp_path / str(number), one) for number, one in enumerate(precisions)]
    request = demo_app.write_app(bundles, IDENTIFIER, tmp_path / "app")
    assert request == tmp_path / "app/app/src/main/assets/request"
    index = json.loads((tmp_path / "app/app/src/main/assets/bundles.json").read_text())
    assert index["contract_sha256"] == contract_hash(spec)
    labelled = {one["label"]: one["file"] for one in index["models"]}
    assert labelled == {"fp32": "", "w8": "tiny-pose2-w8.tflite", "w8-2": "tiny-pose2-w8-2.tflite"}
    models = tmp_path / "app/app/src/main/assets/models"
    assert {path.name: path.read_text() for path in models.iterdir()} == {
        "tiny-pose2-w8.tflite": "w8 tiny-pose2.tflite", "tiny-pose2-w8-2.tflite": "w8 tiny-pose2.tflite",
    }  # fmt: skip


def test_what_builds_leave_in_a_checkout_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Path(shutil.copytree(TREE, tmp_path / "tree"))
    for name in ("build/a.txt", ".gradle/b", "app/build/c", "local.properties", ".idea/d.xml", "app/.DS_Store"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("sdk.dir=/somewhere")
    monkeypatch.setattr(demo_app, "tree_root", lambda platform: tree)
    demo_app.write_app([bundle(SPECS["top-down"](), tmp_path / "bundle")], IDENTIFIER, tmp_path / "app")
    assert not {name for name, text in texts(tmp_path / "app").items() if "/somewhere" in text}


WRONG: dict[str, Callable[[], None]] = {
    "posekit": lambda: demo_app.check_application_id("android", "posekit"),
    "com.1example": lambda: demo_app.check_application_id("android", "com.1example"),
    'com.a"b': lambda: demo_app.check_application_id("android", 'com.a"b'),
    "com.a_b": lambda: demo_app.check_application_id("ios", "com.a_b"),
}


@pytest.mark.parametrize("identifier", WRONG)
def test_an_id_that_no_app_can_have_is_refused(identifier: str) -> None:
    with pytest.raises(InputError, match=re.escape(repr(identifier))):
        WRONG[identifier]()


def test_ids_of_apps(tmp_path: Path) -> None:
    spec = SPECS["top-down"]()
    assert demo_app.usual_application_id(spec) == "posekit.demo.tinypose2"
    for platform in demo_app.LAYOUTS:
        demo_app.check_application_id(platform, demo_app.usual_application_id(spec))
