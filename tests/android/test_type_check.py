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


def test_the_examples_of_their_readmes_are_type_checked(compiled: Compiled) -> None:
    for kind in SPECS:
        classes = compiled.classes / f"examples-{kind}"
        assert (classes / "example0").is_dir(), kind
        assert (classes / "example1" / "PoseAnalyzer.class").is_file(), kind


def snippets(compiled: Compiled, folder: Path) -> list[Unit]:
    """All that is right in one unit, and one for each slip."""
    imports = "".join(f"import {name}\n" for name in IMPORTS)
    units = [Unit("right", (folder / "right",), compiled.libraries, options=OPTIONS)]
    for number, (right, old, new) in enumerate(SNIPPETS.values()):
        assert right.count(old) == 1, right
        for name, text in (("right", right), (f"slip-{number}", right.replace(old, new))):
            source = folder / name / f"{number}.kt"
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(f"package snippet{number}\n{imports}\n{text}\n")
        units.append(replace(units[0], name=f"slip-{number}", sources=(folder / f"slip-{number}",)))
    return units


def planted(unit: Unit, sources: Path, folder: Path, faults: list[tuple[str, str, str]]) -> list[Unit]:
    """A unit each of one file with its fault, beside the classes of the unit that it is from."""
    units = []
    for number, (file, old, new) in enumerate(faults):
        (source,) = sources.rglob(file)
        assert old in source.read_text(), file
        path = folder / f"{unit.name}-{number}" / file
        path.parent.mkdir(parents=True)
        path.write_text(source.read_text().replace(old, new))
        units.append(replace(unit, name=path.parent.name, sources=(path,)))
    return units


@pytest.fixture(scope="module")
def said(compiled: Compiled, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the compiler says of snippets, and of faults in the module and the app, in one process."""
    folder = tmp_path_factory.mktemp("faults")
    units = snippets(compiled, folder)
    for unit, faults in ((compiled.core(), MODULE_FAULTS), (compiled.app(CORE), APP_FAULTS)):
        classes = compiled.classes / unit.name
        beside = replace(unit, classpath=(classes, *unit.classpath), friends=(classes,))
        units += planted(beside, compiled.project(CORE), folder, faults)
    return compiled.compile(units)


def test_what_is_right_is_taken_and_each_slip_is_found(said: dict[str, str]) -> None:
    assert said["right"] == ""
    for number, slip in enumerate(SNIPPETS):
        assert "error: " in said[f"slip-{number}"], slip


def test_each_fault_planted_in_the_module_and_the_app_is_found(said: dict[str, str]) -> None:
    for unit, faults in (("main", MODULE_FAULTS), ("app", APP_FAULTS)):
        for number, (file, _, new) in enumerate(faults):
            text = said[f"{unit}-{CORE}-{number}"]
            assert re.search(rf"/{file}:\d+:\d+: error: ", text), f"{new!r} in {file}: {text}"


def test_the_stubs_hold_no_behaviour_and_no_value() -> None:
    with zipfile.ZipFile(tools.stub_jar()) as jar:
        names = jar.namelist()
        bitmap = jar.read("android/graphics/Bitmap.class")
    assert len(names) == tools.CLASSES
    assert "java/lang/Object.class" in names
    assert b"ConstantValue" not in bitmap
