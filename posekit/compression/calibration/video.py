"""Frames of a video file, upright, through OpenCV: its wheels carry FFmpeg under the LGPL alone."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posekit.errors import InputError, MissingToolError
from posekit.poses.images import MAX_PIXELS, Picture
from posekit.progress import captured

FAR = 100  # frames: over a longer gap the file is sought in, which decodes from a key frame on
TAIL = 10  # frames by which a container's own count may be too high
MAX_FRAMES = 10_000_000  # at 60 a second two days; more is no count
DAMAGED = "is it damaged, or coded in a way that FFmpeg does not know?"

# FFmpeg also opens text files that name other files and addresses (playlists, lists to concatenate), and takes them for
# what they hold whatever their suffix: only what begins as a container of video does is given to it.
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # MP4, MOV: the kind of the first box
_HEADS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"OggS",
    bytes.fromhex("3026b2758e66cf11"),  # ASF, WMV
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
)


def is_video(path: Path) -> bool:
    """Whether a file begins as a container of video does; InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    is_stream = head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G"  # MPEG transport stream
    is_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return head[4:8] in _BOXES or is_avi or is_stream or head.startswith(_HEADS)


def length(path: Path) -> int:
    """Number of frames; InputError for a damaged video and for one without frames."""
    with _opened(path) as (cv2, capture):
        said = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if 1 <= said <= MAX_FRAMES:
            capture.set(cv2.CAP_PROP_POS_FRAMES, max(int(said) - TAIL, 0))
            if capture.grab():
                return int(said)
    with _opened(path) as (_, capture):
        count = 0
        while count < MAX_FRAMES and capture.grab():
            count += 1
    if not count:
        raise InputError(f"the video {path} has no frame that can be read", DAMAGED)
    return count


def rate(path: Path) -> float:
    """Frames a second as the video says, 30 where it says nothing that can be; InputError for a damaged video."""
    with _opened(path) as (cv2, capture):
        said = float(capture.get(cv2.CAP_PROP_FPS))
    return said if 0.1 <= said <= 1000 else 30.0


def frames(path: Path, places: Sequence[int]) -> Iterator[tuple[int, Picture]]:
    """The frames at ascending `places`, each upright RGB (h, w, 3) uint8; ends where the video can be read no
    further."""
    with _opened(path) as (cv2, capture):
        position = 0
        for place in places:
            if place - position > FAR:
                capture.set(cv2.CAP_PROP_POS_FRAMES, place)
                position = place
            while position < place:
                if not capture.grab():
                    return
                position += 1
            is_read, picture = capture.read()
            if not is_read:
                return
            position += 1
            yield place, np.ascontiguousarray(picture[..., ::-1])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    cv2 = opencv()
    # an absolute path, since FFmpeg takes `name:` for a protocol; FFmpeg alone, since others take numbered pictures
    with captured():  # FFmpeg and OpenCV talk of what they cannot open
        capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise InputError(f"{path} cannot be read as a video", DAMAGED)
        width, height = (capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if not 0 < width * height <= MAX_PIXELS:
            raise InputError(f"{path} has frames of {width:.0f} x {height:.0f} px, 1 to {MAX_PIXELS} px are read")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        yield cv2, capture
    except cv2.error as error:
        raise InputError(f"{path} cannot be read as a video: {error.err or error}", DAMAGED) from error
    finally:
        capture.release()


def opencv() -> Any:
    """The library, loaded so that it does not talk; MissingToolError without it."""
    # read once, when the library is loaded, which others may have done: a damaged file is told in our own sentence
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise MissingToolError(
            "videos are read and written with opencv-python-headless, which is not installed",
            "pip install 'posekit[video]'",
        ) from error
