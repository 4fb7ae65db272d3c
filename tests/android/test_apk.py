"""A small app around the module, type-checked and packaged without Gradle; it lacks LiteRT's native libraries."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from posekit.contract.spec import canonical_json, contract_hash
from posekit.devices.desktop import kotlin_compiler
from posekit.devices.desktop.kotlin_compiler import Unit
from posekit.parity.gate import Outcome
from posekit.pipelines.doctor import diagnose
from tests.android import apk, dex, manifest, tools
from tests.android.compiled import OPTIONS, Compiled
from tests.android.kinds import NAME, SPECS
from tests.devices.apps import built

pytestmark = [
    pytest.mark.skipif(bool(tools.why_not()), reason=tools.why_not()),
    pytest.mark.slow,
    pytest.mark.xdist_group("android"),
]

NAMESPACE, APPLICATION = "posekit.small", "posekit.small.app"
MANIFEST = f"""<manifest xmlns:android="{manifest.ANDROID}" xmlns:tools="{manifest.TOOLS}">
<uses-permission android:name="android.permission.FOREGROUND_SERVICE" tools:node="remove" />
<uses-permission android:name="android.permission.FOREGROUND_SERVICE_DATA_SYNC" tools:node="remove" />
<uses-feature android:name="android.hardware.npu" tools:node="remove" />
<application android:label="@string/name" android:theme="@android:style/Theme.Material">
<activity android:name=".Main" android:exported="true"><intent-filter>
<action android:name="android.intent.action.MAIN" /><category android:name="android.intent.category.LAUNCHER" />
</intent-filter></activity></application></manifest>"""
STRINGS = '<resources><string name="name">Small</string></resources>'
MAIN = """package posekit.small

import android.app.Activity
import android.graphics.Bitmap
import android.os.Bundle
import posekit.tinypose2.TinyPose2

class Main : Activity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        val bitmap = Bitmap.createBitmap(64, 64, Bitmap.Config.ARGB_8888)
        Thread { TinyPose2.create(this).use { println(getString(R.string.name) + it.estimate(bitmap)) } }.start()
    }
}
"""
KIND = "top-down"


@dataclass(frozen=True)
class Small:
    """The app's parts."""

    work: Path
    linked: apk.Linked
    program: tuple[Path, ...]
    rules: Path

    def packed(self, name: str, classes: Path) -> Path:
        return apk.pack(self.linked.apk, {"classes.dex": classes.read_bytes()}, self.work / f"{name}.apk")


