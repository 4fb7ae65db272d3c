"""The Android module: its core runs on the JVM, held to the golden vectors; its Android layer is type-checked against
signature stubs and run on fakes of LiteRT and Bitmap. It is not built: that needs Gradle and Google's Maven."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.wrapper import cases as timed_cases
from posekit.bundle import golden
from posekit.contract.spec import canonical_json
from tests import crossing
from tests.decoders import slips
from tests.heads import KINDS, MODULES, TWO_STAGE, cases, plain_spec, spec
from tests.heads import SEVERAL as FAKED_CASE
from tests.real_models import DATA
from tests.real_outputs import cases_by_kind

_location = importlib.util.spec_from_file_location("kotlin_build", Path(__file__).parent / "kotlin" / "build.py")
assert _location is not None
assert _location.loader is not None
build = importlib.util.module_from_spec(_location)
sys.modules["kotlin_build"] = build  # dataclasses look their module up
_location.loader.exec_module(build)

pytestmark = [
    pytest.mark.skipif(bool(build.missing()), reason=build.missing()),
    pytest.mark.slow,
    pytest.mark.xdist_group("kotlin"),
]

PROGRAMS = ("GoldenHarness.kt", "GuardChecks.kt", "WarpFuzz.kt", "AntialiasFuzz.kt")
GOLDEN = [f"-Dposekit.golden={build.ROOT / 'tests' / 'golden'}"]
SEVERAL = MODULES[1:]
FAKED = tuple(kind for kind in KINDS if any(case["name"] == FAKED_CASE for case in cases()[kind]))  # by FakeLiteRt.kt
PACKAGE = "posekit.tinypose2"
LIMITS = {
    "grey": 0.01,
    "geometry": 1e-9,
    "px": 0.001,
    "score": 1e-6,
    "box": 0.001,
    "count": 0,
    "unrefused_nan": 0,
    "ids": 0,
    "others": 0,
    "region": 1e-6,
    "smoothed": 1e-6,
    "numbers": 0,
    "values": 1e-6,
    "uv": 1e-6,
    "matrix": 1e-9,
    "at_points": 1e-6,
}

# one mistake against the Android SDK's or LiteRT's API each: file, what stands there, what would be wrong
TYPE_FAULTS = [
    ("BitmapSource.kt", "from.getPixels(window.argb, start,", "from.getPixels(window.argb, 0.0,"),
    ("LiteRtRunner.kt", "context.codeCacheDir.path", "context.codeCacheDir"),
    ("Pixels.kt", "Pixels(BitmapSource(bitmap))", "Pixels(BitmapSource(null))"),
    ("BitmapSource.kt", "bitmap.config == Bitmap.Config.HARDWARE", "bitmap.config.name == \"HARDWARE\""),  # nullable
    ("ModelAsset.kt", "asset.length, CONTRACT_FILE", "asset.size, CONTRACT_FILE"),
    ("ModelAsset.kt", "asset.startOffset, asset.length", "asset.startOffset.toInt(), asset.length"),
    ("LiteRtRunner.kt", "values = buffer.readFloat()", "values = buffer.readInt8()"),
    ("LiteRtRunner.kt", "numThreads = options.threads", "threads = options.threads"),
    ("LiteRtRunner.kt", "Options(LiteRtAccelerator.GPU)", "Options(Accelerator.GPU)"),
    ("LiteRtRunner.kt", "compiling, environment)", "environment)"),
    ("TinyPose2.kt", "PoseEngine.create(context, contract", "PoseEngine.create(contract"),
    ("ThisDevice.kt", "power.currentThermalStatus", "power.thermalStatus"),
    ("ThisDevice.kt", "context.applicationInfo.flags", "context.packageInfo.flags"),
    ("DeviceRunFiles.kt", "asset.startOffset\n", "asset.start\n"),
]  # fmt: skip

# one slip in the arithmetic each, and the suite of the harness that must notice
ARITHMETIC_FAULTS = [
    ("Warp.kt", "(0.5 + 1e-7)", "0.4", "warp"),
    ("PoseContract.kt", "Alignment.HALF_PIXEL) 0.5 else", "Alignment.HALF_PIXEL) 0.0 else", "warp"),
    ("ViewMapping.kt", "(x + toEdge - pictureWidth / 2.0) * scaleX", "(x - pictureWidth / 2.0) * scaleX", "tracking"),
    ("ViewMapping.kt", "ViewFit.FILL) max(", "ViewFit.FIT) max(", "tracking"),
    ("ViewMapping.kt", "(x - viewWidth / 2) / scaleX", "(x - viewWidth / 2) / scale", "tracking"),
    ("InputTransform.kt", "input.outside == Outside.EDGE", "input.resize != Resize.AFFINE_CROP", "warp"),
    ("YuvSource.kt", "255.0 / 219", "255.0 / 220", "yuv"),
    ("YuvSource.kt", "2 * (1 - red) * chroma", "2 * (1 - red)", "yuv"),
    ("PlaneRows.kt", "origin + row * rowStride", "row * rowStride", "yuv"),
    ("PixelWindow.kt", "only.columns[left + column])", "only.columns[left + column] && column > 0)", "warp"),
    ("Region.kt", "atan2(-alongY, alongX)", "atan2(alongY, alongX)", "tracking"),
    ("Region.kt", "away * cos(angle), side * scale", "away * cos(angle), side", "tracking"),
    ("Antialias.kt", "left * (left - 1) / 2", "left * (left + 1) / 2", "warp"),
    ("DenseReader.kt", "if (value > most)", "if (value >= most)", "dense"),
    ("DenseReader.kt", "(cells - 1) * spec.upsampling + 1 else", "cells * spec.upsampling else", "dense"),
    ("DenseReader.kt", "within?.labelAt(index) != 0 &&", "within?.labelAt(index) != 2 &&", "dense"),
    ("DenseReader.kt", "maps(spec.u), maps(spec.v)", "maps(spec.v), maps(spec.u)", "dense"),
    ("DenseMap.kt", "value >= threshold.toFloat()", "value > threshold.toFloat()", "dense"),
    ("DenseMap.kt", "(1 - down) + under * down", "(1 - across) + under * across", "dense"),
    ("TorsoTracker.kt", "bodyMargin * body), farthestSide)", "bodyMargin * body), 1e9)", "tracking"),
    ("PeopleTracker.kt", "it.velocity.x * (now - it.timeSeconds)", "0.0", "people"),
    ("PeopleTracker.kt", "DRIFT * away.size", "0.0 * away.size", "people"),
    ("OneEuroFilter.kt", "val spare = pose.count / 10", "val spare = 0", "people"),
    ("PeopleTracker.kt", "max(alike(poses[person], free[track].pose), ", "max(0.0, ", "people"),
    ("PeopleFollower.kt", "frames >= rule.detectEvery", "frames > rule.detectEvery", "following"),
    ("PeopleFollower.kt", "|| hasLost ||", "||", "following"),
    ("PeopleFollower.kt", ">= rule.minOverlap", ">= 0.9", "following"),
    ("PeopleFollower.kt", "rule.minScore) >= rule.maxAlike", "rule.minScore) > 1.0", "following"),
    ("PeopleFollower.kt", "(regions + new).take(rule.maxPeople)", "(new + regions).take(rule.maxPeople)", "following"),
    ("PeopleFollower.kt", "if (rule.nextPointsAboutBox) sureBox", "if (rule.pointsAboutBox) sureBox", "following"),
    ("PeopleFollower.kt", "region.width * cosine + region.height * sine", "region.width", "following"),
    *((file, old, new, kind) for kind, found in slips.KOTLIN.items() for file, old, new in found),
]


class Compiled:
    """The module with every decoder, its tests, the harness and the benchmark, compiled."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.java_stubs = work / "java"
        self.sources = work / "module"
        self.harness = work / "harness"
        self.classes = work / "classes"
        plain = plain_spec(build.NAME)
        build.render(build.MODULE, self.sources, plain, only_its_decoder=False)
        build.registry(self.harness, plain)
        for file in (*(build.HERE / name for name in PROGRAMS), build.GOLDEN_MAIN, build.BENCHMARKS):
            build.render(file, self.harness, plain, only_its_decoder=False)
        build.javac(
            [build.HERE / "stubs" / "java", build.HERE / "JUnitRunner.java"], self.java_stubs, build.runtime_jars()
        )
        stubs = build.unit("stubs", (build.HERE / "stubs" / "kotlin",), (self.java_stubs,))
        main = self.main("main", self.sources)
        tests = (self.sources / "src" / "test", self.harness)
        device = self.tests("device-tests", build.device_tests(self.sources), "main")
        self.results = build.compile_units([stubs, main, self.tests("tests", tests, "main"), device], work)

    def main(self, name: str, module: Path) -> Any:
        return build.unit(name, (module / "src" / "main",), (self.java_stubs, self.classes / "stubs"), strict=True)

    def tests(self, name: str, sources: tuple[Path, ...], main: str) -> Any:
        classpath = (self.java_stubs, self.classes / "stubs", self.classes / main)
        return build.unit(name, sources, classpath, friends=(self.classes / main,))

    def run(
        self, program: str, *arguments: str, main: str = "main", tests: str = "tests", over: str = "none",
        options: Sequence[str] = GOLDEN,
    ) -> str:  # fmt: skip
        """What a program prints; over: classes that are taken rather than those of `main`."""
        classes = [self.classes / name for name in ("stubs", over, main, tests)]
        classpath = [self.java_stubs, *classes]
        text: str = build.java(classpath, program, *arguments, options=options)
        return text

    def fakes(self) -> tuple[Path, ...]:
        """The classpath of the fakes of LiteRT and Bitmap, which win over the stubs of the same classes."""
        java, kotlin = self.work / "java-fakes", self.classes / "kotlin-fakes"
        if not java.is_dir():
            build.javac([build.STAND_INS], java, [self.java_stubs, *build.runtime_jars()])
            unit = build.unit(kotlin.name, (build.HERE / "fakes" / "kotlin",), (java, self.java_stubs))
            ((code, messages),) = build.compile_units([unit], self.work).values()
            assert code == 0, messages
        return java, self.java_stubs, kotlin

    def shipped(self, kind: str) -> Path:
        """A module of that kind as it is shipped, with one decoder only, type-checked against signature stubs, as
        classes main-KIND, tests-KIND and, of several people, device-KIND; compiled when it is first asked for."""
        folder = self.work / f"shipped-{kind}"
        if not folder.is_dir():
            # one of them with a single keypoint
            one = spec(kind, build.NAME, is_tiny=kind == MODULES[0])
            build.render(build.MODULE, folder, one, only_its_decoder=True)
            main = f"main-{kind}"
            units = [
                self.main(main, folder),
                self.tests(f"tests-{kind}", (folder / "src" / "test",), main),
            ]
            if kind in SEVERAL:  # it has a class for people, or two contracts
                units.append(self.tests(f"device-{kind}", build.device_tests(folder), main))
            for name, (code, messages) in build.compile_units(units, self.work).items():
                assert code == 0, f"{name} does not compile:\n{messages}"
        return folder

    def faulty(self, name: str, *faults: tuple[str, str, str]) -> Any:
        """Files of one module with a text replaced each, to be compiled beside the classes that were compiled from
        all."""
        targets = []
        for file, old, new in faults:
            (source,) = (self.sources / "src").rglob(file)
            text = source.read_text()
            assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
            targets.append(target := self.work / name / file)
            target.parent.mkdir(exist_ok=True)
            assert not target.exists(), f"two faults of a round are in {file}"
            target.write_text(text.replace(old, new))
        of = "device-tests" if {"androidTest", "deviceRun"}.intersection(source.parts) else "main"
        below = tuple(self.classes / one for one in dict.fromkeys((of, "main")))
        classpath = (*below, self.java_stubs, self.classes / "stubs")
        return replace(build.unit(name, tuple(targets), classpath, friends=below, strict=of == "main"), module=of)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    result = Compiled(tmp_path_factory.mktemp("kotlin"))
    for name, (code, messages) in result.results.items():
        assert code == 0, f"{name} does not compile:\n{messages}"
    return result


