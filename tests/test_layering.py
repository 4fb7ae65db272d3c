"""Rooms know only the rooms below them, and heavy packages stay inside functions of the rooms that need them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "posekit"
# room -> rooms it may import; a room is a module of posekit/ or a folder
BOTTOM = {"errors", "foreign", "poses", "skeletons", "spec", "spec_errors", "decoder_specs", "steps", "jsontext", "warp", "decoders", "images", "fields", "filenames", "categories", "annotation_fields", "annotations", "units", "photos", "tracking", "chatter", "overlay", "golden", "case_files", "mlpackage", "precisions", "recipe", "scatter", "timing", "folders", "limits", "exported", "antialias", "garbage", "__init__"}  # fmt: skip
ALLOWED = {
    "sources": BOTTOM, "targets": BOTTOM | {"sources", "parity", "runtimes"}, "runtimes": BOTTOM, "parity": BOTTOM, "presets": BOTTOM,
    "codegen": BOTTOM, "bundle": BOTTOM | {"targets", "codegen"}, "sample": BOTTOM,
    "inspection": BOTTOM | {"bundle", "runtimes", "targets", "sources", "presets", "inputs", "linting"},
    "linting": BOTTOM | {"targets", "runtimes"},
    "inputs": BOTTOM | {"presets", "sample"},
    "checking": BOTTOM | {"parity", "sources", "inputs"},
    "devices": BOTTOM | {"parity", "bundle", "codegen"},
    "reporting": BOTTOM | {"parity", "codegen"},
    "validation": BOTTOM | {"bundle", "parity", "targets", "runtimes", "inputs", "devices", "reporting", "consistency", "sources", "preparation", "measuring"},
    "consistency": BOTTOM | {"bundle", "codegen", "devices", "inputs", "linting", "parity", "preparation", "reporting", "runtimes", "sources", "targets"},
    "bisection": BOTTOM | {"bundle", "parity", "runtimes", "targets"},
    "prediction": BOTTOM | {"bundle", "parity", "runtimes", "inputs", "sources"},
    "calibration": BOTTOM | {"parity", "sample"},
    "compress": BOTTOM | {"sources", "targets", "parity", "inputs"},
    "workers": BOTTOM,
    "measuring": BOTTOM | {"parity", "runtimes", "workers"},
    "search": BOTTOM | {"targets", "runtimes", "parity", "codegen", "workers"},
    "compression": BOTTOM | {"parity", "search"},
    "preparation": BOTTOM | {"calibration", "inputs", "parity", "sample", "sources", "targets"},
    "making": BOTTOM | {"compression", "parity", "preparation", "search", "targets"},
    "rungs": BOTTOM | {"parity"},
    "ladder": BOTTOM | {"rungs", "calibration", "inputs", "parity", "preparation", "runtimes", "sources", "targets"},
    "ladder_page": BOTTOM | {"rungs", "codegen"},
    "console": BOTTOM | {"linting"},
    "verdicts": BOTTOM | {"console", "parity", "pipeline", "validation", "bisection", "checking", "compress", "rungs"},
}  # fmt: skip
HEAVY = {"torch", "tensorflow", "coremltools", "litert_torch", "ai_edge_litert", "ai_edge_quantizer", "onnx2tf", "jax"}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> list[tuple[str, bool]]:
    """Imported module names, and whether at module level (TYPE_CHECKING blocks left out)."""
    tree = ast.parse(path.read_text())
    typing_only = {id(n) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) for n in ast.walk(node)}  # fmt: skip
    top = {id(node) for node in tree.body}
    found = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"posekit.{alias.name}" for alias in node.names] if node.module == "posekit" else [node.module]
            found += [(name, id(node) in top) for name in names]
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_below(path: Path) -> None:
    room = room_of(path)
    if room in ("cli", "pipeline", "__init__"):
        return
    below = ALLOWED.get(room, BOTTOM) | {room, "__version__"}
    upward = {name for name, _ in imports(path) if name.startswith("posekit.") and name.split(".")[1] not in below}
    assert not upward


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_inside_functions(path: Path) -> None:
    heavy = {(name, top) for name, top in imports(path) if name.partition(".")[0] in HEAVY}
    if room_of(path) in ("sources", "targets", "runtimes", "compress", "calibration"):
        assert not any(top for _, top in heavy)
    elif room_of(path) == "inspection":
        assert {name.partition(".")[0] for name, _ in heavy} <= {"ai_edge_litert"}
    elif room_of(path) not in ("sample",):
        assert not heavy


def test_product_code_never_imports_tests() -> None:
    for path in modules():
        assert not any(name.partition(".")[0] == "tests" for name, _ in imports(path))
