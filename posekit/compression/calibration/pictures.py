"""Where calibration pictures come from: a folder, a video, or an animation; read one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from posekit.compression.calibration import video
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError, said
from posekit.poses.images import MAX_PIXELS, Person, Picture, load_image
from posekit.poses.photos import Photos, find_photos

LOOKED_AT = 1000  # pictures of a folder
FRAMES = 500  # of a video or an animation
ANIMATED = frozenset({".gif", ".webp", ".png", ".apng"})

Kind = Literal["folder", "video", "animation"]
Read = tuple[str, Picture | InputError, tuple[Person, ...]]


@dataclass(frozen=True, slots=True)
class Pictures:
    """found: how many there are; names: those to look at; read: some of them in the order of `names`; warnings: of what
    was left out.

    A picture that cannot be read comes as its error; frames after a video's early end do not come.
    """

    kind: Kind
    where: Path
    found: int
    names: tuple[str, ...]
    read: Callable[[Sequence[str]], Iterator[Read]]
    warnings: tuple[str, ...] = ()


def open_pictures(source: Path, spec: PoseSpec, annotations: Path | None) -> Pictures:
    """The pictures of a folder, or the frames of a video or of an animated picture.

    InputError for what is neither, MissingToolError for a video without the extra that reads it.
    """
    if source.is_dir() or not source.exists():
        return _folder(source, find_photos(source, annotations, spec.keypoints.names, with_nobody=spec.has_several))
    if annotations is not None:
        raise InputError(
            f"{annotations} is given for {source}, which is no folder", "annotations need a folder of pictures"
        )
    if source.suffix.lower() in ANIMATED:
        return _frames("animation", source, _animation_length(source), _animation)
    if video.is_video(source):
        return _frames("video", source, video.length(source), video.frames)
    raise InputError(
        f"{source} is neither a folder of pictures nor a video", "give a folder, or a video such as .mp4 or .webm"
    )


def sampled(names: Sequence[str], limit: int) -> tuple[str, ...]:
    """At most `limit` of many names in order, drawn by their SHA-256, so that every look draws the same."""
    drawn = sorted(names, key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest())[:limit]
    return tuple(sorted(drawn))


def _folder(folder: Path, found: Photos) -> Pictures:
    by_name = {photo.name: photo for photo in found.photos}

    def read(names: Sequence[str]) -> Iterator[Read]:
        for name in names:
            photo = by_name[name]
            try:
                yield name, load_image(photo.path), photo.people
            except InputError as error:
                yield name, error, photo.people

    return Pictures("folder", folder, len(by_name), sampled(tuple(by_name), LOOKED_AT), read, found.warnings)


def _frames(
    kind: Kind, path: Path, length: int, frames: Callable[[Path, Sequence[int]], Iterator[tuple[int, Picture]]]
) -> Pictures:
    count = min(length, FRAMES)
    places = {
        f"{path.name}@{place:07d}": place for place in ((2 * n + 1) * length // (2 * count) for n in range(count))
    }
    names = {place: name for name, place in places.items()}

    def read(wanted: Sequence[str]) -> Iterator[Read]:
        for place, picture in frames(path, [places[name] for name in wanted]):
            yield names[place], picture, ()

    return Pictures(kind, path, length, tuple(places), read)


def _animation_length(path: Path) -> int:
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise InputError(f"{path} has {opened.width} x {opened.height} px, at most {MAX_PIXELS} are read")
            length = int(getattr(opened, "n_frames", 1))
    except InputError:
        raise
    except Exception as error:  # Pillow's plugins raise many kinds on damaged files
        raise InputError(f"{path} cannot be read as a picture{said(error)}", "is it damaged?") from error
    if length < 2:
        raise InputError(f"{path} is one picture, expected a folder of pictures or a video")
    return length


def _animation(path: Path, places: Sequence[int]) -> Iterator[tuple[int, Picture]]:
    try:
        with Image.open(path) as opened:
            for place in places:
                opened.seek(place)
                yield place, np.array(opened.convert("RGB"), np.uint8)
    except EOFError:
        return
    except Exception as error:  # as above
        raise InputError(f"{path} is damaged{said(error)}") from error
