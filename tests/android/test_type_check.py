"""The generated module against signatures of Android's API that were made from lists, not written for it."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from posekit.devices.desktop.kotlin_compiler import Unit
from tests.android import tools
from tests.android.compiled import CORE, OPTIONS, Compiled
from tests.android.kinds import SPECS

pytestmark = [
    pytest.mark.skipif(bool(tools.why_not()), reason=tools.why_not()),
    pytest.mark.slow,
    pytest.mark.xdist_group("android"),
]

# what is right, and one slip each: of a name, a type, a null, a class or a method that Android does not have
SNIPPETS = {
    "a method's name": ("fun f(b: Bitmap) = b.getPixel(0, 0)", "getPixel", "getPixelAt"),
    "a field's name": ("fun f(m: DisplayMetrics): Int = m.widthPixels", "widthPixels", "widthPx"),
    "a parameter's type": ("fun f(m: Matrix) = m.postRotate(90f)", "90f", "90"),
    "a result's type": ("fun f(a: AssetFileDescriptor): Long = a.length", "Long", "Int"),
    "a float field": ("fun f(p: PointF): Float = p.x", "Float", "Double"),
    "a missing parameter": ("fun f(c: Canvas, p: Paint) = c.drawCircle(1f, 2f, 3f, p)", ", 3f", ""),
    "a null": ("fun f(b: Bitmap): Bitmap.Config = b.config!!", "!!", ""),
    "another null": ("fun f(c: ContentResolver, u: Uri) = c.openInputStream(u)!!.read()", "!!", ""),
    "a constant of an enum": ("val c = Bitmap.Config.RGBA_F16", "RGBA_F16", "RGBA_F32"),
    "a when over an enum": (
        "fun f(c: Bitmap.CompressFormat) = when (c) { Bitmap.CompressFormat.PNG -> 1; else -> 2 }", "else -> 2", ""),
    "a static method of an instance": ("val b = BitmapFactory.decodeFile(\"a\")", "BitmapFactory.", "BitmapFactory()."),
    "an abstract class": ("fun f(c: Context) = ContextWrapper(c)", "ContextWrapper(c)", "Context()"),
    "no interface": ("val r = Runnable { }", "Runnable", "Thread.State"),
    "what overrides nothing": (
        "class A : Activity() { override fun onCreate(savedInstanceState: Bundle?) = Unit }", "onCreate", "onMake"),
    "a class of the JDK alone": ("val r = android.graphics.Rect()", "android.graphics.Rect", "java.awt.Rectangle"),
    "a method of the JDK alone": ("val r = Runtime.getRuntime()", "getRuntime", "version"),
    "a module of the JDK alone": ("fun f(u: java.net.HttpURLConnection) = u", "HttpURLConnection", "http.HttpClient"),
}  # fmt: skip
IMPORTS = ("android.app.Activity", "android.content.*", "android.content.res.AssetFileDescriptor", "android.graphics.*",
           "android.net.Uri", "android.os.Bundle", "android.util.DisplayMetrics")  # fmt: skip

# one mistake against Android's or LiteRT's API each: file, what stands there, what would be wrong
MODULE_FAULTS = [
    ("BitmapSource.kt", "from.getPixels(window.argb, start,", "from.getPixels(window.argb, 0.0,"),
    ("LiteRtRunner.kt", "context.codeCacheDir.path", "context.codeCacheDir"),
    ("BitmapSource.kt", "bitmap.config == Bitmap.Config.HARDWARE", "bitmap.config.name == \"HARDWARE\""),
    ("ModelAsset.kt", "asset.startOffset, asset.length", "asset.startOffset.toInt(), asset.length"),
    ("LiteRtRunner.kt", "numThreads = options.threads", "threads = options.threads"),
    ("ModelThread.kt", "Thread.currentThread().interrupt()", "ProcessHandle.current().destroy()"),
]  # fmt: skip

# the same of the app, against what its module shows too, and its resources
APP_FAULTS = [
    ("MainActivity.kt", "R.id.stage)", "R.id.stages)"),
    ("MainActivity.kt", "preview.display?.displayId", "preview.display.displayId"),
    ("CameraBinding.kt", ".setResolutionStrategy(", ".setResolution("),
    ("CameraBinding.kt", "provider?.unbind(", "provider.unbind("),
    ("CameraBinding.kt", "analysis.setAnalyzer(executor, analyzer)", "analysis.setAnalyzer(analyzer)"),
    ("DensePainter.kt", "Bitmap.Config.ARGB_8888", "Bitmap.Config.ARGB"),
    ("PeoplePainter.kt", "canvas.drawCircle(place.x, place.y,", "canvas.drawCircle(place.x.toDouble(), place.y,"),
    ("Pictures.kt", "?: return null", ""),
    ("PoseWorker.kt", "poses.look(pixels, ", "poses.look(image, "),
]


def test_the_apps_of_all_kinds_are_type_checked(compiled: Compiled) -> None:
    assert set(compiled.specs) == set(SPECS)
    for kind in SPECS:
        for unit in ("main", "app"):
            assert any((compiled.classes / f"{unit}-{kind}").rglob("*.class")), (unit, kind)


def test_the_examples_of_their_readmes_are_type_checked(compiled: Compiled, tmp_path: Path) -> None:
    units = []
    for kind in SPECS:
        readme = (compiled.module(kind) / "README.md").read_text()
        examples = re.findall(r"^```kotlin\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
        assert len(examples) == 2
        for number, example in enumerate(examples):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / f"{number}.kt").write_text(f"package example{number}\n\n{example}")
        units.append(replace(compiled.above(f"examples-{kind}", kind, [tmp_path / kind]), friends=()))
    assert set(compiled.compile(units).values()) == {""}


def test_what_is_right_is_taken_and_each_slip_is_found(compiled: Compiled, tmp_path: Path) -> None:
    units, imports = [], "".join(f"import {name}\n" for name in IMPORTS)
    for number, (right, old, new) in enumerate(SNIPPETS.values()):
        assert right.count(old) == 1, right
        for name, text in (("right", right), ("wrong", right.replace(old, new))):
            source = tmp_path / f"{name}{number}.kt"
            source.write_text(f"package {name}{number}\n{imports}\n{text}\n")
            units.append(Unit(source.stem, (source,), compiled.libraries, options=OPTIONS))
    right = [one for one in units if one.name.startswith("right")]
    together = Unit("right", tuple(path for one in right for path in one.sources), compiled.libraries, options=OPTIONS)
    said = compiled.compile([together, *(one for one in units if one.name.startswith("wrong"))])
    assert said.pop("right") == ""
    for slip, text in zip(SNIPPETS, said.values(), strict=True):
        assert "error: " in text, slip


def planted(unit: Unit, sources: Path, target: Path, faults: list[tuple[str, str, str]]) -> list[Unit]:
    """A unit each of one file with its fault, beside the classes of the unit that it is from."""
    units = []
    for number, (file, old, new) in enumerate(faults):
        (source,) = sources.rglob(file)
        assert old in source.read_text(), file
        path = target / str(number) / file
        path.parent.mkdir(parents=True)
        path.write_text(source.read_text().replace(old, new))
        units.append(replace(unit, name=f"fault-{target.name}-{number}", sources=(path,)))
    return units


def test_each_fault_planted_in_the_module_and_the_app_is_found(compiled: Compiled, tmp_path: Path) -> None:
    main, app = compiled.core(), compiled.app(CORE)
    classes = [compiled.classes / f"{name}-{CORE}" for name in ("main", "app")]
    main = replace(main, classpath=(classes[0], *main.classpath), friends=(classes[0],))
    app = replace(app, classpath=(classes[1], *app.classpath), friends=(classes[1],))
    of_module = planted(main, compiled.module(CORE) / "src" / "main", tmp_path / "module", MODULE_FAULTS)
    of_app = planted(app, compiled.project(CORE) / "app" / "src", tmp_path / "app", APP_FAULTS)
    said = compiled.compile([*of_module, *of_app])
    for (file, _, new), text in zip([*MODULE_FAULTS, *APP_FAULTS], said.values(), strict=True):
        assert re.search(rf"/{file}:\d+:\d+: error: ", text), f"{new!r} in {file}: {text}"


def test_the_stubs_hold_no_behaviour_and_no_value() -> None:
    with zipfile.ZipFile(tools.stub_jar()) as jar:
        names = jar.namelist()
        bitmap = jar.read("android/graphics/Bitmap.class")
    assert len(names) == tools.CLASSES
    assert "java/lang/Object.class" in names
    assert b"ConstantValue" not in bitmap
