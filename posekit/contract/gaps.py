"""Fields that a contract leaves open: how a gap is written, and the refusal that names each with its choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from posekit.errors import InputError

MARK = "TODO"
MOST_TOLD = 12  # gaps in one sentence
LONGEST = 200  # characters of what one gap asks
DEEPEST = 20  # tables in tables


def gap_value(question: str) -> str:
    """What stands in the place of a value that nobody said, as `TODO: rgb or bgr`."""
    return f"{MARK}: {one_line(question)}"


def one_line(text: str) -> str:
    """Without what a comment of TOML cannot hold, and single spaces."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def gaps_in(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Open fields by their dotted name, each with what it asks."""
    for name, value in table.items():
        if isinstance(value, str) and value.startswith(MARK):
            yield f"{before}{name}", value.removeprefix(MARK).lstrip(": ")
        elif isinstance(value, Mapping) and before.count(".") < DEEPEST:
            yield from gaps_in(value, f"{before}{name}.")


def refuse_gaps(table: Mapping[str, Any], where: str) -> None:
    """InputError that names every open field of a contract and its choices."""
    found = list(gaps_in(table))
    if not found:
        return
    listed = [f"{name} ({question[:LONGEST]})" if question else name for name, question in found[:MOST_TOLD]]
    more = f" and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    fields = "a field" if len(found) == 1 else f"{len(found)} fields"
    raise InputError(
        f"{where} leaves {fields} open: {'; '.join(listed)}{more}",
        f"fill it in, or set it here: {' '.join(f'--set {name}=...' for name, _ in found[:3])}",
    )
