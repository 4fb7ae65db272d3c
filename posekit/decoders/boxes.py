"""Where a candidate's box is: the anchors of a one-stage network's levels, and what its four numbers mean."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from posekit.decoders.decoder import OutputName
from posekit.documents import Part, tuple_of_list

Unit = Literal["input_px", "unit", "cells", "anchor_px"]
BoxUnit = Literal["input_px", "unit", "cells", "anchor_px", "anchors"]
Channel = Annotated[int, Field(ge=0, le=100_000)]
Shift = Annotated[float, Field(ge=-8, le=8)]
Stride = Annotated[int, Field(ge=1, le=1024)]
Sides = Annotated[tuple[Annotated[float, Field(gt=0, le=16)], ...], Field(max_length=1024)]
ON_LEVELS = ("cells", "anchor_px", "anchors")  # units of numbers that count from a candidate's cell
ONLY_IN_CELLS = ("ltrb_bins", "cxcywh_tanh")


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple_of_list(value)


OutputNames = Annotated[tuple[OutputName, ...], BeforeValidator(_names), Field(min_length=1, max_length=16)]


class Role(Part):
    """Channels from `first` on, of one tensor that holds all levels or of one tensor a level."""

    outputs: OutputNames
    first: Channel = 0


class Anchors(Part):
    """Several candidates a cell. counts: how many, one number a level. spacing: cells lie `stride` px apart, or divide
    the input in as many `even` parts as there are. widths, heights: of the anchors of a cell, level after level, 1 is
    the whole input; empty where no number counts in them."""

    counts: Annotated[tuple[Annotated[int, Field(ge=1, le=64)], ...], Field(max_length=16)]
    spacing: Literal["stride", "even"] = "stride"
    widths: Sides = ()
    heights: Sides = ()

    _lists = field_validator("counts", "widths", "heights", mode="before")(tuple_of_list)

    @model_validator(mode="after")
    def _are_paired(self) -> Anchors:
        if len(self.widths) != len(self.heights) or (self.widths and len(self.widths) != sum(self.counts)):
            raise ValueError(
                f"{len(self.widths)} widths and {len(self.heights)} heights of {sum(self.counts)} anchors a cell of "
                "each level"
            )
        return self


class Boxes(Role):
    """Four numbers. format: `ltrb` are the distances from the anchor to the sides, `ltrb_bins` as many chances of whole
    distances a side; `cxcywh_exp` has the logarithms of the sides, `cycxhw_exp` has y first; of `cxcywh_tanh` the
    centre is tanh and the sides are the sigmoid of the input's. unit: input px, 0 to 1 over the input, cells, px from
    the anchor, or sizes of the anchor. shift: where in its cell an anchor lies. variances: what the numbers of the
    centre and of the sides are divided by, in anchors."""

    format: Literal["xyxy", "yxyx", "xywh", "cxcywh", "ltrb", "ltrb_bins", "cxcywh_exp", "cycxhw_exp", "cxcywh_tanh"]
    unit: BoxUnit = "input_px"
    shift: Shift = 0.0
    bins: Annotated[int, Field(ge=2, le=256)] | None = None
    variances: tuple[Annotated[float, Field(gt=0, le=1000)], Annotated[float, Field(gt=0, le=1000)]] | None = None

    _lists = field_validator("variances", mode="before")(tuple_of_list)

    @property
    def channels(self) -> range:
        """Their places in a row."""
        return range(self.first, self.first + 4 * (self.bins or 1))

    @model_validator(mode="after")
    def _has_anchors(self) -> Boxes:
        if self.format in ONLY_IN_CELLS and self.unit != "cells":
            raise ValueError(f"boxes of format {self.format!r} have unit {self.unit!r}, expected 'cells'")
        if self.format == "ltrb" and self.unit not in ("cells", "anchor_px"):
            raise ValueError(f"boxes of format 'ltrb' have unit {self.unit!r}, expected 'cells' or 'anchor_px'")
        if self.format in ("cxcywh_exp", "cycxhw_exp") and self.unit not in ("cells", "anchors"):
            raise ValueError(f"boxes of format {self.format!r} have unit {self.unit!r}, expected 'cells' or 'anchors'")
        if self.format in ("xyxy", "yxyx", "xywh") and self.unit in ON_LEVELS:
            raise ValueError(f"boxes of format {self.format!r} have unit {self.unit!r}, expected 'input_px' or 'unit'")
        if (self.bins is None) == (self.format == "ltrb_bins"):
            raise ValueError("boxes of format 'ltrb_bins', and no others, say how many bins a side has")
        if self.variances is not None and self.unit != "anchors":
            raise ValueError(f"boxes have variances and unit {self.unit!r}, expected 'anchors'")
        return self
