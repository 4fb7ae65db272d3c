"""Pictures and COCO annotations from disk: upright RGB bytes, and which people to look at."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from posekit import jsontext
from posekit.errors import InputError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
MAX_PIXELS = 178_000_000  # more is refused, as a decompression bomb; Pillow itself refuses a little more than this
MAX_JSON_BYTES = 1 << 30

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Person:
    """One annotated person: box (x1, y1, x2, y2) source px, keypoints (K, 3) with COCO visibility or None, area px."""

    box_xyxy: tuple[float, float, float, float]
    keypoints: NDArray[np.float64] | None = None
    area: float = 0.0


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture on disk and the people annotated in it; without any, the whole frame is looked at.

    image_id: COCO's id where there are annotations, else the position in the folder.
    """

    path: Path
    image_id: int
    people: tuple[Person, ...] = ()


def load_image(path: Path) -> Picture:
    """Upright RGB (h, w, 3) uint8 of any picture that Pillow reads: EXIF applied, alpha dropped, 16 bits cut to 8.

    InputError for what is no picture, is damaged, or has more than MAX_PIXELS pixels.
    """
    if not path.is_file():
        raise InputError(f"there is no image {path}", "check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise InputError(f"{path} has {opened.width} x {opened.height} px, at most {MAX_PIXELS} are read")
                return np.ascontiguousarray(_rgb(ImageOps.exif_transpose(opened)))
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has more than {MAX_PIXELS} px, which is not read") from error
    except Exception as error:  # Pillow's plugins raise many kinds on damaged files
        raise InputError(f"{path} cannot be read as a picture: {error}", "is it damaged, or another format?") from error


def _rgb(image: Image.Image) -> Picture:
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image).astype(np.int64)
        grey = np.clip(values >> 8 if values.max(initial=0) > 255 else values, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.asarray(image.convert("RGB"), np.uint8)


def photos(folder: Path, annotations: Path | None, keypoint_count: int) -> list[Photo]:
    """The pictures of a folder in the order of their names; with annotations, those that have people.

    InputError for a folder without pictures and for annotations that are no COCO keypoints of `keypoint_count`.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder of images {folder}", "give a folder with --images")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise InputError(f"the folder {folder} holds no pictures", f"expected {', '.join(sorted(SUFFIXES))}")
    if annotations is None:
        return [Photo(path, index) for index, path in enumerate(paths)]
    found = list(_annotated(read_coco(annotations), {path.name: path for path in paths}, keypoint_count, annotations))
    if not found:
        raise InputError(f"none of the people in {annotations} is in a picture of {folder}", "do the file names agree?")
    return found


def read_coco(path: Path) -> dict[str, Any]:
    """A COCO annotation file as parsed JSON; InputError where it is none."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise InputError(f"{path} has more than {MAX_JSON_BYTES} bytes")
        data = jsontext.parse(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the annotations {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"the annotations {path} are no valid JSON: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in ("images", "annotations")):
        raise InputError(f"{path} holds no COCO annotations", "expected a table with `images` and `annotations`")
    return data


def _annotated(data: dict[str, Any], by_name: dict[str, Path], count: int, where: Path) -> Iterator[Photo]:
    people: dict[int, list[Person]] = {}
    try:
        for entry in data["annotations"]:
            if not entry.get("iscrowd"):
                people.setdefault(int(entry["image_id"]), []).append(_person(entry, count))
        for image in sorted(data["images"], key=lambda image: str(image["file_name"])):
            path = by_name.get(Path(str(image["file_name"])).name)
            if path is not None and people.get(int(image["id"])):
                yield Photo(path, int(image["id"]), tuple(people[int(image["id"])]))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{where} is no sound COCO file: {type(error).__name__}: {error}") from error


def _person(entry: dict[str, Any], count: int) -> Person:
    x, y, width, height = (float(value) for value in entry["bbox"])
    box, area = (x, y, x + width, y + height), float(entry.get("area") or width * height)
    if not (width > 0 and height > 0):
        raise ValueError(f"bbox {entry['bbox']} has no area")
    keypoints = None
    if entry.get("keypoints"):
        keypoints = np.array(entry["keypoints"], np.float64).reshape(-1, 3)
        if len(keypoints) != count:
            raise ValueError(f"a person has {len(keypoints)} keypoints, the spec {count}")
    if not all(np.isfinite(values).all() for values in ((*box, area), keypoints) if values is not None):
        raise ValueError(f"the person in image {entry['image_id']} has numbers that are not finite")
    return Person(box, keypoints, area)
