"""MoveNet's heads to a person: round trips, weights, ties, rounding, thresholds, and what of a contract is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from posekit.decoders import movenet
from posekit.decoders.layout import MisfitError
from posekit.decoders.movenet import MovenetSpec, encode
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec
from tests.decoders.one import of_one

SIZE_WH = (192, 160)
IMAGE = InputSpec(
    size_wh=SIZE_WH, color_order="rgb", mean=(0.0,) * 3, std=(1.0,) * 3, resize="stretch", alignment="half_pixel"
)
ROLES = {role: {"output": role} for role in ("heatmaps", "centers", "regressions", "offsets")}
PLAIN = {"kind": "movenet", "stride": 4, "axes": "xy", **ROLES}


def spec_of(**changes: Any) -> MovenetSpec:
    return MovenetSpec.model_validate(PLAIN | changes)


def decoded(outputs: dict[str, Floats], spec: MovenetSpec, keypoints: int) -> tuple[Floats, Floats]:
    def decode(sigmas: tuple[float, ...]) -> Any:
        del sigmas
        return movenet.decode(outputs, spec, IMAGE, (0.05,) * keypoints)

    return of_one(decode)()


@pytest.mark.parametrize("keypoints", [1, 4, 14, 17, 21, 26, 33, 133])
def test_a_person_comes_back(keypoints: int) -> None:
    rng = np.random.default_rng(keypoints)
    ways = itertools.product(("yx", "xy"), ("none", "sigmoid"), ("distance", "none"), ("none", "half_up", "trunc"))
    for axes, activation, weight, rounding in ways:
        spec = spec_of(axes=axes, activation=activation, center_weight=weight, rounding=rounding, min_score=0.1)
        points = rng.uniform(0, 1, (keypoints, 2)) * SIZE_WH
        found, scores = decoded(encode(points, spec, SIZE_WH), spec, keypoints)
        # -3 + 0.5 towards zero is -2: the coarse place is a cell off, and so may be the keypoint
        np.testing.assert_allclose(found, points, rtol=0, atol=4.001 if rounding == "trunc" else 1e-9)
        assert scores.min() > (0.7 if rounding == "trunc" else 0.99)


def plain(keypoints: int = 1) -> dict[str, Floats]:
    """No heat, no offsets, on 48 x 40 cells."""
    shapes = {"heatmaps": keypoints, "centers": 1, "regressions": 2 * keypoints, "offsets": 2 * keypoints}
    return {name: np.zeros((40, 48, channels)) for name, channels in shapes.items()}


def test_the_centre_nearest_to_the_middle_counts_most_and_of_equal_ones_the_first() -> None:
    outputs = plain()
    outputs["centers"][20, [10, 38]] = 0.5  # 14 cells from the middle, both
    outputs["regressions"][20, 10], outputs["regressions"][20, 38] = -5.0, 5.0
    outputs["heatmaps"][[15, 25], [5, 43]] = 0.9
    assert decoded(outputs, spec_of(), 1)[0].tolist() == [[20, 60]]
    outputs["centers"][20, 37] = 0.48  # 13 from it: 0.48 / 14.8 is more than 0.5 / 15.8
    outputs["regressions"][20, 37] = 5.0
    assert decoded(outputs, spec_of(), 1)[0].tolist() == [[172, 100]]
    assert decoded(outputs, spec_of(center_weight="none"), 1)[0].tolist() == [[20, 60]]
    assert decoded(outputs, spec_of(center_bias=100.0), 1)[0].tolist() == [[20, 60]]


def test_heat_near_the_coarse_place_wins_over_more_heat_far_away() -> None:
    outputs = plain()
    outputs["centers"][20, 24] = 1.0
    outputs["heatmaps"][20, 25], outputs["heatmaps"][20, 40] = 0.3, 0.9  # 0.3 / 2.8, 0.9 / 17.8
    (place,), (score,) = decoded(outputs, spec_of(), 1)
    assert place.tolist() == [100, 80]
    assert score == pytest.approx(0.3)
    assert decoded(outputs, spec_of(keypoint_bias=20.0), 1)[0].tolist() == [[160, 80]]


def test_equal_weights_keep_the_first_cell() -> None:
    outputs = plain()
    outputs["centers"][20, 24] = 1.0
    outputs["heatmaps"][[19, 21, 20, 20], [24, 24, 23, 25]] = 0.5
    assert decoded(outputs, spec_of(), 1)[0].tolist() == [[96, 76]]


@pytest.mark.parametrize(("rounding", "column"), [("none", 21), ("half_up", 20), ("trunc", 22)])
def test_roundings_of_a_regression_differ_below_zero(rounding: str, column: int) -> None:
    """-3.2 stays, -3.7 + 0.5 goes down to -4 or towards zero to -3: heat at 20, 21 and 22 says which."""
    outputs = plain()
    outputs["centers"][20, 24] = 1.0
    outputs["regressions"][20, 24, 0] = {"none": -3.2, "half_up": -3.6, "trunc": -2.6}[rounding]
    outputs["heatmaps"][20, 20:23] = 0.5
    assert decoded(outputs, spec_of(rounding=rounding), 1)[0].tolist() == [[4.0 * column, 80]]


def test_a_keypoint_below_the_threshold_was_not_found() -> None:
    outputs = plain(3)
    outputs["centers"][20, 24] = 1.0
    outputs["heatmaps"][20, 30, 0], outputs["heatmaps"][20, 24, 1], outputs["heatmaps"][30, 20, 2] = 0.1, 0.09, 0.8
    points, scores = decoded(outputs, spec_of(min_score=0.1), 3)
    assert points.tolist() == [[120, 80], [100, 100], [80, 120]]
    np.testing.assert_allclose(scores, [0.1, 0.0, 0.8])
    points, scores = decoded(outputs, spec_of(min_score=0.9), 3)
    assert points.tolist() == [[96, 80]] * 3
    assert scores.tolist() == [0, 0, 0]
    assert decoded(outputs, spec_of(), 3)[0][1].tolist() == [96, 80]


def test_heat_below_the_threshold_is_no_rival() -> None:
    outputs = plain()
    outputs["centers"][20, 24] = 1.0
    outputs["heatmaps"][20, 24], outputs["heatmaps"][20, 44] = 0.09, 0.2
    assert decoded(outputs, spec_of(), 1)[0].tolist() == [[96, 80]]
    assert decoded(outputs, spec_of(min_score=0.1), 1)[0].tolist() == [[176, 80]]


def test_roles_may_share_a_tensor() -> None:
    points = np.random.default_rng(2).uniform(20, 150, (5, 2))
    outputs = encode(points, spec_of(), SIZE_WH)
    joined = {"all": np.concatenate([outputs[role] for role in ("offsets", "centers", "heatmaps", "regressions")], 2)}
    firsts = {"offsets": 0, "centers": 10, "heatmaps": 11, "regressions": 16}
    spec = spec_of(**{role: {"output": "all", "first": first} for role, first in firsts.items()})
    np.testing.assert_array_equal(decoded(joined, spec, 5)[0], decoded(outputs, spec_of(), 5)[0])
    np.testing.assert_array_equal(movenet.raw_scores(spec, joined["all"]), outputs["heatmaps"].reshape(-1, 5).T)


def test_maps_of_another_stride_are_a_misfit() -> None:
    wanted = movenet.shapes(spec_of(), SIZE_WH, 17)["heatmaps"]
    assert movenet.pack(np.zeros((1, 17, 40, 48)), wanted, spec_of(), SIZE_WH).shape == (1, 40, 48, 17)
    with pytest.raises(MisfitError):
        movenet.pack(np.zeros((1, 17, 20, 24)), wanted, spec_of(), SIZE_WH)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"centers": {"output": "heatmaps"}}, "heatmaps and centers share channel 0 of output 'heatmaps'"),
        ({"axes": "xyx"}, "'yx' or 'xy'"),
        ({"keypoint_bias": 0.0}, "greater than 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        spec_of(**changes)


def test_the_shapes_of_published_networks_are_known() -> None:
    outputs = {"a": (1, 17, 48, 48), "b": (1, 1, 48, 48), "c": (1, 34, 48, 48), "d": (1, 34, 48, 48)}
    (found,) = movenet.fitting(outputs, (192, 192))
    assert found.keypoint_count == 17
    assert found.settings == {"stride": 4, "heatmaps": {"output": "a"}, "centers": {"output": "b"}}
    assert movenet.fitting({"a": (1, 17, 48, 48)}, (192, 192)) == ()
