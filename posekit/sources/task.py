"""A MediaPipe .task file: a zip of the models of two stages, a detector and the landmarks of what it finds."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from posekit.errors import InputError, said
from posekit.sources import limits
from posekit.sources.recognise import Container
from posekit.sources.source import digest_of

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec
    from posekit.sources.source import SourceModel


PRESETS = {"pose": "blazepose", "hand": "hands"}  # by how the name of a task's landmarks begins


@dataclass(frozen=True, slots=True)
class Stages:
    """A task's models as files of their own. preset: the contract of both, empty where none is known."""

    detector: Path
    landmarks: Path
    preset: str


def unpacked(path: Path, folder: Path) -> Stages:
    """Write the models of a task into `folder`; InputError where they are not a detector and its landmarks, or too
    large."""
    with _reading(path), zipfile.ZipFile(path) as archive:
        found = {one.filename: one for one in archive.infolist() if one.filename.endswith(".tflite")}
        landmarks = [name for name in found if "landmark" in name]
        detectors = [name for name in found if "detector" in name and name not in landmarks]
        if len(landmarks) != 1 or len(detectors) != 1:
            names = ", ".join(map(_printable, found)) or "no model"
            raise InputError(
                f"{path} holds {names}: expected a detector and landmarks",
                f"unpack it and name both: unzip {path.name}",
            )
        files = list[Path]()
        for name in (*detectors, *landmarks):
            limits.refuse_above(found[name].file_size, limits.MODEL_BYTES, f"{_printable(name)} in {path} unpacks to")
            files.append(folder / f"{len(files)}-{PurePosixPath(name).stem[:64]}.tflite")
            with archive.open(name) as packed, files[-1].open("xb") as file:
                shutil.copyfileobj(packed, file)
    begins = PurePosixPath(landmarks[0]).name.partition("_")[0]
    return Stages(files[0], files[1], PRESETS.get(begins, ""))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """InputError where a zip is damaged, encrypted or packed as nothing here unpacks."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise InputError(f"{path} cannot be unpacked{said(error)}", "was it copied whole?") from error


def opened(path: Path, spec: PoseSpec | None) -> SourceModel:
    """InputError that names the models: a contract speaks of one of them."""
    names = ", ".join(models(path))
    raise InputError(
        f"{path} is a MediaPipe task, a zip file that holds {names}",
        f"package and predict take both; for the others unpack it and give one of them: unzip {path.name}",
    )


def described(path: Path) -> dict[str, Any]:
    """The models inside with their sizes."""
    found = {name: f"{size:,} bytes" for name, size in models(path).items()}
    return {"form": str(Container.TASK), "sha256": digest_of(path), "models": found}


def models(path: Path) -> dict[str, int]:
    """Bytes of each model by its name in the zip."""
    with zipfile.ZipFile(path) as archive:
        found = [one for one in archive.infolist() if one.filename.endswith(".tflite")]
    return {_printable(one.filename): one.file_size for one in found}


def _printable(name: str) -> str:
    """A name from outside without what a terminal would take for commands."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()
