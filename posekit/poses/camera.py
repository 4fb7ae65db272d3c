"""Frames as a phone's camera hands them to an app: turned, in planes, each row longer than its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from posekit.poses.images import Picture
from posekit.poses.transforms import UPRIGHT, Orientation
from posekit.poses.yuv import YuvColors, from_rgb, to_rgb

FrameForm: TypeAlias = Literal["yuv420", "nv21", "rgba"]
FORMS: tuple[FrameForm, ...] = ("yuv420", "nv21", "rgba")
ROW_BYTES = 64  # phones begin rows at multiples of this, so that most have bytes behind their pixels
JPEG = YuvColors()  # what the cameras of phones mostly give
NOISE = 0xA5  # what these hold: no colour of the picture


@dataclass(frozen=True, slots=True)
class FramePlane:
    """A plane of 8-bit samples in the frame's bytes. offset, row_stride, pixel_stride: bytes."""

    offset: int
    row_stride: int
    pixel_stride: int


@dataclass(frozen=True, slots=True)
class CameraFrame:
    """A frame as stored. planes: of `yuv420` Y, U and V, of `nv21` none, since its places follow from its size, of
    `rgba` one. orientation: how it becomes upright."""

    form: FrameForm
    size_wh: tuple[int, int]
    data: bytes
    planes: tuple[FramePlane, ...]
    orientation: Orientation = UPRIGHT
    colors: YuvColors = JPEG


def camera_frame(
    picture: Picture,
    orientation: Orientation = UPRIGHT,
    form: FrameForm = "yuv420",
    colors: YuvColors = JPEG,
) -> CameraFrame:
    """The frame that `orientation` makes this upright picture (h, w, 3); yuv420: with U and V in turn, as most phones
    give it."""
    stored = np.rot90(picture[:, ::-1] if orientation.mirrored else picture, orientation.rotation_degrees // 90)
    height, width = stored.shape[:2]
    if form == "rgba":
        pixels = np.concatenate([stored, np.full((height, width, 1), 255, np.uint8)], axis=-1).reshape(height, -1)
        data, stride = _rows(pixels)
        return CameraFrame(form, (width, height), data, (FramePlane(0, stride, 4),), orientation, colors)
    y, u, v = from_rgb(stored, colors)
    if form == "nv21":
        data = y.tobytes() + np.stack([v, u], axis=-1).tobytes()
        return CameraFrame(form, (width, height), data, (), orientation, colors)
    light, stride = _rows(y)
    chroma, chroma_stride = _rows(np.stack([u, v], axis=-1).reshape(len(u), -1))
    planes = (
        FramePlane(0, stride, 1),
        FramePlane(len(light), chroma_stride, 2),
        FramePlane(len(light) + 1, chroma_stride, 2),
    )
    return CameraFrame(form, (width, height), light + chroma, planes, orientation, colors)


def upright_picture(frame: CameraFrame) -> Picture:
    """What a frame shows, upright (h, w, 3): of YUV a picture with a quarter of the colours."""
    width, height = frame.size_wh
    halves = (width + 1) // 2, (height + 1) // 2
    if frame.form == "rgba":
        stored = np.stack([_samples(frame, replace(frame.planes[0], offset=at), frame.size_wh) for at in range(3)], -1)
    else:
        planes = frame.planes or _nv21_planes(frame.size_wh)
        sizes = (frame.size_wh, halves, halves)
        y, u, v = (_samples(frame, plane, size) for plane, size in zip(planes, sizes, strict=True))
        stored = to_rgb(y, u, v, frame.colors)
    turned = np.rot90(stored, -(frame.orientation.rotation_degrees // 90))
    return np.ascontiguousarray(turned[:, ::-1] if frame.orientation.mirrored else turned)


def _samples(frame: CameraFrame, plane: FramePlane, size_wh: tuple[int, int]) -> Picture:
    width, height = size_wh
    rows, columns = np.ogrid[:height, :width]
    places = plane.offset + rows * plane.row_stride + columns * plane.pixel_stride
    return np.asarray(np.frombuffer(frame.data, np.uint8)[places])


def _nv21_planes(size_wh: tuple[int, int]) -> tuple[FramePlane, ...]:
    """All of Y, then V and U in turn, without padding."""
    (width, height), chroma_row = size_wh, (size_wh[0] + 1) // 2 * 2
    start = width * height
    return FramePlane(0, width, 1), FramePlane(start + 1, chroma_row, 2), FramePlane(start, chroma_row, 2)


def _rows(samples: Picture) -> tuple[bytes, int]:
    """Rows of bytes with padding behind each but the last, and how long a row is."""
    height, used = samples.shape
    stride = -(-used // ROW_BYTES) * ROW_BYTES
    padded = np.full((height, stride), NOISE, np.uint8)
    padded[:, :used] = samples
    return padded.ravel()[: stride * (height - 1) + used].tobytes(), stride
