"""Render templates/ios for tests and benchmarks: names and constants into plain Swift, nothing more."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from posekit.bundle import wrapper
from posekit.contract.spec import PoseSpec, canonical_json, parse_spec

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates" / "ios"
STUBS = {
    "CoreVideo": ["CoreVideo"],
    "CoreGraphics": ["CoreGraphics"],
    "ImageIO": ["ImageIO"],
    "CryptoKit": ["CryptoKit"],
    "CoreML": ["CoreML", "CoreMLFeatures", "CoreMLPlan", "Darwin"],
}
DECODERS: dict[str, tuple[dict[str, Any], dict[str, list[int]]]] = {
    "heatmap": (
        {"kind": "heatmap", "output": "heatmaps", "refinement": "dark", "alignment": "stride"},
        {"heatmaps": [1, 64, 48, 17]},
    ),
    "simcc": (
        {"kind": "simcc", "output_x": "simcc_x", "output_y": "simcc_y", "split_ratio": 2.0, "score_reduction": "min"},
        {"simcc_x": [1, 17, 384], "simcc_y": [1, 17, 512]},
    ),
    "regression": (
        {"kind": "regression", "output": "coordinates", "fields": ["y", "x", "score"], "range": "unit"},
        {"coordinates": [1, 17, 3]},
    ),
}


def example_spec(kind: str) -> PoseSpec:
    """A contract with a decoder of `kind`."""
    return parse_spec(
        {
            "schema": 1, "name": "tinypose", "type_name": "TinyPose", "version": "1", "license": "Apache-2.0",
            "kind": "top_down",
            "input": {
                "size_wh": [192, 256], "color_order": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1],
                "resize": "affine_crop", "box_padding": 1.25, "pad_value": 0, "alignment": "half_pixel",
            },
            "decoder": DECODERS[kind][0],
            "keypoints": {"skeleton": "coco17"},
        },
        "example",
    )  # fmt: skip


def render(target: Path, kind: str = "heatmap", all_decoders: bool = False) -> Path:
    """Write the Swift package for an example contract to `target`/package; returns that folder."""
    spec = example_spec(kind)
    model_file = f"{spec.name}.mlpackage"
    values = wrapper.context(spec, model_file, {name: tuple(shape) for name, shape in DECODERS[kind][1].items()})
    package = target / "package"
    wrapper.render_tree(TEMPLATES / "package", package, spec, values, every_decoder=all_decoders)
    resources = package / "Sources" / spec.type_name
    _write(resources / "pose.json", canonical_json(spec).decode())
    _write(resources / model_file / "Manifest.json", "{}\n")
    return package


def assemble_core(target: Path, package_folder: Path, kind: str = "heatmap") -> Path:
    """A package of `package_folder`'s own sources, the rendered core with all three decoders, and, for a target
    Harness, the readers of the golden files that the package's own tests use."""
    ignored = shutil.ignore_patterns("*.py", "__pycache__", ".build", "stubs", "apple")
    shutil.copytree(package_folder, target, dirs_exist_ok=True, ignore=ignored)
    rendered = render(target / "rendered", kind, all_decoders=True)
    core = target / "Sources" / "TinyPoseCore"
    shutil.rmtree(core, ignore_errors=True)
    shutil.copytree(rendered / "Sources" / "TinyPoseCore", core)
    harness = target / "Sources" / "Harness"
    for source in (rendered / "Tests" / "TinyPoseCoreTests").glob("*.swift") if harness.is_dir() else ():
        if not source.name.endswith("Tests.swift"):
            shutil.copy(source, harness)
    shutil.rmtree(target / "rendered")
    return target


def assemble_apple(target: Path, kind: str) -> Path:
    """A package that runs the rendered Core ML layer on the stand-ins of stubs/."""
    folder = Path(__file__).parent
    shutil.copytree(folder / "apple", target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".build"))
    rendered = render(target / "rendered", kind)
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
