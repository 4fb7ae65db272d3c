"""Centres of people, and displacements from each to the keypoints: CenterNet's pose, DEKR, and MMPose's codec of these.

Keypoints may then be moved to peaks of their own heatmaps (CenterNet), or be scored by these and people suppressed that
are alike (DEKR). Sources: Zhou et al. 2019, "Objects as Points"; Geng et al. 2021, "Bottom-Up Human Pose Estimation via
Disentangled Keypoint Regression".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from posekit.decoders import layout, map_roles
from posekit.decoders.activation import sigmoid
from posekit.decoders.centers.encoding import examples
from posekit.decoders.centers.roles import CenterMapsSpec, PeakChannels, Scoring, Snapping, Suppression, shapes
from posekit.decoders.decoder import Alternatives, Decoder, Fit, Outputs, Shapes, in_words
from posekit.decoders.map_roles import MapRole, Turned
from posekit.decoders.mirroring import Mirror
from posekit.decoders.peaks import Peaks
from posekit.decoders.rough import highest
from posekit.decoders.upsampled import Upsampled, at
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec


class CentersSpec(CenterMapsSpec):
    """decoders/centers/centers.py: which channels of which outputs are centres, displacements and more
    (decoders/centers/roles.py)."""

    kind: Literal["centers"]


def pack(values: Any, wanted: layout.ExpectedShape, spec: CentersSpec, size_wh: tuple[int, int]) -> Any:
    """Maps of the network with their channels last; MisfitError for other axes."""
    del spec
    return layout.maps(values, wanted, size_wh, "none")


def decode(outputs: Outputs, spec: CentersSpec, image: InputSpec, sigmas: Sequence[float]) -> Poses:
    """The people of an image, the most confident first, in input px; of equal ones whose centre is better."""
    del image
    count = len(sigmas)
    centers = peaks(outputs, spec.centers, 1)
    cells = np.stack([centers.x, centers.y], axis=-1)
    displacements = _values(outputs, spec.displacements, centers, 2 * count).reshape(-1, count, 2)
    sign = 1.0 if spec.displacements.sign == "added" else -1.0
    points = (cells + spec.shift)[:, None] + sign * displacements
    boxes = None
    if spec.boxes:
        offsets = _values(outputs, spec.boxes.offsets, centers, 2) if spec.boxes.offsets else 0.5
        sizes = _values(outputs, spec.boxes.sizes, centers, 2)
        boxes = np.concatenate([cells + offsets - sizes / 2, cells + offsets + sizes / 2], axis=1)
        if spec.snapping:
            points = _snapped(points, boxes, outputs, spec.snapping)
    heat = _heat(points, outputs, spec.scoring, spec.stride) if spec.scoring else np.ones(points.shape[:2])
    scores = centers.scores[:, None] * heat
    confidences = _mean(scores) if spec.scoring else centers.scores
    if boxes is None:
        boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    found = Poses(points * spec.stride, scores, confidences, boxes * spec.stride)
    kept = list(range(found.count))
    if spec.suppression:
        kept = _kept(points, confidences, _mean(heat), spec.suppression)
    kept = [one for one in kept if confidences[one] > spec.min_confidence]
    kept.sort(key=lambda one: (-confidences[one], one))
    return found.taken(kept)


def peaks(outputs: Outputs, spec: PeakChannels, count: int) -> Peaks:
    """Peaks of `count` maps, map by map, the best first, of equal ones the first in row order."""
    maps = outputs[spec.output][..., spec.first : spec.first + count].transpose(2, 0, 1).astype(np.float64)
    reach = spec.window // 2
    padded = np.pad(maps, ((0, 0), (reach, reach), (reach, reach)), constant_values=-np.inf)
    scores = sigmoid(maps) if spec.activation == "sigmoid" else maps
    channels, y, x = np.nonzero((maps == highest(padded, reach)) & (scores > spec.threshold))
    order = np.lexsort((x, y, -maps[channels, y, x], channels))
    channels, y, x = channels[order], y[order], x[order]
    first = np.searchsorted(channels, channels)
    return Peaks(channels, y, x, scores[channels, y, x]).taken(np.arange(len(first)) - first < spec.most)


def _values(outputs: Outputs, channels: MapRole, places: Peaks, count: int) -> Floats:
    """`count` channels at cells (N, count)."""
    values = outputs[channels.output][places.y, places.x, channels.first : channels.first + count]
    return values.astype(np.float64)


def _mean(values: Floats) -> Floats:
    """Means over the last axis, summed in its order, so that every language rounds alike."""
    return np.asarray(np.add.accumulate(values, axis=-1)[..., -1] / values.shape[-1])


def _snapped(points: Floats, boxes: Floats, outputs: Outputs, spec: Snapping) -> Floats:
    """Keypoints (N, K, 2) in cells at the nearest peaks; of equally near ones the best, then the first in row order."""
    found = peaks(outputs, spec, points.shape[1])
    places = np.stack([found.x, found.y], axis=-1) + (_values(outputs, spec.offsets, found, 2) if spec.offsets else 0.5)
    moved = points.copy()
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=-np.inf)
    for k in range(points.shape[1]):
        own = places[found.channels == k]
        if not len(own) or not len(points):
            continue
        away = np.sqrt(((points[:, k, None] - own) ** 2).sum(axis=-1))
        nearest = away.argmin(axis=1)
        chosen = own[nearest]
        inside = ((chosen >= boxes[:, :2]) & (chosen <= boxes[:, 2:])).all(axis=1)
        near = away[np.arange(len(away)), nearest] <= longer * spec.distance
        moved[:, k] = np.where((inside & near)[:, None], chosen, points[:, k])
    return moved


def _heat(points: Floats, outputs: Outputs, spec: Scoring, stride: int) -> Floats:
    """Heat of keypoints (N, K, 2) in cells in their own maps (N, K)."""
    people, count = points.shape[:2]
    values = outputs[spec.output]
    height, width = values.shape[:2]
    channels = np.tile(np.arange(count), people)
    if spec.read == "floor":
        grid = Upsampled((values,), (spec.first,), count, (width, height), (width * stride, height * stride))
        cells = np.clip(np.floor(points * stride), 0, np.array(grid.size_wh) - 1).astype(np.intp).reshape(-1, 2)
        return at(grid, channels, cells[:, 1], cells[:, 0]).reshape(people, count)
    last = np.array([width, height]) - 1
    # MMPose's cells span 0 to n - 1 where it looks them up, and 0 to n where it reads them
    within = np.clip(points * (np.array([width, height]) / np.maximum(last, 1)) - 0.5, 0, last).reshape(-1, 2)
    low = np.floor(within).astype(np.intp)
    weight, high = within - low, np.minimum(low + 1, last)
    (x, y), (right, down) = low.T, high.T
    maps = values[..., spec.first : spec.first + count].astype(np.float64)
    upper, lower = maps[y, x, channels], maps[down, x, channels]
    before = upper + (lower - upper) * weight[:, 1]
    upper, lower = maps[y, right, channels], maps[down, right, channels]
    after = upper + (lower - upper) * weight[:, 1]
    return np.asarray(before + (after - before) * weight[:, 0]).reshape(people, count)


def _kept(points: Floats, confidences: Floats, heat: Floats, spec: Suppression) -> list[int]:
    """Places of the people who stay."""
    sides = points.max(axis=1, initial=-np.inf) - points.min(axis=1, initial=np.inf)
    reach = spec.distance * np.sqrt((sides**2).sum(axis=-1))
    away = np.sqrt(((points[:, None] - points) ** 2).sum(axis=-1))
    alike = (away < reach[:, None, None]).sum(axis=-1) > spec.keypoints
    np.fill_diagonal(alike, True)
    rank = heat if spec.by == "heat" else confidences
    order = range(len(points)) if spec.by == "heat" else np.argsort(-rank, kind="stable").tolist()
    gone, kept = np.zeros(len(points), bool), []
    for one in order:
        if gone[one]:
            continue
        same = np.flatnonzero(alike[one])
        best = int(same[rank[same].argmax()])
        if not gone[best]:
            kept.append(best)
            gone |= alike[one]
    return sorted(kept, key=lambda one: (-rank[one], one))[: spec.most]


def alternatives(spec: CentersSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """From the centre or to it, and where in its cell a keypoint lies."""
    del spec, image
    signs = tuple({"displacements.sign": one} for one in ("added", "subtracted"))
    return (
        Alternatives(("displacements.sign",), signs, "follow", is_decisive=True),
        Alternatives(("shift",), tuple({"shift": one} for one in (0.0, 0.5)), "mirror"),
    )


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Two channels a keypoint, beside as large maps of one a keypoint and one of centres."""
    found = []
    for name, shape in outputs.items():
        for other, heat in outputs.items():
            if len(shape) == len(heat) == 4 and shape[2:] == heat[2:] and shape[1] == 2 * (heat[1] - 1) > 0:
                stride = size_wh[0] // shape[3]
                if (shape[3] * stride, shape[2] * stride) == size_wh:
                    why = f"{in_words(other, heat)} and {in_words(name, shape)}: heatmaps, centres and displacements"
                    settings = {
                        "stride": stride, "centers": {"output": other, "first": heat[1] - 1},
                        "displacements": {"output": name}, "scoring": {"output": other},
                    }  # fmt: skip
                    found.append(Fit(settings, heat[1] - 1, why))
    return tuple(found)


