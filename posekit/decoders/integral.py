"""Heatmaps to keypoints by their mean place rather than their best cell: soft-argmax.

Sources: Sun et al. 2018, "Integral Human Pose Regression"; Nibali et al. 2018, "DSNT".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from posekit.decoders import layout
from posekit.decoders.activation import sigmoid
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec, OutputName
from posekit.decoders.depth_bins import DepthSlices
from posekit.decoders.mirroring import Mirror
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

VALUES_AT_ONCE = 1 << 16


class IntegralSpec(DecoderSpec):
    """decoders/integral.py: maps K x h x w of the network, whose values are weights of their cells.

    first: the channel of the first keypoint. normalisation: what makes weights of them: `softmax` of `sharpness` times
    the values; the values themselves, none below 0 (`relu`); their `sigmoid`. alignment: index i of a map of n lies at
    input px i * W / n (`stride`), i * (W - 1) / (n - 1) (`corners`) or (i + 0.5) * W / n (`half_pixel`). score: the
    largest value of a map, the largest share of the weights, or 1 (`none`). z: a keypoint has a volume rather than a
    map, slice d of n at the same alignment's part of its depth.
    """

    kind: Literal["integral"]
    output: OutputName
    normalisation: Literal["softmax", "relu", "sigmoid"]
    alignment: Literal["stride", "corners", "half_pixel"]
    score: Literal["value", "share", "none"]
    sharpness: Annotated[float, Field(gt=0)] = 1.0
    first: Annotated[int, Field(ge=0, le=100_000)] = 0
    z: DepthSlices | None = None

    @property
    def slices(self) -> int:
        """Maps of one keypoint."""
        return 1 if self.z is None else self.z.bins

    @property
    def has_depth(self) -> bool:
        """Whether keypoints come with a z."""
        return self.z is not None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return (self.output,)


def shapes(spec: IntegralSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: any map size, `first` + K channels, or K times the slices."""
    return {spec.output: (None, None, spec.first + keypoint_count * spec.slices)}


def pack(values: Any, wanted: layout.ExpectedShape, spec: IntegralSpec, size_wh: tuple[int, int]) -> Any:
    """Maps K x h x w of the network, or K x slices x h x w, as (1, h, w, channels); MisfitError for other axes."""
    shape, channels = tuple(values.shape), int(wanted[-1] or 0)
    if spec.z is not None and len(shape) == 5 and shape[1] * shape[2] == channels and shape[2] == spec.z.bins:
        values = values.reshape(shape[0], channels, *shape[-2:])
    return layout.maps(values, wanted, size_wh, "none")


