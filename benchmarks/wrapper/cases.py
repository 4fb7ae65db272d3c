"""What the decoders are timed on: the settings of presets with the outputs of a network that saw ten people, or one
where the head finds one, as golden cases that Python, Kotlin and Swift read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from posekit.bundle import golden
from posekit.contract.presets import preset
from posekit.decoders import (
    AnyDecoderSpec,
    heatmap,
    integral,
    landmarks,
    location_maps,
    movenet,
    of,
    offset_map,
    regression,
    simcc,
)
from posekit.decoders.centers import encoding as centers
from posekit.decoders.decoder import DecoderSpec
from posekit.decoders.detections import encoding as detections
from posekit.decoders.paf import paf
from posekit.decoders.posenet import posenet
from posekit.decoders.tags import encoding as tags
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

PEOPLE = 10
NOISE = 0.01  # no two cells are equal, as in the maps of a network

Outputs = dict[str, Floats]
Draw = Callable[[Any, InputSpec, Floats], Outputs]  # of a decoder's settings and people (N, K, 2) in input px


def crowd(image: InputSpec, keypoints: int, people: int) -> Floats:
    """People beside and below each other: (N, K, 2) in input px."""
    rng = np.random.default_rng(keypoints)
    columns, rows = (1, 1) if people == 1 else (5, people // 5)
    y, x = np.divmod(np.arange(people), columns)
    middle = (np.stack([x, y], axis=-1) + 0.5) / (columns, rows)
    spread = rng.uniform(-0.4, 0.4, (people, keypoints, 2)) / (columns, rows)
    return np.asarray((middle[:, None] + spread) * image.size_wh)


def _boxed(points: Floats) -> Poses:
    boxes = np.concatenate([points.min(axis=1) - 1, points.max(axis=1) + 1], axis=1)
    return Poses(points, np.full(points.shape[:2], 0.8), np.linspace(0.9, 0.6, len(points)), boxes)


def _quarter(image: InputSpec) -> tuple[int, int]:
    width, height = image.size_wh
    return width // 4, height // 4


def _of_one(encode: Callable[..., Outputs]) -> Draw:
    """Maps a quarter as large as the input."""
    return lambda spec, image, points: encode(points[0], spec, image.size_wh, _quarter(image))


def _bins(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    return simcc.encode(points[0], spec, image.size_wh)


def _coordinates(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    deep = np.pad(points[0], ((0, 0), (0, 1)))
    return regression.encode(deep, np.full(len(deep), 0.8), spec, image)


def _deep(points: Floats) -> Floats:
    return np.concatenate([points[0], np.linspace(-0.4, 0.4, points.shape[1])[:, None]], axis=1)


def _deep_bins(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    return simcc.encode(_deep(points), spec, image.size_wh)


def _volumes(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    return integral.encode(_deep(points), spec, image.size_wh, _quarter(image))


def _locations(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    width, height = image.size_wh
    return location_maps.encode(points[0], _deep(points), spec, image.size_wh, (width // 8, height // 8))


def _landmarks(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    scores = np.tile([2.0, 3.0], (points.shape[1], 1))
    return landmarks.encode(_deep(points), scores, spec, image, sure=0.99, map_size_wh=_quarter(image))


def _raw_movenet(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    return movenet.encode(points[0], spec, image.size_wh)


def _candidates(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    """Ten cells find each person, as a network's do, so that there is something to suppress."""
    rng = np.random.default_rng(2)
    again = np.repeat(points, 10, axis=0) + rng.normal(0, 0.5, (10 * len(points), 1, 2))
    return detections.encode(_boxed(again), spec, image, rng)


