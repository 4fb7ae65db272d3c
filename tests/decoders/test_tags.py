"""Heatmaps with tags to people: round trips, the published rules on hand-made maps, what of a contract is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from posekit.decoders.layout import MisfitError
from posekit.decoders.tags import tags
from posekit.decoders.tags.encoding import encode
from posekit.decoders.tags.filling import filled
from posekit.decoders.tags.roles import maps_of
from posekit.decoders.tags.tags import TagsSpec, decode
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

IMAGE = InputSpec(
    size_wh=(192, 128), color_order="rgb", mean=(0.0,) * 3, std=(1.0,) * 3, resize="letterbox", alignment="index"
)
SIZES = {"coarse": (48, 32), "fine": (96, 64), "other": (48, 32)}
ORDER = [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]


def spec_of(count: int = 3, **changes: Any) -> TagsSpec:
    """HigherHRNet's settings, with K keypoints."""
    plain = {
        "kind": "tags", "heatmaps": {"outputs": ["coarse", "fine"]}, "tags": {"outputs": ["coarse"], "first": count},
        "upsampling": "input", "adjustment": "quarter_clamped", "shift": 0.5,
    }  # fmt: skip
    return TagsSpec.model_validate(plain | changes)


def run(outputs: dict[str, Any], spec: TagsSpec, count: int) -> Poses:
    return decode({name: values.astype(np.float32) for name, values in outputs.items()}, spec, IMAGE, (0.05,) * count)


def drawn(points: Floats, spec: TagsSpec) -> dict[str, Any]:
    return encode(points, spec, IMAGE, [SIZES[name] for name in spec.outputs])


def crowd(rng: np.random.Generator, people: int, count: int, *, apart: bool = False) -> Floats:
    """People whose same keypoints, or all where they stand apart, are at least 24 px from each other."""
    columns = np.array([[x, y] for y in (16, 48, 80, 112) for x in range(16, 192, 32)], np.float64)
    chosen = rng.permutation(columns)[:people]
    places = np.stack([chosen if apart else rng.permutation(columns)[:people] for _ in range(count)], axis=1)
    return places + rng.uniform(-4, 4, places.shape)


WAYS: dict[str, dict[str, Any]] = {
    "input": {},
    "half": {"upsampling": "half"},
    "none": {"upsampling": "none"},
    "one size": {"heatmaps": {"outputs": ["coarse"]}, "upsampling": "none"},
    "shared": {"tags": {"outputs": ["other"], "shared": True}},
    "two dimensions": {"tags": {"outputs": ["coarse", "other"], "first": [26, 0]}, "peaks": {"window": 5}},
    "mmpose": {
        "heatmaps": {"outputs": ["coarse"]}, "peaks": {"window": 5}, "adjustment": "quarter",
        "groups": {"same_tag": "another", "beyond": "drop"}, "filling": {"among": "peaks", "weight": 100},
    },
}  # fmt: skip


@pytest.mark.parametrize("count", [1, 4, 14, 17, 21, 26, 33, 133])
@pytest.mark.parametrize("way", WAYS)
def test_people_come_back_within_their_cell(way: str, count: int) -> None:
    rng = np.random.default_rng(count)
    changes = dict(WAYS[way])
    if "tags" not in changes:
        changes["tags"] = {"outputs": ["coarse"], "first": count}
    elif "first" in changes["tags"]:
        changes["tags"] = {**changes["tags"], "first": [count, 0]}
    spec = spec_of(count, order=[k for k in ORDER if k < count] if count in (14, 17) else [], **changes)
    cell = 192 / (48 if way == "one size" else 96)
    for people in (0, 1, 2, 5):
        points = crowd(rng, people, count, apart=way == "shared")  # one map of tags has one person a place
        found = run(drawn(points, spec), spec, count)
        assert found.count == people
        if not people:
            continue
        away = np.abs(found.keypoints[:, None] - points).max(axis=(2, 3)).min(axis=0)
        assert (away < cell).all()
        assert (found.scores > 0.5).all()
        assert found.boxes_xyxy is not None
        assert np.allclose(found.boxes_xyxy[:, :2], found.keypoints.min(axis=1))


