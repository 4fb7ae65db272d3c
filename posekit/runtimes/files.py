"""The files of a folder, as an .mlpackage is one: read, written, and told from what a system leaves between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath

LITTER = frozenset([".DS_Store", "Thumbs.db", "desktop.ini"])


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of all files below a folder, by their path in it."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write what contents() read into a folder, which may be new."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def is_litter(path: PurePath) -> bool:
    """Whether Finder, Explorer or a zip program left it there: no build tool reads it, and it is no part of anything.

    path: of a file. The names of its folders do not count: build tools read `__MACOSX/Code.kt` like any other, and what
    zip programs put there is called `._Code.kt`.
    """
    return path.name in LITTER or path.name.startswith("._")
