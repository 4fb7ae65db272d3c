"""Greedy suppression: which of several boxes or people stay, with ties and thresholds that are met exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.decoders.detections.nms import BLOCK, NmsSpec, by_boxes, by_keypoints, ranked


def boxes(*corners: tuple[float, float, float, float]) -> np.ndarray[Any, Any]:
    return np.array(corners, np.float64).reshape(-1, 4)


def spec(threshold: float = 0.5, **more: Any) -> NmsSpec:
    return NmsSpec(kind=more.pop("kind", "iou"), threshold=threshold, **more)


@pytest.mark.parametrize(
    ("given_boxes", "threshold", "stay"),
    [
        ((), 0.5, []),
        (((0, 0, 10, 10),), 0.5, [0]),
        (((0, 0, 10, 10), (0, 0, 10, 10)), 0.5, [0]),
        (((0, 0, 10, 10), (20, 0, 30, 10)), 0.5, [0, 1]),
        (((0, 0, 10, 10), (0, 0, 10, 5)), 0.5, [0, 1]),  # exactly the threshold
        (((0, 0, 10, 10), (0, 0, 10, 5.01)), 0.5, [0]),
        (((0, 0, 10, 10), (0, 0, 10, 6), (0, 0, 10, 3.5)), 0.5, [0, 2]),  # the second drops nobody: it is not kept
        (((5, 5, 5, 5), (5, 5, 5, 5)), 0.5, [0, 1]),  # without extent nothing is shared
        (((5, 5, 1, 9), (5, 5, 1, 9)), 0.5, [0, 1]),  # a side that is negative has no area
    ],
)
def test_boxes_are_kept(given_boxes: tuple[Any, ...], threshold: float, stay: list[int]) -> None:
    assert by_boxes(boxes(*given_boxes), spec(threshold)) == stay


def test_inclusive_boxes_are_a_pixel_larger() -> None:
    pair = boxes((0, 0, 9, 9), (0, 0, 9, 4))  # 100 and 50 px
    assert by_boxes(pair, spec(0.499, definition="inclusive")) == [0]
    assert by_boxes(pair, spec(0.5, definition="inclusive")) == [0, 1]
    assert by_boxes(pair, spec(0.45)) == [0, 1]  # 81 and 36


def test_no_more_than_asked_for_stay() -> None:
    apart = boxes(*((20 * i, 0, 20 * i + 10, 10) for i in range(5)))
    assert by_boxes(apart, spec(most_out=3)) == [0, 1, 2]


def test_candidates_are_ranked_and_equal_ones_keep_their_order() -> None:
    confidences = np.array([0.2, 0.9, 0.5, 0.9, 0.25, np.nan, 0.5])
    assert ranked(confidences, 0.25, 10).tolist() == [1, 3, 2, 6]  # 0.25 is not above it, NaN is above nothing
    assert ranked(confidences, 0.0, 3).tolist() == [1, 3, 2]
    assert ranked(np.zeros(0), 0.1, 3).tolist() == []


def test_people_in_one_box_stay_apart_by_their_keypoints() -> None:
    one = np.array([[0.0, 0.0], [10.0, 40.0], [0.0, 80.0]])
    people = np.stack([one, one + 1.0, one[::-1]])
    areas = np.full(3, 3200.0)
    assert by_keypoints(people, areas, (0.05, 0.05, 0.05), spec(0.7, kind="oks")) == [0, 2]


def naive(corners: np.ndarray[Any, Any], threshold: float) -> list[int]:
    stay: list[int] = []
    for place, (x1, y1, x2, y2) in enumerate(corners):
        for other in stay:
            a1, b1, a2, b2 = corners[other]
            shared = max(min(x2, a2) - max(x1, a1), 0.0) * max(min(y2, b2) - max(y1, b1), 0.0)
            union = (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - shared
            if shared / max(union, 1e-12) > threshold:
                break
        else:
            stay.append(place)
    return stay


@given(st.integers(0, 3 * BLOCK), st.sampled_from([0.3, 0.5, 0.7]), st.integers(0, 2**31))
def test_it_is_what_is_written_in_the_books(count: int, threshold: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 60 + count, (count, 2))
    corners = np.concatenate([low, low + rng.integers(1, 50, (count, 2))], axis=1).astype(np.float64)
    assert by_boxes(corners, spec(threshold)) == naive(corners, threshold)
