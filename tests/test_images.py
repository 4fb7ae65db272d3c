"""Pictures of every kind, damaged ones, and annotations that are broken in each way."""

from __future__ import annotations

import copy
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.errors import InputError
from posekit.images import MAX_PIXELS, load_image, photos

# Four colours, one a quadrant, so that every turn and mirroring gives another picture.
COLORS = np.array([[[220, 20, 20], [20, 200, 20]], [[20, 20, 210], [230, 220, 20]]], np.uint8)
UPRIGHT = COLORS.repeat(8, axis=0).repeat(12, axis=1)  # (16, 24, 3)

# EXIF tag 274: how the stored picture comes from the upright one
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


def save(path: Path, picture: Image.Image, **options: Any) -> Path:
    picture.save(path, **options)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        load_image(path)
    assert str(path) in raised.value.message
    assert "\n" not in raised.value.message
    return raised.value.message


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](UPRIGHT)))
    options = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    seen = load_image(save(tmp_path / f"a.{suffix}", stored, exif=exif, **options))
    assert seen.shape == UPRIGHT.shape
    assert np.abs(seen.astype(int) - UPRIGHT).max() <= 4


@pytest.mark.parametrize(
    ("mode", "suffix", "tolerance"),
    [
        ("RGB", "png", 0),
        ("RGB", "bmp", 0),
        ("RGBA", "png", 0),  # alpha is dropped, also where it is 0
        ("P", "png", 0),
        ("CMYK", "tif", 1),
        ("CMYK", "jpg", 8),
    ],
)
def test_colour_pictures_become_rgb(tmp_path: Path, mode: str, suffix: str, tolerance: int) -> None:
    picture = Image.fromarray(UPRIGHT).convert(mode, palette=Image.Palette.ADAPTIVE)
    if mode == "RGBA":
        picture.putalpha(Image.fromarray(np.tile(np.arange(24, dtype=np.uint8), (16, 1))))
    options = {"quality": 95, "subsampling": 0} if suffix == "jpg" else {}
    seen = load_image(save(tmp_path / f"a.{suffix}", picture, **options))
    assert (seen.dtype, seen.shape) == (np.uint8, (16, 24, 3))
    assert seen.flags.c_contiguous
    assert np.abs(seen.astype(int) - UPRIGHT).max() <= tolerance


RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
LEVELS = {
    "8 bits": (Image.fromarray(RAMP), RAMP),
    "1 bit": (Image.fromarray(RAMP > 127), np.where(RAMP > 127, 255, 0)),
    "grey with alpha": (Image.merge("LA", [Image.fromarray(RAMP), Image.fromarray(RAMP)]), RAMP),
    "16 bits": (Image.fromarray(RAMP.astype(np.uint16) * 257), RAMP),
    "16 bits that hold 8": (Image.fromarray(RAMP.astype(np.uint16)), RAMP),
    "16 bits, the low byte cut": (Image.fromarray(RAMP.astype(np.uint16) * 256 + 255), RAMP),
}


@pytest.mark.parametrize("case", LEVELS)
def test_grey_pictures_become_rgb(tmp_path: Path, case: str) -> None:
    picture, expected = LEVELS[case]
    seen = load_image(save(tmp_path / "a.png", picture))
    np.testing.assert_array_equal(seen, np.repeat(expected[..., None], 3, axis=2))


def test_32_bit_grey_is_cut_to_8(tmp_path: Path) -> None:
    seen = load_image(save(tmp_path / "a.tif", Image.fromarray(RAMP.astype(np.int32) * 257)))
    np.testing.assert_array_equal(seen[..., 0], RAMP)


def test_one_pixel(tmp_path: Path) -> None:
    assert load_image(save(tmp_path / "a.png", Image.new("RGB", (1, 1), (1, 2, 3)))).tolist() == [[[1, 2, 3]]]


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