def _fields(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    found = np.ones(points.shape[:2], bool)
    found[::3, -1] = False
    width, height = image.size_wh
    return paf.encode(points, found, spec, image.size_wh, (width // 8, height // 8))


def _tags(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    """Everybody lacks two keypoints, which are looked for."""
    points, count = points.copy(), points.shape[1]
    for one in range(len(points)):
        points[one, [one % count, (one + 5) % count]] = np.nan
    width, height = _quarter(image)
    sizes = [(width << level, height << level) for level in range(len(spec.outputs))]
    return tags.encode(points, spec, image, sizes)


def _centers(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    return centers.encode(_boxed(points), spec, image)


def _posenet(spec: Any, image: InputSpec, points: Floats) -> Outputs:
    return posenet.encode(points, spec, image.size_wh)


@dataclass(frozen=True, slots=True)
class Timed:
    """A row of the table: a preset, what of its decoder is otherwise (`upsampling.factor`), how outputs are drawn."""

    name: str
    preset: str
    draw: Draw
    people: int = PEOPLE
    changes: tuple[tuple[str, Any], ...] = ()
    decoder: str | None = None  # a kind in place of the preset's

    def contract(self) -> tuple[DecoderSpec, InputSpec, tuple[float, ...]]:
        """Decoder, input, and the sigmas of the keypoints."""
        spec = preset(self.preset)
        return self._decoder(spec.decoder), spec.input, spec.keypoints.oks_sigmas

    def outputs(self) -> dict[str, NDArray[np.float32]]:
        """Of one run."""
        decoder, image, sigmas = self.contract()
        drawn = self.draw(decoder, image, crowd(image, len(sigmas), self.people))
        rng = np.random.default_rng(1)
        return {
            name: (values + rng.normal(0, NOISE, values.shape)).astype(np.float32) for name, values in drawn.items()
        }

    def case(self) -> golden.Case:
        """Outputs of one run, and the people whom Python finds in them."""
        decoder, image, sigmas = self.contract()
        case = golden.decoder_case(self.name, decoder, image, self.outputs(), sigmas)
        if case["people"] != self.people:
            raise ValueError(f"{self.name}: {case['people']} people of {self.people}")
        return case

    def _decoder(self, own: DecoderSpec) -> DecoderSpec:
        data: dict[str, Any] = own.model_dump(mode="json", exclude_none=True) if self.decoder is None else {}
        data["kind"] = self.decoder or own.kind
        for name, value in self.changes:
            *tables, field = name.split(".")
            table = data
            for part in tables:
                table = table.setdefault(part, {})
            table[field] = value
        found: DecoderSpec = TypeAdapter(AnyDecoderSpec).validate_python(data)
        assert of(found).kind == data["kind"]
        return found


UDP = tuple((f"{role}.{field}", value) for first, role in enumerate(("heat", "x", "y"))
            for field, value in (("output", "maps"), ("first", first), ("step", 3)))  # fmt: skip
INTEGRAL = (("output", "maps"), ("normalisation", "softmax"), ("alignment", "stride"), ("score", "value"))
DEEP = (("fields", ["x", "y", "z", "score"]), ("range", "input_px"), ("z_scale", 0.001))
CUBIC = (("upsampling.factor", 8), ("upsampling.method", "cubic"), ("upsampling.blur_kernel", 0))

TIMED = (
    Timed("heatmap, quarter", "hrnet-coco17", _of_one(heatmap.encode), 1),
    Timed("heatmap, dark", "hrnet-coco17", _of_one(heatmap.encode), 1, (("refinement", "dark"),)),
    Timed("heatmap, dark_udp", "vitpose-coco17", _of_one(heatmap.encode), 1),
    Timed("simcc", "rtmpose-coco17", _bins, 1),
    Timed("simcc, 133 keypoints", "rtmpose-wholebody133", _bins, 1),
    Timed("regression", "movenet-lightning", _coordinates, 1),
    Timed("regression, with z", "movenet-lightning", _coordinates, 1, DEEP),
    Timed("integral", "hrnet-coco17", _of_one(integral.encode), 1, INTEGRAL, "integral"),
    Timed("simcc in three axes, 133 keypoints", "rtmw3d-wholebody133", _deep_bins, 1),
    Timed("integral, 64 slices", "integral-pose-h36m18", _volumes, 1),
    Timed("location_maps", "vnect-mpi21", _locations, 1),
    Timed("offset_map, UDP", "hrnet-udp-coco17", _of_one(offset_map.encode), 1,
          (*UDP, ("unit", "cells"), ("factor", 3.5), ("alignment", "corners"), ("blur_kernel", 23)), "offset_map"),
    Timed("movenet", "movenet-raw", _raw_movenet, 1),
    Timed("landmarks, BlazePose", "blazepose-33", _landmarks, 1),
    Timed("detections, BlazePose", "blazepose-detector", _candidates, 1),
    Timed("detections, 8400", "yolo-pose-coco17", _candidates),
    Timed("paf, x4 repeat", "tf-pose-coco18", _fields),
    Timed("paf, x8 repeat", "tf-pose-coco18", _fields, changes=(("upsampling.factor", 8),)),
    Timed("paf, x4 cubic", "lightweight-openpose-coco18", _fields),
    Timed("paf, x8 cubic", "tf-pose-coco18", _fields, changes=CUBIC),
    Timed("tags, maps' size", "higherhrnet-coco17", _tags, changes=(("upsampling", "none"),)),
    Timed("tags, input's size", "higherhrnet-coco17", _tags),
    Timed("tags, MMPose", "mmpose-ae-coco17", _tags),
    Timed("centers, CenterNet", "centernet-pose-coco17", _centers),
    Timed("centers, DEKR", "dekr-coco17", _centers),
    Timed("posenet", "posenet-mobilenet-coco17", _posenet),
)  # fmt: skip


def write(folder: Path, cases: list[golden.Case]) -> None:
    """Write golden files, one a kind."""
    folder.mkdir(exist_ok=True)
    for kind in sorted({case["kind"] for case in cases}):
        golden.write_cases(folder / f"{kind}.json", [case for case in cases if case["kind"] == kind])
