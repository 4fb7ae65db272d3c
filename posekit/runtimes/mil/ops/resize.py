"""Resizing and resampling; where a grid of places is documented by a formula, that formula is what is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posekit.runtimes.mil.lazy import F, torch
from posekit.runtimes.mil.ops.table import op

if TYPE_CHECKING:
    from torch import Tensor

MODES = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS")


def grid(size: int, wanted: int, mode: str) -> Tensor:
    """Where `wanted` samples lie on an axis of `size` pixels, as MIL's sampling modes have it, clamped to the axis."""
    steps = torch.arange(wanted, dtype=torch.float64)
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        places = steps * ((size - 1) / max(wanted - 1, 1))
        if mode == "ALIGN_CORNERS" and wanted == 1:
            places = places + (size - 1) / 2
    elif mode == "DEFAULT":
        places = steps * (size / wanted)
    elif mode == "OFFSET_CORNERS":
        places = (steps + 0.5) * (max(1, size - 1) / wanted)
    elif mode == "UNALIGN_CORNERS":
        places = (steps + 0.5) * (size / wanted) - 0.5
    else:
        raise ValueError(f"sampling mode {mode!r}, expected one of {', '.join(MODES)}")
    return places.clamp(0, size - 1)


def _linear(x: Tensor, places: Tensor, axis: int) -> Tensor:
    low = places.floor()
    share = (places - low).to(x.dtype).reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])
    first = low.long()
    second = (first + 1).clamp_max(x.shape[axis] - 1)
    return torch.lerp(x.index_select(axis, first), x.index_select(axis, second), share)


def _bilinear(x: Tensor, height: int, width: int, mode: str) -> Tensor:
    if x.ndim == 4 and mode == "UNALIGN_CORNERS":
        return F.interpolate(x, (height, width), mode="bilinear", align_corners=False)
    if x.ndim == 4 and mode == "STRICT_ALIGN_CORNERS" and min(height, width) > 1:
        return F.interpolate(x, (height, width), mode="bilinear", align_corners=True)
    x = _linear(x, grid(x.shape[-2], height, mode), -2)
    return _linear(x, grid(x.shape[-1], width, mode), -1)


