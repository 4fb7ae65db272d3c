"""Which of a COCO file's categories are people with a spec's keypoints, and in which order the file has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posekit.errors import InputError
from posekit.poses.fields import Key, in_order, key_of, tables

PEOPLE = frozenset({"person", "persons", "people", "human", "humans", "pedestrian"})
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
HINT = "one category has the spec's keypoints: name them as the spec does, or leave the others out"


@dataclass(frozen=True, slots=True)
class Layout:
    """How an annotation has its keypoints: how many, and at which index each of the spec's is. note: what to say of it.

    names: the keypoints' names in the annotation's order.
    """

    count: int
    order: tuple[int, ...]
    note: str = ""
    names: tuple[str, ...] = ()

    def places(self, names: Sequence[str]) -> list[int] | None:
        """At which index each name is; None where one is not among them, or two are the same."""
        known = {_folded(name): index for index, name in enumerate(self.names)}
        found = [known.get(name) for name in _folded_like(names, list(known))]
        return None if None in found or len(set(found)) < len(found) else [one for one in found if one is not None]


@dataclass(frozen=True, slots=True)
class _Category:
    key: Key
    name: str
    keypoints: tuple[str, ...]

    @property
    def in_words(self) -> str:
        return f"{self.name!r} ({len(self.keypoints) or 'no'} keypoints)"


@dataclass(frozen=True, slots=True)
class People:
    """How the categories that are people have their keypoints, by id; otherwise: any other id, and none; names: of
    all."""

    layouts: Mapping[Key, Layout]
    otherwise: Layout | None
    names: Mapping[Key, str]

    def layout(self, annotation: Mapping[str, Any]) -> Layout | str:
        """How an annotation has its keypoints, or why it is not of a person."""
        key = key_of(annotation.get("category_id"))
        found = self.otherwise if key is None else self.layouts.get(key, self.otherwise)
        if found is None:
            return "without a category" if key is None else f"of category {self.names.get(key, str(key))!r}"
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the order of keypoints."""
        return tuple(layout.note for layout in self.layouts.values() if layout.note)


def people_of(data: Mapping[str, Any], keypoints: Sequence[str], path: Path) -> People:
    """The categories that are people.

    Those that name all of the spec's keypoints; else the one with as many; else, where none names keypoints, the one
    that is used or is called a person. InputError where that does not tell.
    """
    plain = Layout(len(keypoints), tuple(range(len(keypoints))), names=tuple(keypoints))
    categories = _categories(data.get("categories"), path)
    by_name = {one.key: layout for one in categories if (layout := _by_name(one, keypoints)) is not None}
    if by_name:
        return _people(by_name, categories)
    named = [one for one in categories if one.keypoints]
    as_many = [one for one in named if len(one.keypoints) == len(keypoints)]
    if len(as_many) == 1:
        _refuse_other_places(as_many[0], keypoints, path)
        return _people({as_many[0].key: plain}, categories)
    if not as_many and len(categories) < 2 and not named:
        return People({}, plain, {})
    found = [] if as_many else _unnamed(data["annotations"], [one for one in categories if not one.keypoints])
    if len(found) == 1:
        return _people({found[0].key: plain}, categories)
    listed = ", ".join(one.in_words for one in (as_many or found or named or categories)[:8])
    what = f"people with the spec's {len(keypoints)} keypoints"
    if as_many or len(found) > 1 or not named:
        raise InputError(f"{path} does not tell which category is {what}: {listed}", HINT)
    raise InputError(f"{path} has no category of {what}: {listed}", "is it of another skeleton than the spec?")


def _categories(entries: Any, path: Path) -> list[_Category]:
    """Those with an id, each once."""
    found: dict[Key, _Category] = {}
    for entry in tables(entries) or ():
        key = key_of(entry.get("id")) if isinstance(entry, dict) else None
        if key is not None:
            name = str(entry.get("name", key))[:60]
            names = _names(entry.get("keypoints"))
            if names is None:
                raise InputError(f"{path}: the keypoints of category {name!r} are no list of names", HINT)
            found.setdefault(key, _Category(key, name, names))
    return list(found.values())


