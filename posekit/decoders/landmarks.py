"""Landmarks of a person or a hand as rows of numbers, some with visibility and presence, sharpened by heatmaps.

Source: the published graphs of MediaPipe's pose and hand landmarks (BlazePose, Bazarevsky et al. 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from posekit.decoders import layout
from posekit.decoders.activation import sigmoid
from posekit.decoders.cell_mean import Refinement, refined
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec, Fit, OutputName, Shapes, in_words
from posekit.documents import tuple_of_list
from posekit.poses import Floats, Poses, nobody
from posekit.poses.input_spec import InputSpec

FIELDS = 5  # of a row that shapes are taken for: x, y, z, visibility, presence
Activation = Literal["none", "sigmoid"]


class LandmarksSpec(DecoderSpec):
    """decoders/landmarks.py: rows (`rows`, fields), or the same numbers flat, of which the first K are the keypoints.

    fields: what the numbers of a row are, in order; `skip` is ignored. range: `unit` (0-1 over the input) or
    `input_px`. activation: of visibility and presence. score: which of both is a keypoint's score; with `none` it is
    the instance's presence. z_factor: what z is multiplied by. instance: an output of one number, how sure the network
    is that there is anybody, with an activation of its own; below `min_presence` there is nobody. world: an output of
    rows x, y, z in metres. heatmaps: what sharpens x and y.
    """

    kind: Literal["landmarks"]
    output: OutputName
    rows: Annotated[int, Field(ge=1, le=2000)]
    fields: tuple[Literal["x", "y", "z", "visibility", "presence", "skip"], ...]
    range: Literal["input_px", "unit"]
    activation: Activation = "none"
    score: Literal["visibility", "presence", "none"] = "none"
    z_factor: Annotated[float, Field(gt=0, le=1000)] = 1.0
    instance: OutputName | None = None
    instance_activation: Activation = "none"
    min_presence: Annotated[float, Field(ge=0, lt=1)] = 0.5
    world: OutputName | None = None
    heatmaps: Refinement | None = None

    _lists = field_validator("fields", mode="before")(tuple_of_list)

    @field_validator("fields")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in ("x", "y", "z", "visibility", "presence"):
            if value.count(name) > 1 or (name in "xy" and name not in value):
                raise ValueError("fields must hold x and y once, z, visibility and presence at most once")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> LandmarksSpec:
        if self.score != "none" and self.score not in self.fields:
            raise ValueError(f"score is {self.score!r}, which is none of the fields")
        if len(set(self.outputs)) < len(self.outputs):
            raise ValueError("rows, instance, world and heatmaps are outputs of their own")
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        heatmaps = None if self.heatmaps is None else self.heatmaps.output
        return tuple(name for name in (self.output, self.instance, self.world, heatmaps) if name is not None)

    @property
    def has_depth(self) -> bool:
        """Whether keypoints come with a z."""
        return "z" in self.fields

    @property
    def has_raw_scores(self) -> bool:
        """Whether a field is a score."""
        return self.score != "none"

    @property
    def has_visibility(self) -> bool:
        """Whether a field is it."""
        return "visibility" in self.fields

    @property
    def has_presence(self) -> bool:
        """Whether a field is it."""
        return "presence" in self.fields

    @property
    def has_world(self) -> bool:
        """Whether an output is it."""
        return self.world is not None

    @property
    def has_confidence(self) -> bool:
        """Whether the network says itself how sure it is of an instance."""
        return self.instance is not None

    @property
    def may_find_nobody(self) -> bool:
        """Whether the network may say that there is nobody."""
        return self.instance is not None and self.min_presence > 0

    @property
    def is_of_its_keypoints(self) -> bool:
        """The number of rows goes with that of keypoints."""
        return True

    def check(self, keypoint_count: int) -> None:
        """ValueError where there are fewer rows than keypoints."""
        if self.rows < keypoint_count:
            raise ValueError(f"rows is {self.rows}, fewer than {keypoint_count} keypoints")


def shapes(spec: LandmarksSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: rows of the fields' numbers and of x, y, z, one number, any map size."""
    del size_wh, keypoint_count
    found: dict[str, layout.ExpectedShape] = {spec.output: (spec.rows, len(spec.fields))}
    if spec.instance is not None:
        found[spec.instance] = (1, 1)
    if spec.world is not None:
        found[spec.world] = (spec.rows, 3)
    if spec.heatmaps is not None:
        found[spec.heatmaps.output] = (None, None, spec.rows)
    return found


def pack(values: Any, wanted: layout.ExpectedShape, spec: LandmarksSpec, size_wh: tuple[int, int]) -> Any:
    """Rows of the network, or the same numbers flat, as (1, rows, n), maps as (1, h, w, rows); MisfitError for other
    axes."""
    del spec
    if len(wanted) == 3:
        return layout.maps(values, wanted, size_wh, "none")
    return layout.rows(values, wanted, may_be_flat=True)