def test_harness_holds_core_to_golden_vectors(compiled: Compiled) -> None:
    errors = json.loads(compiled.run(f"{PACKAGE}.GoldenHarnessKt"))
    assert not _failures(errors), errors
    assert {name: suite["cases"] > 0 for name, suite in errors.items()} == dict.fromkeys(errors, True)
    assert errors["tracking"]["lost"] == 1


def test_outputs_of_published_models_are_decoded_as_in_python(compiled: Compiled, tmp_path: Path) -> None:
    if not (DATA / "photo").is_dir():
        pytest.skip("shared/data is not beside this checkout")
    by_kind = cases_by_kind()
    folder = tmp_path / "golden"
    shutil.copytree(build.ROOT / "tests" / "golden", folder)
    options = [f"-Dposekit.golden={folder}"]
    for kind, found in by_kind.items():
        golden.write_cases(folder / f"{kind}.json", found)
    errors = json.loads(compiled.run(f"{PACKAGE}.GoldenHarnessKt", options=options))
    assert {kind: errors[kind]["cases"] for kind in by_kind} == {kind: len(found) for kind, found in by_kind.items()}
    assert not _failures(errors), errors
    for kind, found in by_kind.items():  # a case that says otherwise is seen
        found[0]["keypoints"][0] += 0.01
        golden.write_cases(folder / f"{kind}.json", found)
    errors = json.loads(compiled.run(f"{PACKAGE}.GoldenHarnessKt", options=options))
    assert {name.split(".")[0] for name in _failures(errors)} == set(by_kind)


