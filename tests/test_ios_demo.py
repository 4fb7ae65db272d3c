"""ios_demo/: the app that `posekit demo` writes around a Swift package, for every kind of model.

Xcode is not here. The project is read by a strict reader, and the app is type-checked in Swift 6 mode against stub
modules (tests/swift/stubs) together with the package that it is written around.
"""

from __future__ import annotations

import json
import plistlib
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from posekit.bundle import GOLDEN, Bundle, demo_app
from tests import pbxproj
from tests.heads import TWO_STAGE, spec

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "swift"))
import render  # noqa: E402  (a folder of Swift sources, not a package)

TREE = HERE.parent / "ios_demo"
SUPPORT = render.STUB_FOLDER / "support"
APPLICATION = "org.example-app.poses"
KINDS = {  # sort -> the head that stands for it
    "top-down": "heatmap", "one-stage": "centers", "bottom-up": "paf", "two-stage": TWO_STAGE, "3D": "integral",
    "dense": "detections",
}  # fmt: skip


def bundle_of(kind: str, folder: Path) -> Bundle:
    """What is in a bundle that the app is made of, without the rest of it."""
    render.render(folder, spec(kind, render.NAME))
    (folder / GOLDEN).mkdir()
    (folder / GOLDEN / "warp.json").write_text("{}\n")
    model = folder / f"{render.NAME}.mlpackage"
    model.mkdir()
    (model / "Manifest.json").write_text("{}\n")
    return Bundle(folder, {"platform": "ios", "precision": "float16"}, spec(kind, render.NAME))


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The app's project, by sort of model; that of the first with a second model file."""
    folder = tmp_path_factory.mktemp("ios_demo")
    found = {}
    for sort, kind in KINDS.items():
        bundle = bundle_of(kind, folder / f"{sort}-bundle")
        request = demo_app.write_app([bundle] * (2 if sort == "top-down" else 1), APPLICATION, folder / sort)
        request.mkdir(parents=True)
        (request / "request.json").write_text("{}\n")
        found[sort] = folder / sort
    return found


def project_of(app: Path) -> dict[str, Any]:
    return pbxproj.read((app / "TinyPoseDemo.xcodeproj" / "project.pbxproj").read_text())


def of_kind(project: dict[str, Any], isa: str) -> list[dict[str, Any]]:
    return [one for one in project["objects"].values() if one["isa"] == isa]


def test_project_is_well_formed_and_names_what_is_there(apps: dict[str, Path]) -> None:
    for app in apps.values():
        project = project_of(app)
        pbxproj.check(project)
        (package,) = of_kind(project, "XCLocalSwiftPackageReference")
        manifest = (app / package["relativePath"] / "Package.swift").read_text()
        for product in of_kind(project, "XCSwiftPackageProductDependency"):
            assert f'.library(name: "{product["productName"]}"' in manifest
        for file in (*of_kind(project, "PBXFileReference"), *of_kind(project, "PBXFileSystemSynchronizedRootGroup")):
            assert file["sourceTree"] == "BUILT_PRODUCTS_DIR" or (app / file["path"]).exists(), file
        (target,) = of_kind(project, "PBXNativeTarget")
        assert target["name"] == "TinyPoseDemo"


