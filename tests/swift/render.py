"""Render templates/ios for tests and benchmarks: names and constants into plain Swift, nothing more."""

from __future__ import annotations

import shutil
from pathlib import Path

from posekit.bundle import wrapper
from posekit.contract.spec import PoseSpec, canonical_json
from tests.heads import KINDS, networks, plain_spec

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates" / "ios"
STUB_FOLDER = Path(__file__).parent / "stubs"
STUBS = {
    "CoreVideo": ["CoreVideo"],
    "CoreGraphics": ["CoreGraphics"],
    "ImageIO": ["ImageIO"],
    "CryptoKit": ["CryptoKit"],
    "CoreML": ["CoreML", "CoreMLFeatures", "CoreMLPlan", "Darwin"],
}
# every module and its files, in an order in which they compile: with what apps need, which nothing runs
APP_STUBS = {
    **STUBS,
    "CoreGraphics": ["CoreGraphics", "CoreGraphicsDrawing"],
    "ImageIO": ["ImageIO", "ImageIOSources"],
    "QuartzCore": ["QuartzCore"],
    "AVFoundation": ["AVFoundation"],
    "CoreImage": ["CoreImage"],
    "UIKit": ["UIKit"],
    "SwiftUI": ["SwiftUI", "SwiftUIState"],
    "PhotosUI": ["PhotosUI"],
}
NAME = "tiny-pose"
SESSION = "Session.swift"
REGISTRY = """\
import TinyPoseCore

/// Every decoder of the registry, by its kind.
let decoders: [String: @Sendable (DecoderSettings) throws -> any PoseDecoder] = [
%s]
"""


def render(target: Path, spec: PoseSpec, all_decoders: bool = False) -> Path:
    """Write the Swift package for a contract to `target`/package; returns that folder."""
    models = networks(spec, "mlpackage")
    values = wrapper.context(spec, *models)
    package = target / "package"
    wrapper.render_tree(TEMPLATES / "package", package, spec, values, every_decoder=all_decoders)
    resources = package / "Sources" / spec.type_name
    _write(resources / "pose.json", canonical_json(spec).decode())
    for network in models:
        _write(resources / network.model_file / "Manifest.json", "{}\n")
    return package


def assemble_core(target: Path, package_folder: Path) -> Path:
    """A package of `package_folder`'s own sources, one program, with the rendered core with every decoder, the readers
    of the golden files that the package's own tests use, and a way to make each decoder."""
    ignored = shutil.ignore_patterns("*.py", "__pycache__", ".build", "stubs", "apple")
    shutil.copytree(package_folder, target, dirs_exist_ok=True, ignore=ignored)
    rendered = render(target / "rendered", plain_spec(NAME), all_decoders=True)
    core = target / "Sources" / "TinyPoseCore"
    shutil.rmtree(core, ignore_errors=True)
    shutil.copytree(rendered / "Sources" / "TinyPoseCore", core)
    (program,) = (target / "Sources" / one.name for one in (package_folder / "Sources").iterdir())
    for source in (rendered / "Tests" / "TinyPoseCoreTests").glob("*.swift"):
        if not source.name.endswith("Tests.swift"):
            _write(program / source.name, source.read_text())
    if (program / SESSION).exists():  # which stands for that of Core ML, so that what looks with two of them is run
        people = TEMPLATES / "package" / "Sources" / "TemplatePose" / "PeopleSession.swift"
        text = people.read_text().replace("#if canImport(CoreML)", "#if true").replace("TemplatePose", "TinyPose")
        _write(program / people.name, text)
    rows = [f'  "{kind}": {{ try {wrapper.decoder_class(kind)}(settings: $0) }},\n' for kind in KINDS]
    _write(program / "Decoders.swift", REGISTRY % "".join(rows))
    shutil.rmtree(target / "rendered")
    return target


def assemble_apple(target: Path, spec: PoseSpec) -> Path:
    """A package that runs the rendered Core ML layer on the stand-ins of stubs/."""
    folder = Path(__file__).parent
    shutil.copytree(folder / "apple", target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".build"))
    rendered = render(target / "rendered", spec)
    for module in ("TinyPose", "TinyPoseCore", "TinyPoseRun"):
        shutil.copytree(rendered / "Sources" / module, target / "Sources" / module, dirs_exist_ok=True)
    tests = target / "Tests" / "AppleLayerTests"
    shutil.copy(rendered / "Tests" / "TinyPoseTests" / "ParityRunTests.swift", tests)
    shutil.copy(folder / "stubs" / "support" / "XCTAttachment.swift", tests)
    shutil.rmtree(target / "rendered")
    for module, files in STUBS.items():
        for name in files:
            _write(target / "Sources" / module / f"{name}.swift", (folder / "stubs" / f"{name}.swift").read_text())
    return target


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:  # an unchanged file is not compiled again
        path.write_text(text)
