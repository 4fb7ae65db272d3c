"""Part affinity fields: maps of keypoints, and fields of limbs by which keypoints are grouped to people.

What published codes do otherwise is data (spec.py): OpenPose, tf-pose, Lightweight OpenPose. A peak of a larger map
is a keypoint of somebody (peaks.py), two are joined where the field between them runs from one to the other, and
people grow limb by limb (people.py). Sources: Cao et al. 2017, "Realtime Multi-Person 2D Pose Estimation using Part
Affinity Fields"; Osokin 2018, "Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posekit.decoders import layout
from posekit.decoders.decoder import Alternatives, Decoder, Fit, Outputs, Shapes, in_words
from posekit.decoders.mirroring import Mirror, column
from posekit.decoders.paf.peaks import peaks_of
from posekit.decoders.paf.people import ABSENT, limbs_of, people_of
from posekit.decoders.paf.spec import FieldsSpec
from posekit.decoders.people import partial_people
from posekit.errors import InputError
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec


class PafSpec(FieldsSpec):
    """decoders/paf/paf.py: which channels of which outputs are maps and fields (decoders/paf/spec.py), and the rules by
    which they become people."""

    kind: Literal["paf"]


def shapes(spec: PafSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: any map size, as many channels as the maps and fields need."""
    return {name: (None, None, spec.channel_count(name, keypoint_count)) for name in spec.outputs}


def pack(values: Any, wanted: layout.ExpectedShape, spec: PafSpec, size_wh: tuple[int, int]) -> Any:
    """Maps C x h x w of the network as (1, h, w, C); MisfitError for other axes."""
    return layout.maps(values, wanted, size_wh, "none")


def decode(outputs: Outputs, spec: PafSpec, image: InputSpec, sigmas: Sequence[float]) -> Poses:
    """The people of an image, the most confident first, equal ones in the order in which they began, in input px."""
    layout.check_one_grid(outputs, spec.outputs)
    maps, fields = outputs[spec.heatmaps.output], outputs[spec.fields.output]
    peaks = peaks_of(maps, spec, len(sigmas))
    found = people_of(limbs_of(fields, peaks, spec), peaks, spec, len(sigmas))
    means = found.scores / np.maximum(found.parts, 1)
    confidences = means if spec.grouping.confidence == "mean" else found.scores * np.maximum(found.parts - 1, 0)
    order = np.argsort(-confidences, kind="stable")
    ids, confidences = found.peaks[order], confidences[order]
    scale, offset = input_px(spec, (maps.shape[1], maps.shape[0]), image.size_wh)
    points = np.stack([peaks.x[ids], peaks.y[ids]], axis=-1) if len(peaks.x) else np.zeros((*ids.shape, 2))
    scores = peaks.scores[ids] if len(peaks.x) else np.zeros(ids.shape)
    return partial_people((points + offset) * scale, ids != ABSENT, scores, confidences)


def input_px(spec: FieldsSpec, map_wh: tuple[int, int], size_wh: tuple[int, int]) -> tuple[Floats, Floats]:
    """(scale, offset), of x and y: index i of a larger map lies at input px (i + offset) * scale."""
    factor = spec.upsampling.factor
    scale = np.array([size / (cells * factor) for size, cells in zip(size_wh, map_wh, strict=True)])
    offset = {"stride": 0.0, "half_pixel": 0.5, "cells": 0.5 - factor / 2}[spec.alignment]
    return scale, np.full(2, offset)


def encode(
    keypoints: Floats, found: NDArray[np.bool_], spec: PafSpec, size_wh: tuple[int, int], map_wh: tuple[int, int]
) -> dict[str, Floats]:
    """What training draws for people's keypoints (N, K, 2) in input px: Gaussians of height 1, sigma 1 cell, the
    highest one at each cell, and unit vectors within a cell of a limb, the mean where limbs cross."""
    count = keypoints.shape[1]
    scale, offset = input_px(spec, map_wh, size_wh)
    cells = (keypoints / scale - offset + 0.5) / spec.upsampling.factor - 0.5
    outputs = {name: np.zeros((map_wh[1], map_wh[0], spec.channel_count(name, count))) for name in spec.outputs}
    y, x = np.mgrid[: map_wh[1], : map_wh[0]].astype(np.float64)
    maps, first = outputs[spec.heatmaps.output], spec.heatmaps.first_keypoint
    for points, there in zip(cells, found, strict=True):
        for k in np.flatnonzero(there):
            drawn = np.exp(-((x - points[k, 0]) ** 2 + (y - points[k, 1]) ** 2) / 2)
            maps[..., first + k] = np.maximum(maps[..., first + k], drawn)
    fields, places = outputs[spec.fields.output], spec.fields.places
    for number, (a, b) in enumerate(zip(spec.fields.pairs[::2], spec.fields.pairs[1::2], strict=True)):
        drawn, times = np.zeros((map_wh[1], map_wh[0], 2)), np.zeros((map_wh[1], map_wh[0], 1))
        for points in cells[found[:, a] & found[:, b]]:
            length = max(float(np.hypot(*(points[b] - points[a]))), 1e-9)
            unit = (points[b] - points[a]) / length
            along = (x - points[a, 0]) * unit[0] + (y - points[a, 1]) * unit[1]
            aside = np.abs((x - points[a, 0]) * unit[1] - (y - points[a, 1]) * unit[0])
            on = ((along >= -1) & (along <= length + 1) & (aside <= 1))[..., None]
            drawn, times = drawn + on * unit, times + on
        fields[..., places[2 * number : 2 * number + 2]] = drawn / np.maximum(times, 1)
    return outputs