def maps(people: list[list[tuple[int, int, float] | None]], tag_of: list[float]) -> dict[str, Floats]:
    """One map of 16 x 12 cells a keypoint; of each person a cell (x, y) with its heat and the person's tag."""
    count = len(people[0])
    both = np.zeros((12, 16, 2 * count))
    both[..., count:] = 50.0
    for person, tag in zip(people, tag_of, strict=True):
        for k, peak in enumerate(person):
            if peak is not None:
                both[peak[1], peak[0], k], both[peak[1], peak[0], count + k] = peak[2], tag
    return {"coarse": both}


def raw(count: int, **changes: Any) -> TagsSpec:
    """Peaks of the maps as they are, a cell a px, nothing filled in."""
    return spec_of(count, **{
        "heatmaps": {"outputs": ["coarse"]}, "upsampling": "none", "adjustment": "none", "shift": 0.0,
        "filling": {"among": "none"}, **changes,
    })  # fmt: skip


def cells(found: Poses) -> list[list[tuple[float, float] | None]]:
    """Where each keypoint was found, in cells."""
    places = found.keypoints * (16 / 192, 12 / 128)
    return [
        [(x, y) if score > 0 else None for (x, y), score in zip(np.round(person, 9).tolist(), scores, strict=True)]
        for person, scores in zip(places, found.scores, strict=True)
    ]


THREE = [[(1, 1, 0.9), (2, 5, 0.9), (3, 9, 0.9)], [(6, 1, 0.8), (7, 5, 0.8), (8, 9, 0.8)],
         [(11, 1, 0.7), (12, 5, 0.7), (13, 9, 0.7)]]  # fmt: skip


def test_tags_three_apart_are_people_the_surest_first() -> None:
    found = run(maps(THREE, [6.0, 0.0, 3.0]), raw(3), 3)
    assert cells(found) == [[peak[:2] for peak in person] for person in THREE]
    assert found.confidences is not None
    assert np.allclose(found.confidences, [0.9, 0.8, 0.7])


def test_between_tags_of_one_whole_distance_only_the_tie_rule_decides() -> None:
    people = [[(1, 1, 0.9), (2, 5, 0.6)], [(6, 1, 0.8), (7, 5, 0.7)]]
    # the better second peak is the first row and takes the lowest column, the person who was started first
    assert cells(run(maps(people, [0.0, 0.4]), raw(2), 2)) == [[(1, 1), (7, 5)], [(6, 1), (2, 5)]]
    assert cells(run(maps(people, [0.0, 0.8]), raw(2), 2)) == [[(1, 1), (2, 5)], [(6, 1), (7, 5)]]


@pytest.mark.parametrize(("away", "joined"), [(0.5, False), (0.499, False), (0.51, True), (1.5, True)])
def test_half_of_a_distance_rounds_to_even(away: float, joined: bool) -> None:
    """Two peaks and two people at 0 and `away`: 0.5 rounds to 0, as if it were no distance at all."""
    people = [[(1, 1, 0.9), (2, 5, 0.6)], [(6, 1, 0.8), (7, 5, 0.7)]]
    own = [(2, 5), (7, 5)] if joined else [(7, 5), (2, 5)]
    assert [person[1] for person in cells(run(maps(people, [0.0, away]), raw(2), 2))] == own


def test_a_peak_as_far_as_the_threshold_starts_a_person() -> None:
    outputs = maps([[(1, 1, 0.9), (2, 5, 0.9)]], [0.0])
    for tag, people in ((1.0, 2), (0.999, 1), (-1.0, 2)):
        outputs["coarse"][5, 2, 3] = tag
        assert run(outputs, raw(2), 2).count == people


def test_people_with_exactly_one_tag_are_one_person_as_published_or_two() -> None:
    people = [[(1, 1, 0.9), (2, 5, 0.9)], [(6, 1, 0.8), (7, 5, 0.8)]]
    found = run(maps(people, [2.0, 2.0]), raw(2), 2)
    assert cells(found) == [[(6, 1), (7, 5)]]  # what comes later replaces what was there
    apart = run(maps(people, [2.0, 2.0]), raw(2, groups={"same_tag": "another"}), 2)
    assert cells(apart) == [[(1, 1), (2, 5)], [(6, 1), (7, 5)]]


