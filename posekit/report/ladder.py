"""A ladder on disk: ladder.json, and a page with the table and the plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit import documents
from posekit.bundle import folders, wrapper
from posekit.report.scatter import Dot, Plot, plot

if TYPE_CHECKING:
    from posekit.compression.ladder import Ladder, Rung

FILE, PAGE, WHAT = "ladder.json", "index.html", "ladder"


def check_out(folder: Path, overwrite: bool) -> None:
    """InputError where `folder` holds something else than a ladder, or one that may not be replaced, or is a file."""
    folders.check_place(folder, WHAT, _is_ladder, overwrite=overwrite)


def write(folder: Path, ladders: Sequence[Ladder], overwrite: bool) -> None:
    """Write both files as `folder`, whole or not at all; InputError as of check_out."""
    document = {"ladders": [one.as_json() for one in ladders]}
    text = json.dumps(documents.plain(document), indent=1, sort_keys=True, allow_nan=False) + "\n"
    page = wrapper.page(
        "ladder.html.j2", ladders=[_shown(one) for one in ladders], plots=[_plot(one) for one in ladders]
    )
    with folders.writing(folder, WHAT, _is_ladder, overwrite=overwrite) as partial:
        (partial / FILE).write_text(text)
        (partial / PAGE).write_text(page, encoding="utf-8")


def _is_ladder(folder: Path) -> bool:
    return {one.name for one in folder.iterdir()} <= {FILE, PAGE}


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
