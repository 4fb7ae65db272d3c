"""templates/ios: the rendered Swift package compiles, keeps to the golden vectors and to its style.

The Core ML layer cannot be built here. It is type-checked against stub modules (tests/swift/stubs) and run on them,
which says that its own code holds together and nothing about Core ML.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.bundle import file_hash, golden, wrapper
from posekit.contract.outputs import decode_dense
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.devices.format import MODES
from posekit.devices.record import read_run, results_of
from posekit.devices.request import RequestWriter, as_written
from posekit.parity.cases import poses_of
from posekit.parity.written_poses import poses_of_written
from posekit.poses.regions import Region
from posekit.poses.transforms import Orientation, input_transform
from posekit.poses.warp import warp
from tests import crossing
from tests.decoders import slips
from tests.heads import KINDS, MODULES, PLAIN, cases, output_shapes, spec

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "swift"))
import render  # noqa: E402  (a folder of Swift sources, not a package)

GOLDEN = HERE / "golden"
STUBS = HERE / "swift" / "stubs"
PLACEHOLDER = "TemplatePose"
STRICT = ("-Xswiftc", "-warnings-as-errors")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("swift"),
    pytest.mark.skipif(shutil.which("swift") is None, reason="no Swift toolchain: `swift` is not on PATH"),
]


def swift(*arguments: str | Path, cwd: Path, program: str = "swift") -> str:
    """Standard output and error of a command that must succeed."""
    result = try_swift(*arguments, cwd=cwd, program=program)
    assert result.returncode == 0, result.stdout[-6000:]
    return result.stdout


def try_swift(*arguments: str | Path, cwd: Path, program: str = "swift") -> subprocess.CompletedProcess[str]:
    command = [program, *map(str, arguments)]
    environment = {**os.environ, "POSEKIT_GOLDEN": str(GOLDEN), "SWIFT_BACKTRACE": "enable=no"}
    return subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )


LIMITS = {
    "warp": {"grey": 0.01, "matrix": 1e-9, "region": 1e-9, "points": 1e-6, "content_mismatches": 0},
    "yuv": {"grey": 0},
    "decoders": {"px": 0.001, "box": 0.001, "score": 1e-6, "count": 0, "unrefused_nan": 0},
    "dense": {"values": 1e-6, "uv": 1e-6, "matrix": 1e-9, "at_points": 1e-6, "numbers": 0, "count": 0},
    "tracking": {"region": 1e-6, "smoothed": 1e-6}, "people": {"ids": 0, "smoothed": 1e-6},
    "following": {"others": 0, "region": 1e-6}, "session": {"others": 0},
}  # fmt: skip


def within(report: dict[str, Any], suite: str) -> bool:
    """Whether all differences of a suite are small enough; NaN and infinity are not."""
    found = report[suite].values() if suite == "decoders" else [report[suite]]
    pairs = [(float(errors[key]), limit) for errors in found for key, limit in LIMITS[suite].items()]
    return all(math.isfinite(value) and value <= limit for value, limit in pairs)


def example(kind: str) -> PoseSpec:
    return spec(kind, render.NAME)


@pytest.fixture(scope="session")
def report(swift_harness: Path) -> dict[str, Any]:
    """The greatest differences to the golden vectors."""
    command = [str(swift_harness), str(GOLDEN)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render.assemble_core(tmp_path_factory.mktemp("swift") / "faulty", HERE / "swift")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The rendered package, by kind of decoder."""
    folder = tmp_path_factory.mktemp("swift")
    return {kind: render.render(folder / kind, example(kind)) for kind in MODULES}


def test_golden_vectors(report: dict[str, Any]) -> None:
    for name in ("warp", "yuv", "dense", "tracking", "people", "following"):
        assert report[name]["cases"] == len(json.loads((GOLDEN / f"{name}.json").read_text())["cases"]), name
    assert report["session"]["cases"] == 17
    assert {kind: errors["cases"] for kind, errors in report["decoders"].items()} == {
        kind: len(found) for kind, found in cases().items()
    }
    for suite in LIMITS:
        assert within(report, suite), json.dumps(report[suite], indent=1)


