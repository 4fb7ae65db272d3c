"""Contracts of public model families, one TOML each, looked up by name."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from posekit.errors import InputError

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec


def preset_names() -> list[str]:
    """Known presets."""
    return sorted(path.name.removesuffix(".toml") for path in _folder().iterdir() if path.suffix == ".toml")


def preset(name: str) -> PoseSpec:
    """The contract of a preset; InputError lists the known ones."""
    from posekit.contract.spec import read_spec

    return read_spec(preset_file(name))


def preset_file(name: str) -> Path:
    """The file of a preset; InputError lists the known ones."""
    names = preset_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, 1)
        raise InputError(
            f"there is no spec file and no preset {name!r}; known presets: {', '.join(names)}",
            f"did you mean {close[0]}?" if close else "give a .toml file, or one of these",
        )
    return _folder() / f"{name}.toml"


def _folder() -> Path:
    return Path(str(resources.files("posekit.contract.presets")))
