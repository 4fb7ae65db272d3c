"""MoveNet's heads before its own decoder: a person's centre, where that says the keypoints are, and heat nearby.

The cell with the most weighted centre is the person; the regression there gives a coarse place for each keypoint; the
cell with the most heat over its distance to that place is the keypoint, and the offset there goes into the cell.
Source: the published TFLite graph, and the description of MoveNet by its authors (Votel and Li 2021).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from posekit.decoders import layout, map_roles
from posekit.decoders.activation import sigmoid
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec, Fit, Outputs, Shapes, in_words
from posekit.decoders.map_roles import MapRole, Turned
from posekit.decoders.mirroring import Mirror
from posekit.decoders.people import partial_people
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

STRIDE = 4  # of the published networks
Bias = Annotated[float, Field(gt=0, le=1000)]


class MovenetSpec(DecoderSpec):
    """heatmaps: K channels; centers: one; regressions and offsets: K pairs, as `axes` says. All but the heat counts
    cells, stride input px each; cell i lies at i * stride.

    center_weight: the centre over its distance to the middle of the map plus center_bias, or as it is. rounding: of a
    regression, before it is added to its cell: `half_up` is floor(v + 0.5), `trunc` takes what is behind the point away
    from v + 0.5. keypoint_bias: what is added to a cell's distance to the coarse place. min_score: heat below it is 0,
    and a keypoint without any was not found.
    """

    kind: Literal["movenet"]
    stride: Annotated[int, Field(ge=1, le=1024)]
    heatmaps: MapRole
    centers: MapRole
    regressions: MapRole
    offsets: MapRole
    axes: Literal["yx", "xy"]
    activation: Literal["none", "sigmoid"] = "none"
    center_weight: Literal["distance", "none"] = "distance"
    center_bias: Bias = 1.8
    keypoint_bias: Bias = 1.8
    rounding: Literal["none", "half_up", "trunc"] = "none"
    min_score: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def roles(self, keypoint_count: int) -> dict[str, tuple[MapRole, int]]:
        """What is read, with the number of channels."""
        return {
            "heatmaps": (self.heatmaps, keypoint_count), "centers": (self.centers, 1),
            "regressions": (self.regressions, 2 * keypoint_count), "offsets": (self.offsets, 2 * keypoint_count),
        }  # fmt: skip

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return tuple(dict.fromkeys(role.output for role, _ in self.roles(1).values()))

    def check(self, keypoint_count: int) -> None:
        """ValueError where two roles share a channel."""
        map_roles.check(self.roles(keypoint_count))

    @model_validator(mode="after")
    def _apart(self) -> MovenetSpec:
        self.check(1)
        return self


def shapes(spec: MovenetSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: any map size."""
    return map_roles.shapes(spec.roles(keypoint_count))


def pack(values: Any, wanted: layout.ExpectedShape, spec: MovenetSpec, size_wh: tuple[int, int]) -> Any:
    """Maps (1, C, h, w) of the network as (1, h, w, C); MisfitError for other axes, and another stride."""
    return map_roles.pack(values, wanted, size_wh, spec.stride)


def decode(outputs: Outputs, spec: MovenetSpec, image: InputSpec, sigmas: Sequence[float]) -> Poses:
    """The keypoints (1, K, 2) of one person in input px; of equal cells the first in row order.

    Keypoints that were not found have score 0 and lie in the middle of the others, or at the person's centre.
    """
    count = len(sigmas)
    heat, centers, regressions, offsets = map_roles.read(outputs, spec.roles(count))
    if spec.activation == "sigmoid":
        heat, centers = sigmoid(heat), sigmoid(centers)
    center_xy = _center(centers[..., 0], spec)
    steps = _xy(regressions[center_xy[1], center_xy[0]], spec.axes)
    coarse_xy = _rounded(steps, spec.rounding) + center_xy
    heat = np.where(heat < spec.min_score, 0.0, heat)
    away = np.linalg.norm(_cells(heat)[:, :, None] - coarse_xy, axis=-1)
    best = (heat / (away + spec.keypoint_bias)).reshape(-1, count).argmax(axis=0)
    y, x = np.divmod(best, heat.shape[1])
    keypoints, scores = np.arange(count), heat.reshape(-1, count)[best, np.arange(count)]
    points = np.stack([x, y], axis=-1) + _xy(offsets[y, x], spec.axes)[keypoints, keypoints]
    return _person(points * spec.stride, scores, center_xy * float(spec.stride), spec)


def _person(points: Floats, scores: Floats, center_xy: Floats, spec: MovenetSpec) -> Poses:
    found = scores >= spec.min_score
    if not found.any():
        return Poses(np.broadcast_to(center_xy, (1, *points.shape)).copy(), np.zeros((1, len(scores))))
    whole = partial_people(points[None], found[None], scores[None], scores.mean()[None])
    return Poses(whole.keypoints, whole.scores)