def decode(
    outputs: Mapping[str, NDArray[Any]], spec: LandmarksSpec, image: InputSpec, sigmas: Sequence[float]
) -> Poses:
    """The keypoints (1, K, 2|3) of one instance in input px, or nobody; world: metres, in the input's axes.

    z is in the unit of x, about the origin that the network gives it.
    """
    count = len(sigmas)
    rows = outputs[spec.output][:count].astype(np.float64)
    sure = _presence(outputs, spec)
    if spec.instance is not None and sure < spec.min_presence:
        return nobody(count, 3 if spec.has_depth else 2)
    column: dict[str, Floats] = {name: rows[:, index] for index, name in enumerate(spec.fields) if name != "skip"}
    if spec.activation == "sigmoid":
        column |= {name: sigmoid(column[name]) for name in ("visibility", "presence") if name in column}
    extent = np.array(image.extent_wh, np.float64)
    places = np.stack([column["x"], column["y"]], axis=-1) / (extent if spec.range == "input_px" else 1.0)
    if spec.heatmaps is not None:
        places = refined(places, outputs[spec.heatmaps.output][..., :count].astype(np.float64), spec.heatmaps)
    points = places * extent
    if spec.has_depth:
        factor = spec.z_factor * (1.0 if spec.range == "input_px" else image.extent_wh[0])
        points = np.concatenate([points, column["z"][:, None] * factor], axis=-1)
    scores = np.full(count, sure) if spec.score == "none" else column[spec.score]
    world = None if spec.world is None else outputs[spec.world][:count].astype(np.float64)
    return Poses(
        points[None], scores[None], None if spec.instance is None else np.array([sure]),
        visibility=column["visibility"][None] if "visibility" in column else None,
        presence=column["presence"][None] if "presence" in column else None,
        world=None if world is None else world[None],
    )  # fmt: skip


def _presence(outputs: Mapping[str, NDArray[Any]], spec: LandmarksSpec) -> float:
    """How sure the network is of the instance; 1 where it says nothing."""
    if spec.instance is None:
        return 1.0
    value = outputs[spec.instance].reshape(-1)[:1].astype(np.float64)
    return float((sigmoid(value) if spec.instance_activation == "sigmoid" else value)[0])


def encode(
    keypoints: Floats,
    scores: Floats,
    spec: LandmarksSpec,
    image: InputSpec,
    *,
    sure: float = 4.0,
    map_size_wh: tuple[int, int] = (16, 16),
) -> dict[str, Floats]:
    """Outputs for keypoints (K, 3) in input px, raw visibilities and presences (K, 2), and the raw presence of the
    instance; further rows are 0. Heatmaps have their mean weight at the keypoints, world is a hundredth of the px."""
    extent = np.array(image.extent_wh, np.float64)
    places = keypoints[:, :2] / extent
    xy = keypoints[:, :2] if spec.range == "input_px" else places
    depth = keypoints[:, 2] / spec.z_factor / (1.0 if spec.range == "input_px" else extent[0])
    values = {"x": xy[:, 0], "y": xy[:, 1], "z": depth, "visibility": scores[:, 0], "presence": scores[:, 1]}
    rows = np.zeros((spec.rows, len(spec.fields)))
    for index, name in enumerate(spec.fields):
        if name in values:
            rows[: len(keypoints), index] = values[name]
    found = {spec.output: rows}
    if spec.instance is not None:
        found[spec.instance] = np.array([[sure]])
    if spec.world is not None:
        found[spec.world] = np.zeros((spec.rows, 3))
        found[spec.world][: len(keypoints)] = (keypoints - np.array([*extent / 2, 0])) / 100
    if spec.heatmaps is not None:
        y, x = np.mgrid[: map_size_wh[1], : map_size_wh[0]]
        centre = places * map_size_wh
        power = -((x[..., None] - centre[:, 0]) ** 2 + (y[..., None] - centre[:, 1]) ** 2) / 2
        weights = np.clip(0.9 * np.exp(power), 1e-6, 0.9)
        maps = np.zeros((*x.shape, spec.rows))
        maps[..., : len(keypoints)] = np.log(weights / (1 - weights))
        found[spec.heatmaps.output] = maps
    return found


def examples(spec: LandmarksSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Rows of `count` keypoints, 20 px deep, that the network is sure of, with maps a quarter as large as the input."""
    points = rng.uniform(0.1, 0.9, (count, 2)) * image.size_wh
    deep = np.concatenate([points, rng.normal(0, 20, (count, 1))], axis=1)
    raw = rng.normal(0, 2, (count, 2)) if spec.activation == "sigmoid" else rng.uniform(0.1, 1.0, (count, 2))
    sure = 4.0 if spec.instance_activation == "sigmoid" else 0.97
    width, height = (max(side // 4, 4) for side in image.size_wh)
    return encode(deep, raw, spec, image, sure=sure, map_size_wh=(width, height))


def alternatives(spec: LandmarksSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """In what unit the numbers are, and x and y taken for each other."""
    del image
    exchanged = tuple({"x": "y", "y": "x"}.get(name, name) for name in spec.fields)
    return (
        Alternatives(("range",), tuple({"range": one} for one in ("unit", "input_px")), "follow", is_decisive=True),
        Alternatives(("fields",), ({"fields": exchanged},), "follow", is_decisive=True),
    )


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Rows of five numbers beside rows of three: landmarks in the picture and in the world."""
    del size_wh
    sizes = {name: int(np.prod(shape)) for name, shape in outputs.items()}
    return tuple(
        Fit({"output": name, "world": other, "rows": size // FIELDS}, 0,
            f"{in_words(name, outputs[name])} and {in_words(other, outputs[other])}: rows of 5 and of 3 numbers")
        for name, size in sizes.items() if size % FIELDS == 0
        for other, numbers in sizes.items() if numbers == size // FIELDS * 3
    )  # fmt: skip


def raw_scores(spec: LandmarksSpec, values: Floats) -> Floats:
    """The scores of rows (rows, fields), one a row."""
    return values[:, [spec.fields.index(spec.score)]]


def looser(spec: LandmarksSpec, by: float) -> LandmarksSpec:
    """Somebody counts who is less present by so much."""
    return spec.model_copy(update={"min_presence": max(spec.min_presence - by, 0.0)})


DECODER = Decoder(LandmarksSpec, shapes, pack, decode, examples, alternatives, fitting, raw_scores, looser=looser)