def test_walkers_who_cross_keep_their_ids_and_are_smoothed_as_in_python(swift_harness: Path, tmp_path: Path) -> None:
    golden.write_cases(tmp_path / "people.json", crossing.cases())
    command = [str(swift_harness), str(tmp_path), "people"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert said["people"]["cases"] == 120
    assert within(said, "people"), said


# by the suite that must see them: file, what is right, what is wrong
FAULTS = {
    "warp": (
        ("InputSpec.swift", "alignment == .halfPixel ? 0.5 : 0", "0"),
        ("InputTransform.swift", "input.outside == .edge", "input.resize != .affineCrop"),
        ("InputTransform.swift", ".toNearestOrEven", ".toNearestOrAwayFromZero"),
        ("InputTransform.swift", "input.oddPixel == .before ? 1 : 0", "0"),
        ("InputTransform.swift", "input.enlarge ? fitting", "true ? fitting"),
        ("InputTransform.swift", "guard input.anchor == .center", "guard true"),
        ("Warp.swift", "(0.5 + 1e-7)).rounded(.down)", "0.4).rounded(.down)"),
        ("Sampler.swift", "Float(x - Double(left))", "Float(x - Double(left)) + 0.001"),
        ("PixelView.swift", "var red: Int { self == .bgra ? 2 : 0 }", "var red: Int { 0 }"),
        ("Orientation.swift", "ty: lastRow - start", "ty: start"),
        ("AxisTaps.swift", "left * (left - 1) / 2", "left * (left + 1) / 2"),
    ),
    "yuv": (
        ("YuvColors.swift", "255.0 / 219", "255.0 / 220"),
        ("YuvColors.swift", "2 * (1 - red) * chroma", "2 * (1 - red)"),
        ("PixelReader.swift", "halfColumn &* sampleStrides.z", "halfColumn &* sampleStrides.x"),
    ),
    "decoders": (
        *(slip for found in slips.SWIFT.values() for slip in found),
        ("Decoder.swift", "if found > 0,", "if found > 1000000,"),
    ),
    "dense": (
        ("DenseReader.swift", "if other > most", "if other >= most"),
        ("DenseReader.swift", "(cells - 1) * spec.upsampling + 1", "cells * spec.upsampling"),
        ("DenseReader.swift", "within?.label(at: index) != 0", "true"),
        ("DenseReader.swift", "tx: spec.shift * fine", "tx: spec.shift * spec.stride"),
        ("DenseReader.swift", "finer(u, count, spec, outputs), try", "finer(v, count, spec, outputs), try"),
        ("DenseMap.swift", "values[index] >= Float(threshold)", "values[index] > Float(threshold)"),
        ("DenseMap.swift", "* (1 - down) + under * down", "* (1 - across) + under * across"),
    ),
    "tracking": (
        ("OneEuroFilter.swift", "2 * Double.pi", "2.001 * Double.pi"),
        ("RegionTracker.swift", "(sure.right - sure.left) / 2 * margin", "(sure.right - sure.left) / 2"),
        ("Region.swift", "atan2(from.y - to.y", "atan2(to.y - from.y"),
        ("Region.swift", "center.y + away", "center.y - away"),
        ("ViewMapping.swift", "toEdge = 0.5 - pixelCenter", "toEdge = 0"),
        ("ViewMapping.swift", "fit == .fill ? max", "fit == .fit ? max"),
        ("ViewMapping.swift", "(place.x - viewMiddle.x) / scaleX", "(place.x - viewMiddle.x) / scale"),
        ("TorsoTracker.swift", "guard min(shoulders, hips) > minScore", "guard max(shoulders, hips) > minScore"),
    ),
    "people": (
        ("PeopleTracker.swift", "(-$0.timeSeconds, $0.id) < (-$1", "($0.timeSeconds, $0.id) < ($1"),
        ("PeopleTracker.swift", "<= maxAgeSeconds", "<= 2 * maxAgeSeconds"),
        ("PoseLikeness.swift", "let area = (right - left)", "let area = 2 * (right - left)"),
        ("PeopleTracker.swift", "velocity.x * elapsed", "0"),
        ("PeopleTracker.swift", "max(alike(pose, last.pose), about)", "about"),
        ("PeopleTracker.swift", "Self.drift * size", "0 * size"),
        ("OneEuroFilter.swift", "let spare = points.count / 10", "let spare = 0"),
        ("PeopleSmoother.swift", "return filter.smooth(pose", "filter.reset(); return filter.smooth(pose"),
    ),
    "following": (
        ("PeopleFollower.swift", "frames >= rule.detectEvery", "frames > rule.detectEvery"),
        ("PeopleFollower.swift", "|| hasLost ||", "||"),
        ("PeopleFollower.swift", ">= rule.minOverlap", ">= 0.9"),
        ("PeopleFollower.swift", ">= rule.maxAlike", "> 1"),
        ("PeopleFollower.swift", "(regions + new).prefix", "(new + regions).prefix"),
        ("PeopleFollower.swift", "rule.nextPointsAboutBox ? sureBox", "rule.pointsAboutBox ? sureBox"),
        ("PeopleFollower.swift", "(width * cosine + height * sine) / (2", "width / (2"),
    ),
    "session": (
        ("PeopleSession.swift", "follower.reset()  // it may", "// it may"),
        ("PeopleSession.swift", "throw error", "return []"),
        ("PeopleSession.swift", "if now != form", "if false"),
        ("PeopleSession.swift", "look(pixels, orientation, &alone)", "look(pixels, orientation, &follower)"),
        ("PeopleSession.swift", "if follower.wantsDetection", "if true"),
    ),
}  # fmt: skip


Fault = tuple[str, str, str]


def owner_of(suite: str, fault: Fault) -> str:
    """Whose files a fault is in: those of a suite, or of one decoder; "" where several share the file."""
    if suite != "decoders":
        return suite
    kinds = [kind for kind in KINDS if fault[0].startswith(wrapper.decoder_class(kind))]
    return f"decoders {kinds[0]}" if kinds else ""


def rounds() -> list[dict[str, tuple[str, Fault]]]:
    """The faults, as few builds as can be: in each one fault an owner at most, of files that are shared only one."""
    found: list[dict[str, tuple[str, Fault]]] = []
    for suite, faults in FAULTS.items():
        for fault in faults:
            owner = owner_of(suite, fault)
            free = next((one for one in found if owner and owner not in one and "" not in one), None)
            if free is None:
                found.append(free := {})
            free[owner] = (suite, fault)
    return found


def is_noticed(package: Path, owner: str, suite: str) -> bool:
    """Whether the harness, built with a fault, crashes or is too far off in what the fault's owner is asked."""
    asked = (owner or suite).split()
    command = [str(package / ".build" / "debug" / "Harness"), str(GOLDEN), *asked]
    seen = subprocess.run(command, check=False, capture_output=True, text=True)
    return seen.returncode != 0 or not within(json.loads(seen.stdout), suite)


def test_every_planted_fault_is_seen(faulty: Path) -> None:
    unseen = []
    for planted in rounds():
        texts: dict[Path, str] = {}
        for _, (name, right, wrong) in planted.values():
            (source,) = faulty.glob(f"Sources/**/{name}")
            text = source.read_text()
            assert right in text, f"{right!r} is no longer in {name}"
            texts.setdefault(source, text)
            source.write_text(text.replace(right, wrong))
        try:
            swift("build", cwd=faulty)  # a fault may leave a warning behind
            unseen += [fault for owner, (suite, fault) in planted.items() if not is_noticed(faulty, owner, suite)]
        finally:
            for source, text in texts.items():
                source.write_text(text)
    assert unseen == []


def test_faults_of_one_build_do_not_hide_each_other() -> None:
    for planted in rounds():
        files = [fault[0] for _, fault in planted.values()]
        assert len(set(files)) == len(files)
        assert "" not in planted or len(planted) == 1
    assert sum(map(len, rounds())) == sum(map(len, FAULTS.values()))


@pytest.mark.parametrize("kind", MODULES)
def test_rendered_package_builds_and_passes_its_own_tests(packages: dict[str, Path], kind: str) -> None:
    swift("build", *STRICT, cwd=packages[kind])
    output = swift("test", *STRICT, cwd=packages[kind])
    assert re.search(r"Test run with \d+ tests in \d+ suites passed", output), output[-3000:]
    assert "skipped" not in output


@pytest.mark.parametrize("kind", MODULES)
def test_only_the_shipped_decoder_is_named(packages: dict[str, Path], kind: str) -> None:
    one = example(kind)
    own = tuple(wrapper.decoder_class(stage.decoder.kind) for stage in (one, one.detector) if stage is not None)
    for source in packages[kind].glob("Sources/**/*.swift"):
        for name in map(wrapper.decoder_class, KINDS):
            named = re.search(rf"\b{name}\b", source.read_text()) is not None
            assert not named or (name in own and source.name.startswith((*own, "TinyPoseContract"))), source.name


def test_nothing_is_left_to_fill_in(packages: dict[str, Path]) -> None:
    for package in packages.values():
        for source in package.rglob("*"):
            if source.is_file() and ".build" not in source.parts:
                text = source.read_text()
                assert not re.search(r"\{\{|\{%|" + PLACEHOLDER, text), source
                assert PLACEHOLDER not in str(source.relative_to(package))
                if source.suffix == ".swift":
                    assert "SPDX-License-Identifier: Apache-2.0" in "".join(text.splitlines(True)[:2]), source


def test_style(packages: dict[str, Path]) -> None:
    """swift-format's rules, among them no `try!` and no forced unwrapping, and the length of files."""
    templates = render.TEMPLATES.parent
    folders = [
        render.TEMPLATES,
        render.ROOT / "ios_demo",
        templates / "desktop" / "swift",
        HERE / "swift",
        HERE / "outside",
        render.ROOT / "benchmarks" / "wrapper" / "swift",
    ]
    rendered = [package / part for package in packages.values() for part in ("Package.swift", "Sources", "Tests")]
    swift("format", "lint", "--strict", "--recursive", *folders, *rendered, cwd=HERE)
    for folder in folders:
        for source in folder.rglob("*.swift*"):
            if source.is_file() and ".build" not in source.parts:
                most = 250 if source.suffix == ".j2" else 200  # a template holds every variant of a file
                assert len(source.read_text().splitlines()) <= most, source


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory, packages: dict[str, Path], swift_stubs: Path) -> Path:
    """A folder with the stub modules and the core, as compiled modules."""
    folder = tmp_path_factory.mktemp("swift") / "modules"
    shutil.copytree(swift_stubs, folder)
    core = sorted(packages[PLAIN].glob("Sources/TinyPoseCore/**/*.swift"))
    swift("-emit-module", "-parse-as-library", "-swift-version", "6", "-wmo", "-module-name", "TinyPoseCore",
          "-o", folder / "TinyPoseCore.swiftmodule", *core, cwd=folder, program="swiftc")  # fmt: skip
    return folder


