"""Which picture of a folder a file name means, as other tools and systems write it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from posekit.errors import InputError

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
LOCAL_FILES = "/local-files/?d="
Parts = tuple[str, ...]


def parts_of(name: str) -> Parts:
    """The folders and the file of a name: either slash, Unicode NFC, and only what follows the last `..`.

    Of an address the path alone: `https://host/a%20b.jpg?token=1` is host's `a b.jpg`.
    """
    if ADDRESS.match(name):
        name = unquote(urlsplit(name).path)
    elif LOCAL_FILES in name:  # of Label Studio
        name = unquote(name.partition(LOCAL_FILES)[2])
    parts = [part for part in re.split(r"[/\\]", unicodedata.normalize("NFC", name)) if part not in ("", ".")]
    for index in range(len(parts) - 1, -1, -1):
        if parts[index] == "..":
            return tuple(parts[index + 1 :])
    return tuple(parts)


def resolved(names: Iterable[str], folder: Path, paths: Sequence[Path]) -> dict[str, Path]:
    """The picture below `folder` that each name means; names of none of `paths` are left out.

    The last parts must agree, up to the folder or to the whole name. Upper and lower case differ only where both exist.
    InputError where two pictures fit a name, or two names a picture.
    """
    rows = [(path, parts_of(path.relative_to(folder).as_posix()), parts_of(str(path.absolute()))) for path in paths]
    exact: dict[str, list[tuple[Path, Parts, Parts]]] = {}
    folded: dict[str, list[tuple[Path, Parts, Parts]]] = {}
    for path, below, whole in rows:
        exact.setdefault(below[-1], []).append((path, below, whole))
        folded.setdefault(below[-1].casefold(), []).append((path, _folded(below), _folded(whole)))
    wanted: dict[Parts, list[str]] = {}
    for name in names:
        if parts := parts_of(name):
            wanted.setdefault(parts, []).append(name)
    claims: dict[Path, list[tuple[int, Parts]]] = {}
    for parts in wanted:
        fold, said = _folded(parts), "/".join(parts)
        found = _best(parts, exact.get(parts[-1], ()), said, folder)
        found = found or _best(fold, folded.get(fold[-1], ()), said, folder)
        if found is not None:
            claims.setdefault(found[0], []).append((found[1], parts))
    return {name: path for path, some in claims.items() for name in wanted[_claimed(path, some, folder)]}


def _folded(parts: Parts) -> Parts:
    return tuple(part.casefold() for part in parts)


def _best(parts: Parts, rows: Sequence[tuple[Path, Parts, Parts]], said: str, folder: Path) -> tuple[Path, int] | None:
    """The picture whose last parts agree with most of a name's, and how many do."""
    fits = []
    for path, below, whole in rows:
        shared = _shared(parts, whole)
        if shared >= min(len(parts), len(below)):
            fits.append(((shared, below == parts, len(below) <= shared), path))
    if not fits:
        return None
    fits.sort(key=lambda one: one[0], reverse=True)
    if len(fits) > 1 and fits[0][0] == fits[1][0]:
        first, second = (path.relative_to(folder).as_posix() for _, path in fits[:2])
        raise InputError(
            f"file name {said!r} may be {first} or {second} in {folder}",
            "give names with their folders, or one folder of pictures with --images",
        )
    return fits[0][1], fits[0][0][0]


def _claimed(path: Path, claims: list[tuple[int, Parts]], folder: Path) -> Parts:
    """The name that a picture is, of those that it may be: most of it agrees."""
    claims = sorted(claims, key=lambda one: one[0], reverse=True)
    if len(claims) > 1 and claims[0][0] == claims[1][0]:
        first, second = ("/".join(parts) for _, parts in claims[:2])
        raise InputError(
            f"{path.relative_to(folder).as_posix()} in {folder} may be {first!r} or {second!r} of the file names given",
            "keep the pictures in their folders, and give the folder above them",
        )
    return claims[0][1]


def _shared(one: Parts, two: Parts) -> int:
    """How many of the last parts are the same."""
    count = 0
    while count < min(len(one), len(two)) and one[-1 - count] == two[-1 - count]:
        count += 1
    return count
