"""posekit doctor: an app that is well is found well, and each fault that was planted is named with its remedy."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from posekit.bundle.wrapper import template_root
from posekit.cli.app import main
from posekit.devices.apps import Finding
from posekit.devices.apps.android import FOREIGN
from posekit.devices.apps.manifest import Element, elements
from posekit.devices.apps.messages import bundle_config
from posekit.errors import InputError
from posekit.parity.gate import Outcome
from posekit.pipelines.doctor import diagnose, toolchain
from tests.devices.apps import built

OTHER = "0" * 64


def problems(path: Path) -> dict[str, Finding]:
    return {one.name: one for one in diagnose(path) if one.outcome is Outcome.FAIL}


def test_an_app_that_is_well_has_no_problem(tmp_path: Path) -> None:
    found = diagnose(built.apk(tmp_path / "app.apk"))
    assert [one for one in found if one.outcome is not Outcome.PASS] == []
    assert [one.name for one in found] == [
        "contract of tiny.tflite", "operations of tiny.tflite", "storage of assets/tiny.tflite",
        "16 KB pages, lib/arm64-v8a/libLiteRt.so", "16 KB pages, lib/arm64-v8a/libLiteRtClGlAccelerator.so",
        "GPU accelerator", "permissions",
    ]  # fmt: skip


FOREGROUND = "android.permission.FOREGROUND_SERVICE"
SYNC = f"{FOREGROUND}_DATA_SYNC"
# what is changed in the APK, what is compressed, the check that must see it, and a word of its detail and of its remedy
PLANTED: dict[str, tuple[Mapping[str, bytes | None], tuple[str, ...], str, str, str]] = {
    "an unaligned library": (
        {"lib/arm64-v8a/libLiteRt.so": built.library(4096)}, (), "16 KB pages, lib/arm64-v8a/libLiteRt.so", "4,096",
        "max-page-size=16384"),
    "a library that lies unaligned": (
        {built.SHIFTED: built.library()}, (), f"16 KB pages, {built.SHIFTED}", "of the APK", "zipalign -P 16"),
    "a flex operation": (
        {"assets/tiny.tflite": built.tflite(["FlexAddV2", "Own"])}, (), "operations of tiny.tflite", "FlexAddV2",
        "SELECT_TF_OPS"),
    "an operation of its own": (
        {"assets/tiny.tflite": built.tflite(["TFLite_Detection_PostProcess"])}, (), "operations of tiny.tflite",
        "TFLite_Detection_PostProcess", "decode in the app"),
    "no model at all in a .tflite": (
        {"assets/tiny.tflite": b"\xff" * 60}, (), "operations of tiny.tflite", "can be read", "package it again"),
    "code of another contract": (
        {"classes.dex": b"dex\n039\0" + OTHER.encode()}, (), "contract of tiny.tflite", built.HASH[:12], "same bundle"),
    "a compressed model": (
        {}, ("assets/tiny.tflite",), "storage of assets/tiny.tflite", "compressed", "noCompress"),
    "no GPU accelerator": (
        {"lib/arm64-v8a/libLiteRtClGlAccelerator.so": None}, (), "GPU accelerator", "CPU", "litert-gpu"),
    "a foreign permission": (
        {"AndroidManifest.xml": built.binary_manifest([("uses-permission", name) for name in (FOREGROUND, SYNC)])},
        (), "permissions", SYNC, 'tools:node="remove"'),
    "a foreign feature": (
        {"AndroidManifest.xml": built.binary_manifest([("uses-feature", "android.hardware.npu")], is_utf8=False)}, (),
        "permissions", "android.hardware.npu", "uses-feature"),
    "a damaged manifest": (
        {"AndroidManifest.xml": built.binary_manifest([("application", "App")])[:60]}, (), "permissions", "damaged",
        "build the app again"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_each_planted_fault_is_named_with_its_remedy(fault: str, tmp_path: Path) -> None:
    changes, compressed, name, detail, remedy = PLANTED[fault]
    found = problems(built.apk(tmp_path / "app.apk", changes, compressed))
    assert set(found) == {name}
    assert detail in found[name].detail
    assert remedy in found[name].remedy


NPU = built.message_manifest([("application", "App"), ("uses-feature", "android.hardware.npu")])
OF_BUNDLES: dict[str, tuple[Mapping[str, bytes | None], str]] = {
    "an unaligned library": (
        {"base/lib/arm64-v8a/libLiteRt.so": built.library(4096)}, "16 KB pages, base/lib/arm64-v8a/libLiteRt.so"),
    "code of another contract": ({"base/dex/classes.dex": OTHER.encode()}, "contract of tiny.tflite"),
    "nothing that is stored": ({"BundleConfig.pb": built.field(2, b"")}, "storage of base/assets/tiny.tflite"),
    "libraries at 4 KB": (
        {"BundleConfig.pb": built.BUNDLE_CONFIG + built.field(2, built.field(2, b"\x08\x01\x10\x01"))},
        "16 KB pages, base/lib/arm64-v8a/libLiteRt.so"),
    "other files that are stored": (
        {"BundleConfig.pb": built.field(3, built.field(1, b"**.png"))}, "storage of base/assets/tiny.tflite"),
    "no GPU accelerator": ({"base/lib/arm64-v8a/libLiteRtClGlAccelerator.so": None}, "GPU accelerator"),
    "a foreign feature": ({"base/manifest/AndroidManifest.xml": NPU}, "permissions"),
    "a damaged manifest": ({"base/manifest/AndroidManifest.xml": NPU[:-3]}, "permissions"),
}  # fmt: skip


@pytest.mark.parametrize("fault", [None, *OF_BUNDLES])
def test_an_app_bundle_is_looked_into(fault: str | None, tmp_path: Path) -> None:
    changes, name = OF_BUNDLES[fault] if fault else ({}, None)
    path = built.aab(tmp_path / "app.aab", changes)
    found = set(problems(path)) - {"16 KB pages, base/lib/arm64-v8a/libLiteRtClGlAccelerator.so"}
    assert found == ({name} if name else set())
    assert len(diagnose(path)) == (6 if fault == "no GPU accelerator" else 7)


@pytest.mark.parametrize("config", [None, built.BUNDLE_CONFIG[:-2], built.field(3, built.field(1, b"**.[z-a]"))])
def test_of_a_damaged_configuration_nothing_is_said(config: bytes | None, tmp_path: Path) -> None:
    found = {one.name: one for one in diagnose(built.aab(tmp_path / "app.aab", {"BundleConfig.pb": config}))}
    storage = found["storage of base/assets/tiny.tflite"]
    assert storage.outcome is Outcome.SKIPPED
    assert "BundleConfig.pb" in storage.detail


def test_how_an_asset_pack_is_stored_is_not_guessed(tmp_path: Path) -> None:
    manifest = built.field(
        1, built.field(3, b"manifest") + built.field(4, built.field(2, b"type") + built.field(3, b"asset-pack"))
    )
    changes = {"base/assets/tiny.tflite": None, "pack/assets/tiny.tflite": built.tflite(),
               "pack/manifest/AndroidManifest.xml": manifest}  # fmt: skip
    found = {one.name: one for one in diagnose(built.aab(tmp_path / "app.aab", changes))}
    assert found["storage of pack/assets/tiny.tflite"].outcome is Outcome.SKIPPED


# a pattern of bundletool's, what it is of, and what it is not
GLOBS = [
    ("**.tflite", ["assets/a.tflite", "assets/m/a.tflite"], ["assets/a.tflitex", "assets/a.TFLITE"]),
    ("**.[tT][fF][lL][iI][tT][eE]", ["assets/a.TFlite"], ["assets/a.tfl"]),
    ("**[tT][fF][lL][iI][tT][eE]", ["assets/atflite"], ["assets/a.tfl"]),
    ("assets/*.tflite", ["assets/a.tflite"], ["assets/m/a.tflite", "assets/a.bin"]),
    ("assets/?.tflite", ["assets/a.tflite"], ["assets/ab.tflite", "assets//.tflite"]),
    ("*.tflite", ["a.tflite"], ["assets/a.tflite"]),
    ("**.{tflite,bin}", ["assets/a.tflite", "assets/a.bin"], ["assets/a.tflite,bin"]),
    (r"**\.tflite", ["assets/a.tflite"], ["assets/aXtflite"]),
    ("**.[!a-z]", ["assets/a.1"], ["assets/a.b"]),
    ("assets/**", ["assets/m/a.tflite"], ["lib/a.so"]),
    ("*" * 300, [], ["assets/a.tflite"]),
    ("**a**a**a**a", [], ["assets/" + "a" * 100]),
]


@pytest.mark.parametrize(("glob", "stored", "other"), GLOBS)
def test_patterns_are_read_as_bundletool_reads_them(glob: str, stored: list[str], other: list[str]) -> None:
    config = bundle_config(built.field(3, built.field(1, glob.encode())))
    assert [name for name in [*stored, *other] if config.stores(name)] == stored


def test_a_model_of_somebody_elses_has_no_contract_to_compare(tmp_path: Path) -> None:
    other = built.tflite(contract=None)
    found = diagnose(built.apk(tmp_path / "app.apk", {"assets/other.tflite": other}))
    (skipped,) = (one for one in found if one.outcome is Outcome.SKIPPED)
    assert (skipped.name, skipped.detail) == ("contract of other.tflite", "it holds no contract of posekit's")


def test_what_somebody_elses_model_needs_is_no_problem_of_posekits(tmp_path: Path) -> None:
    other = {"assets/other.tflite": built.tflite(["FlexAddV2", "Own"], contract=None)}
    path = built.apk(tmp_path / "app.apk", other, compressed=["assets/other.tflite"])
    assert problems(path) == {}
    assert {one.name for one in diagnose(path) if one.outcome is Outcome.SKIPPED} == {
        "contract of other.tflite", "operations of other.tflite", "storage of assets/other.tflite",
    }  # fmt: skip


def test_a_foreground_service_by_itself_is_the_apps_own(tmp_path: Path) -> None:
    manifest = built.binary_manifest([("uses-permission", FOREGROUND)])
    assert problems(built.apk(tmp_path / "app.apk", {"AndroidManifest.xml": manifest})) == {}


def test_a_library_archive_is_looked_into(tmp_path: Path) -> None:
    jar = tmp_path / "classes.jar"
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("posekit/tiny/Contract.class", built.HASH * 2)
        archive.writestr("posekit/tiny/Code.class", f"x {built.HASH} x")
    manifest = b'<manifest xmlns:android="http://schemas.android.com/apk/res/android"/>'
    files = {"classes.jar": jar.read_bytes(), "AndroidManifest.xml": manifest, "classes.dex": None}
    aar = built.apk(tmp_path / "module.aar", files, compressed=["classes.jar"])
    assert problems(aar) == {}
    jar.write_bytes(b"PK\x05\x06" + bytes(18))
    assert set(problems(built.apk(tmp_path / "b.aar", {**files, "classes.jar": jar.read_bytes()}))) == {
        "contract of tiny.tflite"
    }


IOS: dict[str, tuple[dict[str, str], str | None]] = {
    "well": ({}, None),
    "another system": ({"minimum": "15.4", "needs": "16.0"}, "minimum iOS of tiny.mlmodelc"),
    "a newer one": ({"minimum": "17.0", "needs": "18.0"}, "minimum iOS of tiny.mlmodelc"),
    "of another contract": ({"code": OTHER}, "contract of tiny.mlmodelc"),
}


@pytest.mark.parametrize(
    "place", ["Pose 2.0.app/Pose 2.0", "A.app/Frameworks/com.acme.Pose.framework/com.acme.Pose", "A.app/A.debug.dylib"]
)
def test_executables_are_known_by_their_place(place: str, tmp_path: Path) -> None:
    archive = built.xcarchive(tmp_path)
    app = archive / "Products" / "Applications"
    (app / place).parent.mkdir(parents=True, exist_ok=True)
    (app / "App.app" / "App").rename(app / place)
    assert "contract of tiny.mlmodelc" not in problems(archive)


@pytest.mark.parametrize("made", [built.xcarchive, built.ipa])
@pytest.mark.parametrize("case", IOS)
def test_an_app_that_xcode_built(case: str, made: Callable[..., Path], tmp_path: Path) -> None:
    planted, name = IOS[case]
    path = made(tmp_path, **planted)
    assert {one.outcome for one in diagnose(path)} <= {Outcome.PASS, Outcome.FAIL}
    found = problems(path)
    assert set(found) == (set() if name is None else {name})
    assert all(one.remedy for one in found.values())


def test_a_project_is_looked_at_before_it_is_built(tmp_path: Path) -> None:
    found = {one.name: one for one in diagnose(built.android_project(tmp_path))}
    assert {name: one.outcome for name, one in found.items()} == {
        "contract of tiny.tflite": Outcome.PASS, "operations of tiny.tflite": Outcome.PASS,
        "GPU accelerator": Outcome.PASS, "permissions": Outcome.SKIPPED,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("planted", "name"),
    [({"gpu": False}, "GPU accelerator"), ({"code": OTHER}, "contract of tiny.tflite"),
     ({"litert": "2.1.0", "gpu": False}, None)],
)  # fmt: skip
def test_faults_of_a_project(planted: dict[str, Any], name: str | None, tmp_path: Path) -> None:
    assert set(problems(built.android_project(tmp_path, **planted))) == (set() if name is None else {name})


def test_the_manifest_that_gradle_merged_is_read(tmp_path: Path) -> None:
    merged = built.android_project(tmp_path) / "app/build/intermediates/merged_manifests/debug/AndroidManifest.xml"
    merged.parent.mkdir(parents=True)
    text = '<manifest xmlns:android="http://schemas.android.com/apk/res/android"><{} android:name="{}" /></manifest>'
    merged.write_text(text.format("uses-permission", SYNC))
    assert set(problems(tmp_path)) == {"permissions"}
    library = tmp_path / "a-library/build/intermediates/merged_manifest/debug/AndroidManifest.xml"
    library.parent.mkdir(parents=True)
    library.write_text(text.format("uses-permission", "android.permission.CAMERA"))
    assert set(problems(tmp_path)) == {"permissions"}, "a library's own manifest says nothing of the app"
    merged.write_text(library.read_text())
    assert problems(tmp_path) == {}


def test_a_project_of_xcodes_says_its_minimum(tmp_path: Path) -> None:
    package = tmp_path / "tiny.mlpackage" / "Data" / "com.apple.CoreML"
    package.mkdir(parents=True)
    (package / "model.mlmodel").write_bytes(b"\x08\x08" + b"posekit.contract_sha256\x12\x40" + built.HASH.encode())
    (tmp_path / "Contract.swift").write_text(f'let contractHash = "{built.HASH}"')
    (tmp_path / "App.xcodeproj").mkdir()
    project = tmp_path / "App.xcodeproj" / "project.pbxproj"
    project.write_text("IPHONEOS_DEPLOYMENT_TARGET = 17.0;\nIPHONEOS_DEPLOYMENT_TARGET = 18.0;")
    assert problems(tmp_path) == {}
    project.write_text("IPHONEOS_DEPLOYMENT_TARGET = 16.4;")
    assert set(problems(tmp_path)) == {"minimum iOS of tiny.mlpackage"}
    shutil.rmtree(project.parent)
    (tmp_path / "Package.swift").write_text("platforms: [.iOS(.v16)]")
    assert set(problems(tmp_path)) == {"minimum iOS of tiny.mlpackage"}


def test_the_module_takes_no_permission_away_from_the_app() -> None:
    """From a library's manifest `remove` takes the app's own permission as well, as manifest-merger 25.2.2 does it."""
    module = template_root() / "android/module"
    assert elements((module / "src/main/AndroidManifest.xml").read_bytes()) == []
    (told,) = re.findall(r"```xml\n(.*?)```", (module / "README.md.j2").read_text(), re.DOTALL)
    spaces = 'xmlns:android="http://schemas.android.com/apk/res/android" xmlns:tools="http://schemas.android.com/tools"'
    found = elements(f"<manifest {spaces}>{told}</manifest>".encode())
    assert {one.name: one.tag for one in found if one.is_removal} == FOREIGN
    assert Element("uses-permission", FOREGROUND, True) in found


def test_of_a_bundle_its_module_is_looked_at(tmp_path: Path) -> None:
    built.android_project(tmp_path).joinpath("manifest.json").write_text("{}")
    (tmp_path / "settings.gradle.kts").unlink()
    assert {one.name for one in diagnose(tmp_path)} >= {"contract of tiny.tflite", "GPU accelerator"}


def test_a_linux_bundle_is_for_no_app(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    for name in ("manifest.json", "package/pyproject.toml"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match="is a bundle for no app"):
        diagnose(tmp_path)


@pytest.mark.parametrize(
    ("made", "sentence"),
    [("nothing", "there is no"), ("text.apk", "no readable archive"), ("folder", "is no app that is known"),
     ("photo.png", "is no app that is known"), ("empty.apk", "holds no model")],
)  # fmt: skip
def test_what_is_no_app_is_refused(made: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / made
    if made == "folder":
        path.mkdir()
    elif made == "empty.apk":
        built.apk(path, {"assets/tiny.tflite": None})
    elif made != "nothing":
        path.write_bytes(b"not a zip")
    with pytest.raises(InputError, match=re.escape(sentence)):
        diagnose(path)


def test_the_command_says_it_and_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sick = built.apk(tmp_path / "app.apk", compressed=["assets/tiny.tflite"])
    with pytest.raises(SystemExit) as ended:
        main(["doctor", str(sick)])
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert said.startswith("fail: storage of assets/tiny.tflite: it is compressed in the APK")
    assert said.endswith("1 problem in 7 checks\n")
    with pytest.raises(SystemExit) as ended:
        main(["doctor", str(sick), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (ended.value.code, told["is_well"], len(told["findings"])) == (1, False, 7)
    assert {"name", "outcome", "detail", "remedy"} == set(told["findings"][0])


def test_a_tool_that_fails_is_not_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS' java, where none is installed."""
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho Unable to locate a Java Runtime. >&2\nexit 1\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = (one for one in toolchain() if one.name == "java")
    assert found.outcome is Outcome.SKIPPED
    assert "Unable to locate a Java Runtime." in found.detail


def test_without_an_app_it_tells_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert ended.value.code == (0 if told["is_well"] else 1)
    assert {"java", "swift", "adb", "ai-edge-litert"} <= {one["name"] for one in told["findings"]}
