"""Heatmaps with tags to people: associative embedding, as in HigherHRNet, LitePose, EfficientHRNet and MMPose.

Peaks of the heatmaps become people by their tags (groups.py); what a person lacks is looked for (tag_filling.py).
Sources: Newell et al. 2017, "Associative Embedding"; Cheng et al. 2020, "HigherHRNet"; Wang et al. 2022, "Lite Pose".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from posekit.decoders import layout
from posekit.decoders.decoder import Alternatives, Decoder, Fit, Outputs, Shapes, in_words
from posekit.decoders.peaks import Peaks, peaks
from posekit.decoders.people import partial_people
from posekit.decoders.tags.encoding import examples
from posekit.decoders.tags.filling import Maps, filled
from posekit.decoders.tags.groups import grouped
from posekit.decoders.tags.roles import TagMapsSpec, maps_of, shapes
from posekit.decoders.upsampled import Places, Upsampled, at, windows
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec


class TagsSpec(TagMapsSpec):
    """decoders/tags/tags.py: which channels of which outputs are heatmaps and tags
    (decoders/tags/roles.py), and how their peaks become people."""

    kind: Literal["tags"]


def pack(values: Any, wanted: layout.ExpectedShape, spec: TagsSpec, size_wh: tuple[int, int]) -> Any:
    """Maps of the network with their channels last; MisfitError for other axes."""
    del spec
    return layout.maps(values, wanted, size_wh, "none")


def decode(outputs: Outputs, spec: TagsSpec, image: InputSpec, sigmas: Sequence[float]) -> Poses:
    """The people of an image, the most confident first, in input px; of equal ones who was started first."""
    count = len(sigmas)
    maps = maps_of(outputs, spec, image, count)
    found = peaks(maps.heat, maps.upper, spec.peaks.reach, spec.peaks.threshold, spec.peaks.most)
    tags = np.stack([at(each, maps.own(found.channels), found.y, found.x) for each in maps.tags], axis=1)
    people = grouped(found, tags, spec.order_of(count), count, spec.groups)
    scores = np.where(people >= 0, np.append(found.scores, 0.0)[people], 0.0)
    confidences = _sum_in_turn(scores) / count
    ranks = np.argsort(-confidences, kind="stable")
    ranks = ranks[confidences[ranks] > spec.min_confidence]
    return _people(maps, found, tags, people[ranks], scores[ranks], confidences[ranks], spec, image)


def _sum_in_turn(values: Floats) -> Floats:
    """Sums over the last axis in its order, so that every language rounds alike."""
    return np.asarray(np.add.accumulate(values, axis=-1)[..., -1])


def _people(
    maps: Maps, found: Peaks, tags: Floats, people: Places, scores: Floats, confidences: Floats, spec: TagsSpec,
    image: InputSpec,
) -> Poses:  # fmt: skip
    """People with what they lack, in input px."""
    there = people >= 0
    y, x = np.zeros_like(people), np.zeros_like(people)
    y[there], x[there] = found.y[people[there]], found.x[people[there]]
    own = np.zeros((*people.shape, tags.shape[1]))
    own[there] = tags[people[there]]
    means = np.add.accumulate(own, axis=1)[:, -1] / there.sum(axis=1)[:, None]
    person, keypoint = np.nonzero(~there)
    cells = filled(maps, keypoint, means[person], spec.peaks.reach, spec.filling)
    good = cells.heat > 0
    person, keypoint = person[good], keypoint[good]
    y[person, keypoint], x[person, keypoint] = cells.y[good], cells.x[good]
    scores[person, keypoint], there[person, keypoint] = cells.heat[good], True
    keypoints = np.stack([x, y], axis=-1) + spec.shift
    _, keypoint = np.nonzero(there)
    keypoints[there] += _adjusted(maps.heat, keypoint, y[there], x[there], spec)
    return partial_people(keypoints * (np.array(image.size_wh) / maps.heat.size_wh), there, scores, confidences)


def _adjusted(heat: Upsampled, keypoints: Places, y: Places, x: Places, spec: TagsSpec) -> Floats:
    """What is added to cells of keypoints (N, 2) for their neighbours' sake."""
    if spec.adjustment == "none" or not len(x):
        return np.zeros((len(x), 2))
    about = windows(heat, keypoints, y - 1, x - 1, 3)  # the border is its own neighbour
    after = np.stack([about[:, 1, 2] - about[:, 1, 0], about[:, 2, 1] - about[:, 0, 1]], axis=-1)
    if spec.adjustment == "quarter_clamped":
        return np.where(after > 0, 0.25, -0.25)
    width, height = heat.size_wh
    inside = np.stack([(x > 1) & (x < width - 1) & (y > 0), (y > 1) & (y < height - 1) & (x > 0)], axis=-1)
    return np.where(inside, 0.25 * np.sign(after), 0.0)


def alternatives(spec: TagsSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """Where in its cell a keypoint lies, and at what size peaks are looked for."""
    del spec, image
    return (
        Alternatives(("shift",), tuple({"shift": one} for one in (0.0, 0.5)), "mirror"),
        Alternatives(
            ("upsampling",), tuple({"upsampling": one} for one in ("none", "half", "input")), "follow", is_choice=True
        ),
    )


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Maps of K keypoints and as many tags, beside maps of K keypoints that are twice as large."""
    found = []
    for name, shape in outputs.items():
        for finer, other in outputs.items():
            if (
                len(shape) == len(other) == 4
                and shape[1] == 2 * other[1]
                and shape[2] * size_wh[0] == shape[3] * size_wh[1]
                and (2 * shape[2], 2 * shape[3]) == tuple(other[2:])
            ):
                why = f"{in_words(name, shape)} and {in_words(finer, other)}: heatmaps with tags, and larger heatmaps"
                settings = {
                    "heatmaps": {"outputs": [name, finer]}, "tags": {"outputs": [name], "first": [other[1]]},
                }  # fmt: skip
                found.append(Fit(settings, other[1], why))
    return tuple(found)


def looser(spec: TagsSpec, by: float) -> TagsSpec:
    """Peaks and people that are less sure by at most `by` count too."""
    threshold = max(spec.peaks.threshold - by, 0.0)
    return spec.model_copy(
        update={
            "peaks": spec.peaks.model_copy(update={"threshold": threshold}),
            "min_confidence": max(spec.min_confidence - by, 0.0),
        }
    )


def candidates(spec: TagsSpec, by: float) -> TagsSpec:
    """People that are less sure by at most `by`; other peaks would make other people of the same ones."""
    return spec.model_copy(update={"min_confidence": max(spec.min_confidence - by, 0.0)})


DECODER = Decoder(
    TagsSpec, shapes, pack, decode, examples, alternatives, fitting, several=True, partial=True, looser=looser,
    candidates=candidates,
    unaveraged="tags are near to each other within one look alone, and people of several are not told apart by a mean",
)  # fmt: skip
