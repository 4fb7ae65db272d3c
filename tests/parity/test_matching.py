"""People are matched by OKS, each once, in the same way every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.contract.presets import preset
from posekit.parity.gate import gate_for
from posekit.parity.matching import LEAST_OKS, Match, PeopleCount, aligned, matched, similarities
from posekit.parity.metrics import Found
from posekit.parity.steps import Side
from posekit.poses import Floats

SIGMAS = (0.05, 0.05, 0.05)
BODY = np.array([[0.0, 0.0], [40.0, 10.0], [20.0, 80.0]])


def people(*places: tuple[float, float]) -> Floats:
    return np.array([BODY + place for place in places]).reshape(-1, 3, 2)


def match(seen: Floats, reference: Floats) -> Match:
    return matched(seen, reference, np.full(len(reference), 6000.0), SIGMAS)


A, B, C = (0.0, 0.0), (300.0, 0.0), (0.0, 400.0)


@pytest.mark.parametrize(
    ("seen", "reference", "expected"),
    [
        ((), (), Match((), (), (), ())),
        ((), (A, B), Match((), (), (0, 1), ())),
        ((A,), (), Match((), (), (), (0,))),
        ((A, B, C), (A, B, C), Match((0, 1, 2), (0, 1, 2), (), ())),
        ((C, A, B), (A, B, C), Match((0, 1, 2), (1, 2, 0), (), ())),
        ((B,), (A, B), Match((1,), (0,), (0,), ())),
        ((A, C), (A, B), Match((0,), (0,), (1,), (1,))),
        ((A, A), (A,), Match((0,), (0,), (), (1,))),  # the first of two alike
        ((A,), (A, A), Match((0,), (0,), (1,), ())),
    ],
)
def test_people_are_matched(
    seen: tuple[tuple[float, float], ...], reference: tuple[tuple[float, float], ...], expected: Match
) -> None:
    assert match(people(*seen), people(*reference)) == expected


def test_the_most_alike_are_matched_first() -> None:
    near, nearer = (A[0] + 6.0, A[1]), (A[0] + 2.0, A[1])
    assert match(people(near, nearer), people(A, B)) == Match((0,), (1,), (1,), (0,))


def test_one_and_one_of_a_region_are_a_pair_however_far_apart() -> None:
    for seen in (people(C), np.full((1, 3, 2), np.nan)):
        assert matched(seen, people(A), np.full(1, 6000.0), SIGMAS, one_each=True) == Match((0,), (0,), (), ())
        assert match(seen, people(A)) == Match((), (), (0,), (0,))


def test_nothing_is_like_nan() -> None:
    seen = people(A, B)
    seen[0] = np.nan
    assert match(seen, people(A, B)) == Match((1,), (1,), (0,), (0,))


@given(st.permutations(range(6)), st.integers(0, 6), st.floats(0, 3))
def test_moved_people_in_any_order_are_found_again(order: list[int], count: int, noise: float) -> None:
    reference = people(*((170.0 * i, 90.0 * (i % 2)) for i in range(6)))
    seen = reference[order[:count]] + noise
    found = match(seen, reference)
    assert [order[place] for place in found.seen] == list(found.reference)
    assert found.missed == tuple(sorted(order[count:]))
    assert found.invented == ()


def test_similarity_is_cocos() -> None:
    seen, reference = people(A, (3.0, 4.0)), people(A)
    expected = np.exp(-25 / (2 * (2 * 0.05) ** 2 * 6000.0))
    np.testing.assert_allclose(similarities(seen, reference, np.array([6000.0]), SIGMAS), [[1.0, expected]])
    assert expected > LEAST_OKS


def found(case: str, keypoints: Floats) -> Found:
    count = len(keypoints)
    return Found(case, keypoints, np.ones((count, 3)), np.full(count, 100.0), np.full(count, 6000.0))


def test_sides_are_aligned_case_by_case() -> None:
    expected = [found("a", people(A, B)), found("b", people()), found("c", people(C))]
    seen = [found("a", people(B, C)), found("b", people(A)), found("c", people(A))]
    one, other, told = aligned(seen, expected, SIGMAS)
    np.testing.assert_array_equal(one[0].keypoints, people(B))
    np.testing.assert_array_equal(other[0].keypoints, people(B))
    assert [len(side[1].keypoints) for side in (one, other)] == [0, 0]
    assert told == PeopleCount(reference=3, seen=4, missed=("a", "c"), invented=("a", "b", "c"))
    one, _, told = aligned(seen[2:], expected[2:], SIGMAS, one_each=True)  # a region has one person
    np.testing.assert_array_equal(one[0].keypoints, people(A))
    assert told == PeopleCount(1, 1)


def test_a_side_without_anybody_is_skipped_with_the_reason() -> None:
    spec = preset("yolo-pose-coco17")
    nobody = Found("a", np.zeros((0, 17, 2)), np.zeros((0, 17)), np.zeros(0), np.zeros(0))
    side = Side(gate_for("fp32", spec))
    side.found.append(nobody)
    side.near.append(nobody)
    side.barely.append(None)
    step = side.step("total", [nobody], spec)
    assert step.keypoints is None
    assert step.skipped == "the reference has nobody in these pictures"
    assert step.people == PeopleCount(0, 0)