def looser(spec: CentersSpec, by: float) -> CentersSpec:
    """Who is less sure by at most `by` counts too, or is more like another one."""
    centers = spec.centers.model_copy(update={"threshold": max(spec.centers.threshold - by, 0.0)})
    changes: dict[str, Any] = {"centers": centers, "min_confidence": max(spec.min_confidence - by, 0.0)}
    if spec.suppression:
        nearer = {"distance": spec.suppression.distance * max(1 - by, 0.01)}
        changes["suppression"] = spec.suppression.model_copy(update=nearer)
    return spec.model_copy(update=changes)


def candidates(spec: CentersSpec, by: float) -> CentersSpec:
    """Everybody counts, suppressed or not."""
    return looser(spec, by).model_copy(update={"suppression": None})


def mirrored(outputs: Mapping[str, Any], spec: CentersSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Maps (1, h, w, C) from left to right, of the other side's keypoints; what is added to a cell's x points the other
    way, to where the place lies in the picture itself."""
    beyond = mirror.beyond(image, outputs[spec.centers.output].shape[-2], spec.stride)
    channels = {(spec.centers.output, spec.centers.first): Turned(spec.centers.output, spec.centers.first)}

    def pairs(role: MapRole, order: Sequence[int], at_cell: float, sign: float = 1.0) -> None:
        for k, other in enumerate(order):
            x, y = (role.first + 2 * other + axis for axis in (0, 1))
            own = role.first + 2 * k
            channels[role.output, own] = Turned(role.output, x, -1, sign * (beyond - 2 * at_cell))
            channels[role.output, own + 1] = Turned(role.output, y)

    pairs(spec.displacements, mirror.order, spec.shift, 1.0 if spec.displacements.sign == "added" else -1.0)
    if spec.boxes and spec.boxes.offsets:
        pairs(spec.boxes.offsets, (0,), 0.0)
    if spec.boxes:
        sizes = spec.boxes.sizes
        channels |= {(sizes.output, at): Turned(sizes.output, at) for at in (sizes.first, sizes.first + 1)}
    if spec.snapping and spec.snapping.offsets:
        pairs(spec.snapping.offsets, (0,), 0.0)
    for heat in (spec.snapping, spec.scoring):
        for k, other in enumerate(mirror.order if heat else ()):
            assert heat is not None
            channels[heat.output, heat.first + k] = Turned(heat.output, heat.first + other)
    return map_roles.mirrored(outputs, channels, mirror)


DECODER = Decoder(
    CentersSpec, shapes, pack, decode, examples, alternatives, fitting, mirrored=mirrored, several=True, looser=looser,
    candidates=candidates,
)  # fmt: skip
