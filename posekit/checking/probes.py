"""Look at the same people several times: as they are, moved, scaled and mirrored; what moves not with them is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders import check_outputs, decode
from posekit.images import Person, Photo, Picture, load_image
from posekit.poses import Floats
from posekit.spec import InputSpec, PoseSpec
from posekit.warp import InputTransform, Region, frame_region, input_transform, region_from_box, warp

Tensors = Mapping[str, NDArray[Any]]
Network = Callable[[PoseSpec, NDArray[np.float32]], Tensors]
MARGIN = 2.5  # of a person's longer side about the centre: farther than any probe of any padding looks


@dataclass(frozen=True, slots=True)
class Probe:
    """One look. shift: of the crop, as a fraction of the person's longer side; scale: of the crop's size."""

    name: str
    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    mirrored: bool = False


# no whole number of heatmap cells, and to all four sides
AS_IT_IS = Probe("as it is")
SHIFTS = (Probe("shift 1", (0.09, 0.07)), Probe("shift 2", (-0.075, -0.085)))
SCALES = (Probe("larger crop", scale=1.15), Probe("smaller crop", scale=0.87))
MIRROR = Probe("mirrored", mirrored=True)
PROBES = (AS_IT_IS, *SHIFTS, *SCALES, MIRROR)


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


@dataclass(frozen=True, slots=True)
class Look:
    """Keypoints (K, 2) px of the subject's pixels and scores (K,); NaN where the network gave no finite numbers."""

    keypoints: Floats
    scores: Floats


@dataclass(frozen=True, slots=True)
class Prober:
    """A network and the people it is shown.

    pinned: the input whose outputs are kept, so that decoding them anew costs no run; all would be gigabytes.
    """

    network: Network
    subjects: tuple[Subject, ...]
    pinned: InputSpec | None = None
    answers: dict[tuple[int, str], Tensors] = field(default_factory=dict)

    def outputs(self, spec: PoseSpec, index: int, probe: Probe) -> Tensors:
        """What the decoder reads of one look; it depends on the input's part of the contract alone."""
        key = (index, probe.name)
        if spec.input == self.pinned and key in self.answers:
            return self.answers[key]
        transform = self.transform(spec, index, probe)
        pixels = warp(self.subjects[index].image, transform, spec.input.size_wh, spec.input.pad_value)
        outputs = self.network(spec, np.ascontiguousarray(pixels[:, ::-1]) if probe.mirrored else pixels)
        check_outputs({name: values.shape for name, values in outputs.items()}, spec)
        if spec.input == self.pinned:
            self.answers[key] = outputs = {name: outputs[name] for name in spec.decoder.outputs}
        return outputs

    def transform(self, spec: PoseSpec, index: int, probe: Probe) -> InputTransform:
        """From px of the subject's pixels to the network's input."""
        subject = self.subjects[index]
        if subject.box_xyxy is None:
            region = frame_region((subject.image.shape[1], subject.image.shape[0]), spec.input)
        else:
            region = region_from_box(subject.box_xyxy, spec.input.size_wh, spec.input.box_padding)
        (x, y), (width, height) = region.center_xy, region.size_wh
        centre = (x + probe.shift[0] * subject.size, y + probe.shift[1] * subject.size)
        return input_transform(Region(centre, (width * probe.scale, height * probe.scale)), spec.input)

    def look(self, spec: PoseSpec, index: int, probe: Probe, flip: NDArray[np.int64] | None = None) -> Look:
        """The keypoints of one look; of a mirrored one turned back, `flip` naming each keypoint's partner."""
        outputs = self.outputs(spec, index, probe)
        if not all(np.isfinite(outputs[name]).all() for name in spec.decoder.outputs):
            nothing = np.full((spec.keypoint_count, 2), np.nan)
            return Look(nothing, nothing[:, 0])
        poses = decode(outputs, spec)
        points, scores = poses.keypoints[0, :, :2].copy(), poses.scores[0]
        if probe.mirrored:
            width = spec.input.size_wh[0] - (0 if spec.input.alignment == "half_pixel" else 1)
            points[:, 0] = width - points[:, 0]
            if flip is not None:
                points, scores = points[flip], scores[flip]
        return Look(self.transform(spec, index, probe).to_source(points), scores)


def partners(spec: PoseSpec) -> NDArray[np.int64]:
    """For each keypoint the index of its flip partner, itself without one: (K,)."""
    place = {name: index for index, name in enumerate(spec.keypoints.names)}
    flip = np.arange(spec.keypoint_count)
    for left, right in spec.keypoints.flip_pairs:
        flip[place[left]], flip[place[right]] = place[right], place[left]
    return flip


def subjects_of(photos: Sequence[Photo], spec: PoseSpec, limit: int) -> tuple[Subject, ...]:
    """At most `limit` people, spread over the pictures: the first of each, then the second of each, and so on.

    A picture without people, or a model that looks at frames, gives the whole frame; its annotation is used where
    it is of a single person.
    """
    step = max(len(photos) / limit, 1.0)
    spread = [photos[int(index * step)] for index in range(min(len(photos), limit))]
    rows: list[list[tuple[Photo, Person | None]]] = [
        [(photo, person) for person in photo.people if spec.kind == "top_down"] or [(photo, None)] for photo in spread
    ]
    chosen = [item for turn in zip_longest(*rows) for item in turn if item is not None]
    return tuple(_subject(photo, person, spec) for photo, person in chosen[:limit])


def _subject(photo: Photo, person: Person | None, spec: PoseSpec) -> Subject:
    image = load_image(photo.path)
    height, width = image.shape[:2]
    if person is None:
        alone = photo.people[0] if len(photo.people) == 1 else None
        truth = alone.keypoints if alone else None
        return Subject(photo.path.name, image, None, float(max(width, height)), truth, alone.area if alone else 1.0)
    x1, y1, x2, y2 = person.box_xyxy
    size = max(x2 - x1, y2 - y1)
    reach = MARGIN * size * max(spec.input.size_wh) / min(spec.input.size_wh)
    # whole pixels, so that every alignment's coordinates move by the same number
    left, top = (max(math.floor(value), 0) for value in ((x1 + x2) / 2 - reach, (y1 + y2) / 2 - reach))
    left, top = min(left, width - 1), min(top, height - 1)
    right, bottom = (max(math.ceil(value), 1) for value in ((x1 + x2) / 2 + reach, (y1 + y2) / 2 + reach))
    window = np.ascontiguousarray(image[top : max(bottom, top + 1), left : max(right, left + 1)])
    truth = None if person.keypoints is None else person.keypoints - [left, top, 0]
    return Subject(photo.path.name, window, (x1 - left, y1 - top, x2 - left, y2 - top), size, truth, person.area)