def test_walkers_who_cross_keep_their_ids_and_are_smoothed_as_in_python(compiled: Compiled, tmp_path: Path) -> None:
    folder, found = tmp_path / "golden", crossing.cases()
    assert {tuple(case["ids"]) for case in found} == {(1, 2), (2,)}
    shutil.copytree(build.ROOT / "tests" / "golden", folder)
    golden.write_cases(folder / "people.json", found)
    errors = json.loads(compiled.run(f"{PACKAGE}.GoldenHarnessKt", options=[f"-Dposekit.golden={folder}"]))
    assert errors["people"]["cases"] == 120
    assert not _failures(errors), errors["people"]


def _failures(errors: dict[str, Any]) -> list[str]:
    return [
        f"{name}.{key}"
        for name, suite in errors.items()
        for key, limit in LIMITS.items()
        if key in suite and (suite[key] is None or not suite[key] <= limit)
    ]


def test_guards_refuse_what_is_wrong(compiled: Compiled) -> None:
    checks = json.loads(compiled.run(f"{PACKAGE}.GuardChecks"))
    assert len(checks) > 15
    assert [name for name, passed in checks.items() if not passed] == []


@pytest.mark.parametrize("kind", MODULES)
def test_generated_module_type_checks_and_passes_its_golden_test(kind: str, compiled: Compiled) -> None:
    folder = compiled.shipped(kind)
    assert len(list(folder.rglob("*Decoder.kt"))) == 2 + (kind == TWO_STAGE)  # the interface, the decoder or both
    assert not [path for path in folder.rglob("*") if path.is_file() and "emplate" in path.read_text() + path.name]
    report = compiled.run("JUnitRunner", f"{PACKAGE}.GoldenTest", main=f"main-{kind}", tests=f"tests-{kind}")
    assert report.count(" passed") == 7, report


