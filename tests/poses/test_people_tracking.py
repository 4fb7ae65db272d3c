"""Who is who from frame to frame; golden clips hold Python, Kotlin and Swift to the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.contract.skeletons import skeleton
from posekit.poses import Poses, nobody
from posekit.poses.people_tracking import PeopleSmoother, PeopleTracker, iou
from tests import walking

SIGMAS = (0.1,) * 4
SIGMAS_17 = skeleton("coco17").oks_sigmas
BODY = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 40.0], [20.0, 40.0]])


def people(*places: tuple[float, float], score: float = 0.9) -> Poses:
    points = np.array([BODY + place for place in places]).reshape(-1, 4, 2)
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1) if places else np.zeros((0, 4))
    return Poses(points, np.full((len(places), 4), score), boxes_xyxy=boxes)


def tracked(*frames: Poses, seconds: float = 0.1, **settings: Any) -> list[list[int]]:
    tracker = PeopleTracker(SIGMAS, **settings)
    return [tracker.update(poses, seconds * number) for number, poses in enumerate(frames)]


A, B, C = (0.0, 0.0), (200.0, 0.0), (0.0, 300.0)


@pytest.mark.parametrize("similarity", ["oks", "iou"])
def test_people_keep_their_ids_in_any_order(similarity: str) -> None:
    near = (B[0] + 1.0, B[1])
    assert tracked(people(A, B), people(near, A), people(C, A), similarity=similarity) == [[1, 2], [2, 1], [3, 1]]


def test_of_equal_tracks_the_smallest_id_is_taken() -> None:
    assert tracked(people(A, A, A), people(A), people(A, A)) == [[1, 2, 3], [1], [1, 2]]


def test_the_most_similar_pair_is_matched_first() -> None:
    assert tracked(people(A), people((1.0, 0.0), A)) == [[1], [2, 1]]
    between = (6.0, 0.0)
    assert tracked(people(A, (8.0, 0.0)), people(between, (8.0, 0.0))) == [[1, 2], [1, 2]]


@pytest.mark.parametrize("similarity", ["oks", "iou"])
def test_who_moves_is_looked_for_where_they_must_have_come_to(similarity: str) -> None:
    """Ten px a frame, hidden for ten frames: 110 px on, which is five widths of the person."""
    clip = [people((10.0 * at, 0.0)) if at < 40 or at >= 50 else nobody(4) for at in range(60)]
    ids = tracked(*clip, seconds=1 / 30, similarity=similarity)
    assert {one for frame in ids for one in frame} == {1}


@pytest.mark.parametrize("similarity", ["oks", "iou"])
@pytest.mark.parametrize("way", [0.0, -4.0])
def test_who_stops_or_turns_round_unseen_keeps_their_id(similarity: str, way: float) -> None:
    """Ten px a frame, then hidden for ten frames; seen again where they were last, or a little way back."""
    clip = [people((10.0 * at, 0.0)) if at < 40 else nobody(4) for at in range(50)]
    clip += [people((390.0 + way * at, 0.0)) for at in range(5)]
    assert {one for frame in tracked(*clip, seconds=1 / 30, similarity=similarity) for one in frame} == {1}


@pytest.mark.parametrize("seed", range(6))
def test_walkers_who_cross_keep_their_ids_through_a_second_of_hiding(seed: int) -> None:
    """The one behind is hidden for 31 frames about the crossing; detections come in any order."""
    rng, height, frames = np.random.default_rng(seed), 200.0, 150
    speeds = rng.uniform(0.3, 1.3, 2) * (1, -1)
    starts = (200.0, 200.0 + height * (speeds[0] - speeds[1]) * frames / walking.RATE / 2)
    clips = [
        walking.shaken(walking.walk(who, frames, (start, 300.0), height, speed), height, seed + who)
        for who, (start, speed) in enumerate(zip(starts, speeds, strict=True), 10 * seed)
    ]
    hidden = int(rng.integers(45, 75))
    tracker, seen = PeopleTracker(SIGMAS_17), [set[int](), set[int]()]
    for at in range(frames):
        there = rng.permutation([0] if hidden <= at < hidden + 31 else [0, 1])
        poses = Poses(np.stack([clips[who][at] for who in there]), rng.uniform(0.4, 1, (len(there), 17)))
        for who, id_ in zip(there, tracker.update(poses, at / walking.RATE), strict=True):
            seen[who].add(id_)
    assert sorted(map(sorted, seen)) == [[1], [2]]


@pytest.mark.parametrize(("age", "again"), [(0.21, 1), (0.19, 2)])
def test_who_is_not_seen_is_remembered_for_a_while(age: float, again: int) -> None:
    assert tracked(people(A), nobody(4), people(A), max_age_seconds=age) == [[1], [], [again]]


def test_more_people_than_are_remembered() -> None:
    assert tracked(people(A, B, C), people(A, B, C), max_tracks=2) == [[1, 2, 3], [1, 2, 4]]


def test_keypoints_that_are_unsure_tell_nobody() -> None:
    assert tracked(people(A), people(A, score=0.2), people(A)) == [[1], [2], [1]]


def test_where_time_goes_back_everybody_is_new() -> None:
    assert tracked(people(A), people(A), seconds=-0.1) == [[1], [2]]


def test_the_least_similarity_is_enough() -> None:
    half = people((0.0, 20.0))  # a third of both boxes
    assert iou(np.array([0, 0, 20, 40.0]), np.array([0, 20, 20, 60.0])) == pytest.approx(1 / 3)
    assert tracked(people(A), half, similarity="iou", min_similarity=1 / 3) == [[1], [1]]
    assert tracked(people(A), half, similarity="iou", min_similarity=0.34) == [[1], [2]]


def test_a_smoother_forgets_who_is_gone() -> None:
    smoother = PeopleSmoother(max_age_seconds=0.5)
    points = people(A).keypoints
    smoother.smooth([1], points, 0.0)
    lagging = smoother.smooth([1], points + 10.0, 0.1)
    assert (lagging < points + 10.0).all()
    assert smoother.smooth([], nobody(4).keypoints, 1.0).shape == (0, 4, 2)
    np.testing.assert_array_equal(smoother.smooth([1], points + 10.0, 1.1), points + 10.0)
