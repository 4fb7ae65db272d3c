"""Rooms know only the rooms below them, and heavy packages stay inside functions of the rooms that need them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "posekit"
# from top to bottom: a room imports only rooms below it, and the root files, which import none
ROOMS = (
    "cli",
    "pipelines",
    "report",
    "devices",
    "bundle",
    "compression",
    "targets",
    "parity",
    "sources",
    "runtimes",
    "contract",
    "decoders",
    "poses",
)
ROOT_FILES = ("documents", "progress", "errors")  # in the same order
HEAVY = {"torch", "tensorflow", "coremltools", "litert_torch", "ai_edge_litert", "ai_edge_quantizer", "onnx2tf", "jax"}
CONVERTING = ("compression", "targets", "sources", "runtimes")  # rooms whose functions import heavy packages


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """posekit/poses/warp.py as posekit.poses.warp."""
    return ".".join(("posekit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {name_of(path) for path in modules()}


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> list[tuple[str, bool, bool]]:
    """Imported module names, whether at module level, and whether for types alone."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(n)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for n in ast.walk(node)
    }
    top = {id(node) for node in tree.body}
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in below]
        found += [(name, id(node) in top, id(node) in typing_only) for name in dict.fromkeys(names)]
    return found


def test_the_rooms_are_those_of_the_design() -> None:
    entries = {path.name for path in PACKAGE.iterdir() if path.name not in ("__init__.py", "__pycache__")}
    assert entries == {*ROOMS, *(f"{name}.py" for name in ROOT_FILES)}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_below(path: Path) -> None:
    order = (*ROOMS, *ROOT_FILES)
    room = room_of(path)
    below = order[order.index(room) :] if room in order else ()
    upward = {name for name, _, _ in imports(path) if name.startswith("posekit.") and name.split(".")[1] not in below}
    assert not upward


def test_no_module_imports_itself_in_a_circle() -> None:
    known = {
        name_of(path): {name for name, is_top, is_typing in imports(path) if is_top and not is_typing} & MODULES
        for path in modules()
    }
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in sorted(known[name]):
                walk(other, (*way, name))
            done.add(name)

    for name in sorted(known):
        walk(name, ())


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_inside_functions(path: Path) -> None:
    heavy = {(name, top) for name, top, _ in imports(path) if name.partition(".")[0] in HEAVY}
    if room_of(path) in CONVERTING:
        assert not any(top for _, top in heavy)
    else:
        assert not heavy


def test_product_code_never_imports_tests() -> None:
    roots = {name.partition(".")[0] for path in modules() for name, _, _ in imports(path)}
    assert not roots & {"tests", "benchmarks", "sample"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_private_name_is_imported(path: Path) -> None:
    names = [
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("posekit")
        for alias in node.names
    ]
    assert [name for name in names if name.startswith("_") and name != "__version__"] == []
