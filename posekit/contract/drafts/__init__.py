"""Contracts that a model's own file, or the configuration that trained it, lets posekit write.

A draft says of each field what it is and who says so, and of each field that nobody says what could be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from posekit.contract.gaps import gap_value

SECTIONS = ("decoder.", "keypoints.")  # fields that make sense together alone


@dataclass(frozen=True, slots=True)
class Said:
    """A value and who says it, as `codec.sigma`; assumed: nobody does, and it is what is usual. fixed: a model's file
    takes nothing else, whatever the configuration of its training says."""

    value: Any
    source: str
    assumed: bool = False
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """A field that nobody says: what is asked in a few words, and lines that tell the choices apart."""

    question: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What is said of a contract.

    origin: the file that says it, as `the checkpoint`. values, gaps: by dotted field, never one in both. read: what it
    was written from, in one line. assumed: what nobody says and is taken as usual; notes: what else the user must know.
    """

    origin: str
    values: Mapping[str, Said]
    gaps: Mapping[str, Gap] = field(default_factory=dict)
    read: str = ""
    assumed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> dict[str, Any]:
        """As a spec file holds it; a gap stands as a text that parse_spec refuses."""
        fields = {name: said.value for name, said in self.values.items()}
        return nested(fields | {name: gap_value(gap.question) for name, gap in self.gaps.items()})

    @property
    def told(self) -> str:
        """What was read and what was assumed, in one line."""
        return "; ".join([f"read from {self.origin}: {self.read}", *(f"assumed: {one}" for one in self.assumed)])


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted fields as tables in tables."""
    table: dict[str, Any] = {}
    for name, value in fields.items():
        place = table
        *before, last = name.split(".")
        for part in before:
            place = place.setdefault(part, {})
        place[last] = value
    return table


def flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Tables in tables as dotted fields."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def merged(config: Draft, own: Draft) -> Draft:
    """The draft of a configuration, completed by that of the model's own file; where both speak the configuration
    counts, unless the file takes nothing else, and what they contradict each other in is noted."""
    values = {name: _of(said, own.origin) for name, said in own.values.items()}
    spoken = tuple(part for part in SECTIONS if any(name.startswith(part) for name in (*config.values, *config.gaps)))
    values = {name: said for name, said in values.items() if not name.startswith(spoken)} if spoken else values
    against = tuple(
        f"{name}: {config.origin} says {said.value}, {own.origin} says {own.values[name].value}; "
        f"the {'second' if own.values[name].fixed else 'first'} is taken"
        for name, said in config.values.items()
        if name in own.values and not same(own.values[name].value, said.value) and not own.values[name].assumed
        and not said.assumed
    )  # fmt: skip
    sure = {name: _of(said, config.origin) for name, said in config.values.items()
            if name not in values or not (said.assumed or values[name].fixed)}  # fmt: skip
    values |= sure
    gaps = {name: gap for name, gap in {**own.gaps, **config.gaps}.items() if name not in values}
    read = "; ".join(filter(None, (config.read, own.read)))
    return Draft(
        f"{config.origin} and {own.origin}", values, gaps, read, (*config.assumed, *own.assumed),
        (*config.notes, *own.notes, *against),
    )  # fmt: skip


def changed(draft: Draft, values: Mapping[str, Said], gaps: Mapping[str, Gap]) -> Draft:
    """The draft with other values and further gaps; a field with a value is no gap."""
    whole = {**draft.values, **values}
    open_fields = {name: gap for name, gap in {**draft.gaps, **gaps}.items() if name not in whole}
    return replace(draft, values=whole, gaps=open_fields)


def same(one: Any, other: Any) -> bool:
    """Whether two values say the same; a tuple is a list, and 1.0 is 1."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def _of(said: Said, origin: str) -> Said:
    return said if said.assumed else replace(said, source=f"{origin}: {said.source}")