def test_tags_that_are_all_equal_make_one_person_of_everybody() -> None:
    outputs = maps(THREE, [0.0, 0.0, 0.0])
    outputs["coarse"][..., 3:] = 0.0
    assert run(outputs, raw(3), 3).count == 1


def test_who_is_started_first_depends_on_the_order() -> None:
    people = [[(1, 1, 0.9), None, (3, 9, 0.9)], [None, (7, 5, 0.9), (8, 9, 0.9)]]
    assert cells(run(maps(people, [0.0, 9.0]), raw(3), 3))[0][0] == (1, 1)
    assert cells(run(maps(people, [0.0, 9.0]), raw(3, order=[1, 2, 0]), 3))[0][1] == (7, 5)


@pytest.mark.parametrize(("beyond", "people", "keypoints"), [("stay", 3, 8), ("drop", 2, 6), ("stop", 2, 2)])
def test_only_the_first_people_are_joined(beyond: str, people: int, keypoints: int) -> None:
    crowded = [person if n < 2 else [None, *person[1:]] for n, person in enumerate(THREE)]
    found = run(maps(crowded, [0.0, 3.0, 6.0]), raw(3, groups={"most_people": 2, "beyond": beyond}), 3)
    assert found.count == people  # the third person's keypoints find each other by their one tag
    assert (found.scores > 0).sum() == keypoints


def test_a_score_is_the_mean_of_all_keypoints_before_any_is_filled_in() -> None:
    outputs = maps([[(1, 1, 0.75), None, (3, 9, 0.75)]], [0.0])
    outputs["coarse"][6, 4, 1], outputs["coarse"][6, 4, 4] = 0.05, 0.25
    found = run(outputs, raw(3, filling={"among": "cells"}), 3)
    assert found.confidences is not None
    assert found.confidences[0] == 0.5
    assert cells(found) == [[(1, 1), (4, 6), (3, 9)]]
    assert found.scores[0, 1] == np.float32(0.05)
    assert run(outputs, raw(3, min_confidence=0.5), 3).count == 0
    outputs["coarse"][6, 4, 1] = 0.0
    absent = run(outputs, raw(3, filling={"among": "cells"}), 3)
    assert cells(absent) == [[(1, 1), None, (3, 9)]]
    assert np.allclose(absent.keypoints[0, 1], absent.keypoints[0, [0, 2]].mean(axis=0))


def test_a_filled_keypoint_is_near_in_tag_before_it_is_high() -> None:
    outputs = maps([[(1, 1, 0.9), None]], [0.0])
    both = outputs["coarse"]
    both[3, 3, [1, 3]], both[8, 8, [1, 3]] = (0.08, 0.3), (0.09, 1.2)
    assert cells(run(outputs, raw(2, filling={}), 2))[0][1] == (3, 3)
    both[8, 8, 3] = 0.5  # which rounds to 0
    assert cells(run(outputs, raw(2, filling={}), 2))[0][1] == (8, 8)
    both[3, 3, 1] = both[8, 8, 1]  # equal ones: the first row
    assert cells(run(outputs, raw(2, filling={}), 2))[0][1] == (3, 3)
    both[8, 8, 1], both[8, 9, [1, 3]] = 0.07, (0.095, 50.0)  # higher than the cell beside it, but another's
    both[3, 3, 1] = 0.06
    assert cells(run(outputs, raw(2, filling={}), 2))[0][1] == (8, 8)
    assert cells(run(outputs, raw(2, filling={"among": "peaks"}), 2))[0][1] == (3, 3)


