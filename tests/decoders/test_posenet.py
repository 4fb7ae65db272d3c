"""PoseNet's heads to people: round trips, the rules of both groupings, ties, and what of a contract is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from posekit.decoders.layout import MisfitError
from posekit.decoders.posenet import posenet
from posekit.decoders.posenet.posenet import PosenetSpec, decode, encode
from posekit.errors import InputError
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

SIZE_WH = (353, 257)
IMAGE = InputSpec(
    size_wh=SIZE_WH, color_order="rgb", mean=(0.0,) * 3, std=(1.0,) * 3, resize="letterbox", alignment="half_pixel"
)
ROLES = {role: {"output": role} for role in ("heatmaps", "offsets", "forward", "backward")}
GROUPINGS: dict[str, dict[str, Any]] = {
    "nearest": {"refinements": 2}, "bilinear": {"refinements": 5, "min_root_score": 0.2, "min_confidence": 0.2}
}  # fmt: skip


def spec_of(keypoints: int, grouping: str = "nearest", **changes: Any) -> PosenetSpec:
    """Each keypoint's parent is half its number, so that the tree branches."""
    edges = {"parents": [k // 2 for k in range(1, keypoints)], "children": list(range(1, keypoints))}
    data = {"kind": "posenet", "grouping": grouping, "stride": 16, **ROLES, **GROUPINGS.get(grouping, {})}
    spec = PosenetSpec.model_validate(data | (edges if grouping != "one" else {}) | changes)
    spec.check(keypoints)
    return spec


def decoded(outputs: dict[str, Floats], spec: PosenetSpec, keypoints: int) -> Poses:
    return decode(outputs, spec, IMAGE, (0.05,) * keypoints)


def crowd(count: int, keypoints: int, seed: int) -> Floats:
    """People in columns of their own, 40 px and more apart."""
    rng = np.random.default_rng(seed)
    left = 50.0 + 100 * np.arange(count)
    x = left[:, None] + rng.uniform(-28, 28, (count, keypoints))
    return np.stack([x, rng.uniform(20, 240, x.shape)], axis=-1)


@pytest.mark.parametrize("keypoints", [1, 4, 14, 17, 21, 26, 33, 133])
@pytest.mark.parametrize(
    ("count", "grouping"), [(1, "one"), (1, "nearest"), (3, "nearest"), (1, "bilinear"), (3, "bilinear")]
)
def test_people_come_back(count: int, keypoints: int, grouping: str) -> None:
    ways = itertools.product(("yx", "xy"), ("input_px", "cells"), ("none", "sigmoid"))
    for seed, (axes, unit, activation) in enumerate(ways):
        spec = spec_of(keypoints, grouping, axes=axes, unit=unit, activation=activation)
        expected = crowd(count, keypoints, seed)
        found = decoded(encode(expected, spec, SIZE_WH), spec, keypoints)
        order = np.argsort(found.keypoints[:, :, 0].mean(axis=1))
        assert found.count == count
        np.testing.assert_allclose(found.keypoints[order], expected, atol=1e-6)
        assert found.scores.min() > 0.9
        boxes = np.concatenate([found.keypoints.min(axis=1), found.keypoints.max(axis=1)], axis=1)
        np.testing.assert_array_equal(found.boxes_xyxy, boxes)
        assert (np.diff(found.confidences) <= 0).all()


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_nobody_is_nobody(grouping: str) -> None:
    spec = spec_of(17, grouping)
    found = decoded(encode(np.zeros((0, 17, 2)), spec, SIZE_WH, peak=-3.0), spec, 17)
    assert found.keypoints.shape == (0, 17, 2)
    assert found.boxes_xyxy is not None
    assert found.boxes_xyxy.shape == (0, 4)


@pytest.mark.parametrize("grouping", GROUPINGS)
@pytest.mark.parametrize(("apart", "count"), [(15.0, 1), (19.9, 1), (20.1, 2), (25.0, 2)])
def test_people_nearer_than_the_radius_are_one(apart: float, count: int, grouping: str) -> None:
    """Two equal keypoints in cells that are no neighbours of each other, whose offsets bring them together."""
    spec = spec_of(1, grouping)
    cells = np.array([[[96.0, 96.0]], [[144.0, 96.0]]])
    outputs = encode(cells, spec, SIZE_WH)
    middle = 120.0
    columns = 16.0 * np.arange(23)
    target = np.where(columns < middle, middle - apart / 2, middle + apart / 2)
    outputs["offsets"][..., 1] = target - columns
    assert decoded(outputs, spec, 1).count == count


def test_exactly_the_radius_is_near() -> None:
    outputs = {"heatmaps": np.full((17, 23, 1), -9.0), "offsets": np.zeros((17, 23, 2)),
               "forward": np.zeros((17, 23, 0)), "backward": np.zeros((17, 23, 0))}  # fmt: skip
    outputs["heatmaps"][4, [4, 6], 0] = 3.0, 2.0
    for grouping in GROUPINGS:
        assert decoded(outputs, spec_of(1, grouping, radius_px=32.0), 1).count == 1
        assert decoded(outputs, spec_of(1, grouping, radius_px=31.9), 1).keypoints[:, 0, 0].tolist() == [64, 96]


def plain(keypoints: int, width: int = 23) -> dict[str, Floats]:
    """Nobody, and no offsets."""
    edges = 2 * (keypoints - 1)
    return {"heatmaps": np.full((17, width, keypoints), -9.0), "offsets": np.zeros((17, width, 2 * keypoints)),
            "forward": np.zeros((17, width, edges)), "backward": np.zeros((17, width, edges))}  # fmt: skip


def test_of_a_plateau_every_cell_is_a_root_and_the_radius_leaves_one() -> None:
    outputs = plain(1)
    outputs["heatmaps"][3:5, 3:5] = 1.0
    for grouping in GROUPINGS:
        found = decoded(outputs, spec_of(1, grouping, radius_px=15.9), 1)
        assert found.keypoints[:, 0].tolist() == [[48, 48], [64, 48], [48, 64], [64, 64]]
        assert decoded(outputs, spec_of(1, grouping), 1).keypoints[:, 0].tolist() == [[48, 48], [64, 64]]
        assert decoded(outputs, spec_of(1, grouping, radius_px=23.0), 1).keypoints[:, 0].tolist() == [[48, 48]]


def test_a_root_is_as_sure_as_the_threshold_and_its_neighbours() -> None:
    outputs = plain(1)
    outputs["heatmaps"][2, 2], outputs["heatmaps"][2, 10], outputs["heatmaps"][2, 11] = 0.0, -0.01, 1.0
    for grouping in GROUPINGS:
        spec = spec_of(1, grouping, min_root_score=0.5, min_confidence=0.0)
        assert decoded(outputs, spec, 1).keypoints[:, 0, 0].tolist() == [176, 32]


def test_the_least_confidence_of_a_person_is_enough() -> None:
    outputs = plain(1)
    outputs["heatmaps"][2, 2] = 0.0
    for grouping, (least, count) in itertools.product(GROUPINGS, ((0.5, 1), (0.5001, 0))):
        spec = spec_of(1, grouping, min_root_score=0.1, min_confidence=least)
        assert decoded(outputs, spec, 1).count == count


def test_the_nearest_cell_is_read_where_a_half_goes_up() -> None:
    spec = spec_of(2, refinements=0)
    outputs = plain(2)
    outputs["heatmaps"][2, 2, 0] = 3.0
    outputs["offsets"][2, 2, 2] = 8.0  # x of keypoint 0: half a cell to the right
    outputs["forward"][2, 3, 1], outputs["forward"][2, 2, 1] = 50.0, -20.0
    assert decoded(outputs, spec, 2).keypoints[0, :, 0].tolist() == [40, 90]


def test_bilinear_reads_between_the_cells_and_stays_within_them() -> None:
    spec = spec_of(2, "bilinear", refinements=1, min_confidence=0.0)
    outputs = plain(2)
    outputs["heatmaps"][2, 2, 0] = 3.0
    outputs["offsets"][2, 2, 2] = 4.0
    outputs["forward"][2, 2:4, 1] = 16.0, 32.0  # a quarter of the way: 20
    outputs["offsets"][2, 3:5, 3] = 0.0, 16.0  # at 56, half of the way: 8
    assert decoded(outputs, spec, 2).keypoints[0, :, 0].tolist() == [36, 64]
    outputs["forward"][..., 1] = -500.0
    assert decoded(outputs, spec, 2).keypoints[0, :, 0].tolist() == [36, 0]


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_a_person_is_built_from_a_leaf_up_and_down(grouping: str) -> None:
    """Root 1 of edges 0-1, 0-2: its neighbour 0 is reached by the backward displacement, 2 by the forward one."""
    spec = spec_of(3, grouping, parents=[0, 0], children=[1, 2], refinements=0, min_confidence=0.0)
    outputs = plain(3)
    outputs["heatmaps"][2, 2, 1] = 3.0
    outputs["backward"][2, 2, 2] = 48.0  # x of edge 0: from 1 to 0
    outputs["forward"][2, 5, 3] = -16.0  # x of edge 1: from 0 to 2
    assert decoded(outputs, spec, 3).keypoints[0, :, 0].tolist() == [80, 32, 64]


def test_a_keypoint_that_a_better_person_has_counts_nothing() -> None:
    spec = spec_of(2, "bilinear", refinements=0, min_confidence=0.0, radius_px=10.0)
    outputs = plain(2)
    outputs["heatmaps"][2, [2, 12], 0] = 3.0, 2.0
    outputs["heatmaps"][2, 8, 1] = 1.0
    outputs["forward"][2, [2, 12], 1] = 96.0, -64.0
    found = decoded(outputs, spec, 2)
    high, low, shared = (1 / (1 + np.exp(-logit)) for logit in (3.0, 2.0, 1.0))
    assert found.keypoints[:, :, 0].tolist() == [[32, 128], [192, 128]]
    np.testing.assert_allclose(found.confidences, [(high + shared) / 2, low / 2])
    np.testing.assert_allclose(found.scores[1], [low, shared])
    nearest = decoded(outputs, spec_of(2, refinements=0, radius_px=10.0), 2)
    np.testing.assert_allclose(nearest.confidences, found.confidences)


def test_no_more_people_than_asked_for() -> None:
    spec = spec_of(17, max_people=2)
    assert decoded(encode(crowd(3, 17, 0), spec, SIZE_WH), spec, 17).count == 2


def test_roles_may_share_a_tensor() -> None:
    apart, expected = spec_of(7), crowd(2, 7, 3)
    outputs = encode(expected, apart, SIZE_WH)
    joined = {"all": np.concatenate([outputs[role] for role in ("backward", "heatmaps", "forward", "offsets")], axis=2)}
    firsts = {"backward": 0, "heatmaps": 12, "forward": 19, "offsets": 31}
    spec = spec_of(7, **{role: {"output": "all", "first": first} for role, first in firsts.items()})
    assert posenet.shapes(spec, SIZE_WH, 7) == {"all": (None, None, 45)}
    assert spec.outputs == ("all",)
    np.testing.assert_array_equal(decoded(joined, spec, 7).keypoints, decoded(outputs, apart, 7).keypoints)
    heat = posenet.raw_scores(spec, joined["all"])
    np.testing.assert_array_equal(heat, outputs["heatmaps"].reshape(-1, 7).T)


def test_maps_of_several_sizes_are_refused() -> None:
    outputs = plain(1) | {"offsets": np.zeros((17, 22, 2))}
    with pytest.raises(InputError, match="heatmaps 17 x 23, offsets 17 x 22"):
        decoded(outputs, spec_of(1), 1)


@pytest.mark.parametrize(
    ("size_wh", "stride", "cells", "fits"),
    [
        ((353, 257), 16, (17, 23), True),
        ((512, 512), 16, (32, 32), True),
        ((512, 512), 16, (33, 33), True),
        ((512, 512), 16, (64, 64), False),
        ((512, 512), 16, (34, 34), False),
        ((353, 257), 16, (23, 17), False),
    ],
)
def test_maps_of_another_stride_are_a_misfit(
    size_wh: tuple[int, int], stride: int, cells: tuple[int, int], fits: bool
) -> None:
    spec = spec_of(17, stride=stride)
    values = np.zeros((1, 17, *cells))
    wanted = posenet.shapes(spec, size_wh, 17)["heatmaps"]
    if fits:
        assert posenet.pack(values, wanted, spec, size_wh).shape == (1, *cells, 17)
        return
    with pytest.raises(MisfitError):
        posenet.pack(values, wanted, spec, size_wh)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"parents": [0, 1]}, "parents has 2 keypoints and children 3"),
        ({"forward": None}, "grouping 'nearest' needs the displacements"),
        ({"children": [1, 2, 7]}, "an edge names keypoint 7 of 4"),
        ({"parents": [0, 1, 0], "children": [1, 2, 2]}, "the edges do not lead to keypoint 3"),
        ({"parents": [0, 1, 2, 3], "children": [1, 2, 3, 0]}, "the edges are 4: expected a tree of 3 over 4"),
        ({"backward": {"output": "forward", "first": 5}}, "forward and backward share channel 5 of output 'forward'"),
        ({"stride": 0}, "stride"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    data = {"parents": [0, 1, 0], "children": [1, 2, 3]} | changes
    with pytest.raises((ValidationError, ValueError), match=told):
        spec_of(4, **data)


def test_looser_settings_find_who_was_nearly_found_and_candidates_everybody() -> None:
    outputs = plain(1)
    outputs["heatmaps"][2, [2, 4, 12], 0] = 3.0, 2.0, -0.05
    spec = spec_of(1, radius_px=33.0)
    assert decoded(outputs, spec, 1).count == 1
    assert decoded(outputs, posenet.looser(spec, 0.05), 1).count == 3
    assert decoded(outputs, posenet.candidates(spec, 0.0), 1).count == 2
    outputs["offsets"][2, 4, 1] = -32.0  # the second in the place of the first
    assert decoded(outputs, posenet.candidates(spec, 0.0), 1).confidences.min() > 0.8
    assert decoded(outputs, posenet.candidates(spec, 0.02), 1).count == 3


def test_the_shapes_of_published_files_are_known() -> None:
    coral = {"a": (1, 17, 23, 31), "b": (1, 34, 23, 31), "c": (1, 64, 23, 31)}
    tfjs = {"a": (1, 17, 17, 17), "b": (1, 34, 17, 17), "c": (1, 32, 17, 17), "d": (1, 32, 17, 17)}
    (found,) = posenet.fitting(coral, (481, 353))
    assert found.keypoint_count == 17
    assert found.settings == {"stride": 16, "heatmaps": {"output": "a"}, "offsets": {"output": "b"}}
    assert [one.settings["stride"] for one in posenet.fitting(tfjs, (257, 257))] == [16]
    assert posenet.fitting({"a": (1, 17, 64, 48)}, (192, 256)) == ()