@pytest.fixture(scope="module")
def small(compiled: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Small:
    work = tmp_path_factory.mktemp("small")
    for name, text in (("res/values/strings.xml", STRINGS), ("Main.kt", MAIN)):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    assets = compiled.module(KIND) / "src" / "main" / "assets"
    assets.mkdir()
    (assets / f"{NAME}.tflite").write_bytes(built.tflite(contract=canonical_json(compiled.specs[KIND])))
    linked = link(work, MANIFEST, assets)
    kotlin_compiler.javac([linked.java], work / "R")
    classpath = (work / "R", *compiled.main(KIND), *compiled.libraries)
    assert compiled.compile([Unit("small", (work / "Main.kt",), classpath, options=OPTIONS)]) == {"small": ""}
    app = dex.jar(work / "app.jar", [work / "R", compiled.classes / "small"])
    program = (app, *compiled.shipped(KIND), *compiled.runtime())
    return Small(work, linked, program, compiled.module(KIND) / "consumer-rules.pro")


def link(work: Path, text: str, assets: Path) -> apk.Linked:
    merged = manifest.merged(text, APPLICATION, NAMESPACE, (24, 36))
    resources = apk.compile_resources([work / "res"], work / "compiled")
    return apk.link(merged, NAMESPACE, resources, [assets], work)


@pytest.fixture(scope="module")
def shrunk(small: Small) -> dict[str, Path]:
    """classes.dex by R8: with the module's rules, and without."""
    quiet = small.work / "quiet.pro"
    quiet.write_text(dex.QUIET)
    rules = (quiet, small.linked.rules)
    kotlin = kotlin_compiler.runtime_jars()
    alone = tuple(one for one in small.program if one not in kotlin)
    wanted = [
        dex.Dexed("shrunk", small.program, rules=(*rules, small.rules)),
        dex.Dexed("without-rules", alone, tuple(kotlin), rules),
    ]
    return dex.run(wanted, small.work)[0]


def test_its_apk_is_signed_aligned_and_well(small: Small, shrunk: dict[str, Path], compiled: Compiled) -> None:
    app = small.packed("small", shrunk["shrunk"])
    assert apk.unaligned(app) == []
    said = apk.sign(app, apk.make_key(small.work))
    for scheme in ("v2 scheme (APK Signature Scheme v2)", "v3 scheme (APK Signature Scheme v3)"):
        assert f"Verified using {scheme}: true" in said
    assert apk.unaligned(app) == []
    badging = apk.aapt2("dump", "badging", app)
    assert f"package: name='{APPLICATION}' versionCode='1' versionName='1'" in badging
    assert "sdkVersion:'24'" in badging
    assert "targetSdkVersion:'36'" in badging
    assert "application-label:'Small'" in badging
    assert "launchable-activity: name='posekit.small.Main'" in badging
    assert "uses-permission" not in badging
    found = {one.name: (one.outcome, one.detail) for one in diagnose(app)}
    model = f"{NAME}.tflite"
    hashed = contract_hash(compiled.specs[KIND])
    assert found == {
        f"contract of {model}": (Outcome.PASS, f"{hashed[:12]}, which the code was made from too"),
        f"operations of {model}": (Outcome.PASS, "all are LiteRT's own"),
        f"storage of assets/{model}": (Outcome.PASS, "stored as it is"),
        "permissions": (Outcome.PASS, "none of LiteRT's own"),
    }


def test_what_litert_looks_up_by_name_keeps_its_name_by_the_modules_rules(shrunk: dict[str, Path]) -> None:
    names = {name: dex.types(path) for name, path in shrunk.items()}
    for one in ("CompiledModel", "TensorBuffer", "LiteRtException", "TensorType$ElementType"):
        assert f"com/google/ai/edge/litert/{one}" in names["shrunk"], one
        assert f"com/google/ai/edge/litert/{one}" not in names["without-rules"], one
    assert "posekit/small/Main" in names["shrunk"]
    assert "posekit/tinypose2/HeatmapDecoder" not in names["shrunk"], "nothing was shrunk"


def test_without_the_apps_removals_the_doctor_sees_what_litert_adds(small: Small, shrunk: dict[str, Path]) -> None:
    text = re.sub(r"<uses-.*?/>\n", "", MANIFEST)
    work = small.work / "foreign"
    (work / "res").parent.mkdir()
    (work / "res").symlink_to(small.work / "res")
    assets = work / "assets"
    assets.mkdir()
    linked = link(work, text, assets)
    with zipfile.ZipFile(small.linked.apk) as archive:
        model = {f"assets/{NAME}.tflite": archive.read(f"assets/{NAME}.tflite")}
    app = apk.pack(linked.apk, {"classes.dex": shrunk["shrunk"].read_bytes(), **model}, work / "foreign.apk")
    assert {one.name for one in diagnose(app) if one.outcome is Outcome.FAIL} == {"permissions"}


def test_libraries_lie_at_pages_after_signing_too(small: Small) -> None:
    files = {"lib/arm64-v8a/libLiteRt.so": built.library(), "lib/x86_64/libLiteRt.so": built.library()}
    app = apk.pack(small.linked.apk, files, small.work / "libraries.apk")
    assert apk.unaligned(app) == []
    apk.sign(app, apk.make_key(small.work / "compiled"))
    assert apk.unaligned(app) == []
    pages = [one for one in diagnose(app) if one.name.startswith("16 KB pages")]
    assert [one.outcome for one in pages] == [Outcome.PASS] * 2


def test_the_modules_of_all_kinds_are_dexed(compiled: Compiled, tmp_path: Path) -> None:
    runtime = compiled.runtime()
    wanted = [dex.Dexed(kind, compiled.shipped(kind), runtime) for kind in SPECS]
    found, said = dex.run(wanted, tmp_path)
    assert "Missing" not in said
    assert "arning" not in said
    for kind, path in found.items():
        decoders = {name for name in dex.types(path) if re.fullmatch(r"posekit/tinypose2/\w+Decoder", name)}
        assert len(decoders) == 2 + (kind == "two-stage"), kind