def _nearest(x: Tensor, height: int, width: int) -> Tensor:
    """The pixel that place i * size / wanted falls into, in whole numbers."""
    for axis, wanted in ((-2, height), (-1, width)):
        size = x.shape[axis]
        if wanted % size == 0:
            x = x.repeat_interleave(wanted // size, axis) if wanted != size else x
        else:
            x = x.index_select(axis, torch.arange(wanted) * size // wanted)
    return x


@op(exact=True)
def upsample_nearest_neighbor(x: Tensor, scale_factor_height: float = 1, scale_factor_width: float = 1) -> Tensor:
    height, width = int(x.shape[-2] * scale_factor_height), int(x.shape[-1] * scale_factor_width)
    if x.ndim == 4 and height % x.shape[-2] == 0 and width % x.shape[-1] == 0:
        return F.interpolate(x, (height, width), mode="nearest")
    return _nearest(x, height, width)


@op(exact=True)
def resize_nearest_neighbor(x: Tensor, target_size_height: int, target_size_width: int) -> Tensor:
    return _nearest(x, target_size_height, target_size_width)


@op()
def upsample_bilinear(
    x: Tensor,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
    half_pixel_centers: bool | None = None,
) -> Tensor:
    height, width = int(x.shape[-2] * scale_factor_height), int(x.shape[-1] * scale_factor_width)
    half = not align_corners if half_pixel_centers is None else half_pixel_centers
    if align_corners and half:
        raise ValueError("align_corners and half_pixel_centers together")
    return _bilinear(
        x, height, width, "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS" if half else "DEFAULT"
    )


@op()
def resize_bilinear(
    x: Tensor, target_size_height: int = 1, target_size_width: int = 1, sampling_mode: str = "DEFAULT"
) -> Tensor:
    return _bilinear(x, target_size_height, target_size_width, sampling_mode)


@op()
def resize(
    x: Tensor,
    shape: list[int],
    resized_dims: int,
    interpolation_mode: str = "LINEAR",
    sampling_mode: str = "DEFAULT",
) -> Tensor:
    """The last `resized_dims` of `shape` for the last axes of x; 0 keeps a size."""
    if interpolation_mode not in ("LINEAR", "NEAREST_NEIGHBOR"):
        raise ValueError(f"interpolation {interpolation_mode!r}, expected LINEAR or NEAREST_NEIGHBOR")
    for axis, wanted in zip(range(-resized_dims, 0), shape[len(shape) - resized_dims :], strict=True):
        if wanted in (0, x.shape[axis]):
            continue
        places = grid(x.shape[axis], wanted, sampling_mode)
        if interpolation_mode == "LINEAR":
            x = _linear(x, places, axis)
        else:
            # DEFAULT takes the pixel that a place falls into; the others, which name pixel centres, the nearest one
            whole = places.floor() if sampling_mode == "DEFAULT" else (places + 0.5).floor()
            x = x.index_select(axis, whole.long().clamp(0, x.shape[axis] - 1))
    return x


@op()
def crop_resize(
    x: Tensor,
    boxes: Tensor | None = None,
    box_indices: Tensor | None = None,
    target_height: int = 1,
    target_width: int = 1,
    normalized_coordinates: bool = False,
    spatial_scale: float = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
    pad_value: float = 0.0,
    roi: Tensor | None = None,
) -> Tensor:
    """From iOS 17 on boxes (N, 4) and the image of each; before, roi (N, 1, 4 or 5, 1, 1) with that image in front."""
    batched = boxes is None and roi is not None and roi.shape[2] == 4
    if boxes is None:
        assert roi is not None
        flat = roi.reshape(roi.shape[0], -1)
        boxes, box_indices = flat[:, -4:], None if batched else flat[:, 0]
    height, width = x.shape[-2:]
    unit = torch.tensor([height - 1, width - 1] if normalized_coordinates else [1, 1], dtype=torch.float32)
    crops = []
    for number, box in enumerate(boxes.float()):
        first, second = box[:2], box[2:]
        if box_coordinate_mode.endswith("WIDTH_FIRST"):
            first, second = first.flip(0), second.flip(0)
        if box_coordinate_mode.startswith("CENTER_SIZE"):
            first, second = first - second / 2, first + second / 2
        start, stop = first * unit * spatial_scale, second * unit * spatial_scale
        rows = _box_grid(float(start[0]), float(stop[0]), target_height, sampling_mode)
        columns = _box_grid(float(start[1]), float(stop[1]), target_width, sampling_mode)
        images = x if batched else x[int(box_indices[number]) if box_indices is not None else number][None]
        crops.append(_sampled(images, rows, columns, pad_value))
    stacked = torch.stack(crops)
    return stacked if roi is not None else stacked[:, 0]


def _box_grid(start: float, stop: float, wanted: int, mode: str) -> Tensor:
    """MIL's sampling modes with the box's extent in place of the image's."""
    steps, extent = torch.arange(wanted, dtype=torch.float64), stop - start
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        middle = extent / 2 if mode == "ALIGN_CORNERS" and wanted == 1 else 0.0
        return start + middle + steps * (extent / max(wanted - 1, 1))
    if mode == "DEFAULT":
        return start + steps * ((extent + 1) / wanted)
    if mode == "OFFSET_CORNERS":
        return start + (steps + 0.5) * (extent / wanted)
    if mode == "UNALIGN_CORNERS":
        return start + (steps + 0.5) * ((extent + 1) / wanted) - 0.5
    raise ValueError(f"sampling mode {mode!r}, expected one of {', '.join(MODES)}")


def _sampled(images: Tensor, rows: Tensor, columns: Tensor, outside: float) -> Tensor:
    height, width = images.shape[-2:]
    y = _linear(images, rows.clamp(0, height - 1), -2)
    y = _linear(y, columns.clamp(0, width - 1), -1)
    within = ((rows >= 0) & (rows <= height - 1))[:, None] & ((columns >= 0) & (columns <= width - 1))
    return torch.where(within, y, torch.tensor(outside, dtype=y.dtype))


@op()
def resample(
    x: Tensor,
    coordinates: Tensor,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """Values of x at coordinates (B, H, W, 2), x before y."""
    sizes = torch.tensor([x.shape[-1], x.shape[-2]], dtype=torch.float32)
    at = coordinates.float()
    if coordinates_mode == "unnormalized":
        at, align_corners = 2 * at / (sizes - 1).clamp_min(1) - 1, True
    elif coordinates_mode == "normalized_zero_to_one":
        at = 2 * at - 1
    elif coordinates_mode != "normalized_minus_one_to_one":
        raise ValueError(f"coordinates {coordinates_mode!r}")
    padding = {"constant": "zeros", "border": "border", "reflection": "reflection", "symmetric": "reflection"}
    if padding_mode in ("reflection", "symmetric") and align_corners != (padding_mode == "reflection"):
        raise ValueError(f"padding {padding_mode!r} with align_corners {align_corners}")
    shifted = x - padding_value if padding_mode == "constant" and padding_value else x
    y = F.grid_sample(shifted, at, sampling_mode, padding[padding_mode], align_corners)
    return y + padding_value if shifted is not x else y


@op()
def affine(
    x: Tensor,
    transform_matrix: Tensor,
    output_height: int,
    output_width: int,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """resample at the coordinates that the matrix [a0 a1 a2 b0 b1 b2] makes of the output's own."""
    matrix = transform_matrix.reshape(-1, 2, 3).expand(x.shape[0], -1, -1)
    at = F.affine_grid(matrix, [x.shape[0], x.shape[1], output_height, output_width], align_corners)
    return resample(x, at, sampling_mode, padding_mode, padding_value, coordinates_mode, align_corners)
