"""An app as it is built or written: the files of an APK, an AAB, an AAR, an IPA, an archive of Xcode's, or a project.

Nothing of it is run. Files are read one by one, when a check asks for them.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from posekit.errors import InputError, reading
from posekit.parity.gate import Outcome
from posekit.sources.limits import MODEL_BYTES, refuse_above

Kind = Literal["apk", "aab", "aar", "ipa", "xcarchive", "android project", "ios project"]
ARCHIVES: dict[str, Kind] = {".apk": "apk", ".aab": "aab", ".aar": "aar", ".ipa": "ipa"}  # zip files, by their suffix
NOT_LOOKED_INTO = frozenset(["build", "node_modules", "DerivedData", "Pods", "__pycache__"])
MAX_FILES = 100_000
LOCAL_HEADER = 30  # bytes before the name in a zip's local header


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of an app: what was seen, and what to do about it where that is a problem."""

    name: str
    outcome: Outcome
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class AppFile:
    """A file of an app. name: with slashes, from the app's root; data_offset: where its bytes begin in the archive,
    None in a folder; is_compressed: whether the archive compresses it."""

    name: str
    size: int
    read: Callable[[int], bytes]  # at most so many bytes from its beginning
    data_offset: int | None = None
    is_compressed: bool = False

    @property
    def suffix(self) -> str:
        """As `.so`."""
        return PurePosixPath(self.name).suffix

    def content(self) -> bytes:
        """All of it; InputError where it is larger than a model may be."""
        refuse_above(self.size, MODEL_BYTES, f"{self.name} has")
        return self.read(self.size)


@dataclass(frozen=True, slots=True)
class App:
    """The files of an app, in the order of their names."""

    kind: Kind
    files: tuple[AppFile, ...]

    @property
    def is_android(self) -> bool:
        """Whether it is for Android, else for iOS."""
        return self.kind in ("apk", "aab", "aar", "android project")

    @property
    def is_built(self) -> bool:
        """Whether it is what a build made, else sources."""
        return not self.kind.endswith("project")

    def matching(self, *patterns: str) -> list[AppFile]:
        """The files whose name, or the end of it from a slash on, matches one of the patterns."""
        return [one for one in self.files if any(PurePosixPath(one.name).match(pattern) for pattern in patterns)]


def open_app(path: Path) -> App:
    """The app at `path`; InputError for what is none."""
    if path.is_dir():
        kind = _kind_of_folder(path)
        if kind is not None:
            return App(kind, tuple(_files(path)))
    elif path.suffix in ARCHIVES and path.is_file():
        with reading(path, "no readable archive", "build it again"):
            return App(ARCHIVES[path.suffix], tuple(_entries(path)))
    raise InputError(
        f"{path} is no app that is known" if path.exists() else f"there is no {path}",
        "give an .apk, .aab, .aar, .ipa or .xcarchive, or the folder of an Android (settings.gradle, build.gradle) or "
        "iOS (.xcodeproj, Package.swift) project",
    )


def _kind_of_folder(path: Path) -> Kind | None:
    if (path / "Products" / "Applications").is_dir():
        return "xcarchive"
    if any(path.glob("*.gradle*")):
        return "android project"
    return "ios project" if any(path.glob("*.xcodeproj")) or (path / "Package.swift").is_file() else None


def _entries(path: Path) -> Iterator[AppFile]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        refuse_above(len(infos), MAX_FILES, f"{path.name} has", "files")
        for info in sorted(infos, key=lambda one: one.filename):
            raw.seek(info.header_offset + 26)
            lengths = raw.read(4)
            named, extra = (int.from_bytes(lengths[at : at + 2], "little") for at in (0, 2))
            offset = info.header_offset + LOCAL_HEADER + named + extra
            is_compressed = info.compress_type != zipfile.ZIP_STORED
            yield AppFile(info.filename, info.file_size, _of_archive(path, info), offset, is_compressed)


def _of_archive(path: Path, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(count: int) -> bytes:
        damaged = reading(path, f"damaged at {info.filename}", "build it again")
        with damaged, zipfile.ZipFile(path) as archive, archive.open(info) as file:  # names may come twice
            return file.read(count)

    return read


def _files(folder: Path) -> Iterator[AppFile]:
    """Of a folder without what a build left there, but for the manifest that Gradle merged; links are not followed."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        if "build" in folders:
            found += (Path(place) / "build" / "intermediates").glob("merged_manifest*/**/AndroidManifest.xml")
        folders[:] = sorted(one for one in folders if one not in NOT_LOOKED_INTO and not one.startswith("."))
        found += [path for name in names if _is_plain(path := Path(place) / name)]
        refuse_above(len(found), MAX_FILES, f"{folder} has", "files")
    for path in sorted(found):
        yield AppFile(path.relative_to(folder).as_posix(), path.stat().st_size, _of_folder(path))


def _is_plain(path: Path) -> bool:
    """Whether it is neither a link nor something that reading would wait for."""
    return path.is_file() and not path.is_symlink()


def _of_folder(path: Path) -> Callable[[int], bytes]:
    def read(count: int) -> bytes:
        with (
            reading(path, "a file that cannot be read", "allow it to be read, or build the app again"),
            path.open("rb") as file,
        ):
            return file.read(count)

    return read
