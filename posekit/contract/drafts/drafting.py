"""A draft while it is written: what a reader has read so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from posekit.contract.drafts import Draft, Gap, Said
from posekit.contract.drafts.literals import Unread

LARGEST = 1e9  # of a number that something is computed of


@dataclass(slots=True)
class Drafting:
    """Collects the fields of one configuration; the last word on a field counts."""

    origin: str
    values: dict[str, Said] = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def say(self, name: str, value: Any, source: str, *, assumed: bool = False) -> None:
        """A value, or where it is Unread a gap that says what could not be read."""
        if isinstance(value, Unread):
            self.ask(name, f"{source} is computed, {value.where}")
            return
        self.gaps.pop(name, None)
        self.values[name] = Said(plain(value), source, assumed)

    def ask(self, name: str, question: str, *choices: str) -> None:
        """A gap, with the choices there are."""
        self.values.pop(name, None)
        self.gaps[name] = Gap(question, choices)

    def choose(self, name: str, key: Any, options: Mapping[Any, Any], source: str) -> None:
        """The option for a key of the configuration; a gap where it is Unread or none of them."""
        if isinstance(key, Unread) or not isinstance(key, str | bool | int | type(None)) or key not in options:
            where = key.where if isinstance(key, Unread) else f"{key!r}"
            self.ask(name, f"{source} is {where}", *(f"{value!r} for {one!r}" for one, value in options.items()))
            return
        self.say(name, options[key], f"{source} = {key!r}" if key is not None else source)

    def note(self, text: str) -> None:
        """Something that the user must know, said once."""
        if text not in self.notes:
            self.notes.append(text)

    def draft(self, read: str) -> Draft:
        """What was collected."""
        return Draft(self.origin, dict(self.values), dict(self.gaps), read, (), tuple(self.notes))


def plain(value: Any) -> Any:
    """Tuples as lists, whole floats as they are."""
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def numbers(value: Any, count: int, accept: Callable[[float], bool] = lambda _: True) -> bool:
    """Whether a value is a list of so many numbers, none of them beyond measure."""
    return (
        isinstance(value, list | tuple)
        and len(value) == count
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
        and all(abs(one) <= LARGEST and accept(one) for one in value)
    )
