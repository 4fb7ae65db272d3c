"""However a picture was stored, every language sees the same upright person, and left stays left.

128 rows: 8 EXIF orientations, front or back camera, 4 turns of the device, a person's region or the whole frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from posekit.devices.desktop import kotlin, swift
from posekit.devices.desktop.kotlin import KotlinWrapper
from posekit.devices.desktop.swift import SwiftWrapper
from posekit.devices.request import RequestWriter
from posekit.parity.cases import poses_of
from posekit.parity.shipped import Shipped
from posekit.poses.images import load_image
from posekit.poses.regions import Region, frame_region
from posekit.poses.transforms import Orientation, input_transform
from posekit.poses.warp import warp
from posekit.runtimes import litert, mil
from tests.devices.kotlin_samples import Sample
from tests.devices.runs import keypoints_of
from tests.devices.swift_samples import SwiftSample

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("desktop_kotlin")]

Pixels = NDArray[np.uint8]
# EXIF value -> how the stored rows and columns lie: the stored picture of an upright one, after the EXIF standard
STORED: Mapping[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}
SIZE_WH, APART = (160, 200), 4.0  # px of the scene; by how much shoulders must be told apart
RED_XY, BLUE_XY, CANARY = (4, 4), (140, 4), 16  # px of the scene; side of the squares


@dataclass(frozen=True)
class Row:
    """One way to store the scene, and what the app tells the wrapper of it."""

    name: str
    stored: Pixels
    orientation: Orientation
    region: Region | None


def stored_by(scene: Pixels, exif: int, front: bool, turns: int) -> Pixels:
    """The front camera mirrors, the device is turned, and the file's EXIF value turns what is left."""
    seen = scene[:, ::-1] if front else scene
    return np.ascontiguousarray(STORED[exif](np.rot90(seen, turns)))


def telling(exif: int, front: bool, turns: int) -> Orientation:
    """The one orientation that brings a small uneven picture back, found by trying all eight."""
    uneven = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    stored = stored_by(uneven, exif, front, turns)
    (found,) = (
        Orientation(rotation, mirrored)
        for rotation, mirrored in product((0, 90, 180, 270), (False, True))
        if np.array_equal(upright_of(stored, rotation, mirrored), uneven)
    )
    return found


