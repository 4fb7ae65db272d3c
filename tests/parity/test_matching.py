"""People are matched by OKS, each once, in the same way every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.contract.presets import preset
from posekit.contract.spec import GateSpec
from posekit.decoders.people import partial_people
from posekit.parity.barely import anew
from posekit.parity.gate import Outcome, check_people, gate_for
from posekit.parity.matching import (
    LEAST_OKS,
    Barely,
    Match,
    PeopleCount,
    aligned,
    barely_of,
    matched,
    similarities,
)  # fmt: skip
from posekit.parity.metrics import Found, compare_keypoints
from posekit.parity.steps import Side
from posekit.poses import Floats

SIGMAS = (0.05, 0.05, 0.05)
BODY = np.array([[0.0, 0.0], [40.0, 10.0], [20.0, 80.0]])


def people(*places: tuple[float, float]) -> Floats:
    return np.array([BODY + place for place in places]).reshape(-1, 3, 2)


def match(seen: Floats, reference: Floats) -> Match:
    return matched(found("case", seen), found("case", reference), SIGMAS)


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
        assert matched(found("case", seen), found("case", people(A)), SIGMAS, one_each=True) == Match(
            (0,), (0,), (), ()
        )
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
    np.testing.assert_allclose(similarities(found("case", seen), found("case", reference), SIGMAS), [[1.0, expected]])
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
    assert told == PeopleCount(reference=3, seen=4, missed=("a", "c"), invented=("a", "b", "c"), keypoints=3)
    one, _, told = aligned(seen[2:], expected[2:], SIGMAS, one_each=True)  # a region has one person
    np.testing.assert_array_equal(one[0].keypoints, people(A))
    assert told == PeopleCount(1, 1, keypoints=3)


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


BIG = np.array([[0.0, 0.0], [40.0, 10.0], [20.0, 80.0], [60.0, 90.0], [0.0, 120.0]])
FIVE = (0.05,) * 5


def partly(there: list[tuple[tuple[float, float], str]]) -> Found:
    """People of five keypoints at places, each found where the word has an x: a decoder's own result."""
    keypoints = np.array([BIG + place for place, _ in there]).reshape(-1, 5, 2)
    seen = np.array([[letter == "x" for letter in word] for _, word in there]).reshape(-1, 5)
    poses = partial_people(keypoints, seen, np.full(seen.shape, 0.8), np.full(len(there), 0.8))
    assert poses.boxes_xyxy is not None
    sides = poses.boxes_xyxy[:, 2:] - poses.boxes_xyxy[:, :2]
    return Found("case", poses.keypoints, poses.scores, sides.max(axis=1, initial=0), sides.prod(axis=1),
                 poses.confidences, poses.boxes_xyxy, partial=True)  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "reference", "missed", "invented"),
    [
        ("xxxxx", "xxxxx", 0, 0),
        ("xx.xx", "xx.xx", 0, 0),
        ("xx.xx", "xxxxx", 1, 0),
        ("xxxxx", "x.x.x", 0, 2),
        (".xxxx", "xxx.x", 1, 1),
    ],
)
def test_keypoints_that_one_side_alone_found(seen: str, reference: str, missed: int, invented: int) -> None:
    one, other = partly([(A, seen), (B, "xxxxx")]), partly([(A, reference), (B, "xxxxx")])
    pairs, expected, count = aligned([one], [other], FIVE)
    assert (count.missed, count.invented) == ((), ())
    assert (len(count.keypoints_missed), len(count.keypoints_invented)) == (missed, invented)
    assert count.keypoints == 5 + reference.count("x")
    error = compare_keypoints(pairs, expected, "abcde", FIVE, -np.inf)
    assert error.max_px == 0  # where a keypoint is not lies nowhere
    either = sum("x" in both for both in zip(seen, reference, strict=True))
    assert error.min_oks == pytest.approx((either - missed - invented) / either)
    checks = check_people(GateSpec(max_missed=0.0, max_invented=0.0), count)
    failed = {check.name for check in checks if check.outcome is Outcome.FAIL}
    assert failed == ({"keypoints, missed"} if missed else set()) | ({"keypoints, invented"} if invented else set())


def test_who_has_less_than_half_of_the_keypoints_in_common_is_somebody_else() -> None:
    _, _, count = aligned([partly([(A, "xxx..")])], [partly([(A, "..xxx")])], FIVE)
    assert (count.missed, count.invented) == (("case",), ("case",))


def test_a_keypoint_that_is_barely_there_is_excused() -> None:
    seen, reference = partly([(A, "xx.xx")]), partly([(A, "xxxxx")])

    def counted(more: Found) -> PeopleCount:
        sides = Barely(seen, more, anew(seen, more, FIVE)), barely_of(reference, partly([]))
        return aligned([seen], [reference], FIVE, [sides])[2]

    strict, elsewhere, lenient = map(counted, (seen, partly([(A, "xx.xx"), (B, "xxxxx")]), reference))
    assert (strict.keypoints_missed, strict.keypoints_barely) == (("case",), 0)
    assert (elsewhere.keypoints_missed, elsewhere.keypoints_barely) == (("case",), 0)
    assert (lenient.keypoints_missed, lenient.keypoints_barely) == ((), 1)


@pytest.mark.parametrize(
    ("there", "more", "missed"),
    [
        ((), (A,), ()),  # below the threshold
        ((A,), (A,), ("case",)),
        ((A,), ((1.0, 0.5),), ("case",)),  # a weighted mean, which a looser threshold moves
        ((A,), ((1.0, 0.5), (4.0, 3.0)), ("case",)),  # and what it leaves out of the mean
        ((A, (6.0, 4.0)), (A, (6.0, 4.0), (1.0, 0.0)), ("case",)),
        (((6.0, 4.0),), ((6.0, 4.0), A), ()),  # suppressed by somebody who is nearly too alike
    ],
)
def test_only_who_is_new_with_a_looser_threshold_is_excused(
    there: tuple[tuple[float, float], ...], more: tuple[tuple[float, float], ...], missed: tuple[str, ...]
) -> None:
    """A is lost: an excuse is that the outputs barely lack A, not that A would be elsewhere."""
    seen, reference = found("case", people()), found("case", people(A))
    strict, loose = found("case", people(*there)), found("case", people(*more))
    sides = Barely(strict, loose, anew(strict, loose, SIGMAS)), barely_of(reference, seen)
    told = aligned([seen], [reference], SIGMAS, [sides])[2]
    assert (told.missed, told.barely) == (missed, 1 - len(missed))