FAULTS = {
    "a missing semicolon": ("objectVersion = 77;", "objectVersion = 77", "where ; belongs"),
    "a missing comma": ("/* TinyPoseDemo.app */,", "/* TinyPoseDemo.app */", "where , belongs"),
    "a word that needs quotes": ('"wholemodule"', "whole-module", "no such word|where ; belongs"),
    "a file that ends too early": ("/* Project object */;\n}", "/* Project object */;", "ends too early"),
    "an older project": ("objectVersion = 77", "objectVersion = 56", "objectVersion is not 77"),
    "a key twice": ("classes = {", "archiveVersion = {", "no new key"),
    "a reference to nothing": ("{productRef}", "705EFFFFFFFFFFFFFFFFFFFF", "is no XCSwiftPackageProductDependency"),
    "a reference to another kind": ("{productRef}", "{project}", "is no XCSwiftPackageProductDependency"),
    "a field of another kind": ("relativePath = Pose", "repositoryURL = Pose", "has no repositoryURL"),
    "an object that nothing names": ("packageReferences = ({package});", "packageReferences = ();", "nothing refers"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_project_is_found(apps: dict[str, Path], fault: str) -> None:
    text = (apps["top-down"] / "TinyPoseDemo.xcodeproj" / "project.pbxproj").read_text()
    text = text.replace("SWIFT_COMPILATION_MODE = wholemodule", 'SWIFT_COMPILATION_MODE = "wholemodule"')
    text = re.sub(r"packageReferences = \(\s*(\w+) [^,]*,\s*\);", r"packageReferences = (\1,);", text)
    (package,) = re.findall(r"packageReferences = \((\w+),\);", text)
    ids = {
        "{productRef}": re.findall(r"productRef = (\w+)", text)[0],
        "{project}": re.findall(r"rootObject = (\w+)", text)[0],
        "({package})": f"({package},)",
    }  # fmt: skip
    right, wrong, said = FAULTS[fault]
    for placeholder, value in ids.items():
        right, wrong = right.replace(placeholder, value), wrong.replace(placeholder, value)
    pbxproj.check(pbxproj.read(text))
    assert right in text, "the fault no longer fits the project"
    with pytest.raises(pbxproj.Malformed, match=said):
        pbxproj.check(pbxproj.read(text.replace(right, wrong, 1)))


def test_settings_say_what_an_app_with_a_camera_must(apps: dict[str, Path]) -> None:
    app = apps["top-down"]
    project = project_of(app)
    configurations = [one["buildSettings"] for one in of_kind(project, "XCBuildConfiguration")]
    own = [one for one in configurations if "PRODUCT_NAME" in one]
    assert len(configurations) == 4
    assert len(own) == 2
    for settings in own:
        assert settings["GENERATE_INFOPLIST_FILE"] == "YES"
        for key in ("NSCameraUsageDescription", "NSPhotoLibraryAddUsageDescription"):
            assert settings[f"INFOPLIST_KEY_{key}"].endswith(".")
        assert "NSPhotoLibraryUsageDescription" not in str(settings)  # the picker needs no permission
    assert {one.get("SWIFT_VERSION") for one in configurations if one not in own} == {"6.0"}
    lines = (app / "Demo.xcconfig").read_text().splitlines()
    config = dict(line.split(" =", 1) for line in lines if "=" in line and not line.startswith("//"))
    assert config["PRODUCT_BUNDLE_IDENTIFIER"] == f" {APPLICATION}"
    assert config["IPHONEOS_DEPLOYMENT_TARGET"] == " 16.0"
    assert {one["path"] for one in of_kind(project, "PBXFileReference")} >= {"Demo.xcconfig", "FromBundle"}


def test_privacy_manifest_assets_and_scheme_are_read(apps: dict[str, Path]) -> None:
    app = apps["two-stage"]
    privacy = plistlib.loads((app / "TinyPoseDemo" / "PrivacyInfo.xcprivacy").read_bytes())
    assert privacy == {
        "NSPrivacyTracking": False, "NSPrivacyTrackingDomains": [], "NSPrivacyCollectedDataTypes": [],
        "NSPrivacyAccessedAPITypes": [],
    }  # fmt: skip
    settings = next(one["buildSettings"] for one in of_kind(project_of(app), "XCBuildConfiguration")
                    if "PRODUCT_NAME" in one["buildSettings"])  # fmt: skip
    for name, ending in (("APPICON_NAME", "appiconset"), ("GLOBAL_ACCENT_COLOR_NAME", "colorset")):
        asset = f"{settings['ASSETCATALOG_COMPILER_' + name]}.{ending}"
        json.loads((app / "TinyPoseDemo" / "Assets.xcassets" / asset / "Contents.json").read_text())
    (scheme,) = app.glob("*.xcodeproj/xcshareddata/xcschemes/*.xcscheme")
    objects = project_of(app)["objects"]
    for reference in ElementTree.parse(scheme).getroot().iter("BuildableReference"):
        assert objects[reference.attrib["BlueprintIdentifier"]]["name"] == reference.attrib["BlueprintName"]
        assert (app / reference.attrib["ReferencedContainer"].removeprefix("container:")).is_dir()
    launch = ElementTree.parse(scheme).getroot().find("LaunchAction")
    assert launch is not None
    assert launch.attrib["buildConfiguration"] == "Release"  # in Debug pixels are sampled many times slower


def test_nothing_of_the_template_is_left(apps: dict[str, Path]) -> None:
    for app in apps.values():
        for source in (path for path in app.rglob("*") if path.is_file() and "Pose" not in path.relative_to(app).parts):
            text = source.read_text()
            assert not re.search(r"\{\{|\{%|TemplatePose|posekit\.demo\.template|/home/|/work/|/Users/", text), source
            assert "TemplatePose" not in str(source.relative_to(app))
            assert source.suffix != ".j2", source
            if source.suffix == ".swift":
                assert text.startswith("// SPDX-License-Identifier: Apache-2.0\n"), source


def test_app_knows_no_model_and_no_network() -> None:
    """What of the model is in the app's own code would be wrong for the next one."""
    for source in TREE.rglob("*.swift"):
        text = source.read_text()
        assert not re.search(r"points\[\d|Keypoint\(rawValue|\.bgra|\.rgba|32BGRA|PixelSize\(width: \d", text), source
        assert not re.search(r"URLSession|URLRequest|import Network|https?://", text), source
        assert len(text.splitlines()) <= 200, source


def test_what_newer_systems_have_is_asked_for_before_it_is_used() -> None:
    """The compiler here has no iOS whose age it could look at: a file that uses what came with iOS 17 asks for it."""
    newer = r"@available\(iOS (\d+)\.0[^)]*\)\s+public (?:class|var|func|init) ?(\w*)"
    stubs = "".join(path.read_text() for path in render.STUB_FOLDER.glob("*.swift"))
    names = {name: age for age, name in re.findall(newer, stubs)}
    assert "RotationCoordinator" in names
    used = set()
    for source in TREE.rglob("*.swift"):
        text = re.sub(r"//.*", "", source.read_text())
        for name, age in names.items():
            if re.search(rf"\.{name}\b", text):
                used.add(name)
                assert f"#available(iOS {age}, *)" in text, (source, name)
    assert "RotationCoordinator" in used


def test_app_is_told_of_its_model_files(apps: dict[str, Path]) -> None:
    told = json.loads((apps["top-down"] / "FromBundle" / "bundles.json").read_text())
    assert [one["label"] for one in told["models"]] == ["float16", "float16-2"]
    own, other = (one["file"] for one in told["models"])
    assert own == ""
    assert (apps["top-down"] / "FromBundle" / "models" / other / "Manifest.json").is_file()
    assert (apps["top-down"] / "Pose" / "golden").is_dir()


def swiftc(*arguments: str | Path, cwd: Path) -> str:
    """What the compiler says; empty where it is content."""
    command = ["swiftc", "-parse-as-library", "-swift-version", "6", "-wmo", *map(str, arguments)]
    done = subprocess.run(command, check=False, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return f"{done.returncode}: {done.stdout}" if done.returncode or "error:" in done.stdout else ""


# bodies are type-checked by tests/test_swift.py; here a module is what it says of itself
QUICK = ("-Xfrontend", "-experimental-skip-all-function-bodies", "-package-name", "posekit")


@pytest.fixture(scope="session")
def with_packages(apps: dict[str, Path], swift_stubs: Path) -> dict[str, Path]:
    """Folders with the modules of each app's package, by sort of model."""

    def compiled(app: Path) -> Path:
        folder = app.parent / f"{app.name}-modules"
        folder.mkdir()
        for module in ("TinyPoseCore", "TinyPose", "TinyPoseRun"):
            files = sorted((app / "Pose" / "Sources" / module).rglob("*.swift"))
            files += [SUPPORT / "Bundle.swift"] if module == "TinyPose" else []
            said = swiftc("-emit-module", "-module-name", module, "-I", swift_stubs, "-I", folder, *QUICK, "-o",
                          folder / f"{module}.swiftmodule", *files, cwd=folder)  # fmt: skip
            assert not said, said
        return folder

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(apps, pool.map(compiled, apps.values()), strict=True))


def type_check(sources: Path, modules: Path, stubs: Path) -> str:
    files = [*sorted(sources.rglob("*.swift")), SUPPORT / "FileCoordinator.swift"]
    return swiftc("-typecheck", "-warnings-as-errors", "-module-name", "TinyPoseDemo", "-I", stubs, "-I", modules,
                  *files, cwd=modules)  # fmt: skip


needs_swift = [
    pytest.mark.slow,
    pytest.mark.xdist_group("swift"),
    pytest.mark.skipif(shutil.which("swift") is None, reason="no Swift toolchain: `swift` is not on PATH"),
]


@pytest.mark.parametrize("sort", [pytest.param(sort, marks=needs_swift) for sort in KINDS])
def test_app_is_type_checked(
    apps: dict[str, Path], with_packages: dict[str, Path], swift_stubs: Path, sort: str
) -> None:
    said = type_check(apps[sort] / "TinyPoseDemo", with_packages[sort], swift_stubs)
    assert not said, said


STATISTICS = """
@main enum Main {
  static func main() {
    var statistics = FrameStatistics()
    for frame in 0..<200 {  // of which the last 120 count: 80 to 199 ms, 0.1 s apart but for every tenth
      let late = (0...frame).filter { $0 > 0 && $0 % 10 == 0 }.count
      statistics.add(stepsMs: (Double(frame), 2, 3), timeSeconds: 0.1 * Double(frame + late))
    }
    for step in statistics.steps { print(step.name, step.ms.p50, step.ms.p90) }
    if let rate = statistics.framesPerSecond { print(Int(rate.p50 + 0.5), Int(rate.p90 + 0.5)) }
    print(RecentNumbers().percentile(50) == nil)
  }
}
"""


PART = "(part * numbers.count + 99) / 100 - 1"


@pytest.mark.parametrize("fault", [pytest.param(one, marks=needs_swift) for one in ("", PART)])
def test_figures_are_of_the_latest_frames(tmp_path: Path, fault: str) -> None:
    source = (TREE / "TemplatePoseDemo" / "Estimating" / "FrameStatistics.swift").read_text()
    assert fault in source
    (tmp_path / "FrameStatistics.swift").write_text(source.replace(fault, "numbers.count / 2") if fault else source)
    (tmp_path / "Main.swift").write_text(STATISTICS)
    said = swiftc("-lm", "-o", tmp_path / "figures", *sorted(tmp_path.glob("*.swift")), cwd=tmp_path)
    assert not said, said
    lines = subprocess.run([tmp_path / "figures"], check=True, capture_output=True, text=True).stdout.split("\n")
    expected = ["preprocessing 139.0 187.0", "inference 2.0 2.0", "decoding 3.0 3.0", "10 10", "true", ""]
    assert (lines == expected) == (not fault), lines


SEEDED = {
    "a view's value from another thread": (
        "DemoModel+Sharing.swift", "Task { @MainActor in self.modelText = text }", "self.modelText = text",
    ),
    "a frame that crosses threads": (
        "Estimating/FrameEstimator.swift", "struct SeenPicture: @unchecked Sendable", "struct SeenPicture: Sendable",
    ),
    "a name that Apple has too": ("Drawing/DenseTint.swift", "-> TemplatePoseCore.Point {", "-> Point {"),
    "a picker's label that reads a view's value": (
        "ControlsView.swift", 'Image(systemName: "photo.on.rectangle")', 'Image(systemName: "\\(demo.isBusy)")',
    ),
    "a missing await": ("DemoModel.swift", "try await TemplatePose(computeUnits", "try TemplatePose(computeUnits"),
    "a wrong label": ("Camera/CameraFeed.swift", "for: .video, position: position", "with: .video, position: position"),
    "a view that is no view": ("DemoView.swift", "case .starting: ProgressView()", "case .starting: 1"),
    "an orientation that is forgotten": ("Sharing/Snapshot.swift", "      case .left: .left\n", ""),
}  # fmt: skip


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=needs_swift) for seed in SEEDED])
def test_a_seeded_error_of_the_app_is_seen(
    apps: dict[str, Path], with_packages: dict[str, Path], swift_stubs: Path, tmp_path: Path, seed: str
) -> None:
    name, right, wrong = (part.replace("TemplatePose", "TinyPose") for part in SEEDED[seed])
    sources = tmp_path / "app"
    shutil.copytree(apps["top-down"] / "TinyPoseDemo", sources)
    text = (sources / name).read_text()
    assert right in text, "the seeded error no longer fits the source"
    (sources / name).write_text(text.replace(right, wrong, 1))
    assert "error:" in type_check(sources, with_packages["top-down"], swift_stubs)
