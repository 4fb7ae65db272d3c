"""The demo app of every kind of model, packaged without Gradle: linked, dexed, shrunk, packed and signed.

None of these APKs runs: they lack LiteRT's native libraries, and AndroidX."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest

from posekit.contract.spec import contract_hash
from posekit.devices.apps import open_app
from posekit.devices.apps.manifest import elements
from posekit.devices.desktop import kotlin_compiler
from posekit.parity.gate import Outcome
from posekit.pipelines.doctor import diagnose
from tests.android import apk, dex, manifest, tools
from tests.android.compiled import APPLICATION, NAMESPACE, Compiled
from tests.android.kinds import SPECS, package_of
from tests.devices.apps import built
from tests.heads import networks

pytestmark = [
    pytest.mark.skipif(bool(tools.why_not()), reason=tools.why_not()),
    pytest.mark.slow,
    pytest.mark.xdist_group("android"),
]

TWO_STAGE = "two-stage"
LITERT = ("CompiledModel", "TensorBuffer", "LiteRtException", "TensorType$ElementType")


@pytest.fixture(scope="module")
def linked(compiled: Compiled) -> dict[str, apk.Linked]:
    return {kind: compiled.link(kind) for kind in SPECS}


@pytest.fixture(scope="module")
def dexed(
    compiled: Compiled, linked: dict[str, apk.Linked], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """classes.dex of every kind's app and module, by D8 and, as `KIND-whole`, by R8; `without-rules` of the module."""
    work = tmp_path_factory.mktemp("dexed")
    usual = work / "usual.pro"
    usual.write_text(dex.RULES)
    kotlin, litert, androidx = kotlin_compiler.runtime_jars(), compiled.litert(), compiled.androidx()
    wanted = [dex.Dexed(kind, compiled.program(kind), (litert, androidx, *kotlin)) for kind in SPECS]
    for kind in SPECS:
        program, rules = (*compiled.program(kind), litert), (usual, linked[kind].rules)
        by_module = (*rules, compiled.module(kind) / "consumer-rules.pro")
        wanted.append(dex.Dexed(f"{kind}-whole", (*program, *kotlin), (androidx,), by_module))
        if kind == TWO_STAGE:
            wanted.append(dex.Dexed("without-rules", program, (androidx, *kotlin), rules))
    found, said = dex.run(wanted, work)
    assert "Missing" not in said
    return found


def outcomes(app: Path) -> dict[str, Outcome]:
    return {one.name: one.outcome for one in diagnose(app)}


@pytest.mark.parametrize("kind", SPECS)
def test_the_app_of_a_kind_is_linked_and_dexed(
    kind: str, compiled: Compiled, linked: dict[str, apk.Linked], dexed: dict[str, Path], tmp_path: Path
) -> None:
    (r_java,) = (path.read_text() for path in linked[kind].java.rglob("R.java"))
    assert r_java == (compiled.work / "linked" / "top-down" / "java" / "posekit/demo/app/R.java").read_text()
    names = dex.types(dexed[kind])
    assert {f"posekit/demo/app/{one}" for one in ("MainActivity", "OverlayView", "R$id")} <= names
    package = package_of(kind).replace(".", "/")
    decoders = {name for name in names if re.fullmatch(rf"{package}/\w+Decoder", name)}
    assert len(decoders) == 2 + (kind == TWO_STAGE)
    assert {name.rpartition("/")[0] for name in names} == {"posekit/demo/app", package}
    app = apk.pack(linked[kind].apk, {"classes.dex": dexed[kind].read_bytes()}, tmp_path / "app.apk")
    models = [one.model_file for one in networks(compiled.specs[kind], "tflite")]
    checks = [f"{what} {model}" for model in models for what in ("contract of", "operations of")]
    checks += [*(f"storage of assets/{model}" for model in models), "permissions"]
    assert outcomes(app) == dict.fromkeys(checks, Outcome.PASS)


