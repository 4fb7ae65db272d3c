"""Figures of a comparison: hand-made cases, signs, and that NaN is never lost."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from posekit.parity.metrics import Found, KeypointError, TensorError, TensorTally, compare_keypoints, oks

NAN = float("nan")
NAMES, SIGMAS = ("nose", "tail"), (0.05, 0.1)


def tally(*pairs: tuple[Any, Any]) -> TensorError:
    """Cases a, b, c, ... of (seen, expected)."""
    counted = TensorTally("maps")
    for case, (seen, expected) in zip("abcdef", pairs, strict=False):
        counted.add(case, np.array(seen, np.float32), np.array(expected, np.float32))
    return counted.result()


def found(case: str, points: Any, scores: Any = (0.9, 0.9), size: float = 100.0, area: float = 10_000.0) -> Found:
    return Found(case, np.array([points], float), np.array([scores], float), np.array([size]), np.array([area]))


def compare(seen: list[Found], expected: list[Found], min_score: float = 0.3) -> KeypointError:
    return compare_keypoints(seen, expected, NAMES, SIGMAS, min_score)


# Tensors


def test_a_tensor_error_by_hand() -> None:
    error = tally(([[1, 2], [3, 4]], [[1, 2], [3, 5]]), ([[10, 0], [0, 0]], [[10, 0], [0.5, 0]]))
    assert (error.name, error.max_abs, error.where) == ("maps", 1.0, "a at (1, 1)")
    assert error.rms == pytest.approx(math.sqrt((1 + 0.25) / 8))
    signal = ((1 + 4 + 9 + 25) + (100 + 0.25)) / 2  # the median of both
    assert error.snr_db == pytest.approx(10 * math.log10(signal / 1))  # the noise of case a is the larger
    assert (error.finite, error.constant) == (True, False)


def test_equal_tensors_have_no_noise() -> None:
    error = tally(([1, 2], [1, 2]), ([3, 4], [3, 4]))
    assert (error.max_abs, error.rms, error.snr_db) == (0, 0, math.inf)


def test_noise_without_signal_is_the_worst_there_is() -> None:
    assert tally(([0, 1e-3], [0, 0])).snr_db < -100


def test_a_picture_with_little_signal_is_held_to_the_noise_of_the_others() -> None:
    """Nobody in it: the same rounding is a larger part of nearly nothing."""
    people = [([100.01, 50.0], [100.0, 50.0])] * 2
    assert tally(*people, ([0.02, 0.0], [0.01, 0.0])).snr_db == pytest.approx(tally(*people).snr_db, abs=0.1)
    assert tally(*people, ([9.0, 0.0], [0.01, 0.0])).snr_db < 30


def test_the_sign_of_a_difference_plays_no_part() -> None:
    assert tally(([1, 5], [1, 2])).max_abs == tally(([1, 2], [1, 5])).max_abs == 3


@pytest.mark.parametrize("wrong", [NAN, math.inf, -math.inf])
@pytest.mark.parametrize("side", ["seen", "expected"])
@pytest.mark.parametrize("case", ["a", "b", "c"])
def test_one_value_that_is_not_finite_spoils_all_and_is_placed(case: str, side: str, wrong: float) -> None:
    pairs = {name: ([1.0, 2.0], [1.0, 2.5]) for name in "abc"}
    pairs[case] = ([1.0, wrong], [1.0, 2.0]) if side == "seen" else ([1.0, 2.0], [1.0, wrong])
    error = tally(*pairs.values())
    assert not error.finite
    assert error.where == case
    assert all(math.isnan(value) for value in (error.max_abs, error.rms, error.snr_db))


@pytest.mark.parametrize(
    ("outputs", "constant"),
    [
        ([[0, 0], [0, 0]], True),
        ([[3, 3], [3, 3]], True),
        ([[3, 3], [4, 4]], False),
        ([[3, 4], [3, 3]], False),
        ([[0, 0], [0, 1e-30]], False),
    ],
)
def test_a_constant_output_is_seen_even_if_it_is_what_was_expected(outputs: Any, constant: bool) -> None:
    assert tally(*((values, values) for values in outputs)).constant is constant


# Keypoints


def test_a_keypoint_error_by_hand() -> None:
    expected = [found("a", [(10, 10), (50, 50)]), found("b", [(0, 0), (20, 0)], (0.8, 0.5), size=50)]
    seen = [found("a", [(13, 14), (50, 50)]), found("b", [(0, 0), (20, 1)], (0.8, 0.4), size=50)]
    error = compare(seen, expected)
    assert error.instances == 2
    assert error.mean_px == pytest.approx((5 + 0 + 0 + 1) / 4)
    assert error.max_px == pytest.approx(5)
    assert error.p95_px == pytest.approx(np.percentile([5, 0, 0, 1], 95))
    assert error.p99_px == pytest.approx(np.percentile([5, 0, 0, 1], 99))
    assert error.worst_case_p95_px == pytest.approx(np.percentile([5, 0], 95))
    assert error.mean_of_size == pytest.approx((5 / 100 + 1 / 50) / 4)
    assert error.bias_px == pytest.approx((3 / 4, (4 + 1) / 4))
    assert error.score_error == pytest.approx(0.1)
    assert error.worst == "nose in a"
    nose, tail = error.per_keypoint
    assert (nose["name"], nose["mean_px"], nose["bias_x_px"], nose["bias_y_px"]) == ("nose", 2.5, 1.5, 2.0)
    assert (tail["name"], tail["mean_px"], tail["bias_y_px"]) == ("tail", 0.5, 0.5)


def test_equal_keypoints_have_no_error() -> None:
    poses = [found("a", [(1, 2), (3, 4)]), found("b", [(5, 6), (7, 8)])]
    error = compare(poses, poses)
    assert (error.mean_px, error.max_px, error.oks, error.min_oks, error.bias_px) == (0, 0, 1, 1, (0, 0))


@pytest.mark.parametrize("shift", [(2.0, 0.0), (-2.0, 0.0), (0.0, 3.0), (-1.0, -1.0)])
def test_bias_points_from_the_reference_to_what_was_seen(shift: tuple[float, float]) -> None:
    expected = np.random.default_rng(1).uniform(0, 100, (6, 2, 2))
    error = compare([found("a", p + shift) for p in expected], [found("a", p) for p in expected])
    assert error.bias_px == pytest.approx(shift)
    assert error.mean_px == pytest.approx(math.hypot(*shift))


def test_keypoints_below_the_score_do_not_count_and_if_none_is_above_all_do() -> None:
    expected = [found("a", [(0, 0), (0, 0)], (0.9, 0.1))]
    seen = [found("a", [(1, 0), (100, 0)], (0.9, 0.9))]
    assert compare(seen, expected).max_px == 1
    assert compare(seen, expected).per_keypoint[1]["mean_px"] is None
    assert compare(seen, expected, min_score=0.05).max_px == 100
    assert compare(seen, expected, min_score=0.95).max_px == 100


def test_depth_is_not_compared() -> None:
    expected, seen = [found("a", [(0, 0, 5), (1, 1, 5)])], [found("a", [(0, 0, 9), (1, 1, -9)])]
    assert compare(seen, expected).max_px == 0


@pytest.mark.parametrize("score", [0.9, 0.1])
@pytest.mark.parametrize("side", ["seen", "expected"])
@pytest.mark.parametrize("case", [0, 1, 2])
def test_nan_is_never_lost(case: int, side: str, score: float) -> None:
    """Whichever case it is in, on either side, and also where the reference has no confidence."""
    sides = {name: [found(c, [(1, 2), (3, 4)], (0.9, score)) for c in "abc"] for name in ("seen", "expected")}
    sides[side][case] = found("abc"[case], [(1, 2), (3, NAN)], (0.9, score))
    error = compare(sides["seen"], sides["expected"])
    exempt = {"score_error"}  # the scores are sound
    for field in fields(error):
        value = getattr(error, field.name)
        if isinstance(value, float) and field.name not in exempt:
            assert math.isnan(value), field.name
    assert math.isnan(error.bias_px[1])
    assert error.worst == f"tail in {'abc'[case]}"


def test_nan_in_a_score_is_not_lost() -> None:
    expected = [found("a", [(1, 2), (3, 4)])]
    assert math.isnan(compare([found("a", [(1, 2), (3, 4)], (0.9, NAN))], expected).score_error)


# OKS


@pytest.mark.parametrize("area", [100.0, 10_000.0])
@pytest.mark.parametrize("distance", [0.0, 1.0, 10.0])
def test_oks_is_the_published_formula(distance: float, area: float) -> None:
    reference = np.zeros((1, 2, 2))
    points = np.array([[[distance, 0.0], [0.0, distance]]])
    expected = np.mean([math.exp(-(distance**2) / (8 * sigma**2 * area)) for sigma in SIGMAS])
    seen = oks(points, reference, np.array([area]), SIGMAS, np.ones((1, 2), bool))
    np.testing.assert_allclose(seen, [expected])


def test_oks_is_over_the_keypoints_that_count_and_no_number_where_none_does() -> None:
    reference, points = np.zeros((3, 2, 2)), np.full((3, 2, 2), 1e6)
    points[:, 0] = 0
    counted = np.array([[True, False], [True, True], [False, False]])
    np.testing.assert_array_equal(oks(points, reference, np.full(3, 1e4), SIGMAS, counted), [1.0, 0.5, NAN])


def test_people_without_a_keypoint_that_counts_do_not_raise_the_oks() -> None:
    expected = [found("a", [(0, 0), (0, 0)]), found("b", [(0, 0), (0, 0)], (0.1, 0.1))]
    error = compare([found("a", [(1e6, 0), (0, 0)]), expected[1]], expected)
    assert (error.oks, error.min_oks, error.counted) == (0.5, 0.5, 2)


def test_the_worst_person_sets_min_oks() -> None:
    expected = [found("a", [(0, 0), (0, 0)]), found("b", [(0, 0), (0, 0)])]
    error = compare([expected[0], found("b", [(1e6, 0), (0, 0)])], expected)
    assert (error.min_oks, error.oks) == (0.5, 0.75)
