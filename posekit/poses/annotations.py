"""COCO keypoint annotations as many tools write them: who is in which picture, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posekit import documents
from posekit.errors import InputError, said
from posekit.poses.annotation_fields import area_of, box_of, keypoints_of
from posekit.poses.categories import People, people_of
from posekit.poses.fields import Key, floats, key_of, tables
from posekit.poses.images import Person

MAX_JSON_BYTES = 1 << 30
FILE_NAMES = ("file_name", "filename", "path")
OTHERS = {
    "shapes": "LabelMe",
    "imagePath": "LabelMe",
    "_via_img_metadata": "VIA",
    "metainfo": "MMPose",
    "annolist": "MPII",
}


@dataclass(frozen=True, slots=True)
class Annotated:
    """A picture of an annotation file. size_wh: width and height as the file has them, px, or None."""

    file_name: str
    image_id: Key
    size_wh: tuple[int, int] | None
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Annotations:
    """The pictures of a file, those without people too, and sentences on what was left out or had to be read into
    it."""

    pictures: tuple[Annotated, ...]
    warnings: tuple[str, ...]


@dataclass
class _Told:
    """How many annotations were left out, for which reason, and what was read into others."""

    left_out: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)

    def sentences(self, count: int, path: Path) -> Iterator[str]:
        if self.left_out:
            yield f"{self.left_out.total()} of {count} annotations in {path.name} are left out: {self.reasons}"
        for what, number in self.read.items():
            yield f"{path.name}: {what} ({number} of {count} annotations)"

    @property
    def reasons(self) -> str:
        """`6 (of category 'ball'), 2 (a box without area)`."""
        return ", ".join(f"{number} ({why})" for why, number in self.left_out.most_common(8))


def read_annotations(path: Path, keypoints: Sequence[str]) -> Annotations:
    """The people of a COCO file whose keypoints are those named, in that order; boxes alone are people too.

    InputError for what is no COCO file, for categories that do not tell who is a person, and where nobody is left.
    """
    data = read_coco(path)
    categories = people_of(data, keypoints, path)
    told, people = _Told(), dict[Key, list[Person]]()
    images = _images(data["images"], path)
    nameless = {key_of(entry.get("id")) for entry in data["images"] if isinstance(entry, dict)} - set(images)
    for entry in data["annotations"]:
        person = _person(entry, categories, images, nameless, told)
        if isinstance(person, str):
            told.left_out[person] += 1
        else:
            people.setdefault(key_of(entry["image_id"]), []).append(person)  # type: ignore[arg-type]
    if not people:
        count = len(data["annotations"])
        what = f"has a person with a box or the spec's {len(keypoints)} keypoints"
        raise InputError(
            f"none of the {count} annotations in {path} {what}: {told.reasons}"
            if count
            else f"{path} has no annotations: its list of them is empty",
            "expected COCO keypoints: docs/annotations.md",
        )
    reordered = [f"{path.name}: {note}" for note in categories.notes]
    pictures = (Annotated(name, key, size, tuple(people.get(key, ()))) for key, (name, size) in images.items())
    return Annotations(tuple(pictures), (*reordered, *told.sentences(len(data["annotations"]), path)))


def read_coco(path: Path) -> dict[str, Any]:
    """A COCO annotation file as parsed JSON, `images` and `annotations` as lists; InputError where it is none."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise InputError(f"{path} has more than {MAX_JSON_BYTES} bytes")
        data = documents.parse(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the annotations {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"the annotations {path} are no valid JSON{said(error)}", "expected a COCO file") from error
    found = {key: tables(data.get(key)) for key in ("images", "annotations")} if isinstance(data, dict) else {}
    if not found or None in found.values():
        other = next((tool for key, tool in OTHERS.items() if isinstance(data, dict) and key in data), "")
        hint = f"it looks like a file of {other}: export it as COCO keypoints" if other else ""
        raise InputError(
            f"{path} holds no COCO annotations", hint or "expected a table with `images` and `annotations`"
        )
    return {**data, **found}


def _images(entries: Sequence[Any], path: Path) -> dict[Key, tuple[str, tuple[int, int] | None]]:
    """File name and size by id; entries without an id or a name are of no use."""
    found: dict[Key, tuple[str, tuple[int, int] | None]] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        key, name = key_of(entry.get("id")), next((entry[one] for one in FILE_NAMES if entry.get(one)), None)
        if key is None or not isinstance(name, str) or not name.strip():
            continue
        if key in found and found[key][0] != name:
            raise InputError(
                f"{path} has two pictures of id {key!r}: {found[key][0][:100]!r} and {name[:100]!r}",
                "were two files put together? Number the ids anew",
            )
        found[key] = (name, _size(entry))
    return found


def _size(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    sides = floats([entry.get("width"), entry.get("height")])
    if sides is None or sides.shape != (2,) or not np.isfinite(sides).all() or not ((sides >= 1) & (sides < 1e6)).all():
        return None
    return int(sides[0]), int(sides[1])


def _person(
    entry: Any, categories: People, images: Mapping[Key, Any], nameless: Container[Key | None], told: _Told
) -> Person | str:
    """One annotation as a person, or why it is left out. nameless: ids of pictures that have no file name."""
    if not isinstance(entry, dict):
        return "no table"
    key = key_of(entry.get("image_id"))
    if key is None:
        return "without an image id"
    if key not in images:
        return "of a picture without a file name" if key in nameless else "of a picture that is not among `images`"
    layout = categories.layout(entry)
    if isinstance(layout, str):
        return layout
    if _is_set(entry.get("iscrowd")):
        return "a crowd"
    given = entry.get("keypoints")
    points = None if given in (None, []) else keypoints_of(given, layout, told.read)
    if isinstance(points, str):
        return points
    box = box_of(entry, points, told.read)
    if isinstance(box, str):
        return box
    x, y, width, height = box
    return Person((x, y, x + width, y + height), points, area_of(entry.get("area"), width * height, told.read))


def _is_set(value: Any) -> bool:
    flag = floats(value)
    return flag is not None and flag.shape == () and bool(flag > 0)