def _names(value: Any) -> tuple[str, ...] | None:
    """The names of keypoints as a list, as tables with a name each, or in one text; None for anything else."""
    if value in (None, [], {}, ""):
        return ()
    if isinstance(value, str):
        return tuple(name.strip() for name in re.split(r"[,;\n]", value) if name.strip())
    if not isinstance(value, list):
        return None
    names = [in_order(one, ["name|label"]) if isinstance(one, dict) else [one] for one in value]
    texts = [one[0] for one in names if one is not None and isinstance(one[0], str)]
    return tuple(texts) if len(texts) == len(value) else None


def _people(layouts: Mapping[Key, Layout], categories: Sequence[_Category]) -> People:
    """Where there is one category alone, annotations are of it whatever id they have."""
    otherwise = next(iter(layouts.values())) if len(categories) == 1 else None
    return People(layouts, otherwise, {one.key: one.name for one in categories})


def _folded(name: str) -> str:
    """A keypoint's name for comparing: `left_hip`, `Hip.Left`, `LHip` and `lefthip` are one."""
    words = [word.casefold() for word in WORD.findall(name)]
    sides = [word for word in words if word in SIDES]
    if len(sides) == 1:
        words.remove(sides[0])
        return f"{SIDES[sides[0]]} {''.join(words)}"
    whole = "".join(letter for letter in name.casefold() if letter.isalnum())
    for side in ("left", "right"):
        if whole != side and (whole.startswith(side) or whole.endswith(side)):
            return f"{side} {whole.removeprefix(side) if whole.startswith(side) else whole.removesuffix(side)}"
    return whole


def _folded_like(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Names for comparing with the spec's, folded as well: `rhip` is `right hip` where the spec has that."""
    found = []
    for name in map(_folded, names):
        meant = f"{SIDES.get(name[:1], '')} {name[1:]}"
        found.append(meant if name not in wanted and meant in wanted else name)
    return found


def _by_name(category: _Category, keypoints: Sequence[str]) -> Layout | None:
    """Where the category has the spec's keypoints, if it names all of them and none twice."""
    wanted = [_folded(name) for name in keypoints]
    names = _folded_like(category.keypoints, wanted)
    if len(set(names)) < len(names) or len(set(wanted)) < len(wanted) or not set(wanted) <= set(names):
        return None
    order = tuple(names.index(name) for name in wanted)
    note = ""
    if order != tuple(range(len(names))):
        note = f"category {category.name!r} has {len(names)} keypoints in another order: the spec's are taken by name"
    return Layout(len(names), order, note, category.keypoints)


def _refuse_other_places(category: _Category, keypoints: Sequence[str], path: Path) -> None:
    """InputError where as many keypoints have the spec's names at other places: another skeleton."""
    places = {_folded(name): index for index, name in enumerate(keypoints)}
    for index, name in enumerate(_folded_like(category.keypoints, list(places))):
        if places.get(name, index) != index:
            raise InputError(
                f"{path}: category {category.name!r} has {category.keypoints[index]!r} as keypoint {index}, the spec "
                f"as {places[name]}",
                "is it of another skeleton than the spec?",
            )


def _unnamed(annotations: Sequence[Mapping[str, Any]], categories: Sequence[_Category]) -> list[_Category]:
    """Of categories without names of keypoints those that can be people: they are used with keypoints, are called so,
    or are the only ones used."""
    annotations = [entry for entry in annotations if isinstance(entry, dict)]
    used = {key_of(entry.get("category_id")) for entry in annotations}
    posed = {key_of(entry.get("category_id")) for entry in annotations if entry.get("keypoints")}
    kinds = (
        [one for one in categories if one.key in posed],
        [one for one in categories if one.name.casefold() in PEOPLE],
        [one for one in categories if one.key in used],
    )
    return next((kind for kind in kinds if kind), [])