def test_readme_examples_are_type_checked(compiled: Compiled, tmp_path: Path) -> None:
    units = []
    for main, folder in (("main", compiled.sources), *((f"main-{kind}", compiled.shipped(kind)) for kind in SEVERAL)):
        readme = (folder / "README.md").read_text()
        examples = re.findall(r"^```kotlin\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
        assert len(examples) == 2
        for i, example in enumerate(examples):
            source = tmp_path / f"{main}-{i}.kt"
            source.write_text(f"package example{i}\n\n{example}")
            classpath = (compiled.java_stubs, compiled.classes / "stubs", compiled.classes / main)
            units.append(build.unit(f"example-{source.stem}", (source,), classpath))
    for name, (code, messages) in build.compile_units(units, compiled.work).items():
        assert code == 0, f"{name} does not compile:\n{messages}"


def test_readme_fetches_an_answer(compiled: Compiled, tmp_path: Path) -> None:
    """Its commands as they stand, in an empty folder; adb and posekit are stood in for."""
    readme = (compiled.sources / "README.md").read_text()
    (fetch,) = re.findall(r"^ +```\n((?:(?!```).)*exec-out(?:(?!```).)*)```", readme, re.DOTALL | re.MULTILINE)
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "run.json").write_text("{}")
    (tmp_path / "here").mkdir()
    script = f"set -eo pipefail\nadb() {{ tar cf - -C ../phone .; }}\nposekit() {{ cat RUN/run.json; }}\n{fetch}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path / "here", check=False, capture_output=True, text=True
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "{}"), done.stderr


def test_type_check_catches_seeded_faults(compiled: Compiled) -> None:
    units = [compiled.faulty(f"type-fault-{i}", fault) for i, fault in enumerate(TYPE_FAULTS)]
    results = build.compile_units(units, compiled.work)
    for (file, _, new), (code, messages) in zip(TYPE_FAULTS, results.values(), strict=True):
        assert code != 0, f"{new!r} in {file} was not noticed"
        assert any(f"/{file}:" in line and "error:" in line for line in messages.splitlines()), messages


