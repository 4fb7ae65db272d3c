"""Pictures from disk as upright RGB bytes, and who is in them."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from posekit.errors import InputError
from posekit.poses.regions import Region

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff"})
MAX_PIXELS = 178_000_000  # more is refused, as a decompression bomb; Pillow itself refuses a little more than this
HEIF = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")  # kinds of an ISO box
TURNED = (5, 6, 7, 8)  # EXIF orientations whose stored width is the height

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

    image_id: COCO's id where there are annotations, else the position in the folder. below: the path below the folder
    of pictures. annotated_wh: width and height as the annotations have them, px, or None. is_annotated: whether they
    list it, so that who is not among `people` is not there. regions: where a detector found somebody, source px.
    """

    path: Path
    image_id: int | str
    people: tuple[Person, ...] = ()
    below: str = ""
    annotated_wh: tuple[int, int] | None = None
    is_annotated: bool = False
    regions: tuple[Region, ...] = ()

    @property
    def name(self) -> str:
        """What the picture is called: each of a folder otherwise."""
        return self.below or self.path.name


def load_image(path: Path) -> Picture:
    """Upright RGB (h, w, 3) uint8 of any picture that Pillow reads: EXIF applied, alpha dropped, 16 bits cut to 8.

    InputError for what is no picture, is damaged, or has more than MAX_PIXELS pixels.
    """
    if not path.is_file():
        raise InputError(f"there is no image {path}", "check the path")
    return _decoded(path, path)


def decode_image(content: bytes, path: Path) -> Picture:
    """The same of the bytes of a picture; path: where they are from, for errors."""
    return _decoded(io.BytesIO(content), path)


def _decoded(source: Path | io.BytesIO, path: Path) -> Picture:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise InputError(f"{path} has {opened.width} x {opened.height} px, at most {MAX_PIXELS} are read")
                opened.load()  # a TIFF is turned by that
                return np.ascontiguousarray(_rgb(ImageOps.exif_transpose(opened) if _is_turned(opened) else opened))
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has more than {MAX_PIXELS} px, which is not read") from error
    except Exception as error:  # Pillow's plugins raise many kinds on damaged files
        reason, hint = _why(_head(source), error)
        raise InputError(f"{path} cannot be read as a picture: {reason}", hint) from error


def upright_wh(path: Path) -> tuple[tuple[int, int], bool] | None:
    """Width and height of a picture as load_image gives it, and whether EXIF turns or mirrors it to come to that.

    Mostly from the picture's head alone; None where that cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                (width, height), orientation = opened.size, opened.getexif().get(ExifTags.Base.Orientation, 1)
                if opened.format == "TIFF":  # its size is turned already, and its orientation is not
                    width, height = ImageOps.exif_transpose(opened).size
                elif orientation in TURNED:
                    width, height = height, width
    except Exception:  # as in load_image, which tells why
        return None
    return (width, height), orientation in range(2, 9)


def _is_turned(image: Image.Image) -> bool:
    """Whether EXIF turns or mirrors it."""
    return image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)


def _head(source: Path | io.BytesIO) -> bytes | None:
    """The first bytes, None where they may not be read."""
    if isinstance(source, io.BytesIO):
        return source.getvalue()[:12]
    with contextlib.suppress(OSError), source.open("rb") as file:
        return file.read(12)
    return None


def _why(head: bytes | None, error: Exception) -> tuple[str, str]:
    """Why a picture is not read, and what to do about it."""
    if head is not None and head[4:8] == b"ftyp" and head[8:12] in HEIF:
        return "it is HEIC, which is not read", "convert it to JPEG or PNG"
    if head == b"":
        return "it is empty", "copy it again"
    if isinstance(error, UnidentifiedImageError):
        return "it is of no format that is known, or damaged", f"known are {', '.join(sorted(SUFFIXES))}"
    if isinstance(error, PermissionError):
        return "it may not be opened", "check its permissions"
    if isinstance(error, MemoryError):
        return "there is not enough memory for it", "make it smaller"
    return "it is damaged or cut short", "copy it again, or leave it out"


def _rgb(image: Image.Image) -> Picture:
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image).astype(np.int64)
        grey = np.clip(values >> 8 if values.max(initial=0) > 255 else values, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"), np.uint8)  # convert() would copy it
