"""Single fields of a contract, given from outside as `input.size_wh=[320, 320]`."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from posekit.contract.spec import PoseSpec
from posekit.decoders import DECODERS
from posekit.decoders.decoder import DecoderSpec
from posekit.documents import Part
from posekit.errors import InputError

OPTION = "--set"
MAX_BYTES = 1 << 16
EXAMPLE = "such as input.size_wh=[320,320] or license=MIT"


@dataclass(frozen=True, slots=True)
class Change:
    """A field by its dotted name, as its parts, and the value that it gets, as TOML has it."""

    field: tuple[str, ...]
    value: Any
    text: str


def parse_change(text: str) -> Change:
    """`FIELD=VALUE`, a value of TOML; what is none and begins like a word is a text. InputError otherwise."""
    field, is_there, value = text.partition("=")
    parts = tuple(part.strip() for part in field.split("."))
    if not is_there or not all(parts) or len(text) > MAX_BYTES:
        raise InputError(f"{OPTION} is {text[:80]!r}, expected FIELD=VALUE", EXAMPLE)
    return Change(parts, _value(value.strip(), text), text)


def apply(table: Mapping[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """A contract as a spec file holds it, with the changes made in their order; InputError for a field that there is
    none of. Values are checked with the whole contract."""
    found: dict[str, Any] = copy.deepcopy(dict(table))
    for change in changes:
        _set(found, change)
    return found


def where(name: str, changes: Sequence[Change]) -> str:
    """What is wrong with a changed contract, if anything is, is wrong where."""
    return f"{name} with {OPTION}" if changes else name


def _value(text: str, whole: str) -> Any:
    try:
        found = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        found = {}
    if found.keys() == {"value"}:
        return found["value"]
    if not text or text[0] in "[{\"'" or "\n" in text:
        raise InputError(f"{OPTION} {whole[:80]!r} has no value that TOML knows", EXAMPLE)
    return text


def _set(table: dict[str, Any], change: Change) -> None:
    place: Any = table
    part: type[Part] | None = PoseSpec  # None in the settings of a decoder that there is none of
    for depth, name in enumerate(change.field):
        before, here = (".".join(change.field[:end]) for end in (depth, depth + 1))
        if part is not None and name not in (known := _fields(part)):
            raise InputError(
                f"{OPTION} {change.text[:80]!r}: there is no field {here!r}",
                f"{before or 'a contract'} has {', '.join(known)}",
            )
        if depth == len(change.field) - 1:
            place[name] = change.value
            return
        inner = None if part is None else next(_parts_in(_annotation(part, name)), None)
        place = place.setdefault(name, {})
        if not isinstance(place, dict) or (part is not None and inner is None):
            raise InputError(f"{OPTION} {change.text[:80]!r}: {here} is no table", f"set {here} as a whole")
        part = _of_its_kind(inner, place)


def _fields(part: type[Part]) -> list[str]:
    return [field.alias or name for name, field in part.model_fields.items()]


def _annotation(part: type[Part], name: str) -> Any:
    return next(field.annotation for key, field in part.model_fields.items() if name == (field.alias or key))


def _of_its_kind(part: type[Part] | None, table: Mapping[str, Any]) -> type[Part] | None:
    """The class of a table; of a decoder's that of its kind."""
    if part is None or not issubclass(part, DecoderSpec):
        return part
    kind = table.get("kind")
    return DECODERS[kind].spec if isinstance(kind, str) and kind in DECODERS else None


def _parts_in(annotation: Any) -> Iterator[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts_in(inner)