def _cells(maps: Floats) -> Floats:
    """x and y (h, w, 2) of every cell."""
    height, width = maps.shape[:2]
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)


def _center(centers: Floats, spec: MovenetSpec) -> Any:
    """Column and row of the person's cell."""
    if spec.center_weight == "distance":
        height, width = centers.shape
        centers = centers / (np.linalg.norm(_cells(centers) - (width / 2, height / 2), axis=-1) + spec.center_bias)
    y, x = divmod(int(centers.argmax()), centers.shape[1])
    return np.array([x, y])


def _xy(pairs: Floats, axes: str) -> Floats:
    """(..., 2K) pairs as (..., K, 2) of x, y."""
    split = pairs.reshape(*pairs.shape[:-1], -1, 2)
    return np.asarray(split[..., ::-1] if axes == "yx" else split)


def _rounded(values: Floats, rounding: str) -> Floats:
    if rounding == "none":
        return values
    return np.asarray(np.floor(values + 0.5) if rounding == "half_up" else np.trunc(values + 0.5))


def encode(points: Floats, spec: MovenetSpec, size_wh: tuple[int, int]) -> dict[str, Floats]:
    """Outputs that hold a person (K, 2) in input px, as training draws them; for tests."""
    width, height = (math.ceil(side / spec.stride) for side in size_wh)
    places = points / spec.stride
    own = np.clip(np.floor(places), 0, (width - 1, height - 1))
    cells = _cells(np.zeros((height, width)))[:, :, None]
    center = np.floor(own.mean(axis=0) + 0.5)

    def heat(at: Floats) -> Floats:
        drawn = np.exp(-((cells - at) ** 2).sum(axis=-1) / 8)
        is_logit = spec.activation == "sigmoid"
        return np.asarray(np.log(drawn + 1e-6) - np.log(1 - drawn + 1e-6) if is_logit else drawn)

    def pairs(vectors: Floats) -> Floats:
        ordered = vectors[..., ::-1] if spec.axes == "yx" else vectors
        return np.broadcast_to(ordered, (height, width, len(points), 2)).reshape(height, width, -1)

    values = {"heatmaps": heat(own), "centers": heat(center[None]), "regressions": pairs(own - cells),
              "offsets": pairs(places - own)}  # fmt: skip
    return map_roles.put(values, spec.roles(len(points)))


def examples(spec: MovenetSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """A person whose keypoints may be anywhere."""
    return encode(rng.uniform(0.1, 0.9, (count, 2)) * image.size_wh, spec, image.size_wh)


def mirrored(outputs: Mapping[str, Any], spec: MovenetSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Maps (1, h, w, C) from left to right, of the other side's keypoints; what is added to a cell's x points the other
    way: a regression to a cell, an offset to the keypoint in it."""
    heat, centers = spec.heatmaps, spec.centers
    to_keypoint = mirror.beyond(image, outputs[heat.output].shape[-2], spec.stride)
    channels = {(centers.output, centers.first): Turned(centers.output, centers.first)}
    for k, other in enumerate(mirror.order):
        channels[heat.output, heat.first + k] = Turned(heat.output, heat.first + other)
        for role, beyond in ((spec.regressions, 0.0), (spec.offsets, to_keypoint)):
            for axis, name in enumerate(spec.axes):
                source = role.first + 2 * other + axis
                turned = Turned(role.output, source, -1, beyond) if name == "x" else Turned(role.output, source)
                channels[role.output, role.first + 2 * k + axis] = turned
    return map_roles.mirrored(outputs, channels, mirror)


def alternatives(spec: MovenetSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """Which axis comes first."""
    del spec, image
    return (Alternatives(("axes",), ({"axes": "yx"}, {"axes": "xy"}), "follow", is_decisive=True),)


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """K maps and a single one beside two of K pairs."""
    maps = {
        name: shape[1] for name, shape in outputs.items()
        if len(shape) == 4 and shape[0] == 1 and (shape[3] * STRIDE, shape[2] * STRIDE) == size_wh
    }  # fmt: skip
    centers = [name for name, channels in maps.items() if channels == 1]
    found = []
    for heat, count in maps.items():
        pairs = [name for name, channels in maps.items() if channels == 2 * count]
        if count > 1 and len(pairs) == 2 and len(centers) == 1:
            listed = ", ".join(in_words(name, outputs[name]) for name in (heat, *centers, *pairs))
            settings = {"stride": STRIDE, "heatmaps": {"output": heat}, "centers": {"output": centers[0]}}
            found.append(Fit(settings, count, f"{listed}: heatmaps, a centre, regressions and offsets"))
    return tuple(found)


def raw_scores(spec: MovenetSpec, values: Floats) -> Floats:
    """Every heat value of the first output, a row a map."""
    return map_roles.raw_scores(spec.roles(1), values)


DECODER = Decoder(
    MovenetSpec, shapes, pack, decode, examples, alternatives, fitting, raw_scores, cells=(1, 2), partial=True,
    mirrored=mirrored,
)  # fmt: skip
