"""The people, or whole pictures, that a check looks at: no more pixels than it needs, and nobody twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from PIL import Image

from posekit.contract.spec import PoseSpec
from posekit.poses import Floats
from posekit.poses.images import Person, Photo, Picture, load_image
from posekit.poses.regions import Region, frame_region, region_from_box

MARGIN = 2.5  # of a person's longer side about the centre: farther than any probe of any padding looks
KEPT_PX = 16_000_000  # of one subject; what is larger is made smaller, or a dozen would be gigabytes
CELLS = 8  # a side of the small picture by which subjects are compared
# Of the contrast: below, two crops are the same picture. A crop that moves by 3 % of the person lies 0.24 from itself
# (0.33 at most), jpeg of quality 40 costs 0.03, and the nearest two of the sample's people lie 0.48 apart.
ALIKE = 0.35


@dataclass(frozen=True, slots=True)
class Subject:
    """One person, or one whole picture: the pixels about it, and its box in px of those pixels.

    size: longer side of the box or of the frame, px. truth: (K, 3) with COCO visibility, or None; area px^2.
    """

    name: str
    image: Picture
    box_xyxy: tuple[float, float, float, float] | None
    size: float
    truth: Floats | None = None
    area: float = 1.0


def subjects_of(photos: Sequence[Photo], spec: PoseSpec, limit: int) -> tuple[Subject, ...]:
    """At most `limit` people, spread over the pictures: the first of each, then the second of each, and so on.

    A picture without people, or a model that looks at frames, gives the whole frame; its annotation is used where
    it is of a single person.
    """
    step = max(len(photos) / limit, 1.0)
    spread = [photos[int(index * step)] for index in range(min(len(photos), limit))]
    rows: list[list[tuple[Photo, Person | None]]] = [
        [(photo, person) for person in photo.people if spec.looks_at_regions] or [(photo, None)] for photo in spread
    ]
    chosen = [item for turn in zip_longest(*rows) for item in turn if item is not None]
    return tuple(_subject(photo, person, spec) for photo, person in chosen[:limit])


def region_of(subject: Subject, spec: PoseSpec) -> Region:
    """What the contract crops for the subject, px of its pixels."""
    if subject.box_xyxy is None:
        return frame_region((subject.image.shape[1], subject.image.shape[0]), spec.input)
    return region_from_box(subject.box_xyxy, spec.input.size_wh, spec.input.box_padding)


def distinct(subjects: Sequence[Subject], spec: PoseSpec) -> tuple[Subject, ...]:
    """Those whose crops differ, the first of each kind: frames of a film are no independent witnesses."""
    kept: list[tuple[Subject, Floats]] = []
    for subject in subjects:
        small = _small(subject, spec)
        if all(_apart(small, other) >= ALIKE for _, other in kept):
            kept.append((subject, small))
    return tuple(subject for subject, _ in kept)


def _small(subject: Subject, spec: PoseSpec) -> Floats:
    """What the crop shows of the picture, as few cells (CELLS, CELLS, 3) about their mean."""
    region = region_of(subject, spec)
    (x, y), (width, height) = region.center_xy, region.size_wh
    rows = _inside(y - height / 2, y + height / 2, subject.image.shape[0])
    columns = _inside(x - width / 2, x + width / 2, subject.image.shape[1])
    crop = Image.fromarray(np.ascontiguousarray(subject.image[rows, columns]))
    cells = np.asarray(crop.resize((CELLS, CELLS), Image.Resampling.BOX), np.float64)
    return np.asarray(cells - cells.mean(axis=(0, 1)))


def _inside(first: float, last: float, length: int) -> slice:
    """The pixels of a picture's axis between two places; one at least."""
    start = min(max(round(first), 0), length - 1)
    return slice(start, max(min(round(last), length), start + 1))


def _apart(one: Floats, two: Floats) -> float:
    """RMS difference as a share of the larger contrast; 0 for two that are flat."""
    contrast = math.sqrt(max((one**2).mean(), (two**2).mean()))
    return math.sqrt(((one - two) ** 2).mean()) / max(contrast, 1.0)


def _subject(photo: Photo, person: Person | None, spec: PoseSpec) -> Subject:
    image = load_image(photo.path)
    height, width = image.shape[:2]
    if person is None:
        alone = photo.people[0] if len(photo.people) == 1 else None
        truth = alone.keypoints if alone else None
        return _shrunk(Subject(photo.name, image, None, float(max(width, height)), truth, alone.area if alone else 1.0))
    x1, y1, x2, y2 = person.box_xyxy
    size = max(x2 - x1, y2 - y1)
    reach = MARGIN * size * max(spec.input.size_wh) / min(spec.input.size_wh)
    # whole pixels, so that every alignment's coordinates move by the same number
    left, top = (max(math.floor(value), 0) for value in ((x1 + x2) / 2 - reach, (y1 + y2) / 2 - reach))
    left, top = min(left, width - 1), min(top, height - 1)
    right, bottom = (max(math.ceil(value), 1) for value in ((x1 + x2) / 2 + reach, (y1 + y2) / 2 + reach))
    # a copy, since a view would keep the whole picture
    window = image[top : max(bottom, top + 1), left : max(right, left + 1)].copy()
    truth = None if person.keypoints is None else person.keypoints - [left, top, 0]
    box = (x1 - left, y1 - top, x2 - left, y2 - top)
    return _shrunk(Subject(photo.name, window, box, size, truth, person.area))


def _shrunk(subject: Subject) -> Subject:
    """The subject with blocks of pixels averaged to one, where it has more than KEPT_PX."""
    height, width = subject.image.shape[:2]
    by = math.ceil(math.sqrt(width * height / KEPT_PX))
    rows, columns = height // by, width // by
    if by == 1 or not rows or not columns:
        return subject
    total = np.zeros((rows, columns, 3), np.uint32)
    for y in range(by):
        for x in range(by):
            total += subject.image[y : rows * by : by, x : columns * by : by]
    image = ((total + by * by // 2) // (by * by)).astype(np.uint8)
    box = None
    if subject.box_xyxy is not None:
        x1, y1, x2, y2 = subject.box_xyxy
        box = (x1 / by, y1 / by, x2 / by, y2 / by)
    truth = None if subject.truth is None else subject.truth / [by, by, 1]
    return Subject(subject.name, image, box, subject.size / by, truth, subject.area / by**2)
