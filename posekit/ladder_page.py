"""A ladder on disk: ladder.json, and a page with the table and the plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit import codegen, jsontext
from posekit.errors import InputError
from posekit.scatter import Dot, Plot, plot

if TYPE_CHECKING:
    from posekit.ladder import Ladder, Rung

FILE, PAGE = "ladder.json", "index.html"


def check_out(folder: Path | None, overwrite: bool) -> None:
    """InputError where `folder` holds something else than a ladder, or one that may not be replaced, or is a file."""
    if folder is None or not folder.exists():
        return
    if not folder.is_dir() or any(one.name not in (FILE, PAGE) for one in folder.iterdir()):
        raise InputError(f"{folder} exists and is no ladder, so it is not replaced", "give --out a new folder")
    if any(folder.iterdir()) and not overwrite:
        raise InputError(f"{folder} exists", "pass --overwrite to replace it, or --out for another folder")


def write(folder: Path, ladders: Sequence[Ladder]) -> None:
    """Write both files into `folder`; InputError where they cannot be written."""
    document = {"ladders": [one.as_json() for one in ladders]}
    text = json.dumps(jsontext.plain(document), indent=1, sort_keys=True, allow_nan=False) + "\n"
    page = codegen.page(
        "ladder.html.j2", ladders=[_shown(one) for one in ladders], plots=[_plot(one) for one in ladders]
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(text)
        (folder / PAGE).write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write {folder}: {error.strerror or error}", "is there space, and permission?"
        ) from error


def _shown(one: Ladder) -> dict[str, Any]:
    """The ladder with, beside each rung, the layers that are not as its name says, by the reason."""
    rungs = []
    for rung in one.rungs:
        odd: dict[str, list[str]] = {}
        for layer in rung.layers:
            if layer["why"]:
                odd.setdefault(layer["why"], []).append(layer["name"])
        rungs.append((rung, odd))
    return {**one.as_json(), "rungs": rungs}


def _plot(one: Ladder) -> Plot:
    return plot([
        Dot(rung.size, 1 - rung.quality.oks, _kind(rung, one.recommended), rung.precision)
        for rung in one.rungs
        if rung.quality is not None
    ])  # fmt: skip


def _kind(rung: Rung, recommended: str) -> str:
    return "best" if rung.precision == recommended else "good" if rung.is_good else "bad"