def test_harness_catches_seeded_arithmetic_faults(compiled: Compiled) -> None:
    """In rounds of one fault a suite, so that there are few programs to compile and run: just the suites of those that
    were planted fail."""
    rounds: list[dict[str, tuple[str, str, str]]] = []
    for *fault, suite in ARITHMETIC_FAULTS:
        free = next((one for one in rounds if suite not in one), None)
        if free is None:
            rounds.append(free := {})
        free[suite] = tuple(fault)
    units = [compiled.faulty(f"slips-{i}", *planted.values()) for i, planted in enumerate(rounds)]
    for name, (code, messages) in build.compile_units(units, compiled.work).items():
        assert code == 0, f"{name} does not compile:\n{messages}"
    for i, planted in enumerate(rounds):
        errors = json.loads(compiled.run(f"{PACKAGE}.GoldenHarnessKt", over=f"slips-{i}"))
        assert {name.split(".")[0] for name in _failures(errors)} == set(planted), planted
    assert sum(map(len, rounds)) == len(ARITHMETIC_FAULTS)


def test_android_layer_on_fakes(compiled: Compiled, tmp_path: Path) -> None:
    """The generated class, run: accelerators and fallback, refusals, shapes, threads, and no handle left open."""
    facade = tmp_path / "facade"
    for name in ("Facade", "Frame", "Thread", "Coroutine", "DeviceRun"):
        build.render(build.HERE / f"{name}Checks.kt", facade, plain_spec(build.NAME), only_its_decoder=False)
    on_fakes = compiled.fakes()
    friends = tuple(compiled.classes / name for name in ("main", "tests", "device-tests"))
    coroutines = build.coroutines()
    optional = build.unit(
        "coroutines", (compiled.sources / "src" / "coroutines",), (*on_fakes, *friends, coroutines), strict=True
    )
    classes = (*on_fakes, *friends, compiled.classes / "coroutines", coroutines)
    units = [optional, build.unit("facade", (facade,), classes, friends=friends)]
    for name, (code, messages) in build.compile_units(units, compiled.work).items():
        assert code == 0, f"{name} does not compile:\n{messages}"
    contracts = {
        "good": canonical_json(plain_spec(build.NAME)),
        "other": canonical_json(spec(KINDS[-1], build.NAME)),
        "bare": None,
    }
    for name, contract in contracts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "tiny-pose2.tflite").write_bytes(_model("absolute" if contract else "none", contract or b""))
    other = tmp_path / "good" / "models" / "other.tflite"  # of another precision
    other.parent.mkdir()
    other.write_bytes(b"\0" + _model("absolute", contracts["good"] or b""))
    classpath = [*classes, compiled.classes / "facade"]
    answer = build.java(classpath, f"{PACKAGE}.FacadeChecks", *(str(tmp_path / name) for name in contracts))
    checks = json.loads(answer)
    assert len(checks) == 48
    assert [name for name, passed in checks.items() if not passed] == []


@pytest.mark.parametrize("kind", FAKED)
def test_android_layer_of_several_people_on_fakes(kind: str, compiled: Compiled, tmp_path: Path) -> None:
    one, model = spec(kind, build.NAME), tmp_path / "model"
    model.mkdir()
    (model / "tiny-pose2.tflite").write_bytes(_model("absolute", canonical_json(one)))
    found = _checked_on_fakes("SeveralChecks", kind, compiled, tmp_path / "checks", model)
    assert len(found) == 9
    assert [name for name, passed in found.items() if not passed] == []


def test_two_stages_on_fakes(compiled: Compiled, tmp_path: Path) -> None:
    """One environment for both models, which a frame's failure, a turned frame and another thread do not spoil."""
    one = spec(TWO_STAGE, build.NAME)
    folders = {"good": canonical_json(one), "other": canonical_json(plain_spec(build.NAME))}
    for name, detector in folders.items():
        (tmp_path / name).mkdir()
        for model, contract in (("tiny-pose2", canonical_json(one)), ("tiny-pose2-detector", detector)):
            (tmp_path / name / f"{model}.tflite").write_bytes(_model("absolute", contract))
    (tmp_path / "good" / "models").mkdir()
    shutil.copy(tmp_path / "good" / "tiny-pose2.tflite", tmp_path / "good" / "models" / "other.tflite")
    models = [tmp_path / name for name in folders]
    found = _checked_on_fakes("TwoStageChecks", TWO_STAGE, compiled, tmp_path / "checks", *models)
    assert len(found) == 11
    assert [name for name, passed in found.items() if not passed] == []