def upright_of(stored: Pixels, rotation: int, mirrored: bool) -> Pixels:
    turned = np.rot90(stored, -rotation // 90)
    return turned[:, ::-1] if mirrored else turned


@dataclass(frozen=True)
class Expected:
    """What the upright scene itself gives."""

    input: NDArray[np.float32]
    keypoints: NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """An upright picture, the region of a person in it, and what is expected of each, by whether it is the whole
    frame."""

    pixels: Pixels
    region: Region
    expected: Mapping[bool, Expected]


@pytest.fixture(scope="module")
def scene(samples: dict[str, Sample]) -> Scene:
    """A person who faces the camera, cut out, with a red square on the picture's left and a blue one on its right."""
    sample = samples["tinypose"]
    run = litert.open_model(sample.model)
    for case, _ in sample.cases:
        image = load_image(case.photo.path)
        x, y = (int(c - s / 2) for c, s in zip(case.region.center_xy, SIZE_WH, strict=True))
        if not (0 <= x <= image.shape[1] - SIZE_WH[0] and 0 <= y <= image.shape[0] - SIZE_WH[1]):
            continue
        cut = image[y : y + SIZE_WH[1], x : x + SIZE_WH[0]].copy()
        for (left_px, top), colour in ((RED_XY, (255, 0, 0)), (BLUE_XY, (0, 0, 255))):
            cut[top : top + CANARY, left_px : left_px + CANARY] = colour
        region = Region((case.region.center_xy[0] - x, case.region.center_xy[1] - y), case.region.size_wh, 0.0)
        found = {}
        for where in (region, frame_region(SIZE_WH, sample.spec.input)):
            transform = input_transform(where, sample.spec.input)
            made = warp(cut, transform, sample.spec.input.size_wh, sample.spec.input.pad_value)
            keypoints = poses_of(run(made), transform, sample.spec).keypoints[0]
            found[where is not region] = Expected(made, keypoints)
        if all(left_of(one.keypoints, sample) > 2 * APART for one in found.values()):
            return Scene(cut, region, found)
    raise AssertionError("nobody of the sample faces the camera with room around")


def left_of(keypoints: NDArray[np.float64], sample: Sample) -> float:
    """How far the left shoulder is on the picture's right of the right one, px."""
    names = sample.spec.keypoints.names
    left, right = (keypoints[names.index(f"{side}_shoulder")] for side in ("left", "right"))
    return float(left[0] - right[0])


@pytest.fixture(scope="module")
def rows(scene: Scene) -> list[Row]:
    made = []
    for exif, front, turns, whole in product(STORED, (False, True), range(4), (False, True)):
        stored, told = stored_by(scene.pixels, exif, front, turns), telling(exif, front, turns)
        name = f"exif {exif}, {'front' if front else 'back'}, turned {90 * turns}, {'frame' if whole else 'region'}"
        made.append(Row(name, stored, told, None if whole else scene.region))
    assert len({row.name for row in made}) == 128
    return made


def test_the_scene_tells_left_from_right(scene: Scene, samples: dict[str, Sample]) -> None:
    spec = samples["tinypose"].spec
    to_input = input_transform(frame_region(SIZE_WH, spec.input), spec.input).to_input
    for (x, y), (strong, weak) in ((RED_XY, (0, 2)), (BLUE_XY, (2, 0))):
        column, row = to_input(np.array([x + CANARY / 2, y + CANARY / 2])).astype(int)
        colour = scene.expected[True].input[row, column]
        assert colour[strong] > 200
        assert colour[weak] < 50
    assert len({telling(*key) for key in product(STORED, (False, True), range(4))}) == 8


def test_python_agrees_on_every_row(rows: list[Row], scene: Scene, samples: dict[str, Sample]) -> None:
    spec = samples["tinypose"].spec
    for row in rows:
        transform = input_transform(row.region or frame_region(SIZE_WH, spec.input), spec.input)
        seen = warp(row.stored, transform, spec.input.size_wh, spec.input.pad_value, row.orientation)
        assert np.abs(seen - scene.expected[row.region is None].input).max() < 1e-3, row.name


@pytest.mark.parametrize("exif", STORED)
def test_a_file_with_an_exif_value_is_read_upright(exif: int, scene: Scene, tmp_path: Path) -> None:
    stored = Image.fromarray(stored_by(scene.pixels, exif, False, 0))
    tags = Image.Exif()
    tags[0x0112] = exif
    stored.save(tmp_path / "stored.png", exif=tags)
    assert np.array_equal(load_image(tmp_path / "stored.png"), scene.pixels)


def request(rows: list[Row], scene: Scene, folder: Path) -> RequestWriter:
    writer = RequestWriter(folder)
    for row in rows:
        writer.add_stored(row.name, row.stored, row.orientation, row.region, scene.expected[row.region is None].input)
    return writer


def agrees(row: Row, seen: Shipped, scene: Scene, sample: Sample) -> None:
    """The same input and the same keypoints, the left shoulder on the picture's right."""
    wanted = scene.expected[row.region is None]
    assert seen.input is not None
    assert np.abs(seen.input[0] - wanted.input).max() < 1e-2, row.name
    np.testing.assert_allclose(keypoints_of(seen)[:, :2], wanted.keypoints, atol=0.01, err_msg=row.name)
    assert left_of(keypoints_of(seen), sample) > APART, row.name


@pytest.mark.skipif(bool(kotlin.why_not()), reason=kotlin.why_not())
def test_kotlin_agrees_on_every_row(
    rows: list[Row], scene: Scene, samples: dict[str, Sample], wrappers: dict[str, KotlinWrapper], tmp_path: Path
) -> None:
    sample = samples["tinypose"]
    written = sample.close(request(rows, scene, tmp_path / "request"), ("image",))
    ran = sample.ran(wrappers["tinypose"], written, tmp_path / "run")
    for row in rows:
        agrees(row, ran.results[row.name]["image"], scene, sample)


@pytest.mark.skipif(bool(swift.why_not()), reason=swift.why_not())
def test_swift_agrees_on_every_row(
    rows: list[Row],
    scene: Scene,
    samples: dict[str, Sample],
    swift_samples: dict[str, SwiftSample],
    swift_wrapper: Callable[[str], SwiftWrapper],
    tmp_path: Path,
) -> None:
    run = mil.open_model(swift_samples["tinypose"].model)
    ran = swift.run_request(swift_wrapper("tinypose"), request(rows, scene, tmp_path / "request"), run, tmp_path)
    asked = {case.name: (case.sha256, case.region) for case in ran.inputs.passes[0].cases}
    for row in rows:
        agrees(row, ran.result(row.name, *asked[row.name])["image"], scene, samples["tinypose"])
