"""What the networks are shown while one learns from the other: crops of the user's pictures, and no labels.

A top-down network is shown people. Where there are no boxes the original network finds them itself: of a few places of
a picture that one is taken of which it is surest, after looking closer twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import PoseSpec
from posekit.errors import InputError
from posekit.parity.cases import Case, poses_of
from posekit.poses.images import Photo, Picture, load_image
from posekit.poses.regions import Region, frame_region, region_from_box
from posekit.poses.tracking import next_region
from posekit.poses.transforms import input_transform
from posekit.poses.warp import crop

PLACES = 5  # of a picture without boxes: the whole, and others at random
LOOKS = 2
SURE = 0.3  # of the largest score of a pose: keypoints below it do not say where the person is
ANYWHERE = 0.2  # of the crops to learn from show any place at all
MIN_PICTURES = 8
HELD_OUT = 5  # one picture of so many is held out
MAX_HELD_OUT = 100
A_VISIT = 8  # crops of a picture each time that it is read
MAX_BANK_BYTES = 1 << 30

Pixels = NDArray[np.float32]
Run = Callable[[Pixels], Sequence[Mapping[str, NDArray[Any]]]]  # (N, H, W, 3) RGB 0-255 -> outputs of each
Rng = np.random.Generator


def held_out(photos: Sequence[Photo], rng: Rng) -> tuple[list[Photo], list[Photo]]:
    """Pictures to learn from, and others to judge by; InputError for too few."""
    if len(photos) < MIN_PICTURES:
        raise InputError(
            f"{len(photos)} pictures to recover on, expected at least {MIN_PICTURES}",
            "some hundreds of your own are good",
        )
    order = [photos[int(index)] for index in rng.permutation(len(photos))]
    count = min(max(len(photos) // HELD_OUT, 2), MAX_HELD_OUT)
    return order[count:], order[:count]


def regions_of(photo: Photo, image: Picture, spec: PoseSpec, run: Run, rng: Rng) -> list[Region]:
    """The regions that the contract makes of a picture's people, or of the whole frame; source px."""
    frame = frame_region((image.shape[1], image.shape[0]), spec.input)
    if not spec.looks_at_regions:
        return [frame]
    if photo.people:
        return [region_from_box(p.box_xyxy, spec.input.size_wh, spec.input.box_padding) for p in photo.people]
    places = [frame, *(anywhere(image, spec, rng) for _ in range(PLACES - 1))]
    for _ in range(LOOKS):
        surest = _by_score(image, places, spec, run)[:2]
        places = [surest[0][0], *(_closer(keypoints, scores, place, spec) for place, keypoints, scores in surest)]
    return [_by_score(image, places, spec, run)[0][0]]


def anywhere(image: Picture, spec: PoseSpec, rng: Rng) -> Region:
    """A region of a random size and place, of the input's shape."""
    height, width = image.shape[:2]
    (w, h), scale = frame_region((width, height), spec.input).size_wh, rng.uniform(0.25, 0.9)
    centre = rng.uniform(0.15, 0.85, 2) * (width, height)
    return Region((float(centre[0]), float(centre[1])), (w * scale, h * scale))


def turned(region: Region, rng: Rng, *, upright: bool) -> Region:
    """The region shifted, scaled and, unless `upright`, turned a little."""
    scale, angle = rng.uniform(0.75, 1.25), float(np.clip(rng.normal(0, 15), -35, 35)) * (rng.random() < 0.6)
    (x, y), (w, h), (dx, dy) = region.center_xy, region.size_wh, rng.uniform(-0.06, 0.06, 2)
    return Region((x + dx * w, y + dy * h), (w * scale, h * scale), 0.0 if upright else angle)


def case_of(photo: Photo, image: Picture, region: Region, spec: PoseSpec) -> Case:
    """The region as a case that keypoints can be compared on; size and area are the person's, by the padding."""
    padding = spec.input.box_padding if spec.looks_at_regions else 1.0
    width, height = (side / padding for side in region.size_wh)
    pixels, transform = crop(image, region, spec.input)
    return Case(photo.name, photo, None, region, transform, pixels, max(width, height), width * height)


