"""Small films, and what can be wrong with them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posekit.compression.calibration import video
from posekit.errors import MissingToolError

SIZE_WH = (96, 64)
CODES = {"mp4": "mp4v", "mkv": "mp4v", "avi": "MJPG", "webm": "VP80"}


def frame(index: int) -> np.ndarray:
    """RGB: a bar that moves, over one of eight scenes of 20 frames; red is left and blue right."""
    scene = np.random.default_rng(index // 20).integers(20, 235, (4, 6, 3), np.uint8)
    picture = np.asarray(Image.fromarray(scene).resize(SIZE_WH, Image.Resampling.BICUBIC)).copy()
    picture[:, :8], picture[:, -8:] = (230, 10, 10), (10, 10, 230)
    picture[-4:, 10 + index % 20 * 3 : 20 + index % 20 * 3] = 255
    return picture


def film(path: Path, frames: int = 160) -> Path:
    """A film of `frame`s in the container of the suffix."""
    try:
        cv2 = video.opencv()
    except MissingToolError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*CODES[path.suffix[1:]]), 30, SIZE_WH)
    assert writer.isOpened()
    for index in range(frames):
        writer.write(np.ascontiguousarray(frame(index)[..., ::-1]))
    writer.release()
    return path


def turned(content: bytes) -> bytes:
    """An MP4 whose track says that a player turns it clockwise by a quarter."""
    start = (
        content.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    )  # version and flags, times and number, reserved, layer to reserved
    assert struct.unpack_from(">9i", content, start) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    matrix = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, SIZE_WH[1] << 16, 0, 1 << 30)
    return content[:start] + matrix + content[start + 36 :]
