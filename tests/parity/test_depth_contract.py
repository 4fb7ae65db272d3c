"""A root, a unit or a direction that the network's own depth contradicts is found as the contract's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.contract.depth import DepthSpec
from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec
from posekit.decoders.regression import RegressionSpec
from posekit.parity.depth import depth_checks
from posekit.parity.gate import Outcome
from posekit.parity.metrics import Found

PX = DepthSpec(unit="px", root=("left_hip", "right_hip"), direction="away")
METRES = PX.model_copy(update={"unit": "metres"})
SIZE = 200.0


def spec_with(depth: DepthSpec) -> PoseSpec:
    decoder = RegressionSpec(kind="regression", output="rows", fields=("x", "y", "z"), range="input_px")
    return preset("hrnet-coco17").decoding(decoder).model_copy(update={"depth": depth})


def people(count: int, scale: float, **moved: float) -> list[Found]:
    """Who faces the camera, z about the hips, in px times `scale`; moved: further by name, in px."""
    names = preset("hrnet-coco17").keypoints.names
    rng, found = np.random.default_rng(0), []
    for number in range(count):
        points = np.zeros((1, 17, 3))
        for k, name in enumerate(names):
            side = {"left": 25.0, "right": -25.0}.get(name.split("_")[0], 0.0)
            points[0, k] = side, 10.0 * k, rng.normal(0, 4) if name.endswith("hip") else 20.0 + rng.normal(0, 3)
        points[0, names.index("nose"), 2] = -30
        points[0, :, 2] += [moved.get(name, moved.get("all", 0.0)) for name in names]
        points[..., 2] *= scale
        found.append(Found(str(number), points, np.ones((1, 17)), np.array([SIZE]), np.array([SIZE**2]),
                           has_metric_depth=scale < 1))  # fmt: skip
    return found


def failed(depth: DepthSpec, found: list[Found]) -> set[str]:
    return {check.name for check in depth_checks(found, spec_with(depth)) if check.outcome is Outcome.FAIL}


@pytest.mark.parametrize(
    ("depth", "found", "wrong"),
    [
        (PX, people(8, 1.0), set()),
        (METRES, people(8, 0.01), set()),
        (PX.model_copy(update={"root": ("left_shoulder",)}), people(8, 1.0), {"root"}),
        (PX, people(8, 1.0, all=300.0), {"root"}),
        (PX.model_copy(update={"direction": "towards"}), people(8, 1.0), {"direction"}),
        (PX, people(8, 0.01), {"unit"}),
        (METRES, people(8, 1.0), {"unit"}),
        (METRES, people(8, 10.0), {"unit"}),
        (PX.model_copy(update={"root": ()}), people(8, 1.0, all=300.0), set()),
        (PX.model_copy(update={"root": (), "direction": "towards"}), people(8, 1.0, all=300.0), {"root", "direction"}),
    ],
)
def test_what_disagrees_with_the_network_is_named(depth: DepthSpec, found: list[Found], wrong: set[str]) -> None:
    assert failed(depth, found) == {f"contract, depth's {what}" for what in wrong}


def test_two_people_are_no_proof_of_a_direction_and_nobody_of_anything() -> None:
    towards = spec_with(PX.model_copy(update={"direction": "towards"}))
    outcomes: dict[str, Any] = {check.name: check.outcome for check in depth_checks(people(2, 1.0), towards)}
    assert outcomes["contract, depth's direction"] is Outcome.SKIPPED
    (check,) = depth_checks([], towards)
    assert check.outcome is Outcome.SKIPPED


def test_no_depth_is_not_judged() -> None:
    assert depth_checks(people(3, 1.0), preset("hrnet-coco17")) == []