def type_check(modules: Path, files: list[Path], module: str, emit: bool = False) -> subprocess.CompletedProcess[str]:
    action = ("-emit-module", "-o", modules / f"{module}.swiftmodule") if emit else ("-typecheck",)
    return try_swift(*action, "-parse-as-library", "-swift-version", "6", "-warnings-as-errors", "-module-name", module,
                     "-package-name", "posekit", "-I", modules, *files, cwd=modules, program="swiftc")  # fmt: skip


def apple_layer(package: Path) -> list[Path]:
    return [*sorted(package.glob("Sources/TinyPose/*.swift")), STUBS / "support" / "Bundle.swift"]


@pytest.mark.parametrize("kind", MODULES)
def test_core_ml_layer_is_type_checked_against_stub_modules(
    modules: Path, packages: dict[str, Path], kind: str
) -> None:
    result = type_check(modules, apple_layer(packages[kind]), "TinyPose")
    assert result.returncode == 0, result.stdout


SEEDED = {
    "a wrong argument label": ("Session.swift", "dataType: .float32,", "type: .float32,"),
    "a missing try": ("Session.swift", "results = try model.prediction", "results = model.prediction"),
    "a missing await": ("ModelStore.swift", "try await MLModel.compileModel", "try MLModel.compileModel"),
    "an optional used as a value": ("Pixels.swift", "start: base, count: bytesPerRow * height",
                                    "start: CVPixelBufferGetBaseAddress(buffer), count: \"\""),
    "a function that is not there": ("Pixels.swift", "CVPixelBufferGetHeight(buffer)", "CVPixelBufferHeight(buffer)"),
    "a wrong type": ("TinyPose.swift", "Int(orientation.rawValue)", "orientation.rawValue"),
    "an unguarded session": ("TinyPose.swift", "guard let session else { throw PoseError.closed }", ""),
    "not Sendable": ("TinyPose.swift", "@unchecked Sendable", "Sendable"),
}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDED)
def test_a_seeded_type_error_is_seen(modules: Path, packages: dict[str, Path], tmp_path: Path, seed: str) -> None:
    name, right, wrong = SEEDED[seed]
    files = [Path(shutil.copy(source, tmp_path)) for source in apple_layer(packages[PLAIN])]
    text = (tmp_path / name).read_text()
    assert right in text, "the seeded error no longer fits the source"
    (tmp_path / name).write_text(text.replace(right, wrong))
    result = type_check(modules, files, "TinyPose")
    assert result.returncode != 0
    assert "error:" in result.stdout


