"""A MediaPipe .task file: a zip of the models of several stages, whose names are told."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit.errors import InputError
from posekit.sources.recognise import Container
from posekit.sources.source import digest_of

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec
    from posekit.sources.source import SourceModel


def opened(path: Path, spec: PoseSpec | None) -> SourceModel:
    """InputError that names the models: a contract speaks of one of them."""
    names = ", ".join(models(path))
    raise InputError(
        f"{path} is a MediaPipe task, a zip file that holds {names}",
        f"unpack it and give one of them: unzip {path.name}",
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
