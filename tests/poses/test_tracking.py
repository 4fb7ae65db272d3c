"""The region tracker and the One-Euro filter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.bundle import wrapper
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.decoders import of
from posekit.poses.tracking import MIN_KEYPOINTS, OneEuroFilter, next_region
from tests import walking

SQUARE = np.array([[10.0, 20.0], [50.0, 20.0], [10.0, 60.0], [50.0, 60.0], [500.0, 500.0]])
SURE = np.array([0.9, 0.9, 0.9, 0.9, 0.1])


def test_the_next_region_is_the_grown_box_of_the_sure_keypoints() -> None:
    region = next_region(SQUARE, SURE, (96, 128), padding=1.25, min_score=0.3, margin=1.2)
    assert region is not None
    assert region.center_xy == (30.0, 40.0)
    # 40 px wide and high, times the margin; grown to 3:4, times the padding
    assert region.size_wh == pytest.approx((40 * 1.2 * 1.25, 40 * 1.2 * 4 / 3 * 1.25))
    assert region.rotation_degrees == 0


def test_depth_plays_no_part() -> None:
    deep = np.concatenate([SQUARE, np.full((5, 1), 1e6)], axis=1)
    assert next_region(deep, SURE, (96, 128), 1.25) == next_region(SQUARE, SURE, (96, 128), 1.25)


@pytest.mark.parametrize(("score", "found"), [(0.3, True), (0.2999, False)])
def test_a_score_of_min_score_counts(score: float, found: bool) -> None:
    scores = np.full(MIN_KEYPOINTS, score)
    assert (next_region(SQUARE[:MIN_KEYPOINTS], scores, (96, 128), 1.25, min_score=0.3) is not None) is found


@pytest.mark.parametrize(
    ("points", "scores"),
    [
        (SQUARE, SURE * [1, 1, 1, 0, 1]),  # three are too few
        (SQUARE, SURE * 0),
        (SQUARE, SURE * np.nan),
        (np.full((5, 2), 7.0), SURE),  # a point has no size
        (SQUARE * 1e6, SURE),  # too far away
        (np.zeros((0, 2)), np.zeros(0)),
    ],
)
def test_a_lost_person_has_no_region(points: np.ndarray, scores: np.ndarray) -> None:  # type: ignore[type-arg]
    assert next_region(points, scores, (96, 128), 1.25) is None


def test_keypoints_on_a_line_still_have_a_region() -> None:
    line = np.array([[0.0, 5.0], [10.0, 5.0], [20.0, 5.0], [30.0, 5.0]])
    region = next_region(line, np.ones(4), (96, 128), 1.0, margin=1.0)
    assert region is not None
    assert region.size_wh == pytest.approx((30, 40))


@pytest.mark.parametrize(("count", "found"), [(1, False), (2, True), (3, True)])
def test_a_small_skeleton_needs_all_its_keypoints(count: int, found: bool) -> None:
    region = next_region(SQUARE[:count], np.ones(count), (96, 128), 1.25)
    assert (region is not None) is found
    assert next_region(SQUARE[:count], np.arange(count) / count, (96, 128), 1.25) is None


SIMCC = {"kind": "simcc", "output_x": "x", "output_y": "y", "split_ratio": 2.0, "score_reduction": "min",
         "activation": "softmax"}  # fmt: skip
HEATMAP = {"kind": "heatmap", "output": "x", "refinement": "none", "alignment": "stride"}


def spec_with(decoder: dict[str, Any]) -> PoseSpec:
    """A contract with that head; with SIMCC it is the sample's, with 192 x 256 bins."""
    return parse_spec(
        {
            "schema": 1, "name": "tinysimcc", "version": "1", "license": "Apache-2.0", "kind": "top_down",
            "input": {"size_wh": [96, 128], "color_order": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1],
                      "resize": "affine_crop", "box_padding": 1.25, "pad_value": 0, "alignment": "half_pixel"},
            "decoder": decoder, "keypoints": {"skeleton": "coco17"},
        },
        "test_tracking",
    )  # fmt: skip


def test_softmax_scores_of_simcc_are_followed() -> None:
    spec = spec_with(SIMCC)
    least = of(spec.decoder).tracking_score(spec.decoder, spec.input.size_wh)
    assert least == 10 / 256
    # what the sample network gives: median of a person's keypoints, fourth best of a corner without anybody
    for score, found in ((0.107, True), (0.028, False)):
        region = next_region(SQUARE, np.full(5, score), (96, 128), 1.25, min_score=least)
        assert (region is not None) is found


@pytest.mark.parametrize(
    ("decoder", "expected"),
    [
        (SIMCC, 10 / 256),
        (SIMCC | {"split_ratio": 1.5}, 10 / 192),
        (SIMCC | {"split_ratio": 0.2}, 0.3),  # 26 bins
        (SIMCC | {"activation": "none"}, 0.3),
        (HEATMAP, 0.3),
    ],
)
def test_the_wrappers_have_the_same_default(decoder: dict[str, Any], expected: float, tmp_path: Path) -> None:
    spec = spec_with(decoder)
    assert of(spec.decoder).tracking_score(spec.decoder, spec.input.size_wh) == expected
    shapes = dict.fromkeys(spec.decoder.outputs, (1, 17, 192))
    for platform, pattern in (("android", r"TRACKER_MIN_SCORE: Double = (\S+)"), ("ios", r"trackerMinScore = (\S+)")):
        wrapper.render(platform, spec, wrapper.Network("model", shapes), tmp_path / platform)
        texts = "".join(path.read_text() for path in (tmp_path / platform).rglob("TinysimccContract.*"))
        assert re.findall(pattern, texts) == [str(expected)], platform


