"""SimCC: there and back, ties, and how two maxima become a score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.decoders import simcc
from posekit.decoders.simcc import SimccSpec, encode, shapes
from posekit.poses.input_spec import InputSpec
from tests.decoders.one import of_one

decode = of_one(simcc.decode)

SIZE_WH = (96, 160)
IMAGE = InputSpec(size_wh=SIZE_WH, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                  alignment="half_pixel")  # fmt: skip


def simcc(split_ratio: float = 2.0, **more: Any) -> SimccSpec:
    data = {"kind": "simcc", "output_x": "x", "output_y": "y", "split_ratio": split_ratio, "score_reduction": "min"}
    return SimccSpec(**data | more)


def peaks(x: dict[int, float], y: dict[int, float]) -> dict[str, np.ndarray[Any, Any]]:
    """Maps of one keypoint, split ratio 2, with values at some bins."""
    maps = {"x": np.zeros((1, 192)), "y": np.zeros((1, 320))}
    for name, values in (("x", x), ("y", y)):
        for index, value in values.items():
            maps[name][0, index] = value
    return maps


@pytest.mark.parametrize("count", [1, 4, 14, 17, 21, 26, 133])
@pytest.mark.parametrize("split_ratio", [1.0, 1.5, 2.0, 3.0])
def test_what_is_drawn_is_found_within_half_a_bin(split_ratio: float, count: int) -> None:
    spec = simcc(split_ratio)
    points = np.random.default_rng(count).uniform(1, np.array(SIZE_WH) - 2, (count, 2))
    maps = encode(points, spec, SIZE_WH)
    assert {name: values.shape for name, values in maps.items()} == shapes(spec, SIZE_WH, count)
    found, scores = decode({name: values.astype(np.float32) for name, values in maps.items()}, spec, IMAGE)
    assert np.abs(found - points).max() <= 0.5 / split_ratio + 1e-6
    assert (scores > 0.95).all()


@pytest.mark.parametrize("split_ratio", [1.0, 2.0])
def test_quadratic_finds_what_is_drawn_within_a_hundredth_of_a_bin(split_ratio: float) -> None:
    spec = simcc(split_ratio, refinement="quadratic")
    points = np.random.default_rng(8).uniform(2, np.array(SIZE_WH) - 3, (133, 2))
    found, _ = decode(encode(points, spec, SIZE_WH), spec, IMAGE)
    assert np.abs(found - points).max() * split_ratio <= 0.01


@pytest.mark.parametrize(
    ("values", "bin_"),
    [
        ({5: 1.0}, 5.0),
        ({5: 1.0, 6: 1.0}, 5.5),
        ({4: 0.5, 5: 1.0}, 5 - 1 / 6),  # the parabola through (-1, 0.5), (0, 1), (1, 0) has its top at -1/6
        ({5: 1.0, 6: 0.5}, 5 + 1 / 6),
        ({0: 1.0, 1: 0.9}, 0.0),  # no neighbour on one side
        ({190: 0.9, 191: 1.0}, 191.0),
        ({}, 0.0),
        (dict.fromkeys(range(192), 0.7), 0.0),
    ],
)
def test_quadratic_by_hand(values: dict[int, float], bin_: float) -> None:
    found, scores = decode(peaks(values, {8: 1.0}), simcc(refinement="quadratic"), IMAGE)
    np.testing.assert_allclose(found, [[bin_ / 2, 4.0]])
    assert scores.tolist() == [max(values.values(), default=0.0)]


@pytest.mark.parametrize("bins", [1, 2, 3])
def test_quadratic_takes_the_shortest_maps(bins: int) -> None:
    maps = {name: np.random.default_rng(bins).normal(size=(9, bins)) for name in "xy"}
    found, _ = decode(maps, simcc(1.0, refinement="quadratic"), IMAGE)
    assert ((found >= 0) & (found <= bins - 1)).all()


@pytest.mark.parametrize(("x", "y"), [(0, 0), (191, 0), (0, 319), (191, 319), (20, 300)])
def test_a_bin_over_the_split_ratio_is_its_input_px(x: int, y: int) -> None:
    found, _ = decode(peaks({x: 1.0}, {y: 1.0}), simcc(), IMAGE)
    assert found.tolist() == [[x / 2, y / 2]]


def test_of_equal_peaks_the_first_wins_and_a_flat_map_gives_the_origin() -> None:
    assert decode(peaks({9: 1.0, 4: 1.0}, {300: 1.0, 301: 1.0}), simcc(), IMAGE)[0].tolist() == [[2.0, 150.0]]
    found, scores = decode(peaks({}, {}), simcc(), IMAGE)
    assert (found.tolist(), scores.tolist()) == ([[0.0, 0.0]], [0.0])


@pytest.mark.parametrize(
    ("reduction", "x", "y", "score"),
    [("min", 0.2, 0.8, 0.2), ("min", 0.8, 0.2, 0.2), ("mean", 0.2, 0.8, 0.5), ("min", 0.6, 0.6, 0.6)],
)
def test_the_score_of_two_axes(reduction: str, x: float, y: float, score: float) -> None:
    _, scores = decode(peaks({5: x}, {5: y}), simcc(score_reduction=reduction), IMAGE)
    np.testing.assert_allclose(scores, [score])


@pytest.mark.parametrize("shift", [0.0, -5.0, 2000.0])
def test_softmax_gives_the_probability_of_the_maximum_whatever_is_added(shift: float) -> None:
    logits = peaks({5: 3.0, 6: 1.0}, {7: 2.0})
    _, scores = decode({name: values + shift for name, values in logits.items()}, simcc(activation="softmax"), IMAGE)
    of_x, of_y = (np.exp(values[0]).max() / np.exp(values[0]).sum() for values in logits.values())
    assert of_y < of_x
    np.testing.assert_allclose(scores, [of_y])


def test_softmax_moves_no_keypoint() -> None:
    logits = {name: np.random.default_rng(4).normal(size=shape) for name, shape in shapes(simcc(), SIZE_WH, 17).items()}
    plain, _ = decode(logits, simcc(), IMAGE)
    soft, scores = decode(logits, simcc(activation="softmax"), IMAGE)
    np.testing.assert_array_equal(plain, soft)
    assert ((scores > 0) & (scores < 1)).all()
