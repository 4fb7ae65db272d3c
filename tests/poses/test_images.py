"""Pictures of every kind, and damaged ones."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.errors import InputError
from posekit.poses.images import MAX_PIXELS, load_image, upright_wh

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
    assert upright_wh(tmp_path / f"a.{suffix}") == ((24, 16), orientation > 1)


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


CUT, UNKNOWN = "it is damaged or cut short", "it is of no format that is known, or damaged"
DAMAGED = {
    "empty": (b"", "it is empty"),
    "text": (b"this is no picture\n", UNKNOWN),
    "zip": (b"PK\x03\x04" + bytes(100), UNKNOWN),
    "noise": (bytes(np.random.default_rng(2).integers(0, 256, 500, dtype=np.uint8)), UNKNOWN),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(100), "it is HEIC, which is not read"),
    "AppleDouble": (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(200), UNKNOWN),
    "jpeg cut short": (encoded("JPEG")[:900], CUT),
    "png cut short": (encoded("PNG")[:3000], CUT),
    "png header alone": (encoded("PNG")[:40], UNKNOWN),
    "png with wrong data": (encoded("PNG")[:60] + bytes(2000), CUT),
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_what_is_no_picture_is_refused(tmp_path: Path, damage: str, suffix: str) -> None:
    content, why = DAMAGED[damage]
    (tmp_path / f"a.{suffix}").write_bytes(content)
    message = refusal(tmp_path / f"a.{suffix}")
    assert message.endswith(f"cannot be read as a picture: {why}")  # in our words, not in a library's


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
