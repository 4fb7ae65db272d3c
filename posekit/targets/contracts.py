"""The contract that a model file holds, read without what converts: pose.json in a .tflite or an .mlpackage."""

from __future__ import annotations

import zipfile
from pathlib import Path

from posekit.contract.spec import FILE
from posekit.errors import InputError
from posekit.runtimes.mlpackage import read_specification

CONTRACT_KEY = "posekit.pose_json"
MAX_BYTES = 1 << 20


def of_tflite(path: Path) -> bytes:
    """pose.json as the .tflite holds it; InputError where it holds none."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(FILE).file_size > MAX_BYTES:
                raise InputError(f"{path.name} holds a pose.json of more than 1 MiB")
            return archive.read(FILE)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise InputError(f"{path.name} holds no posekit contract", "was it made by posekit package?") from error


def of_mlpackage(path: Path) -> bytes:
    """pose.json as the .mlpackage holds it; InputError where it holds none or the package is damaged."""
    text = read_specification(path).description.metadata.userDefined.get(CONTRACT_KEY, "")
    if not text:
        raise InputError(f"{path.name} holds no posekit contract", "was it made by posekit package?")
    return bytes(text.encode())
