"""What a runner is asked: the bytes that lie beside request.json are those of the cases, and hashed as a runner
does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from posekit.devices.format import RunRequest
from posekit.devices.request import RequestWriter, as_written, sha256_of
from posekit.parity.cases import Case, cases_of
from posekit.poses.images import Photo
from posekit.poses.regions import Region
from posekit.poses.transforms import Orientation
from tests.devices.fakes.device import SPEC_OF_TINY as SPEC

OUTPUTS = {"heatmaps": np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)}
TURNED = 0x0112  # the EXIF tag of the orientation


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    """Two cases of one picture that its file turns by 90 degrees, and one of another."""
    pixels = np.random.default_rng(3).integers(0, 256, (6, 10, 3), np.uint8)
    exif = Image.Exif()
    exif[TURNED] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(pixels[:4]).save(tmp_path / "b.png")
    (a,), (b,) = (cases_of(Photo(tmp_path / name, 0), SPEC) for name in ("a.png", "b.png"))
    return [a, a, b]


def written(folder: Path, cases: list[Case], outputs: Any = None) -> RunRequest:
    writer = RequestWriter(folder)
    for case in cases:
        writer.add(case, outputs)
    writer.close("a" * 64, "b" * 64, ("image", "tensor"), ("cpu", "gpu"))
    return RunRequest.model_validate(json.loads((folder / "request.json").read_text()))


def test_what_is_written_is_what_is_asked(cases: list[Case], tmp_path: Path) -> None:
    asked = written(tmp_path / "request", cases, OUTPUTS)
    assert (asked.modes, asked.accelerators) == (("image", "tensor"), ("cpu", "gpu"))
    assert (asked.warmup, asked.repeats) == (2, 20)
    for one, case in zip(asked.cases, cases, strict=True):
        tensor = np.fromfile(tmp_path / "request" / one.input.file, "<f4").reshape(one.input.shape)
        given = np.fromfile(tmp_path / "request" / one.outputs["heatmaps"].file, "<f4")
        assert np.array_equal(tensor, case.pixels[None])
        assert np.array_equal(given.reshape(1, 2, 2, 2), OUTPUTS["heatmaps"])
        assert one.region == as_written(case.region)


def test_a_picture_is_upright_and_there_once(cases: list[Case], tmp_path: Path) -> None:
    asked = written(tmp_path / "request", cases)
    first, second, other = (one.picture for one in asked.cases)
    assert first == second
    assert first.size_wh == (6, 10)
    assert (first.rotation_degrees, first.mirrored) == (0, False)
    assert other.size_wh == (10, 4)
    assert len(list((tmp_path / "request").glob("*.rgb"))) == 2
    bytes_of = (tmp_path / "request" / first.file).read_bytes()
    stored = np.asarray(Image.open(cases[0].photo.path))
    assert bytes_of == np.rot90(stored, -1).tobytes()


def test_the_hash_is_of_the_picture_and_the_input(cases: list[Case], tmp_path: Path) -> None:
    asked = written(tmp_path / "request", cases)
    for one, case in zip(asked.cases, cases, strict=True):
        parts = [(tmp_path / "request" / name).read_bytes() for name in (one.picture.file, one.input.file)]
        assert one.sha256 == hashlib.sha256(b"".join(parts)).hexdigest() == sha256_of(case)


def test_a_picture_as_a_camera_stores_it(cases: list[Case], tmp_path: Path) -> None:
    writer = RequestWriter(tmp_path / "request")
    stored = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    writer.add_stored("turned", stored, Orientation(270, True), None, cases[0].pixels)
    (one,) = writer.close("a" * 64, "b" * 64, ("image",), ("cpu",), repeats=0).cases
    assert (one.picture.size_wh, one.picture.rotation_degrees, one.picture.mirrored) == ((4, 2), 270, True)
    assert one.region is None
    assert (tmp_path / "request" / one.picture.file).read_bytes() == stored.tobytes()


def test_a_region_of_integers_is_written_as_numbers() -> None:
    found = as_written(Region((1, 2), (3, 4), 5))  # type: ignore[arg-type]
    assert found is not None
    assert (found.center_xy, found.size_wh, found.rotation_degrees) == ((1.0, 2.0), (3.0, 4.0), 5.0)


def test_a_request_asks_for_something(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="cases"):
        RequestWriter(tmp_path / "request").close("a" * 64, "b" * 64, ("image",), ("cpu",))
