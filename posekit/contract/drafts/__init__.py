"""Contracts that a model's own file lets posekit write, for users who have no spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from posekit.errors import InputError


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model's file says of its contract.

    origin: what the file is, as in `the checkpoint`. table: as a spec file would hold it. read: what it was written
    from, assumed: what the file does not say; both are told to the user. asks: dotted fields that only the user knows,
    each with the sentence and the hint that say so.
    """

    origin: str
    table: Mapping[str, Any]
    read: str
    assumed: tuple[str, ...] = ()
    asks: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """What was read and what was assumed, in one line."""
        return "; ".join([f"read from {self.origin}: {self.read}", *(f"assumed: {one}" for one in self.assumed)])


def refuse_unanswered(draft: Draft, table: Mapping[str, Any]) -> None:
    """InputError where a field that the draft asks for is not in `table`, the draft's with the user's changes."""
    for name, (message, hint) in draft.asks.items():
        place: Any = table
        for part in name.split("."):
            place = place.get(part) if isinstance(place, Mapping) else None
        if place is None:
            raise InputError(message, hint)