DAMAGED = {
    "empty": b"",
    "text": b"this is no picture\n",
    "zip": b"PK\x03\x04" + bytes(100),
    "noise": bytes(np.random.default_rng(2).integers(0, 256, 500, dtype=np.uint8)),
    "jpeg cut short": encoded("JPEG")[:900],
    "png cut short": encoded("PNG")[:3000],
    "png header alone": encoded("PNG")[:40],
    "png with wrong data": encoded("PNG")[:60] + bytes(2000),
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_what_is_no_picture_is_refused(tmp_path: Path, damage: str, suffix: str) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(DAMAGED[damage])
    assert "cannot be read as a picture" in refusal(tmp_path / f"a.{suffix}")


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "there is no image" in refusal(tmp_path / "missing.png")
    assert "there is no image" in refusal(tmp_path)


def png_of(width: int, height: int) -> bytes:
    """A PNG of grey that claims a size; its data are for one row."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(width + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("height", [MAX_PIXELS // 10_000 + 1, 20_000, 2_000_000])
def test_more_than_the_limit_is_refused_before_it_is_unpacked(tmp_path: Path, height: int) -> None:
    (tmp_path / "a.png").write_bytes(png_of(10_000, height))
    message = refusal(tmp_path / "a.png")
    assert str(MAX_PIXELS) in message


@pytest.mark.slow
def test_a_hundred_megapixels_are_read(tmp_path: Path) -> None:
    picture = Image.new("L", (10_000, 10_000), 77)
    picture.putpixel((9_999, 9_999), 200)
    seen = load_image(save(tmp_path / "a.png", picture, compress_level=1))
    assert seen.shape == (10_000, 10_000, 3)
    assert (seen[0, 0].tolist(), seen[-1, -1].tolist()) == ([77] * 3, [200] * 3)


# Folders and annotations

KEYPOINTS = [float(v) for k in range(3) for v in (10 + k, 5, 2)]
COCO: dict[str, Any] = {
    "images": [
        {"id": 7, "file_name": "b.png"},
        {"id": 3, "file_name": "sub/a.png"},
        {"id": 9, "file_name": "gone.png"},
    ],
    "annotations": [
        {"image_id": 7, "bbox": [1, 2, 10, 20], "keypoints": KEYPOINTS, "area": 55},
        {"image_id": 3, "bbox": [0, 0, 4, 5]},
        {"image_id": 3, "bbox": [1, 1, 4, 5], "keypoints": [], "iscrowd": 0},
        {"image_id": 7, "bbox": [0, 0, 0, 0], "iscrowd": 1},
        {"image_id": 9, "bbox": [0, 0, 4, 5]},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("b.png", "a.png", "C.JPG"):
        Image.new("RGB", (20, 30)).save(pictures / name)
    (pictures / "notes.txt").write_text("no picture")
    return pictures


def annotated(folder: Path, document: Any) -> Path:
    path = folder.parent / "annotations.json"
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return path


def test_without_annotations_every_picture_counts_in_the_order_of_names(folder: Path) -> None:
    found = photos(folder, None, 3)
    assert [(photo.path.name, photo.image_id, photo.people) for photo in found] == [
        ("C.JPG", 0, ()), ("a.png", 1, ()), ("b.png", 2, ())]  # fmt: skip


def test_with_annotations_the_pictures_with_people_count(folder: Path) -> None:
    found = photos(folder, annotated(folder, COCO), 3)
    assert [(photo.path.name, photo.image_id, len(photo.people)) for photo in found] == [
        ("b.png", 7, 1),
        ("a.png", 3, 2),
    ]
    (person,) = found[0].people
    assert person.box_xyxy == (1, 2, 11, 22)
    assert person.area == 55
    assert person.keypoints is not None
    assert person.keypoints.tolist() == [[10, 5, 2], [11, 5, 2], [12, 5, 2]]
    assert [(other.keypoints, other.area) for other in found[1].people] == [(None, 20), (None, 20)]


def test_no_folder_and_a_folder_without_pictures_are_told(folder: Path) -> None:
    with pytest.raises(InputError, match="there is no folder of images"):
        photos(folder / "missing", None, 3)
    with pytest.raises(InputError, match="there is no folder of images"):
        photos(folder / "a.png", None, 3)
    (folder.parent / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pictures") as raised:
        photos(folder.parent / "empty", None, 3)
    assert ".jpg" in raised.value.hint


def with_person(**changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(COCO)
    document["annotations"][0] |= changes
    return document


def without(table: str, key: str) -> dict[str, Any]:
    document = copy.deepcopy(COCO)
    del document[table][0][key]
    return document


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"", "are no valid JSON"),
        (b"{", "are no valid JSON"),
        (b"\xff\xfe\x00", "are no valid JSON"),
        (b"[" * 100_000, "are no valid JSON"),
        ([], "holds no COCO annotations"),
        ({"images": []}, "holds no COCO annotations"),
        ({"images": {}, "annotations": []}, "holds no COCO annotations"),
        ({"images": [], "annotations": []}, "none of the people in"),
        ({**COCO, "images": [{"id": 7, "file_name": "other.png"}]}, "none of the people in"),
        ({**COCO, "annotations": [3]}, "AttributeError"),
        ({**COCO, "images": [3]}, "TypeError"),
        (without("annotations", "bbox"), "KeyError: 'bbox'"),
        (without("annotations", "image_id"), "KeyError: 'image_id'"),
        (without("images", "id"), "KeyError: 'id'"),
        (without("images", "file_name"), "KeyError: 'file_name'"),
        (with_person(image_id="seven"), "ValueError"),
        (with_person(image_id=INF), "OverflowError"),
        (with_person(bbox=[1, 2, 3]), "ValueError"),
        (with_person(bbox=None), "TypeError"),
        (with_person(bbox=[1, 2, 0, 5]), "has no area"),
        (with_person(bbox=[1, 2, 5, -5]), "has no area"),
        (with_person(bbox=[1, 2, NAN, 5]), "has no area"),
        (with_person(bbox=[NAN, 2, 5, 5]), "not finite"),
        (with_person(bbox=[1, 2, INF, 5]), "not finite"),
        (with_person(bbox=[1, 2, 10**400, 5]), "OverflowError"),
        (with_person(area=NAN), "not finite"),
        (with_person(keypoints=KEYPOINTS[:-3]), "a person has 2 keypoints, the spec 3"),
        (with_person(keypoints=KEYPOINTS[:-1]), "ValueError"),
        (with_person(keypoints=[*KEYPOINTS[:-1], NAN]), "not finite"),
        (with_person(keypoints=["a"] * 9), "ValueError"),
        (with_person(keypoints=[[1], [2, 3]]), "ValueError"),
    ],
)
def test_broken_annotations_are_told_in_one_sentence(folder: Path, document: Any, told: str) -> None:
    path = annotated(folder, document)
    with pytest.raises(InputError) as raised:
        photos(folder, path, 3)
    assert str(path) in raised.value.message
    assert told in raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("place", ["missing.json", "."])
def test_annotations_that_cannot_be_read_are_told(folder: Path, place: str) -> None:
    with pytest.raises(InputError, match="cannot read the annotations"):
        photos(folder, folder / place, 3)
