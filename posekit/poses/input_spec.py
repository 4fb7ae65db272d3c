"""How a network wants its picture: size, colours, and how a region of the source becomes its input."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from posekit.documents import Part, tuple_of_list

Colour = tuple[float, ...]  # one number a channel of the network's own input
GRAY_OF_RGB = (0.299, 0.587, 0.114)  # ITU-R BT.601, as cv2's and Pillow's conversions to gray
# what is said of a letterbox alone, and what it is where nothing is said
LETTERBOX = {"anchor": "center", "rounding": "half_up", "odd_pixel": "after", "enlarge": True}
PositiveInt = Annotated[int, Field(ge=1, le=8192)]


class InputSpec(Part):
    """How the network wants its picture.

    size_wh: input px. color_order, mean, std: what the network itself wants, mean and std in 0-255 units in that
    colour order, x = (pixel - mean) / std; `gray` is one channel, so that each is one number. The packaged model takes
    RGB 0-255 and holds this arithmetic. resize, sampling, box_padding, pad_value (0-255), alignment: see warp.py.
    outside: what lies beyond the picture's edge, pad_value or the edge repeated; None: what `resize` usually has.

    Of a letterbox. anchor: where in the input the content lies. rounding: of the content's sides to whole px.
    odd_pixel: which side of centred content takes a spare pixel, the one before it or the one after. enlarge: whether
    pictures smaller than the input grow.
    """

    size_wh: tuple[PositiveInt, PositiveInt]
    color_order: Literal["rgb", "bgr", "gray"]
    mean: Colour
    std: Colour
    resize: Literal["affine_crop", "letterbox", "stretch"]
    sampling: Literal["bilinear", "bilinear_32nds", "bilinear_antialias"] = "bilinear"
    box_padding: Annotated[float, Field(gt=0, le=10)] = 1.0
    pad_value: Annotated[float, Field(ge=0, le=255)] = 0.0
    outside: Literal["value", "edge"] | None = None
    alignment: Literal["half_pixel", "index", "corners"]
    anchor: Literal["center", "top_left"] = "center"
    rounding: Literal["half_up", "half_even", "floor"] = "half_up"
    odd_pixel: Literal["after", "before"] = "after"
    enlarge: bool = True

    _lists = field_validator("size_wh", "mean", "std", mode="before")(tuple_of_list)

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _one_number(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int | float) and not isinstance(value, bool) else value

    @field_validator("mean", "std")
    @classmethod
    def _one_a_channel(cls, value: Colour, info: ValidationInfo) -> Colour:
        order = info.data.get("color_order")
        count = 1 if order == "gray" else 3
        if order and len(value) != count:
            raise ValueError(f"expected {count} value{'s' if count > 1 else ''}")
        if info.field_name == "std" and min(value, default=1.0) <= 0:
            raise ValueError("every std must be greater than 0")
        return value

    @property
    def repeats_edge(self) -> bool:
        """Whether beyond the picture its edge is repeated rather than pad_value taken: of an affine_crop it is not."""
        return self.resize != "affine_crop" if self.outside is None else self.outside == "edge"

    @property
    def pixel_center(self) -> float:
        """Coordinate of the centre of pixel 0."""
        return 0.5 if self.alignment == "half_pixel" else 0.0

    @property
    def extent_wh(self) -> tuple[int, int]:
        """How long a row and a column of the input are in its own coordinates: under `corners` one px less."""
        shrink = 1 if self.alignment == "corners" else 0
        return self.size_wh[0] - shrink, self.size_wh[1] - shrink

    @model_validator(mode="after")
    def _fits_together(self) -> InputSpec:
        if self.resize == "affine_crop" and "box_padding" not in self.model_fields_set:
            raise ValueError("resize affine_crop needs box_padding, the factor by which training grew a person's box")
        said = [name for name, usual in LETTERBOX.items() if getattr(self, name) != usual]
        if self.resize != "letterbox" and said:
            raise ValueError(f"{said[0]} is said of a letterbox, resize is {self.resize!r}")
        if min(self.extent_wh) < 1:
            raise ValueError("under alignment corners an input needs at least 2 px a side")
        return self
