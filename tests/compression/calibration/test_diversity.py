"""Nobody twice, and the chosen ones lie farther apart than any that was left from its nearest."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from posekit.compression.calibration.diversity import distinct, features, spread
from posekit.compression.calibration.entries import CELLS, Description, describe, entries_of
from posekit.poses.images import load_image
from tests.compression.calibration.planted import IMAGES, SPEC, described, scene

SEEDS = st.integers(0, 2**32 - 1)


def crowd(seed: int, count: int, copies: int = 0) -> list[Description]:
    """Descriptions of random cells and light; the last ones are copies of the first with a little noise."""
    rng = np.random.default_rng(seed)
    cells = [rng.uniform(0, 255, (CELLS, CELLS, 3)) for _ in range(count)]
    cells += [cells[index % count] + rng.normal(0, 2, (CELLS, CELLS, 3)) for index in range(copies)]
    return [
        described(f"p{index:03d}", value, light=rng.uniform(0, 255, 9), brightness=100 + 0.1 * (index % count))
        for index, value in enumerate(cells)
    ]


@given(SEEDS, st.integers(1, 20), st.integers(0, 20))
def test_copies_are_dropped_and_nothing_else(seed: int, count: int, copies: int) -> None:
    found = crowd(seed, count, copies)
    assert [one.name for one in distinct(found)] == [f"p{index:03d}" for index in range(count)]


@given(SEEDS, st.integers(1, 30), st.integers(1, 40), st.randoms(use_true_random=False))
def test_the_order_of_the_files_changes_nothing(seed: int, count: int, limit: int, rng: random.Random) -> None:
    found = crowd(seed, count, count)
    shuffled = rng.sample(found, len(found))
    names = [one.name for one in spread(distinct(found), limit)]
    assert [one.name for one in spread(distinct(shuffled), limit)] == names
    assert len(set(names)) == len(names) == min(limit, count)
    assert set(names) <= {one.name for one in found}


@given(SEEDS, st.integers(2, 40), st.integers(2, 12))
def test_what_is_left_is_nearer_than_the_chosen_are_to_one_another(seed: int, count: int, limit: int) -> None:
    found = crowd(seed, count)
    points = features(found)
    chosen = [found.index(one) for one in spread(found, limit)]
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    from_middle = np.linalg.norm(points, axis=1)
    assert from_middle[chosen[0]] <= from_middle.min() + 1e-9
    between = min(apart[a, b] for a in chosen for b in chosen if a != b)
    for left in set(range(count)) - set(chosen):
        assert apart[left, chosen].min() <= between + 1e-9


@given(SEEDS, st.integers(3, 20))
def test_a_smaller_set_is_the_start_of_a_larger_one(seed: int, limit: int) -> None:
    found = crowd(seed, 20)
    assert spread(found, limit - 1) == spread(found, limit)[:-1]


def test_equal_pictures_are_chosen_by_name() -> None:
    same = [described(f"p{index}", np.full((CELLS, CELLS, 3), 7.0)) for index in (2, 0, 1)]
    assert [one.name for one in spread(same, 2)] == ["p0", "p1"]
    assert spread([], 3) == distinct([]) == []


def of(picture: np.ndarray, name: str) -> Description:
    return describe(next(entries_of(name, picture, (), SPEC)))


def jpeg(picture: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=40)
    return np.asarray(Image.open(buffer).convert("RGB"))


ALTERED = {
    "the same": (lambda a: a, True),
    "jpeg of quality 40": (jpeg, True),
    "a little noise": (lambda a: np.clip(a + np.random.default_rng(0).normal(0, 6, a.shape), 0, 255), True),
    "moved by 1 px": (lambda a: np.roll(a, 1, 1), True),
    "half as large": (lambda a: np.asarray(Image.fromarray(a).reduce(2)), True),
    "in half the light": (lambda a: a // 2, False),
    "mirrored": (lambda a: a[:, ::-1], False),
    "the middle of it": (lambda a: a[60:-60, 60:-60], False),
    "other colours": (lambda a: a[..., [2, 0, 1]], False),
}


@pytest.mark.parametrize("case", ALTERED)
@pytest.mark.parametrize("name", ["scene_1.jpg", "scene_4.jpg", "scene_7.jpg"])
def test_what_counts_as_the_same_picture(case: str, name: str) -> None:
    alter, is_same = ALTERED[case]
    picture = load_image(IMAGES / name)
    altered = np.ascontiguousarray(alter(picture).astype(np.uint8))
    assert len(distinct([of(picture, "a"), of(altered, "b")])) == (1 if is_same else 2)


def test_an_odd_one_is_chosen_early_and_a_crowd_late() -> None:
    """Random choice takes the crowd in proportion; this must not."""
    crowded = [of(scene(1) + np.uint8(index % 9), f"a{index:02d}") for index in range(40)]
    odd = [of(scene(100 + index), f"b{index}") for index in range(5)]
    names = [one.name for one in spread(crowded + odd, 6)]
    assert {f"b{index}#0" for index in range(5)} <= set(names)