def _checked_on_fakes(name: str, kind: str, compiled: Compiled, checks: Path, *arguments: Path) -> dict[str, bool]:
    """What the checks of a Kotlin file say of the generated class of a module, run on fakes of LiteRT and Android."""
    compiled.shipped(kind)
    for path in (build.HERE / f"{name}.kt", build.HERE / "DeviceRunChecks.kt", build.GOLDEN_MAIN):
        build.render(path, checks, spec(kind, build.NAME), only_its_decoder=True)
    on_fakes = compiled.fakes()
    friends = tuple(compiled.classes / f"{part}-{kind}" for part in ("main", "tests", "device"))
    unit = build.unit(name, (checks,), (*on_fakes, *friends), friends=friends)
    ((code, messages),) = build.compile_units([unit], compiled.work).values()
    assert code == 0, messages
    answer = build.java([*on_fakes, *friends, compiled.classes / name], f"{PACKAGE}.{name}", *map(str, arguments))
    found: dict[str, bool] = json.loads(answer)
    return found


def _model(how: str, contract: bytes) -> bytes:
    """Bytes that stand for a flatbuffer, with pose.json behind them in a zip as one writer or another appends it."""
    body = bytes(range(256)) * 300
    if how == "none":
        return body
    packed = zipfile.ZIP_DEFLATED if how == "deflated" else zipfile.ZIP_STORED
    relative = how == "relative"
    buffer = io.BytesIO(b"" if relative else body)
    with zipfile.ZipFile(buffer, "w" if relative else "a", packed) as archive:
        archive.writestr("labels.txt", "nose\n" * 40)
        archive.writestr("pose.json", contract)
        archive.writestr("empty", b"")
        if how == "comment":
            archive.comment = b"a comment that names PK\x05\x06 itself"
    data = (body if relative else b"") + buffer.getvalue()
    return data.replace(contract, contract[:-1] + b"!") if how == "damaged" else data


@pytest.mark.parametrize("how", ["absolute", "relative", "deflated", "comment", "none", "damaged", "cut"])
def test_reads_contract_appended_to_a_model(how: str, compiled: Compiled, tmp_path: Path) -> None:
    contract = canonical_json(plain_spec(build.NAME))
    model = _model("absolute" if how == "cut" else how, contract)
    # as an asset lies inside an APK: something before and after
    before, after = b"PK\x03\x04" * 37, b"PK\x05\x06" + bytes(50)
    path = tmp_path / "app.apk"
    path.write_bytes(before + model + after)
    size = len(model) - (30 if how == "cut" else 0)
    found = compiled.run(f"{PACKAGE}.GuardChecks", str(path), "pose.json", str(len(before)), str(size)).strip()
    expected = {"none": "none", "cut": "none", "damaged": "damaged"}
    assert found == expected.get(how, hashlib.sha256(contract).hexdigest())


def test_steady_state_allocates_little(compiled: Compiled) -> None:
    figures = json.loads(compiled.run(f"{PACKAGE}.WrapperBenchmark"))
    assert max(row["bytes_per_frame"] for row in figures.values()) < 4096, figures
    assert min(row["frames"] for row in figures.values()) >= 200


def test_the_benchmark_of_decoders_holds_them_to_python(compiled: Compiled, tmp_path: Path) -> None:
    (timed,) = (one for one in timed_cases.TIMED if "8400" in one.name)
    timed_cases.write(tmp_path, [timed.case()])
    row = json.loads(compiled.run(f"{PACKAGE}.DecoderBenchmark", options=[f"-Dposekit.golden={tmp_path}"]))
    assert (row["name"], row["count"]) == (timed.name, 0)
    assert row["off"] < 1e-6
    assert row["bytes"] < 8192  # of ten people


def test_runner_names_the_runtime_that_the_module_asks_for() -> None:
    gradle = (build.MODULE / "build.gradle.kts.j2").read_text()
    (named,) = {
        found
        for path in build.MODULE.rglob("*.kt")
        for found in re.findall(r'LITERT_VERSION: String = "(.*)"', path.read_text())
    }
    assert set(re.findall(r'"com\.google\.ai\.edge\.litert:[a-z-]+:(.*)"', gradle)) == {named}


def test_source_files_stay_small_and_licensed() -> None:
    for path in sorted(build.MODULE.rglob("*")):
        if path.suffix not in {".kt", ".j2"} and path.name != "consumer-rules.pro":
            continue
        lines = path.read_text().splitlines()
        assert "SPDX-License-Identifier: Apache-2.0" in lines[0], path
        # a template holds every variant of a file
        assert len(lines) <= (250 if path.suffix == ".j2" else 200), f"{path} has {len(lines)} lines"
