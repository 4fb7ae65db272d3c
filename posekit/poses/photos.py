"""The pictures of a folder and the people annotated in them: found by name, of the size annotated, and readable."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posekit.errors import InputError
from posekit.poses import Floats
from posekit.poses.annotations import read_annotations
from posekit.poses.filenames import resolved
from posekit.poses.images import SUFFIXES, Person, Photo, load_image, upright_wh
from posekit.poses.units import refuse_other_units
from posekit.progress import Progress, patient, silent

OUTSIDE, FAR = 0.02, 0.1  # of the picture's longer side
MANY = 0.1  # of the labelled keypoints
UNREAD = frozenset({".heic", ".heif", ".avif", ".dng", ".cr2", ".nef", ".arw", ".jxl", ".gif", ".svg"})


@dataclass(frozen=True, slots=True)
class Photos:
    """Pictures in the order of their names. in_folder: how many there are; warnings: what was left out, in
    sentences."""

    photos: tuple[Photo, ...]
    in_folder: int
    warnings: tuple[str, ...] = ()


def find_photos(
    folder: Path, annotations: Path | None, keypoints: Sequence[str], *, with_nobody: bool = False
) -> Photos:
    """The pictures of a folder; with annotations of the spec's `keypoints`, those below it that have people, or where
    `with_nobody` is set all that are listed there.

    Pictures in sub-folders count where annotations name them, or where the folder itself has none. InputError for a
    folder without pictures, and for annotations that do not fit it: file names, sizes, keypoints.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder of images {folder}", "give a folder with --images")
    paths, told = _listed(folder, deep=annotations is not None)
    if annotations is None:
        named = [Photo(path, index, below=_below(path, folder)) for index, path in enumerate(paths)]
        return Photos(tuple(named), len(paths), told)
    read = read_annotations(annotations, keypoints)
    places = resolved((one.file_name for one in read.pictures), folder, paths)
    people: dict[Path, Photo] = {}
    for one in read.pictures:
        if (path := places.get(one.file_name)) is None or not (one.people or with_nobody):
            continue
        before = people.get(path, Photo(path, one.image_id, (), _below(path, folder), one.size_wh, is_annotated=True))
        people[path] = replace(before, people=(*before.people, *one.people))
    elsewhere = sum(bool(one.people) and one.file_name not in places for one in read.pictures)
    if not any(photo.people for photo in people.values()):
        first = next(one.file_name for one in read.pictures if one.people)
        raise InputError(
            f"none of the people in {annotations} is in a picture of {folder}",
            f"do the file names agree? It has {first[:100]!r}, the folder {paths[0].name!r}",
        )
    if elsewhere:
        told = (*told, f"{annotations.name}: annotated pictures that are not in {folder}: {elsewhere}")
    fitting, outside = _of_the_size([people[path] for path in sorted(people)], annotations)
    return Photos(fitting, len(paths), (*told, *read.warnings, *outside))


def readable(found: Photos, step: Progress = silent) -> Photos:
    """Those that can be read from beginning to end; InputError where none can.

    A picture that is cut short is found out by reading all of it, and before minutes are spent on the others.
    """
    unread = {}
    step = patient(step)
    for number, photo in enumerate(found.photos):
        try:
            load_image(photo.path)
        except InputError as error:
            unread[number] = error
        step(f"look at the pictures, {number + 1} of {len(found.photos)}")
    return without(found, unread)


def refuse_unreadable(found: Photos) -> None:
    """InputError where none can be read; looks at no more pictures than it must."""
    unread = {}
    for number, photo in enumerate(found.photos):
        try:
            load_image(photo.path)
            return
        except InputError as error:
            unread[number] = error
    without(found, unread)


def without(found: Photos, unread: Mapping[int, InputError]) -> Photos:
    """Those that could be read, and a warning of the others; unread: why, by number. InputError where none is left."""
    if not unread:
        return found
    first = unread[min(unread)]
    if len(unread) == len(found.photos):
        raise InputError(f"none of the {len(found.photos)} pictures can be read: {first.message}", first.hint)
    more = f", and {len(unread) - 1} more" if len(unread) > 1 else ""
    told = f"{len(unread)} of {len(found.photos)} pictures left out: {first.message}{more}"
    kept = tuple(photo for number, photo in enumerate(found.photos) if number not in unread)
    return replace(found, photos=kept, warnings=(*found.warnings, told))


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _listed(folder: Path, *, deep: bool) -> tuple[list[Path], tuple[str, ...]]:
    """The pictures in order, and what is said of files that look like pictures and are not read.

    Names that begin with a dot are none: macOS writes `._a.jpg` beside each a.jpg on other disks.
    """
    paths, odd = [], Counter[str]()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        for name in names:
            path = Path(place, name)
            if name.startswith(".") or not path.is_file():
                continue
            if path.suffix.lower() in SUFFIXES:
                paths.append(path)
            elif path.suffix.lower() in UNREAD:
                odd[path.suffix.lower()] += 1
        if paths and not deep and Path(place) == folder:
            break
    unread = ", ".join(f"{count} {suffix}" for suffix, count in sorted(odd.items()))
    if not paths:
        also = f" that are read, but {unread}: convert them to JPEG or PNG" if unread else ""
        raise InputError(f"the folder {folder} holds no pictures{also}", f"expected {', '.join(sorted(SUFFIXES))}")
    return sorted(paths), (f"files in {folder} that are not read are left out: {unread}",) if unread else ()