@pytest.mark.parametrize("kind", SPECS)
def test_the_whole_app_is_signed_aligned_and_well(
    kind: str, compiled: Compiled, linked: dict[str, apk.Linked], dexed: dict[str, Path], tmp_path: Path
) -> None:
    app = apk.pack(linked[kind].apk, {"classes.dex": dexed[f"{kind}-whole"].read_bytes()}, tmp_path / "app.apk")
    assert apk.unaligned(app) == []
    said = apk.sign(app, apk.make_key(tmp_path))
    for scheme in ("v2 scheme (APK Signature Scheme v2)", "v3 scheme (APK Signature Scheme v3)"):
        assert f"Verified using {scheme}: true" in said
    assert apk.unaligned(app) == []
    badging = apk.aapt2("dump", "badging", app)
    assert f"package: name='{APPLICATION}' versionCode='1' versionName='1" in badging
    levels = manifest.levels(compiled.project(kind))
    assert re.findall(r"dkVersion:'(\d+)'", badging) == [str(level) for level in levels]
    assert f"application-label:'{compiled.specs[kind].type_name}'" in badging
    assert f"launchable-activity: name='{NAMESPACE}.MainActivity'" in badging
    assert re.findall(r"uses-permission: name='(.*?)'", badging) == ["android.permission.CAMERA"]
    assert {name: outcome for name, outcome in outcomes(app).items() if outcome is not Outcome.PASS} == {}
    with zipfile.ZipFile(app) as archive:
        assert contract_hash(compiled.specs[kind]).encode() in archive.read("classes.dex")
        assert {"assets/bundles.json", "assets/pose.json"} <= set(archive.namelist())


def test_what_litert_looks_up_by_name_keeps_its_name_by_the_modules_rules(dexed: dict[str, Path]) -> None:
    whole, without = (dex.types(dexed[name]) for name in (f"{TWO_STAGE}-whole", "without-rules"))
    for one in LITERT:
        assert f"com/google/ai/edge/litert/{one}" in whole, one
        assert f"com/google/ai/edge/litert/{one}" not in without, one
    assert {"posekit/demo/app/MainActivity", "posekit/demo/app/OverlayView"} <= whole
    assert "posekit/tinypose2/HeatmapDecoder" not in whole, "nothing was shrunk"


# file of the app, what stands there, what would be wrong, and what aapt2 says of it
RESOURCE_FAULTS = [
    ("app/src/main/res/layout/panel.xml", "@string/accelerator", "@string/accelerators", "not found"),
    ("app/src/main/res/layout/stage.xml", 'android:scaleType="fitCenter"', 'android:scaleType="fit"', "incompatible"),
    ("app/src/main/res/layout/stage.xml", "android:layout_gravity", "android:layout_gravitas", "not found"),
    ("app/src/main/res/values/themes.xml", "Theme.DeviceDefault.Light.NoActionBar", "Theme.Device", "not found"),
    ("app/src/main/AndroidManifest.xml", "@xml/shared_files", "@xml/shared", "not found"),
]


@pytest.mark.parametrize(("file", "old", "new", "says"), RESOURCE_FAULTS)
def test_a_fault_planted_in_the_resources_is_found(
    file: str, old: str, new: str, says: str, tmp_path: Path, compiled: Compiled
) -> None:
    planted = Compiled(tmp_path, compiled.specs)
    shutil.copytree(compiled.project("top-down"), planted.project("top-down"))
    path = planted.project("top-down") / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(AssertionError, match=says):
        planted.link("top-down")


def test_without_the_apps_removals_the_doctor_sees_what_libraries_add(compiled: Compiled, tmp_path: Path) -> None:
    planted = Compiled(tmp_path, compiled.specs)
    shutil.copytree(compiled.project("top-down"), planted.project("top-down"))
    path = planted.project("top-down") / "app/src/main/AndroidManifest.xml"
    path.write_text(re.sub(r"<uses-\S+ \S+ tools:node=\"remove\" />", "", path.read_text()))
    app = apk.pack(planted.link("top-down").apk, {}, tmp_path / "app.apk")
    assert outcomes(app)["permissions"] is Outcome.FAIL


def test_libraries_lie_at_pages_after_signing_too(linked: dict[str, apk.Linked], tmp_path: Path) -> None:
    files = {f"lib/{one}/libLiteRt.so": built.library() for one in ("arm64-v8a", "x86_64")}
    app = apk.pack(linked["top-down"].apk, files, tmp_path / "app.apk")
    assert apk.unaligned(app) == []
    apk.sign(app, apk.make_key(tmp_path))
    assert apk.unaligned(app) == []
    assert [outcome for name, outcome in outcomes(app).items() if name.startswith("16 KB")] == [Outcome.PASS] * 2


def test_the_manifest_of_a_bundle_says_the_same(linked: dict[str, apk.Linked], tmp_path: Path) -> None:
    """aapt2 writes it as the protocol buffer that an AAB has."""
    (binary,) = (one for one in open_app(linked["top-down"].apk).files if one.name == "AndroidManifest.xml")
    apk.aapt2("convert", "--output-format", "proto", "-o", tmp_path / "bundle.apk", linked["top-down"].apk)
    (message,) = (one for one in open_app(tmp_path / "bundle.apk").files if one.name == "AndroidManifest.xml")
    assert message.content()[:1] == b"\x0a"
    assert elements(message.content()) == elements(binary.content()) != []