def cases_to_judge(photos: Sequence[Photo], spec: PoseSpec, run: Run, rng: Rng) -> tuple[list[Case], int]:
    """A case for each person of the held-out pictures, and how many pictures could not be read."""
    cases, damaged = [], 0
    for photo in photos:
        try:
            image = load_image(photo.path)
        except InputError:
            damaged += 1
            continue
        cases += [case_of(photo, image, region, spec) for region in regions_of(photo, image, spec, run, rng)]
    return cases, damaged


@dataclass
class Bank:
    """Crops to learn from: each picture visited gives some, and those of earlier visits are shown again.

    damaged: names of the pictures that could not be read.
    """

    photos: list[Photo]
    spec: PoseSpec
    run: Run
    rng: Rng
    damaged: set[str] = field(default_factory=set)
    _crops: list[NDArray[np.uint8]] = field(default_factory=list)
    _regions: dict[str, list[Region]] = field(default_factory=dict)
    _order: list[int] = field(default_factory=list)
    _next: int = 0

    def visit(self) -> None:
        """Add crops of the next picture, in an order that is shuffled anew each time round."""
        if not self._order:
            self._order = [int(index) for index in self.rng.permutation(len(self.photos))]
        photo = self.photos[self._order.pop()]
        if photo.name in self.damaged:
            return
        try:
            image = load_image(photo.path)
        except InputError:
            self.damaged.add(photo.name)
            if len(self.damaged) > len(self.photos) // 2:
                raise
            return
        if photo.name not in self._regions:
            self._regions[photo.name] = regions_of(photo, image, self.spec, self.run, self.rng)
        regions = self._regions[photo.name]
        upright = self.spec.input.sampling == "bilinear_antialias"
        for _ in range(A_VISIT):
            if self.spec.looks_at_regions and self.rng.random() < ANYWHERE:
                region = anywhere(image, self.spec, self.rng)
            else:
                region = turned(regions[int(self.rng.integers(len(regions)))], self.rng, upright=upright)
            self._add(np.round(crop(image, region, self.spec.input)[0]).astype(np.uint8))

    def batch(self, size: int) -> Pixels:
        """(N, H, W, 3) RGB 0-255, those of one more picture among them; mirrored and with other colours at random."""
        self.visit()
        while len(self._crops) < size:
            self.visit()
        fresh = min(size, A_VISIT)
        newest = [(self._next - 1 - i) % len(self._crops) for i in range(fresh)]
        chosen = [*newest, *self.rng.integers(len(self._crops), size=size - fresh).tolist()]
        pixels = np.stack([self._crops[index] for index in chosen]).astype(np.float32)
        mirrored = self.rng.random(size) < 0.5
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        gain = self.rng.uniform(0.7, 1.3, (size, 1, 1, 1)) * self.rng.uniform(0.9, 1.1, (size, 1, 1, 3))
        return np.clip(pixels * gain.astype(np.float32), 0, 255)

    def _add(self, pixels: NDArray[np.uint8]) -> None:
        room = max(MAX_BANK_BYTES // pixels.nbytes, 64)
        if len(self._crops) < room:
            self._crops.append(pixels)
            self._next = len(self._crops) % room
        else:
            self._crops[self._next] = pixels
            self._next = (self._next + 1) % room


def _by_score(image: Picture, places: Sequence[Region], spec: PoseSpec, run: Run) -> list[tuple[Region, Any, Any]]:
    """The places with their keypoints (K, 2) in source px and scores (K,), the surest first."""
    outputs = run(np.stack([crop(image, place, spec.input)[0] for place in places]))
    found = []
    for place, values in zip(places, outputs, strict=True):
        poses = poses_of(values, input_transform(place, spec.input), spec)
        found.append((place, poses.keypoints[0, :, :2], poses.scores[0]))
    return sorted(found, key=lambda one: -float(one[2].mean()))


def _closer(keypoints: Any, scores: Any, place: Region, spec: PoseSpec) -> Region:
    """The region of the person that was seen in a place; the place itself where nobody was."""
    sure = SURE * float(scores.max())
    return next_region(keypoints, scores, spec.input.size_wh, spec.input.box_padding, sure) or place