def _of_the_size(photos: Sequence[Photo], annotations: Path) -> tuple[tuple[Photo, ...], tuple[str, ...]]:
    """The pictures with the people whose box is in them; InputError where a size is not the one annotated."""
    kept, outside, turned = [], 0, 0
    people: list[tuple[Person, tuple[int, int]]] = []
    for photo in photos:
        seen = upright_wh(photo.path)
        if seen is None:  # told by who reads it
            kept.append(photo)
            continue
        size, is_turned = seen
        if photo.annotated_wh is not None and photo.annotated_wh != size:
            raise _another_size(photo, photo.annotated_wh, size, annotations)
        turned += is_turned and (photo.annotated_wh is None or photo.annotated_wh == size[::-1])
        inside = tuple(person for person in photo.people if _touches(person, size))
        outside += len(photo.people) - len(inside)
        people += [(person, size) for person in inside]
        if inside or not photo.people:  # nobody was annotated in it
            kept.append(replace(photo, people=inside))
    if outside and not people:
        raise InputError(
            f"all {outside} boxes of {annotations} lie outside of their pictures", "is bbox x, y, width, height in px?"
        )
    beyond, wide = _beyond(people, annotations)
    refuse_other_units([person for person, _ in people], annotations)
    said = (
        (beyond, f"{annotations.name}: people with labelled keypoints outside of the picture: {beyond}"),
        (
            wide,
            f"{annotations.name}: {wide} of {len(people)} boxes reach far beyond the picture: is bbox x, y, width, "
            "height?",
        ),
        (outside, f"{annotations.name}: left out for a box outside of the picture: {outside} people"),
        (
            turned,
            f"{annotations.name}: EXIF turns {turned} of {len(photos)} pictures, and no size tells whether they were "
            "annotated before that: taken as annotated upright",
        ),
    )
    return tuple(kept), tuple(sentence for count, sentence in said if count)


def _beyond(people: Sequence[tuple[Person, tuple[int, int]]], annotations: Path) -> tuple[int, int]:
    """How many people have keypoints outside of their picture, and boxes that reach far beyond it, if half of them do.

    InputError where half of the people have such keypoints, and many of them, or where all boxes are fractions:
    coordinates of something else.
    """
    if people and all(max(person.box_xyxy) <= 1 for person, _ in people):
        raise InputError(
            f"all boxes of {annotations} end within 1 px", "are they fractions of the picture? COCO's bbox is in px"
        )
    labelled = [(points, size) for person, size in people if len(points := _labelled(person))]
    out = [
        ((points < -OUTSIDE * max(size)) | (points > np.array(size) + OUTSIDE * max(size))).any(axis=1)
        for points, size in labelled
    ]
    beyond = sum(bool(one.any()) for one in out)
    if beyond and 2 * beyond >= len(labelled) and float(np.concatenate(out).mean()) >= MANY:
        raise InputError(
            f"{beyond} of {len(labelled)} people in {annotations} have labelled keypoints outside of their picture",
            "were the pictures turned, cut or made smaller after they were annotated?",
        )
    wide = sum(
        bool((np.array(person.box_xyxy[2:]) > np.array(size) + FAR * max(size)).any()) for person, size in people
    )
    return beyond, wide if 2 * wide >= len(people) else 0


def _another_size(photo: Photo, annotated: tuple[int, int], size: tuple[int, int], annotations: Path) -> InputError:
    was = f"{photo.name} is annotated as {annotated[0]}x{annotated[1]} in {annotations}"
    now = f"the picture is {size[0]}x{size[1]} upright"
    if annotated == size[::-1]:
        return InputError(
            f"{was}, {now}", "annotated before the EXIF turn? Save the pictures upright, or annotate them as shown"
        )
    return InputError(
        f"{was}, {now}", "was it made smaller or cut after it was annotated? Give the pictures that were annotated"
    )


def _labelled(person: Person) -> Floats:
    """Where a person's labelled keypoints are, (n, 2) px."""
    return np.zeros((0, 2)) if person.keypoints is None else person.keypoints[person.keypoints[:, 2] > 0, :2]


def _touches(person: Person, size_wh: tuple[int, int]) -> bool:
    x1, y1, x2, y2 = person.box_xyxy
    return x1 < size_wh[0] and y1 < size_wh[1] and x2 > 0 and y2 > 0
