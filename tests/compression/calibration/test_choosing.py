"""From a folder to inputs: made by the contract's own warp, few in memory, the same every time, and recorded."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit import progress
from posekit.compression.calibration import CalibrationSet, choose, choosing, pictures
from posekit.compression.calibration.choosing import sha256_of
from posekit.compression.calibration.entries import PEOPLE, describe, entries_of
from posekit.compression.calibration.facts import coverage
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError
from posekit.parity.cases import cases_of
from posekit.poses.images import Person, load_image
from posekit.poses.photos import find_photos
from tests.compression.calibration.planted import ANNOTATIONS, IMAGES, SPEC, changed, scene, write

FRAME_INPUT = SPEC.input.model_copy(update={"size_wh": (96, 96), "resize": "letterbox", "pad_value": 114.0})
CONTRACTS = {"top_down": SPEC, "one_stage": changed(kind="one_stage", input=FRAME_INPUT)}


@pytest.fixture(scope="module")
def of_sample() -> CalibrationSet:
    return choose(IMAGES, SPEC, annotations=ANNOTATIONS)


@pytest.mark.parametrize("kind", CONTRACTS)
@pytest.mark.parametrize("annotations", [None, ANNOTATIONS])
def test_inputs_are_those_of_the_evaluation(kind: str, annotations: Path | None) -> None:
    spec = CONTRACTS[kind]
    cases = [
        case
        for photo in find_photos(IMAGES, annotations, spec.keypoints.names).photos
        for case in cases_of(photo, spec)
    ]
    expected = {case.name: case.pixels for case in cases}
    chosen = choose(IMAGES, spec, annotations=annotations)
    assert set(chosen.facts.names) == set(expected)
    for name, pixels in zip(chosen.facts.names, chosen.pixels(), strict=True):
        assert pixels.dtype == np.float32
        np.testing.assert_array_equal(pixels, expected[name])


def test_facts_of_the_sample(of_sample: CalibrationSet) -> None:
    facts = of_sample.facts
    assert (facts.found, facts.looked_at, facts.readable, facts.inputs, facts.chosen, len(of_sample)) == (
        8,
        8,
        8,
        15,
        15,
        15,
    )
    assert (facts.blank, facts.noise, facts.duplicates) == (0, 0, 0)
    assert facts.coverage.pictures == 8
    assert facts.coverage.most_of_one_picture == 3
    assert facts.coverage.poses is not None
    assert facts.coverage.poses.people == 15
    assert facts.coverage.poses.towards + facts.coverage.poses.away + facts.coverage.poses.sideways_or_unknown == 15
    assert facts.sha256 == sha256_of(of_sample.inputs)
    assert json.loads(json.dumps(facts.model_dump(mode="json")))["coverage"]["brightness"]["low"] > 0
    with pytest.raises(ValueError, match="read-only"):
        of_sample.inputs[0][:] = 0


def test_a_limit_takes_the_start_of_the_same_choice(of_sample: CalibrationSet) -> None:
    few = choose(IMAGES, SPEC, annotations=ANNOTATIONS, limit=5)
    assert few.facts.names == of_sample.facts.names[:5]
    assert few.facts.inputs == 15
    with pytest.raises(InputError, match="at most 3 inputs is asked for, expected at least 4"):
        choose(IMAGES, SPEC, limit=3)


def copied(folder: Path, order: int = 1, rename: str = "") -> Path:
    folder.mkdir()
    for path in sorted(IMAGES.glob("*.jpg"))[::order]:
        shutil.copy(path, folder / f"{rename}{path.name}")
    return folder


def repainted(folder: Path) -> None:
    picture = load_image(folder / "scene_3.jpg").copy()
    picture[100:140, 100:140] ^= 1
    Image.fromarray(picture).save(folder / "scene_3.png")
    (folder / "scene_3.jpg").unlink()


@pytest.mark.parametrize(
    ("make", "is_same"),
    [
        (lambda folder: copied(folder), True),
        (lambda folder: copied(folder, order=-1), True),
        (lambda folder: copied(folder, rename="other_"), True),  # names are no content
        (lambda folder: repainted(copied(folder)), False),
        (lambda folder: (copied(folder) / "scene_8.jpg").unlink(), False),
    ],
    ids=["copied", "written in another order", "renamed", "one bit of a few px", "one fewer"],
)
def test_the_hash_tells_content_and_nothing_else(make: Any, is_same: bool, tmp_path: Path) -> None:
    make(tmp_path / "pictures")
    expected = choose(IMAGES, SPEC).facts.sha256
    assert (choose(tmp_path / "pictures", SPEC).facts.sha256 == expected) == is_same


def test_the_hash_tells_order_and_shape() -> None:
    one, other = np.zeros((2, 3, 3), np.float32), np.ones((2, 3, 3), np.float32)
    hashes = {sha256_of(v) for v in ([one, other], [other, one], [one], [], [one.reshape(3, 2, 3), other])}
    assert len(hashes) == 5
    assert sha256_of([one.astype(">f4"), other]) == sha256_of([one, other])  # type: ignore[list-item]


def test_of_a_large_folder_a_sample_is_read_once_and_the_chosen_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "many", [scene(seed, (48, 64)) for seed in range(30)])
    read: list[str] = []

    def counted(path: Path) -> np.ndarray:
        read.append(path.name)
        return load_image(path)

    monkeypatch.setattr(pictures, "LOOKED_AT", 12)
    monkeypatch.setattr(pictures, "load_image", counted)
    chosen = choose(folder, SPEC, limit=5)
    assert (chosen.facts.found, chosen.facts.looked_at, chosen.facts.chosen) == (30, 12, 5)
    assert len(read) == 12 + 5
    assert len(set(read)) == 12
    assert sorted(set(read)) != sorted(path.name for path in folder.iterdir())[:12]  # drawn, not the first
    os.link(folder / "000.png", folder / "notes.txt")
    assert choose(folder, SPEC, limit=5).facts == chosen.facts


def test_unreadable_pictures_are_left_out_and_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "some", [scene(seed, (96, 128)) for seed in range(6)])
    (folder / "002.png").write_bytes(b"no picture")
    facts = choose(folder, SPEC).facts
    assert (facts.found, facts.readable, facts.chosen) == (6, 5, 5)
    assert "1 of 6 calibration pictures cannot be read" in facts.warnings


def test_a_picture_that_goes_in_between_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "some", [scene(seed, (96, 128)) for seed in range(5)])

    def unlinks(*arguments: Any) -> None:
        (folder / "003.png").unlink()

    monkeypatch.setattr(choosing, "refuse_wrong", unlinks)
    with pytest.raises(InputError, match=r"003\.png in .* changed while it was read"):
        choose(folder, SPEC)


def test_names_of_any_bytes_are_read_and_reported(tmp_path: Path) -> None:
    names = [b"caf\xe9#1.jpg", b"a\nb.jpg", b"%03d.jpg", b"x@7#0.jpg", "\u65e5.jpg".encode()]
    for name, picture in zip(names, sorted(IMAGES.glob("*.jpg")), strict=False):
        try:
            shutil.copy(picture, os.fsencode(tmp_path) + b"/" + name)
        except OSError:
            pytest.skip("this file system wants names in UTF-8")
    facts = choose(tmp_path, SPEC).facts
    assert facts.chosen == len(names)
    assert "caf\\udce9#1.jpg#0" in facts.names
    assert "caf" in facts.model_dump_json()


def test_a_crowd_is_looked_at_in_part() -> None:
    people = [Person((x, 0.0, x + 20.0, 40.0)) for x in range(0, 190, 10)]
    names = [entry.name for entry in entries_of("a", scene(1), people, SPEC)]
    assert names == [f"a#{index}" for index in (0, 5, 10, 15)]
    assert len(names) == PEOPLE


def test_a_large_input_gets_a_smaller_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "KEPT_BYTES", 6 * 96 * 128 * 12)
    assert len(choose(IMAGES, SPEC)) == 6


def test_steps_are_told_after_two_seconds_and_not_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    times = iter([0.0, 0.5, 1.9, 2.0, 2.0, 2.1, 4.0, 4.0])
    step = progress.patient(said.append, lambda: next(times))
    for text in "abcde":
        step(text)
    assert said == ["c", "e"]
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.0)
    choose(IMAGES, SPEC, step=said.append)
    assert any(text.startswith("look at calibration pictures, ") and text.endswith(" of 8") for text in said)
    assert any(text.startswith("read calibration inputs, ") for text in said)


def posed(points: dict[str, tuple[float, float]], spec: PoseSpec = SPEC) -> Any:
    """The coverage of one person with these keypoints labelled, source px of a 200 x 200 picture."""
    rows = [(*points[name], 2.0) if name in points else (0.0, 0.0, 0.0) for name in spec.keypoints.names]
    person = Person((0.0, 0.0, 150.0, 200.0), np.array(rows))
    (entry,) = entries_of("a", scene(1, (200, 200)), [person], spec)
    return coverage([describe(entry)], spec.keypoints, spec.input.size_wh).poses


UPRIGHT = {
    "left_shoulder": (90.0, 50.0),
    "right_shoulder": (60.0, 50.0),
    "left_hip": (85.0, 100.0),
    "right_hip": (65.0, 100.0),
}
BACK = {name: (150 - x, y) for name, (x, y) in UPRIGHT.items()}
UPSIDE_DOWN = {name: (150 - x, 150 - y) for name, (x, y) in UPRIGHT.items()}
LYING = {name: (150 - y, x) for name, (x, y) in UPRIGHT.items()}  # turned clockwise by a quarter: head to the right
SIDE = {**UPRIGHT, "left_shoulder": (76.0, 50.0), "right_shoulder": (74.0, 50.0)}


@pytest.mark.parametrize(
    ("points", "degrees", "facing"),
    [
        (UPRIGHT, 0, (1, 0, 0)),
        (BACK, 0, (0, 1, 0)),
        (UPSIDE_DOWN, 180, (1, 0, 0)),
        (SIDE, 0, (0, 0, 1)),
        (LYING, 90, (1, 0, 0)),
    ],
    ids=["upright", "from behind", "upside down", "from the side", "lying"],
)
def test_poses_are_told(points: dict[str, tuple[float, float]], degrees: float, facing: tuple[int, int, int]) -> None:
    poses = posed(points)
    assert abs(poses.torso_degrees.median) == pytest.approx(degrees, abs=0.01)
    assert poses.torso_degrees.median >= 0 or degrees == 180
    assert (poses.towards, poses.away, poses.sideways_or_unknown) == facing


def test_poses_without_hips_and_without_keypoints() -> None:
    head = posed({"nose": (75.0, 20.0), "left_eye": (80.0, 15.0)})
    assert (head.people, head.torso_degrees, head.sideways_or_unknown) == (1, None, 1)
    assert posed({}) is None
