"""COCO keypoint annotations as many tools write them: who is in which picture, and what was left out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posekit import jsontext
from posekit.categories import Layout, People, people_of
from posekit.errors import InputError
from posekit.fields import Floats, Key, floats, key_of
from posekit.foreign import said
from posekit.images import Person
from posekit.warp import FARTHEST_PX, SMALLEST_PX, is_sound_box

MAX_JSON_BYTES = 1 << 30
GROWN = 0.08  # of the longer side: a person reaches beyond the keypoints
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
    """The pictures of a file, those without people too, and sentences on what was left out or had to be read into it."""

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
    for entry in data["annotations"]:
        person = _person(entry, categories, images, told)
        if isinstance(person, str):
            told.left_out[person] += 1
        else:
            people.setdefault(key_of(entry["image_id"]), []).append(person)  # type: ignore[arg-type]
    if not people:
        count = len(data["annotations"])
        why = f" has a person with a box or the spec's {len(keypoints)} keypoints: {told.reasons}" if count else ""
        raise InputError(
            f"none of the {count} annotations in {path}{why}", "expected COCO keypoints: docs/annotations.md"
        )
    reordered = [f"{path.name}: {note}" for note in categories.notes]
    pictures = (Annotated(name, key, size, tuple(people.get(key, ()))) for key, (name, size) in images.items())
    return Annotations(tuple(pictures), (*reordered, *told.sentences(len(data["annotations"]), path)))


def read_coco(path: Path) -> dict[str, Any]:
    """A COCO annotation file as parsed JSON, `images` and `annotations` lists of tables; InputError where it is none."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise InputError(f"{path} has more than {MAX_JSON_BYTES} bytes")
        data = jsontext.parse(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the annotations {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"the annotations {path} are no valid JSON{said(error)}", "expected a COCO file") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in ("images", "annotations")):
        other = next((tool for key, tool in OTHERS.items() if isinstance(data, dict) and key in data), "")
        hint = f"it looks like a file of {other}: export it as COCO keypoints" if other else ""
        raise InputError(
            f"{path} holds no COCO annotations", hint or "expected a table with `images` and `annotations`"
        )
    for key in ("images", "annotations"):
        odd = next((number for number, entry in enumerate(data[key]) if not isinstance(entry, dict)), None)
        if odd is not None:
            raise InputError(f"{path} holds no COCO annotations: entry {odd} of `{key}` is no table")
    return data


def _images(entries: Sequence[Mapping[str, Any]], path: Path) -> dict[Key, tuple[str, tuple[int, int] | None]]:
    """File name and size by id; entries without either are of no use."""
    found: dict[Key, tuple[str, tuple[int, int] | None]] = {}
    for entry in entries:
        key, name = key_of(entry.get("id")), entry.get("file_name")
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


def _person(entry: Mapping[str, Any], categories: People, images: Mapping[Key, Any], told: _Told) -> Person | str:
    """One annotation as a person, or why it is left out."""
    key = key_of(entry.get("image_id"))
    if key is None:
        return "without an image id"
    if key not in images:
        return "of a picture that is not among `images`"
    layout = categories.layout(entry)
    if isinstance(layout, str):
        return layout
    if _is_set(entry.get("iscrowd")):
        return "a crowd"
    given = entry.get("keypoints")
    points = None if given in (None, []) else _keypoints(given, layout, told)
    if isinstance(points, str):
        return points
    box = _box(entry.get("bbox"), points, told)
    if isinstance(box, str):
        return box
    x, y, width, height = box
    area = floats(entry.get("area"))
    is_area = area is not None and area.shape == () and 0 < area < np.inf
    return Person(
        (x, y, x + width, y + height), points, float(area) if is_area and area is not None else width * height
    )


def _is_set(value: Any) -> bool:
    flag = floats(value)
    return flag is not None and flag.shape == () and bool(flag > 0)


def _keypoints(value: Any, layout: Layout, told: _Told) -> Floats | str:
    """(K, 3) in the spec's order with COCO visibility, or why they are left out. Flat or nested, and null for nothing."""
    given = floats(value)
    if given is None:
        return "keypoints that are no numbers"
    fields = given.shape[1] if given.ndim == 2 else 3 if given.size == 3 * layout.count else 2
    if given.ndim > 2 or fields not in (2, 3) or given.size != fields * layout.count:
        return f"{given.size} numbers for keypoints, expected {3 * layout.count} for {layout.count}"
    if fields == 2 and _may_be_of_fewer(given):
        return f"{given.size} numbers for {layout.count} keypoints: x and y of all, or x, y and visibility of fewer?"
    points = given.reshape(layout.count, fields)[list(layout.order)]
    if fields == 2:
        told.read["keypoints are x and y alone: labelled is what is not 0, 0"] += 1
        points = np.column_stack([points, np.where(np.isnan(points).any(axis=1), 0.0, 2.0)])
    labelled = points[:, 2] > 0  # not NaN, which null is
    if not np.isfinite(points[labelled]).all():
        return "labelled keypoints that are not finite"
    nowhere = labelled & (points[:, :2] == 0).all(axis=1)
    if nowhere.any():
        if fields == 3:
            told.read["keypoints at 0, 0 are marked as visible: taken as not labelled"] += 1
        labelled &= ~nowhere
    return np.where(labelled[:, None], points, 0.0)


def _may_be_of_fewer(given: Floats) -> bool:
    """Whether a flat list of x and y reads as x, y and visibility of fewer keypoints just as well."""
    return bool(given.ndim == 1 and given.size % 3 == 0 and given.any() and np.isin(given[2::3], (0, 1, 2)).all())


def _box(value: Any, points: Floats | None, told: _Told) -> tuple[float, float, float, float] | str:
    """x, y, width, height; made from the keypoints where there is none; or why there is none."""
    if value in (None, []):
        labelled = None if points is None else points[points[:, 2] > 0, :2]
        if labelled is None or not len(labelled):
            return "neither a box nor labelled keypoints"
        low, high = labelled.min(axis=0), labelled.max(axis=0)
        grown = GROWN * float((high - low).max())
        if not grown > 0:
            return "no box, and keypoints at one place"
        told.read["there is no box: it is made from the labelled keypoints"] += 1
        (x, y), (width, height) = (low - grown).tolist(), (high - low + 2 * grown).tolist()
        sound = is_sound_box((x, y, x + width, y + height))
        return (x, y, width, height) if sound else f"labelled keypoints beyond {FARTHEST_PX:g} px"
    box = floats(value)
    if box is None or box.shape != (4,):
        return "a box that is not four numbers"
    x, y, width, height = box.tolist()
    if not all(map(math.isfinite, (x, y, x + width, y + height, width * height))):
        return "a box that is not finite"
    if not (x + width > x and y + height > y):
        return "a box without area"
    if not is_sound_box((x, y, x + width, y + height)):
        return f"a box smaller than {SMALLEST_PX:g} px or beyond {FARTHEST_PX:g} px"
    return x, y, width, height