def decode(outputs: Mapping[str, NDArray[Any]], spec: IntegralSpec, image: InputSpec, sigmas: Sequence[float]) -> Poses:
    """The keypoints (1, K, 2|3) of one person in input px, z in the contract's unit; a map without weight gives its
    middle."""
    del sigmas  # one person is nobody else
    maps = outputs[spec.output][..., spec.first :]
    height, width, _ = maps.shape
    found = _sums(maps, spec)
    there = found.weight > 0
    safe = np.where(there, found.weight, 1.0)
    x = np.where(there, found.x / safe, (width - 1) / 2)
    y = np.where(there, found.y / safe, (height - 1) / 2)
    points = to_input_px(np.stack([x, y], axis=-1), spec.alignment, (width, height), image.size_wh)
    if spec.z is not None:
        slices = np.where(there, found.slice / safe, (spec.slices - 1) / 2)
        points = np.concatenate([points, depth_of(slices, spec.alignment, spec.z)[:, None]], axis=-1)
    largest = _weights(found.peak.copy(), found.peak, spec)
    scores = {"value": found.peak, "share": largest / safe, "none": np.ones(len(safe))}[spec.score]
    return Poses(points[None], scores[None])


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of each keypoint (K,): the largest value, the sum of its weights, and of these times x, y and slice."""

    peak: Floats
    weight: Floats
    x: Floats
    y: Floats
    slice: Floats


def _sums(maps: NDArray[Any], spec: IntegralSpec) -> _Sums:
    """One pass over maps (h, w, K * slices), some rows at a time, which stay in the cache."""
    height, width, channels = maps.shape
    of_keypoints = (channels // spec.slices, spec.slices)
    peak = maps.max(axis=(0, 1)).reshape(of_keypoints).max(axis=1).astype(np.float64)
    peaks = np.repeat(peak, spec.slices)
    along = np.stack([np.ones(width), np.arange(width)])
    sums = np.zeros((3, channels))  # of the weights, and of these times x and y
    rows = max(VALUES_AT_ONCE // (width * channels), 1)
    for top in range(0, height, rows):
        some = maps[top : top + rows].astype(np.float64)
        found = along @ _weights(some, peaks, spec)  # (rows, 2, channels)
        sums[:2] += found.sum(axis=0)
        sums[2] += np.arange(top, top + len(some)) @ found[:, 0]
    weight, x, y = sums.reshape(3, *of_keypoints)
    return _Sums(peak, weight.sum(axis=1), x.sum(axis=1), y.sum(axis=1), weight @ np.arange(spec.slices))


def _weights(values: Floats, peaks: Floats, spec: IntegralSpec) -> Floats:
    """What values weigh, written over them; peaks: the largest of their keypoint."""
    if spec.normalisation == "sigmoid":
        return sigmoid(values)
    if spec.normalisation == "relu":
        return np.maximum(values, 0.0, out=values)
    values -= peaks
    values *= spec.sharpness
    return np.asarray(np.exp(values, out=values))


def depth_of(slices: Floats, alignment: str, spec: DepthSlices) -> Floats:
    """z of places among the slices, 0 in the middle of the volume."""
    if alignment == "corners":
        return np.asarray((slices / (spec.bins - 1) - 0.5) * spec.extent)
    place = slices + 0.5 if alignment == "half_pixel" else slices
    return np.asarray((place / spec.bins - 0.5) * spec.extent)


def to_input_px(points: Floats, alignment: str, map_size_wh: tuple[int, int], size_wh: tuple[int, int]) -> Floats:
    """Places (K, 2) on a map, in cells, as input px."""
    sizes, maps = np.array(size_wh, np.float64), np.array(map_size_wh, np.float64)
    if alignment == "corners":
        return np.asarray(points * ((sizes - 1) / np.maximum(maps - 1, 1)))
    if alignment == "half_pixel":
        return np.asarray((points + 0.5) * (sizes / maps))
    return np.asarray(points * (sizes / maps))


def encode(
    keypoints: Floats, spec: IntegralSpec, size_wh: tuple[int, int], map_size_wh: tuple[int, int], sigma: float = 1.5
) -> dict[str, Floats]:
    """Maps whose weights are Gaussians at keypoints (K, 2|3) in input px, z in the contract's unit."""
    origin = to_input_px(np.zeros(2), spec.alignment, map_size_wh, size_wh)
    step = to_input_px(np.ones(2), spec.alignment, map_size_wh, size_wh) - origin
    centre = (keypoints[:, :2] - origin) / step
    y, x = np.mgrid[: map_size_wh[1], : map_size_wh[0]]
    away = ((x[..., None] - centre[:, 0]) ** 2 + (y[..., None] - centre[:, 1]) ** 2)[..., None]
    if spec.z is not None:
        first, second = (float(depth_of(np.array(at, np.float64), spec.alignment, spec.z)) for at in (0, 1))
        slices = (keypoints[:, 2] - first) / (second - first)
        away = away + (np.arange(spec.slices) - slices[:, None]) ** 2
    power = -away.reshape(*x.shape, -1) / (2 * sigma**2)
    weights = np.exp(power)
    if spec.normalisation == "softmax":
        weights = power / spec.sharpness
    elif spec.normalisation == "sigmoid":
        weights = np.clip(weights, 1e-9, 1 - 1e-9)
        weights = np.log(weights / (1 - weights))
    return {spec.output: np.concatenate([np.zeros((*weights.shape[:2], spec.first)), weights], axis=-1)}


def examples(spec: IntegralSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Maps a quarter as large as the input, with a Gaussian for each of `count` keypoints."""
    width, height = image.size_wh
    points = rng.uniform(0.2, 0.8, (count, 2)) * image.size_wh
    if spec.z is not None:
        points = np.concatenate([points, rng.uniform(-0.3, 0.3, (count, 1)) * spec.z.extent], axis=1)
    return encode(points, spec, image.size_wh, (max(width // 4, 4), max(height // 4, 4)))


def alternatives(spec: IntegralSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """Where the cells lie, and how values become weights."""
    del spec, image
    places = tuple({"alignment": one} for one in ("stride", "corners", "half_pixel"))
    weights = tuple({"normalisation": one} for one in ("softmax", "relu", "sigmoid"))
    return (
        Alternatives(("alignment",), places, "mirror"),
        Alternatives(("normalisation",), weights, "follow", is_choice=True),
    )


def mirrored(outputs: Mapping[str, Any], spec: IntegralSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Maps (1, h, w, K) from left to right, of the other side's keypoints; channels before them from left to right."""
    del image
    values = outputs[spec.output]
    before, own = values[..., : spec.first], mirror.reordered(values[..., spec.first :], -1, spec.slices)
    return {spec.output: mirror.turned(mirror.join([before, own], -1) if spec.first else own, -2)}


DECODER = Decoder(IntegralSpec, shapes, pack, decode, examples, alternatives, mirrored=mirrored)