@pytest.mark.parametrize("among", ["cells", "peaks"])
def test_tiles_that_are_left_out_hold_nothing_better(among: str) -> None:
    rng = np.random.default_rng(4)
    spec = spec_of(3, filling={"among": among, "weight": 0.3})
    outputs = drawn(crowd(rng, 4, 3), spec)
    outputs = {name: (v + rng.normal(0, 0.1, v.shape)).astype(np.float32) for name, v in outputs.items()}
    whole = maps_of(outputs, spec, IMAGE, 3)
    keypoints, own = np.arange(12) % 3, rng.uniform(-1, 10, (12, 1))
    found = filled(whole, keypoints, own, 1, spec.filling)
    width, height = whole.heat.size_wh
    y, x = (each.ravel() for each in np.mgrid[:height, :width])
    for n, (k, tag) in enumerate(zip(keypoints.tolist(), own, strict=True)):
        channel = np.full(len(y), k)
        heat = tags.at(whole.heat, channel, y, x).reshape(height, width)
        if among == "peaks":
            about = np.pad(heat, 1, constant_values=-np.inf)
            around = [about[dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)]
            heat = np.where(heat == np.max(around, axis=0), heat, 0.0)
        away = np.abs(tags.at(whole.tags[0], channel, y, x).reshape(height, width) - tag)
        best = np.unravel_index((heat - 0.3 * np.rint(away)).argmax(), heat.shape)
        assert (found.y[n], found.x[n], found.heat[n]) == (*best, heat[best])


@pytest.mark.parametrize(
    ("adjustment", "expected"),
    [("none", (5.5, 6.5)), ("quarter", (5.75, 6.5)), ("quarter_clamped", (5.75, 6.25))],
)
def test_adjustment_goes_towards_the_higher_neighbour(adjustment: str, expected: tuple[float, float]) -> None:
    outputs = maps([[(5, 6, 0.9)]], [0.0])
    outputs["coarse"][6, 6, 0] = 0.5  # equal ones above and below: backwards where the next one is not higher
    spec = raw(1, adjustment=adjustment, shift=0.5)
    assert cells(run(outputs, spec, 1)) == [[expected]]


@pytest.mark.parametrize(
    ("cell", "quarter", "clamped"),
    [
        ((0, 0), (0.0, 0.0), (-0.25, -0.25)),
        ((15, 11), (15.0, 11.0), (15.25, 11.25)),
        ((1, 6), (1.0, 6.25), (1.25, 6.25)),
    ],
)
def test_at_the_border_a_cell_is_its_own_neighbour(
    cell: tuple[int, int], quarter: tuple[float, float], clamped: tuple[float, float]
) -> None:
    outputs = maps([[(*cell, 0.9)]], [0.0])
    if cell == (1, 6):
        outputs["coarse"][6, 2, 0] = outputs["coarse"][7, 1, 0] = 0.5
    assert cells(run(outputs, raw(1, adjustment="quarter"), 1)) == [[quarter]]
    assert cells(run(outputs, raw(1, adjustment="quarter_clamped"), 1)) == [[clamped]]


def test_maps_of_nothing_hold_nobody() -> None:
    for value in (0.0, -1.0):
        outputs = {"coarse": np.full((32, 48, 6), value), "fine": np.full((64, 96, 3), value)}
        assert run(outputs, spec_of(), 3).count == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"order": [0, 1, 1]}, "order"),
        ({"order": [0, 1]}, "order"),
        ({"tags": {"outputs": ["coarse"], "first": 2}}, "two things"),
        ({"heatmaps": {"outputs": ["coarse", "coarse"]}}, "two things"),
    ],
)
def test_settings_that_do_not_go_with_the_keypoints_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        spec_of(3, **changes).check(3)


@pytest.mark.parametrize(
    "changes", [{"peaks": {"window": 4}}, {"tags": {"outputs": ["a", "b"], "first": [1, 2, 3]}}, {"upsampling": "full"}]
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec_of(3, **changes)


def test_maps_are_packaged_with_their_channels_last() -> None:
    wanted = tags.shapes(spec_of(17), (192, 128), 17)
    assert wanted == {"coarse": (None, None, 34), "fine": (None, None, 17)}
    assert tags.pack(np.zeros((1, 34, 32, 48)), wanted["coarse"], spec_of(17), (192, 128)).shape == (1, 32, 48, 34)
    with pytest.raises(MisfitError):
        tags.pack(np.zeros((1, 17, 32, 48)), wanted["coarse"], spec_of(17), (192, 128))


def test_shapes_give_two_sizes_with_tags_away() -> None:
    given = {"stage0": (1, 34, 32, 48), "stage1": (1, 17, 64, 96), "more": (1, 17, 32, 48)}
    (fit,) = tags.fitting(given, (192, 128))
    assert fit.keypoint_count == 17
    assert fit.settings["tags"] == {"outputs": ["stage0"], "first": [17]}
