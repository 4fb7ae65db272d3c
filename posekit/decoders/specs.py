"""What a decoder needs to know: one value a head, part of the contract (spec.py)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from posekit.documents import Part, tuple_of_list, written

OutputName = Annotated[
    str, written(r"[A-Za-z_][A-Za-z0-9_]{0,63}", "a name of at most 64 letters, digits and _, no digit first")
]


class HeatmapSpec(Part):
    """decoders/heatmap.py: maps K x h x w of the network, one a keypoint; packaged as (h, w, K).

    background: where the network gives one map more, of no keypoint, which the packaged model leaves out. alignment: index i of a map of n lies at input px i * W / n (`stride`) or i * (W - 1) / (n - 1) (`corners`).
    blur_kernel: odd width of the Gaussian of `dark`, as in training (11 for sigma 2, 17 for sigma 3).
    """

    kind: Literal["heatmap"]
    output: OutputName
    refinement: Literal["none", "quarter", "dark"]
    alignment: Literal["stride", "corners"]
    blur_kernel: Annotated[int, Field(ge=3, le=99)] = 11
    activation: Literal["none", "sigmoid"] = "none"
    background: Literal["none", "first", "last"] = "none"

    @field_validator("blur_kernel")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("blur_kernel must be odd")
        return value

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return (self.output,)


class SimccSpec(Part):
    """decoders/simcc.py: rows (K, W * split_ratio) and (K, H * split_ratio), one 1-D map an axis and keypoint.

    refinement: `quadratic` puts the keypoint at the top of the parabola through the best bin and its neighbours.
    """

    kind: Literal["simcc"]
    output_x: OutputName
    output_y: OutputName
    split_ratio: Annotated[float, Field(gt=0, le=16)]
    score_reduction: Literal["min", "mean"]
    refinement: Literal["none", "quadratic"] = "none"
    activation: Literal["none", "softmax"] = "none"

    @model_validator(mode="after")
    def _two_outputs(self) -> SimccSpec:
        if self.output_x == self.output_y:
            raise ValueError("output_x and output_y must differ")
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return (self.output_x, self.output_y)


class RegressionSpec(Part):
    """decoders/regression.py: rows (K, fields), or the same numbers flat; never transposed.

    fields: what the numbers of a row are, in order; `skip` is ignored. range: `unit` (0-1 over the input),
    `signed_unit` (-1 to 1 over the input) or `input_px`; 0 and 1 are the ends of a row, which under the input's
    alignment `corners` are the centres of its first and last px. Without a `score` field every score is 1.
    """

    kind: Literal["regression"]
    output: OutputName
    fields: tuple[Literal["x", "y", "z", "score", "skip"], ...]
    range: Literal["unit", "signed_unit", "input_px"]
    activation: Literal["none", "sigmoid"] = "none"

    _lists = field_validator("fields", mode="before")(tuple_of_list)

    @field_validator("fields")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in ("x", "y", "z", "score"):
            if value.count(name) > 1 or (name in "xy" and name not in value):
                raise ValueError("fields must hold x and y once, z and score at most once")
        return value

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return (self.output,)


DecoderSpec = Annotated[HeatmapSpec | SimccSpec | RegressionSpec, Field(discriminator="kind")]
