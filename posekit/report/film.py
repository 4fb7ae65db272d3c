"""Pictures one after another as a film, through OpenCV: MPEG-4 in an .mp4, which is what its wheels can write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posekit.compression.calibration.video import opencv
from posekit.errors import InputError
from posekit.progress import captured


class Film:
    """A film that is there when it is closed, and not before.

    size_wh: of all its pictures, px; rate: pictures a second. MissingToolError without OpenCV; InputError where the
    place cannot be written.
    """

    def __init__(self, path: Path, size_wh: tuple[int, int], rate: float) -> None:
        cv2 = opencv()
        self.path = path
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.mp4")
        even = size_wh[0] // 2 * 2, size_wh[1] // 2 * 2  # the coding halves the colours of both sides
        self._size_wh = even
        with captured():
            self._writer: Any = cv2.VideoWriter(
                str(self._partial.resolve()), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), rate, even
            )
        if not self._writer.isOpened():
            raise InputError(f"cannot write {path}", "is there space, and permission?")

    def add(self, picture: Image.Image) -> None:
        """The next picture."""
        (width, height), pixels = self._size_wh, np.asarray(picture.convert("RGB"))
        self._writer.write(np.ascontiguousarray(pixels[:height, :width, ::-1]))

    def close(self, *, keep: bool = True) -> None:
        """Put the film in its place, or away; InputError where that place is taken by what is no file."""
        self._writer.release()
        try:
            if keep:
                self._partial.replace(self.path)
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from error
        finally:
            self._partial.unlink(missing_ok=True)