@pytest.fixture(scope="session")
def apple_packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The rendered Core ML layer on stand-ins of Apple's modules, by kind of decoder."""
    folder = tmp_path_factory.mktemp("swift")
    packages = {kind: render.assemble_apple(folder / f"apple-{kind}", example(kind)) for kind in MODULES[:2]}
    for kind, package in packages.items():
        write_request(package / "request", kind)
    return packages


PICTURE = np.random.default_rng(7).integers(0, 256, (48, 40, 3), np.uint8)
ORIENTATION, REGION = Orientation(90, True), Region((21.0, 27.5), (26.0, 34.0), 12.0)


def stand_in_outputs(kind: str) -> dict[str, np.ndarray]:
    """What StandInModel.swift gives for any input."""
    shapes = output_shapes(example(kind))
    return {name: (np.arange(math.prod(shape)) * 7919 % 1000 / 1024).astype(np.float32).reshape(shape)
            for name, shape in shapes.items()}  # fmt: skip


def expected_input(kind: str) -> np.ndarray:
    settings = example(kind).input
    upright = np.ascontiguousarray(np.rot90(PICTURE, -1)[:, ::-1])
    return warp(upright, input_transform(REGION, settings), settings.size_wh, settings.pad_value)


def write_request(folder: Path, kind: str) -> None:
    writer = RequestWriter(folder)
    writer.add_stored("a", PICTURE, ORIENTATION, REGION, expected_input(kind), stand_in_outputs(kind))
    writer.close("0" * 64, contract_hash(example(kind)), MODES, ("gpu", "npu"), repeats=2)


