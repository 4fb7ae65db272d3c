"""Networks on people, on nobody, and on both: known ones made for the purpose, and the samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.compression.calibration import choose
from posekit.compression.calibration.people import Look, Seen, chance_of_more, in_pieces, judge_people, look_for_people
from posekit.errors import InputError
from posekit.poses import Poses
from tests.compression.calibration.planted import ANNOTATIONS, IMAGES, SPEC, scene

SIDES = (128, 96)
PLACES = np.array([[-20.0, -30], [20, -30], [0, 0], [-15, 30], [15, 30]])


def with_cross(seed: int) -> np.ndarray:
    """A dim picture with a `person`: a large bright cross."""
    picture = np.ascontiguousarray(scene(seed, SIDES[::-1], high=90)).astype(np.float32)
    y, x = np.random.default_rng(seed).integers((40, 30), (88, 66))
    picture[y - 30 : y + 30, x - 3 : x + 3] = 255
    picture[y - 3 : y + 3, x - 25 : x + 25] = 255
    return picture


def without(seed: int) -> np.ndarray:
    return scene(seed, SIDES[::-1], high=90).astype(np.float32)


def finder(pixels: np.ndarray) -> Poses:
    """Finds the cross by its rows and columns; without one it makes places up that depend on the whole picture."""
    bright = pixels.min(axis=2) > 200
    rows, columns = bright.sum(axis=1), bright.sum(axis=0)
    score = min(int(rows.max()) / 50, int(columns.max()) / 60)
    if score < 0.5:
        seed = int(pixels.sum()) % 2**32
        return Poses(np.random.default_rng(seed).uniform(0, 96, (1, 5, 2)), np.full((1, 5), 0.1 + score / 10))
    y, x = (float(np.median(np.flatnonzero(counts > 0.6 * counts.max()))) for counts in (rows, columns))
    return Poses((PLACES + np.array([x, y]))[None], np.full((1, 5), 0.1 + 0.8 * score))


def constant(pixels: np.ndarray) -> Poses:
    return Poses((PLACES + 50)[None], np.full((1, 5), 0.9))


def without_scores(pixels: np.ndarray) -> Poses:
    return Poses(finder(pixels).keypoints, np.ones((1, 5)))


def lost(pixels: np.ndarray) -> Poses:
    return Poses(np.full((1, 5, 2), np.nan), np.full((1, 5), np.nan))


PEOPLE = [with_cross(seed) for seed in range(12)]
NOBODY = [without(seed) for seed in range(12)]
CASES: dict[str, tuple[Look, list[np.ndarray], bool, str]] = {
    "people": (finder, PEOPLE, False, ""),
    "nobody": (finder, NOBODY, True, "sees nobody"),
    "people in a third": (finder, [*PEOPLE[:4], *NOBODY[:8]], False, "sees few people"),
    "people, no scores": (without_scores, PEOPLE, False, ""),
    "nobody, no scores": (without_scores, NOBODY, True, "sees nobody"),
    "always the same": (constant, PEOPLE, True, "sees nobody"),
    "not finite": (lost, PEOPLE, True, "sees nobody"),
}


@pytest.mark.parametrize("case", CASES)
def test_who_is_seen(case: str) -> None:
    look, inputs, is_nobody, told = CASES[case]
    seen = look_for_people(look, inputs)
    assert seen.sees_nobody == is_nobody
    warning = judge_people(seen)
    assert told in warning
    assert bool(warning) == bool(told)


def test_nobody_is_refused_where_the_evaluation_shows_people() -> None:
    people, nobody = (look_for_people(finder, inputs) for inputs in (PEOPLE, NOBODY))
    with pytest.raises(InputError, match="show nobody that the network sees") as raised:
        judge_people(nobody, people)
    assert raised.value.exit_code == 2
    assert judge_people(people, people) == ""
    assert "sees nobody" in judge_people(nobody, nobody)  # no better pictures for such a network


def test_inputs_are_looked_at_over_the_whole_set() -> None:
    looked: list[int] = []

    def look(pixels: np.ndarray) -> Poses:
        looked.append(int(pixels[0, 0, 0]))
        return constant(pixels)

    seen = look_for_people(look, [np.full((16, 16, 3), index, np.float32) for index in range(64)], limit=8)
    assert seen.inputs == 8
    assert sorted(set(looked)) == list(range(0, 64, 8))
    with pytest.raises(InputError, match="there are no inputs"):
        look_for_people(look, [])


FINITE = st.lists(st.floats(-5, 5), min_size=1, max_size=20)


@given(FINITE, FINITE)
def test_the_chance_is_that_of_all_pairs_and_fair(one: list[float], other: list[float]) -> None:
    chance, turned = chance_of_more(one, other), chance_of_more(other, one)
    if chance is None or turned is None:
        assert len({*one, *other}) == 1
        return
    assert chance + turned == pytest.approx(1)
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a in one for b in other]
    assert chance == pytest.approx(np.mean(wins))


@pytest.mark.parametrize("shape", [(128, 96, 3), (50, 37, 3), (9, 8, 3)])
def test_pieces_are_the_same_pixels_elsewhere(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    mixed = in_pieces(pixels, 3)
    assert not np.array_equal(mixed, pixels)
    np.testing.assert_array_equal(np.sort(mixed, axis=None), np.sort(pixels, axis=None))
    np.testing.assert_array_equal(mixed, in_pieces(pixels, 3))


@pytest.fixture(scope="module", params=["tinypose", "tinysimcc"])
def network(request: pytest.FixtureRequest) -> Look:
    pytest.importorskip("torch")
    from posekit.contract.outputs import decode
    from posekit.pipelines.inputs import find_spec
    from posekit.sources import open_source
    from posekit.sources.reference import run_reference

    path = IMAGES.parent / f"{request.param}.pt2"
    source, spec = open_source(path), find_spec(path, "")
    return lambda pixels: decode(run_reference(source, spec, pixels), spec)


def text(seed: int) -> np.ndarray:
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(seed)
    page = Image.new("RGB", (300, 400), "white")
    for y in range(5, 390, 14):
        line = "".join(chr(int(code)) for code in rng.choice([32, *range(97, 122)], 50))
        ImageDraw.Draw(page).text((8, y), line, fill=(20, 20, 60))
    return np.asarray(page)


WRONG: dict[str, Callable[[int], Any]] = {
    "gradients": scene,
    "noise": lambda seed: np.random.default_rng(seed).integers(0, 256, (320, 240, 3), np.uint8),
    "pages of text": text,
}


@pytest.mark.xdist_group("calibration_networks")
@pytest.mark.parametrize("kind", WRONG)
def test_the_samples_tell_their_people_from_other_pictures(kind: str, network: Look) -> None:
    from posekit.compression.calibration.entries import entries_of

    chosen = choose(IMAGES, SPEC, annotations=ANNOTATIONS, limit=8)
    people = look_for_people(network, chosen.inputs)
    assert people.follows >= 0.85
    assert people.surer is not None
    assert people.surer >= 0.9
    wrong = [entry.pixels for seed in range(8) for entry in entries_of("a", WRONG[kind](seed), (), SPEC)]
    with pytest.raises(InputError, match="show nobody"):
        judge_people(look_for_people(network, wrong), people)


def test_words_of_the_report() -> None:
    assert Seen(inputs=8, follows=0.25, surer=None).sentence == "the network follows a person in 25% of 8 inputs"
    assert Seen(inputs=8, follows=0.25, surer=0.3).sees_nobody  # less sure of pictures than of pieces
    assert Seen(inputs=8, follows=0.0, surer=0.98).sees_nobody  # landscapes
    assert not Seen(inputs=8, follows=0.25, surer=0.9).sees_nobody  # whole pictures for a top-down network
