"""What a contract says of depth is checked, and the root is taken from each place where it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.contract.depth import DepthSpec, about_root
from posekit.contract.presets import preset
from posekit.contract.spec import parse_spec
from posekit.errors import InputError
from posekit.poses import Poses

DEPTH = {"unit": "px", "root": ["nose"], "direction": "away"}
REGRESSION = {"kind": "regression", "output": "points", "fields": ["x", "y", "z"], "range": "unit"}
WORLD = {"kind": "landmarks", "output": "points", "rows": 17, "fields": ["x", "y"], "range": "unit", "world": "metres"}


def contract(decoder: dict[str, Any], depth: Any) -> dict[str, Any]:
    data = preset("hrnet-coco17").model_dump(by_alias=True, mode="json") | {"decoder": decoder}
    return data | {"outputs": [], "depth": depth}


@pytest.mark.parametrize(
    ("decoder", "change", "said"),
    [
        (REGRESSION, None, "decoder 'regression' gives a z: expected a table depth with unit, root and direction"),
        (WORLD, None, "decoder 'landmarks' gives places in the world: expected a table depth"),
        (REGRESSION, {"root": ["pelvis"]}, "depth.root names 'pelvis': expected keypoints of the contract"),
        (REGRESSION, {"root": ["nose", "nose"]}, "depth.root names a keypoint twice"),
        (REGRESSION, {"root": [], "subtract_root": True}, "subtract_root is true, but depth.root names no keypoint"),
        (WORLD, {}, "depth.unit is 'px', but places in the world are in metres"),
    ],
)
def test_a_depth_that_cannot_be_is_refused(decoder: dict[str, Any], change: Any, said: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_spec(contract(decoder, None if change is None else DEPTH | change), "")
    assert said in raised.value.message


def test_a_depth_reads_as_it_is_written() -> None:
    assert parse_spec(contract(REGRESSION, DEPTH), "").depth == DepthSpec(unit="px", root=("nose",), direction="away")
    assert parse_spec(contract(WORLD, DEPTH | {"unit": "metres"}), "").depth is not None


def test_the_root_is_taken_from_each_place() -> None:
    rng = np.random.default_rng(0)
    poses = Poses(rng.normal(size=(2, 3, 3)), np.ones((2, 3)), world=rng.normal(size=(2, 3, 3)))
    depth = DepthSpec(unit="metres", root=("a", "c"), direction="away", subtract_root=True)
    moved = about_root(poses, depth, ("a", "b", "c"))
    assert moved.world is not None
    assert poses.world is not None
    assert np.abs(moved.keypoints[:, [0, 2], 2].mean(axis=1)).max() < 1e-15
    assert np.abs(moved.world[:, [0, 2]].mean(axis=1)).max() < 1e-15
    assert np.array_equal(moved.keypoints[..., :2], poses.keypoints[..., :2])
    assert np.allclose(moved.world[:, 1] - moved.world[:, 0], poses.world[:, 1] - poses.world[:, 0])
    assert about_root(poses, depth.model_copy(update={"subtract_root": False}), ("a", "b", "c")) is poses
    assert about_root(poses, None, ()) is poses
