"""Coordinates given as numbers, as by MoveNet (y, x, score over the input) and BlazePose (x, y, z, ... in input px)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from posekit.decoders import layout
from posekit.decoders.activation import sigmoid
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec, Fit, OutputName, Shapes, in_words
from posekit.decoders.mirroring import Mirror, column
from posekit.documents import tuple_of_list
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

MOST_ROWS = 600  # that shapes are taken for: a face has 478
MOST_FIELDS = 5  # of a row that shapes are taken for: x, y, z, visibility, presence


class RegressionSpec(DecoderSpec):
    """decoders/regression.py: rows (K, fields), or the same numbers flat; never transposed.

    fields: what the numbers of a row are, in order; `skip` is ignored. range: `unit` (0-1 over the input),
    `signed_unit` (-1 to 1 over the input) or `input_px`; 0 and 1 are the ends of a row, which under the input's
    alignment `corners` are the centres of its first and last px. z_scale: what z is multiplied by to be in the
    contract's unit; left out, z counts as x does. Without a `score` field every score is 1.
    """

    kind: Literal["regression"]
    output: OutputName
    fields: tuple[Literal["x", "y", "z", "score", "skip"], ...]
    range: Literal["unit", "signed_unit", "input_px"]
    z_scale: Annotated[float, Field(gt=0, le=100_000)] | None = None
    activation: Literal["none", "sigmoid"] = "none"

    _lists = field_validator("fields", mode="before")(tuple_of_list)

    @field_validator("fields")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in ("x", "y", "z", "score"):
            if value.count(name) > 1 or (name in "xy" and name not in value):
                raise ValueError("fields must hold x and y once, z and score at most once")
        return value

    @model_validator(mode="after")
    def _scales_something(self) -> RegressionSpec:
        if self.z_scale is not None and "z" not in self.fields:
            raise ValueError("z_scale is given, but z is none of the fields")
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return (self.output,)

    @property
    def has_depth(self) -> bool:
        """Whether keypoints come with a z."""
        return "z" in self.fields

    @property
    def has_raw_scores(self) -> bool:
        """Whether a field is a score."""
        return "score" in self.fields


def shapes(spec: RegressionSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, tuple[int | None, ...]]:
    """Expected shape: K rows of the fields' numbers."""
    return {spec.output: (keypoint_count, len(spec.fields))}


def pack(values: Any, wanted: layout.ExpectedShape, spec: RegressionSpec, size_wh: tuple[int, int]) -> Any:
    """Rows K x fields of the network, or the same numbers flat, as (1, K, fields); MisfitError for other axes."""
    del spec, size_wh  # heatmaps need them
    return layout.rows(values, wanted, may_be_flat=True)


def decode(
    outputs: Mapping[str, NDArray[Any]], spec: RegressionSpec, image: InputSpec, sigmas: Sequence[float]
) -> Poses:
    """Rows (K, fields) to the keypoints (1, K, 2|3) of one person in input px.

    z is in the unit of x, or in the contract's where it has a scale, about the origin that the network gives it.
    """
    del sigmas  # one person is nobody else
    rows = outputs[spec.output].astype(np.float64)
    column: dict[str, Floats] = {name: rows[:, index] for index, name in enumerate(spec.fields) if name != "skip"}
    width, height = image.extent_wh
    axes = [("x", width), ("y", height)] + ([("z", width)] if "z" in column else [])
    points = np.stack([_to_input_px(column[name], spec, extent, name) for name, extent in axes], axis=-1)
    scores = column.get("score", np.ones(len(rows)))
    if spec.activation == "sigmoid" and "score" in column:
        scores = sigmoid(scores)
    return Poses(points[None], scores[None])


def _to_input_px(values: Floats, spec: RegressionSpec, extent: int, axis: str) -> Floats:
    if axis == "z" and spec.z_scale is not None:
        return values * spec.z_scale
    if spec.range == "input_px":
        return values
    if spec.range == "unit":
        return values * extent
    # a depth has no origin at the image's edge, so it is scaled, not shifted
    return values * (extent / 2) if axis == "z" else (values + 1) * (extent / 2)


def encode(keypoints: Floats, scores: Floats, spec: RegressionSpec, image: InputSpec) -> dict[str, Floats]:
    """Rows for keypoints (K, 2|3) in input px and raw scores (K,); for tests."""
    width, height = image.extent_wh
    extents = {"x": width, "y": height, "z": width}
    rows = np.zeros((len(keypoints), len(spec.fields)))
    for index, name in enumerate(spec.fields):
        if name == "score":
            rows[:, index] = scores
        elif name in extents:
            values = keypoints[:, "xyz".index(name)]
            if name == "z" and spec.z_scale is not None:
                values = values / spec.z_scale
            elif spec.range == "unit":
                values = values / extents[name]
            elif spec.range == "signed_unit":
                values = values / (extents[name] / 2) - (0 if name == "z" else 1)
            rows[:, index] = values
    return {spec.output: rows}


def examples(spec: RegressionSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Rows of `count` keypoints, 20 px deep, with raw scores about 0."""
    points = rng.uniform(0.1, 0.9, (count, 2)) * image.size_wh
    deep = np.concatenate([points, rng.normal(0, 20, (count, 1))], axis=1)
    return encode(deep, rng.normal(0, 2, count), spec, image)


def alternatives(spec: RegressionSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """In what unit the numbers are, and x and y taken for each other."""
    del image
    exchanged = tuple({"x": "y", "y": "x"}.get(name, name) for name in spec.fields)
    return (
        Alternatives(
            ("range",), tuple({"range": one} for one in ("unit", "signed_unit", "input_px")), "follow", is_decisive=True
        ),
        Alternatives(("fields",), ({"fields": exchanged},), "follow", is_decisive=True),
    )


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Outputs of rows of 2 to 5 numbers, or of numbers that can be such rows."""
    del size_wh
    found = []
    for name, shape in outputs.items():
        sides = tuple(side for side in shape if side > 1)
        if len(sides) == 2 and sides[0] <= MOST_ROWS and 2 <= sides[1] <= MOST_FIELDS:
            why = f"{in_words(name, shape)}: {sides[0]} rows of {sides[1]} numbers"
            found.append(Fit({"output": name}, sides[0], why))
        elif (
            len(sides) == 1
            and sides[0] <= MOST_ROWS * MOST_FIELDS
            and any(sides[0] % numbers == 0 for numbers in (2, 3))
        ):
            found.append(Fit({"output": name}, 0, f"{in_words(name, shape)}: rows, flat"))
    return tuple(found)


def mirrored(outputs: Mapping[str, Any], spec: RegressionSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Rows (1, K, fields) of the other side's keypoints, x counted from the other side; shift: of px centres."""
    rows = mirror.reordered(outputs[spec.output], -2)
    at, width = spec.fields.index("x"), image.extent_wh[0]
    span = {"unit": 1.0, "signed_unit": 0.0, "input_px": float(width)}[spec.range]
    px = {"unit": 1.0 / width, "signed_unit": 2.0 / width, "input_px": 1.0}[spec.range] if mirror.shift else 0.0
    return {spec.output: mirror.replaced(rows, {at: (span - px) - column(rows, at)})}


def raw_scores(spec: RegressionSpec, values: Floats) -> Floats:
    """The scores of rows (K, fields), one a row."""
    return values[:, [spec.fields.index("score")]]


# no network with a regressed score was at hand to measure from where on they are unsure, so every keypoint counts
DECODER = Decoder(RegressionSpec, shapes, pack, decode, examples, alternatives, fitting, raw_scores, mirrored=mirrored)
