"""Sets that are plainly wrong are refused in one sentence; thin ones are taken and warned about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from posekit.compression.calibration import choose
from posekit.errors import InputError
from posekit.poses.images import load_image
from tests.compression.calibration.planted import ANNOTATIONS, IMAGES, SPEC, boxes, changed, scene, write

FRAMES = changed(kind="one_stage")
NOISE = [np.random.default_rng(seed).integers(0, 256, (160, 120, 3)) for seed in range(12)]
BLANK = [np.full((160, 120, 3), 20 * seed) for seed in range(12)]
NEAR_BLANK = [np.clip(np.random.default_rng(s).normal(128, 1, (160, 120, 3)), 0, 255) for s in range(12)]
ICONS = [scene(seed, (16, 20)) for seed in range(12)]
SAME = [np.clip(scene(1).astype(int) + index % 3, 0, 255) for index in range(40)]
SCENES = [scene(seed) for seed in range(40)]
DARK = [255 * (scene(seed) / 255) ** 6 for seed in range(40)]  # a few lights in the night

REFUSED = {
    "blank": (BLANK, "12 of 12 calibration inputs .* are blank"),
    "blank with a grain": (NEAR_BLANK, "12 of 12 calibration inputs .* are blank"),
    "blank, in a padded frame": ([picture[:30] for picture in BLANK], "12 of 12 .* are blank"),
    "nearly all blank": ([*BLANK, *SCENES[:3]], "12 of 15 .* are blank"),
    "noise": (NOISE, "12 of 12 calibration inputs .* are noise"),
    "icons": (ICONS, "12 of 12 calibration inputs .* are icons"),
    "one picture forty times": (SAME, "40 calibration inputs .* hold 1 that differ, expected at least 4"),
    "three pictures": (SCENES[:3], "3 calibration inputs .* hold 3 that differ, expected at least 4"),
    "three beside noise": (
        [*NOISE[:5], *SCENES[:3]],
        "8 calibration inputs .* hold 3 that differ, expected at least 4",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_plainly_wrong_sets_are_refused(case: str, tmp_path: Path) -> None:
    content, told = REFUSED[case]
    with pytest.raises(InputError, match=told) as raised:
        choose(write(tmp_path / "set", content), FRAMES)
    assert raised.value.exit_code == 2
    assert raised.value.hint
    assert "\n" not in raised.value.message


def test_unreadable_pictures_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"none of the 1 pictures in .* can be read: .*a\.jpg cannot be read"):
        choose(tmp_path, FRAMES)


WARNED: dict[str, tuple[list[np.ndarray], str]] = {
    "few": (SCENES[:31], "31 calibration inputs are few"),
    "dark": (DARK, "are dark"),
    "bright": ([255 - picture for picture in DARK], "are bright"),
    "pale": ([scene(seed, low=110, high=135) for seed in range(40)], "are pale"),
    "coarse": ([scene(seed, (40, 52)) for seed in range(40)], "are coarse"),
    "copies": ([*SCENES, *SCENES, *SCENES[:5]], "45 of 85 calibration inputs look like another one"),
    "some blank and noise": ([*SCENES, *BLANK[:2], *NOISE[:3]], "2 blank and 3 noisy calibration inputs are left out"),
}


@pytest.mark.parametrize("case", WARNED)
def test_thin_sets_are_warned_about(case: str, tmp_path: Path) -> None:
    content, told = WARNED[case]
    (warning,) = choose(write(tmp_path / "set", content), FRAMES).facts.warnings
    assert told in warning


def test_a_good_set_is_not_warned_about(tmp_path: Path) -> None:
    facts = choose(write(tmp_path / "set", SCENES[:32]), FRAMES).facts
    assert (facts.warnings, facts.chosen, facts.coverage.pictures) == ((), 32, 32)


@pytest.mark.parametrize(("step", "is_warned"), [(0.0, True), (0.005, True), (0.02, False)])
def test_people_of_one_size_are_warned_about(step: float, is_warned: bool, tmp_path: Path) -> None:
    folder = write(tmp_path / "set", SCENES)
    sizes = [(50 * (1 + step * index), 100 * (1 + step * index)) for index in range(len(SCENES))]
    warnings = choose(folder, SPEC, annotations=boxes(tmp_path / "boxes.json", folder, sizes)).facts.warnings
    assert ("the calibration people are all of one size" in warnings) == is_warned


def test_whole_pictures_for_a_top_down_model_are_warned_about(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", SCENES)
    assert any("without --calibration-annotations" in warning for warning in choose(folder, SPEC).facts.warnings)


@pytest.mark.parametrize("annotations", [None, ANNOTATIONS])
def test_the_samples_are_far_from_every_refusal(annotations: Path | None) -> None:
    facts = choose(IMAGES, SPEC, annotations=annotations).facts
    assert (facts.blank, facts.noise, facts.duplicates) == (0, 0, 0)
    assert facts.coverage.upsampling.high < 1
    assert facts.coverage.upsampled == 0


def test_fine_texture_over_a_scene_is_no_noise(tmp_path: Path) -> None:
    """Most of the contrast between neighbouring pixels, as of gravel or leaves."""
    rng = np.random.default_rng(0)
    leafy = [np.clip(picture + rng.normal(0, 180, picture.shape), 0, 255) for picture in SCENES[:8]]
    facts = choose(write(tmp_path / "set", leafy), FRAMES).facts
    assert (facts.noise, facts.chosen) == (0, 8)
    small = choose(write(tmp_path / "small", [scene(seed, (60, 80)) for seed in range(5)]), FRAMES).facts
    assert small.coverage.upsampled == 5


def photograph(alter: Callable[[np.ndarray], np.ndarray]) -> tuple[int, int]:
    from posekit.compression.calibration.entries import describe, entries_of
    from posekit.compression.calibration.judging import is_blank, is_noise

    path = Path(__file__).resolve().parents[4] / "shared" / "data" / "photo" / "000000000785.jpg"
    if not path.is_file():
        pytest.skip(f"the photograph {path.name} is not here")
    picture = np.ascontiguousarray(alter(load_image(path).astype(int)).clip(0, 255).astype(np.uint8))
    (one,) = map(describe, entries_of("a", picture, (), FRAMES))
    return int(is_blank(one)), int(is_noise(one))


@pytest.mark.parametrize(
    ("alter", "blank_noise"),
    [
        (lambda a: a, (0, 0)),
        (lambda a: a // 12, (0, 0)),  # at night
        (lambda a: 200 + a // 12, (0, 0)),  # in fog
        (lambda a: a + np.random.default_rng(0).normal(0, 25, a.shape), (0, 0)),  # a poor camera
        (lambda a: a * 0 + 90, (1, 0)),
        (lambda a: np.random.default_rng(0).permutation(a.reshape(-1, 3)).reshape(a.shape), (0, 1)),
    ],
    ids=["as it is", "at night", "in fog", "grainy", "one colour", "its pixels shuffled"],
)
def test_a_photograph_is_neither_blank_nor_noise(
    alter: Callable[[np.ndarray], np.ndarray], blank_noise: tuple[int, int]
) -> None:
    assert photograph(alter) == blank_noise