# One-Euro


def one_euro_1d(values: list[float], times: list[float], min_cutoff: float, betas: list[float]) -> list[float]:
    """The paper's algorithm for one number, written anew; a beta a frame."""

    def alpha(cutoff: float, elapsed: float) -> float:
        tau = 1 / (2 * np.pi * cutoff)
        return 1 / (1 + tau / elapsed)

    filtered, slope = [values[0]], 0.0
    for i in range(1, len(values)):
        elapsed = times[i] - times[i - 1]
        a = alpha(1.0, elapsed)
        slope = a * (values[i] - filtered[-1]) / elapsed + (1 - a) * slope
        a = alpha(min_cutoff + betas[i] * abs(slope), elapsed)
        filtered.append(a * values[i] + (1 - a) * filtered[-1])
    return filtered


def test_one_euro_is_the_papers() -> None:
    rng = np.random.default_rng(5)
    values, times = rng.normal(0, 30, (20, 3, 2)).cumsum(axis=0), np.cumsum(rng.uniform(0.01, 0.1, 20)).tolist()
    smoother = OneEuroFilter(min_cutoff=0.7, beta=3.0)
    betas = [3.0 / float(max(np.ptp(points, axis=0))) for points in values]
    seen = np.array([smoother.smooth(points, time) for points, time in zip(values, times, strict=True)])
    for k in range(3):
        for axis in range(2):
            expected = one_euro_1d(values[:, k, axis].tolist(), times, 0.7, betas)
            np.testing.assert_allclose(seen[:, k, axis], expected, rtol=1e-12)


@pytest.mark.parametrize("height", [60.0, 200.0, 800.0])
def test_the_jitter_of_a_still_person_becomes_a_third(height: float) -> None:
    seen = walking.shaken(walking.walk(1, 300, (500.0, 300.0), height, 0.0), height, 3)
    jitter = [clip[60:].std(axis=0).mean() for clip in (smoothed(seen), seen)]
    assert jitter[0] <= jitter[1] / 3


@pytest.mark.parametrize("height", [60.0, 800.0])
@pytest.mark.parametrize("speed", [-1.5, -0.3, 0.3, 0.8, 1.5])  # heights a second; a brisk walk is 0.9
def test_who_walks_lags_by_a_frame_at_most(height: float, speed: float) -> None:
    truth = walking.walk(2, 150, (0.0, 300.0), height, speed)
    assert 0 < walking.lag_frames(truth, smoothed(walking.shaken(truth, height, 4))) <= 1


def test_a_keypoint_that_flies_off_makes_nobody_lag_more() -> None:
    truth = walking.walk(2, 150, (0.0, 300.0), 200.0, 0.8)
    astray = truth.copy()
    astray[:, 9] += 3000.0  # a wrist of which the network is not sure
    rest = [k for k in range(17) if k != 9]
    lags = [walking.lag_frames(truth[:, rest], smoothed(clip)[:, rest]) for clip in (truth, astray)]
    assert lags[1] <= 1.1 * lags[0]


def smoothed(clip: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    smoother = OneEuroFilter()
    return np.array([smoother.smooth(points, at / walking.RATE) for at, points in enumerate(clip)])


@pytest.mark.parametrize("later", [1.0, 0.5, float("nan")])
def test_time_that_does_not_go_forward_starts_anew(later: float) -> None:
    smoother = OneEuroFilter()
    smoother.smooth(np.zeros((2, 2)), 1.0)
    np.testing.assert_array_equal(smoother.smooth(np.full((2, 2), 50.0), later), np.full((2, 2), 50.0))


def test_another_number_of_keypoints_starts_anew() -> None:
    smoother = OneEuroFilter()
    smoother.smooth(np.zeros((2, 2)), 1.0)
    np.testing.assert_array_equal(smoother.smooth(np.ones((3, 2)), 1.1), np.ones((3, 2)))


def test_two_filters_share_nothing() -> None:
    first, second = OneEuroFilter(), OneEuroFilter()
    first.smooth(np.zeros((1, 2)), 0.0)
    np.testing.assert_array_equal(second.smooth(np.full((1, 2), 9.0), 1.0), np.full((1, 2), 9.0))


@pytest.mark.parametrize("name", ["OneEuroFilter", "PeopleSmoother"])
def test_kotlin_and_swift_smooth_as_strongly_unless_told_otherwise(name: str) -> None:
    root, usual = wrapper.template_root(), OneEuroFilter()
    (kotlin,), (swift,) = ([*root.rglob(f"{name}.{ending}")] for ending in ("kt", "swift"))
    for text in (kotlin.read_text(), swift.read_text()):
        found = [float(one) for one in re.findall(r"\b(?:minCutoff|beta|derivativeCutoff): Double = ([\d.]+)", text)]
        assert found == [usual.min_cutoff, usual.beta, usual.derivative_cutoff]