def examples(spec: PafSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Three people beside each other on small maps, one without its last keypoint."""
    width, height = image.size_wh
    cell = max(8.0, max(width, height) / 24)
    map_wh = (max(round(width / cell), 6), max(round(height / cell), 6))
    middle = np.array([[1.0, 3], [3, 3], [5, 3]])[:, None] / 6
    points = (middle + rng.uniform(-0.13, 0.13, (3, count, 2)) * (1, 3)) * image.size_wh
    found = np.ones((3, count), bool)
    found[2, -1] = count < 3
    return encode(points, found, spec, image.size_wh, map_wh)


def alternatives(spec: PafSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """Where the px of a larger map lie."""
    del spec, image
    changes = tuple({"alignment": one} for one in ("stride", "half_pixel", "cells"))
    return (Alternatives(("alignment",), changes, "mirror"),)


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """OpenPose's maps of COCO: 19 and 38 of the same size, in one tensor or two."""
    maps = {
        name: shape[-3:] for name, shape in outputs.items()
        if len(shape) == 4 and shape[-1] * size_wh[1] == shape[-2] * size_wh[0]
    }  # fmt: skip
    sides = "19 heatmaps and 38 fields of COCO with a neck; say which pairs the fields join"
    heat = {"first": 0, "background": "last"}
    found = [
        Fit({"heatmaps": {"output": name} | heat, "fields": {"output": name, "first": 19}}, 18,
            f"{in_words(name, outputs[name])}: {sides}")
        for name, shape in maps.items() if shape[0] == 57
    ]  # fmt: skip
    for one, other in ((a, b) for a in maps for b in maps if maps[a][0] == 19 and maps[b] == (38, *maps[a][1:])):
        why = f"{in_words(one, outputs[one])}, {in_words(other, outputs[other])}: {sides}"
        found.append(Fit({"heatmaps": {"output": one} | heat, "fields": {"output": other}}, 18, why))
    return tuple(found)


def mirrored(outputs: Mapping[str, Any], spec: PafSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Maps (1, h, w, C) from left to right, of the other side's keypoints and limbs; fields in x point the other way.

    InputError where a limb has no other side.
    """
    del image
    found = {name: mirror.turned(outputs[name], -2) for name in spec.outputs}
    replaced: dict[str, dict[int, Any]] = {name: {} for name in spec.outputs}
    heat, first = spec.heatmaps.output, spec.heatmaps.first_keypoint
    replaced[heat] = {first + k: column(found[heat], first + other) for k, other in enumerate(mirror.order)}
    fields, places = spec.fields.output, spec.fields.places
    pairs = zip(spec.fields.pairs[::2], spec.fields.pairs[1::2], strict=True)
    limbs = {limb: number for number, limb in enumerate(pairs)}
    for (one, other), number in limbs.items():
        wanted = (mirror.order[one], mirror.order[other])
        sign = 1 if wanted in limbs else -1
        partner = limbs.get(wanted, limbs.get(wanted[::-1]))
        if partner is None:
            raise InputError(
                f"flip_test needs the other side of every limb, and keypoints {wanted[0]} and {wanted[1]} are no pair",
                "set flip_test to none",
            )
        replaced[fields][places[2 * number]] = -sign * column(found[fields], places[2 * partner])
        replaced[fields][places[2 * number + 1]] = sign * column(found[fields], places[2 * partner + 1])
    return {name: mirror.replaced(maps, replaced[name]) for name, maps in found.items()}


def looser(spec: PafSpec, by: float) -> PafSpec:
    """Who misses the least score by at most `by`, or has one keypoint too few, counts too."""
    rules = spec.grouping
    changes = {
        "min_score": max(rules.min_score - by, 0.0),
        "min_parts": max(rules.min_parts - 1, min(2, rules.min_parts)),
    }
    return spec.model_copy(update={"grouping": rules.model_copy(update=changes)})


# nobody is suppressed, so all candidates are those of the looser settings
DECODER = Decoder(
    PafSpec, shapes, pack, decode, examples, alternatives, fitting, cells=(1, 2), several=True, partial=True,
    looser=looser, candidates=looser, mirrored=mirrored,
)  # fmt: skip