def run_apple(package: Path, monkeypatch: pytest.MonkeyPatch, *flags: str) -> subprocess.CompletedProcess[str]:
    """The tests of the Core ML layer and of the runner. XCTest itself finds no stand-in model, so its case is
    called."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(package / "caches"))
    monkeypatch.setenv("POSEKIT_RUN", str(package / "request"))
    return try_swift("test", "--disable-xctest", *flags, cwd=package)


@pytest.mark.parametrize("kind", MODULES[:2])  # one stand-in model, which has one input
def test_core_ml_layer_runs_on_stand_ins(
    apple_packages: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run_apple(apple_packages[kind], monkeypatch, *STRICT)
    assert re.search(r"Test run with \d+ tests in \d+ suite passed", result.stdout), result.stdout[-3000:]
    check_run(apple_packages[kind], kind)


def check_run(package: Path, kind: str) -> None:
    """The answer to the request is what Python makes of the same picture and outputs."""
    pose_spec, out = example(kind), package / "request" / "run"
    model = package / "Sources" / "TinyPose" / f"{render.NAME}.mlpackage"
    run = read_run(out, file_hash(model), contract_hash(pose_spec))
    assert run.error is None
    assert (run.device.name, run.device.simulated, run.build) == ("StandIn1,1", False, "debug")
    assert re.fullmatch(r"iOS \d+\.\d+\.\d+ \(23A1\)", run.device.os)
    assert run.runtime == f"Core ML of {run.device.os}"
    asked = json.loads((package / "request" / "request.json").read_text())["cases"][0]
    for one in run.passes[:2]:
        assert (one.thermal_before, one.thermal_after) == ("nominal", "nominal")
        assert one.latencies is not None
        assert one.latencies.inference.runs == 2
        results = results_of(out, one, "a", asked["sha256"], as_written(REGION))
        assert tuple(results) == MODES
        assert np.abs(results["image"].input[0] - expected_input(kind)).max() < 0.01
        poses = poses_of(stand_in_outputs(kind), input_transform(REGION, pose_spec.input), pose_spec)
        for mode, result in results.items():
            if mode != "outputs":
                assert {name: values.tobytes() for name, values in result.outputs.items()} == {
                    name: values.tobytes() for name, values in stand_in_outputs(kind).items()
                }
            dense = decode_dense(stand_in_outputs(kind), pose_spec)
            assert set(result.dense) == {map_.name for map_ in dense}
            for map_ in dense:
                np.testing.assert_allclose(result.dense[map_.name], map_.values, atol=1e-6)
            assert result.people is not None
            assert len(result.people) == poses.count > 0
            seen = poses_of_written(result.people, poses.keypoints.shape[1], kind)
            for name in ("keypoints", "scores", "confidences", "boxes_xyxy"):
                one, other = getattr(seen, name), getattr(poses, name)
                assert (one is None) == (other is None), name
                np.testing.assert_allclose(one if one is not None else 0, other if other is not None else 0, atol=1e-6)


APPLE_FAULTS = {
    "any contract will do": ("Session.swift", "found == TinyPoseContract.contractHash", "found == found"),
    "halves read as floats": ("Outputs.swift", "case .float16: type = .float16", "case .float16: type = .float32"),
    "strides ignored": (
        "../TinyPoseCore/StridedReader.swift",
        "rest % shape[axis] * strides[axis]",
        "rest % shape[axis] * shape[axis + 1]",
    ),
    "dense rows assumed": (
        "Pixels.swift",
        "let bytesPerRow = CVPixelBufferGetBytesPerRow(buffer)",
        "let bytesPerRow = CVPixelBufferGetWidth(buffer) * 4",
    ),
    "orientation dropped": (
        "TinyPose.swift",
        "session.prepare(pixels, orientation: upright, region: region)",
        "session.prepare(pixels, orientation: .upright, region: region)",
    ),
    "never unlocked": ("Pixels.swift", "defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }", ""),
    "another's model thrown away": (
        "ModelStore.swift",
        "try files.moveItem(at: compiled, to: kept)",
        "try? files.removeItem(at: kept); try files.moveItem(at: compiled, to: kept)",
    ),
    "older models kept": ("ModelStore.swift", "try? files.removeItem(at: folder.", "_ = (folder."),
    "one operation is enough": (
        "../TinyPoseRun/Apple/Placement.swift",
        "if there * 2 > plan.count {",
        "if there > 0 {",
    ),
    "a failure is a mere absence": (
        "../TinyPoseRun/DeviceRun.swift",
        'record.failure = "it stopped',
        'record.fallbackReason = "it stopped',
    ),
    "asked to run elsewhere": (
        "../TinyPoseRun/Apple/CoreMLRun.swift",
        "case .npu: .cpuAndNeuralEngine",
        "case .npu: .all",
    ),
    "a cache that sees no other weights": (
        "ModelKey.swift",
        "for piece in try pieces(of: file, size: size)",
        "for piece in try pieces(of: file, size: size).dropFirst(99)",
    ),
    "a compiled model is overlooked": ("ModelStore.swift", "atPath: compiled.path)\n      {", 'atPath: "")\n      {'),
    "too little of an image is drawn": (
        "../TinyPoseCore/NeededPixels.swift",
        "within((indices.max() ?? 0).rounded(.down) + 2)",
        "within((indices.max() ?? 0).rounded(.down) - 1)",
    ),
    "the oldest frame is looked at": (
        "LatestFrames.swift",
        "waiting = frame\n",
        "if waiting == nil { waiting = frame }\n",
    ),
    "tasks that block the pool": (
        "TinyPoseAsync.swift",
        "background.async { [self] in continuation.resume",
        "do { continuation.resume",
    ),
    "no warm-up": ("TinyPose.swift", "if warmsUp { session.warmUp() }", "_ = warmsUp"),
    "compiled at every start": ("ModelStore.swift", "if let model = try? await", "if false, let model = try? await"),
}


@pytest.mark.parametrize("fault", APPLE_FAULTS)
def test_a_fault_of_the_core_ml_layer_is_seen(
    apple_packages: dict[str, Path], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, right, wrong = APPLE_FAULTS[fault]
    package = apple_packages[PLAIN]
    source = (package / "Sources" / "TinyPose" / name).resolve()
    text = source.read_text()
    assert right in text, "the fault no longer fits the source"
    source.write_text(text.replace(right, wrong))
    try:
        others = () if "TinyPoseRun" in name else ("--skip", "DeviceRunTests")  # which take the longest
        result = run_apple(package, monkeypatch, *others)  # a fault may leave a warning behind
        assert result.returncode != 0
        assert "error:" not in result.stdout.split("Build complete!")[0], result.stdout[-3000:]
    finally:
        source.write_text(text)


@pytest.mark.parametrize("kind", MODULES)
def test_readme_examples_are_type_checked(modules: Path, packages: dict[str, Path], tmp_path: Path, kind: str) -> None:
    built = type_check(modules, apple_layer(packages[kind]), "TinyPose", emit=True)
    assert built.returncode == 0, built.stdout
    examples = re.findall(r"```swift\n(.*?)```", (packages[kind] / "README.md").read_text(), re.DOTALL)
    assert len(examples) >= 3
    for index, example in enumerate(examples):
        source = tmp_path / f"example{index}.swift"
        source.write_text(example)
        result = type_check(modules, [source], "Example")
        assert result.returncode == 0, result.stdout
