"""z is compared and gated as x and y are, and a run that leaves it out is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from posekit.contract.depth import DepthSpec
from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.decoders.regression import RegressionSpec
from posekit.errors import InputError
from posekit.parity.cases import Case, found_in
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.gate import Outcome
from posekit.parity.shipped import Shipped, Wrapper
from posekit.parity.written_poses import WrittenPose, written_poses
from tests.parity.test_drift import case

DECODER = RegressionSpec(kind="regression", output="rows", fields=("x", "y", "z", "score"), range="input_px")
SPEC: PoseSpec = preset("hrnet-coco17").decoding(DECODER)


def pairs() -> list[tuple[Case, Outputs]]:
    rng = np.random.default_rng(0)
    scale = (150.0, 200.0, 100.0, 1.0)
    rows = [rng.uniform(0.2, 0.8, (1, 17, 4)) * scale for _ in range(4)]
    return [(case(SPEC, number), {"rows": values.astype(np.float32)}) for number, values in enumerate(rows)]


def failed(precision: Any, z_off: float, people: Callable[[Any], Any] | None = None) -> list[str]:
    """The gates that a model fails whose z is off by so much, input px; people: what its wrapper writes of them."""
    seen = {one.name: {"rows": outputs["rows"] + np.float32((0, 0, z_off, 0))} for one, outputs in pairs()}
    model = iter([seen[one.name] for one, _ in pairs() for _ in range(1 if people is None else 2)])

    def results(one: Case) -> dict[str, Shipped]:
        assert people is not None
        written = people(written_poses(found_in(one, seen[one.name], SPEC)))
        return {"image": Shipped(one.pixels[None], seen[one.name], tuple(map(WrittenPose.model_validate, written)))}

    wrapper = None if people is None else Wrapper(results, False)
    runs = Runs(lambda _: next(model), "HOST", "none", wrapper=wrapper)
    found = evaluate(pairs(), SPEC, runs, Terms(precision))
    return [check.name for check in found.checks if check.outcome is Outcome.FAIL]


@pytest.mark.parametrize(
    ("precision", "z_off", "gate"),
    [("fp32", 1.0, "keypoints, largest error of depth"), ("fp16", 20.0, "keypoints, largest of depth"),
     ("w8", 60.0, "keypoints, largest of depth")],
)  # fmt: skip
def test_depth_that_is_off_fails(precision: str, z_off: float, gate: str) -> None:
    assert gate in failed(precision, z_off)
    assert [name for name in failed(precision, 0.0) if "depth" in name] == []


METRES = SPEC.model_copy(
    update={
        "depth": DepthSpec(unit="metres", root=("left_hip", "right_hip"), direction="away", subtract_root=True),
        "decoder": DECODER.model_copy(update={"z_scale": 0.01}),
    }
)


def failed_in_metres(change: Callable[[Any, Case], Any]) -> list[str]:
    """The gates that a wrapper fails which writes other depths than the model's, in metres about the hips."""
    seen = {one.name: dict(outputs) for one, outputs in pairs()}
    model = iter([seen[one.name] for one, _ in pairs() for _ in range(2)])

    def results(one: Case) -> dict[str, Shipped]:
        written = written_poses(found_in(one, seen[one.name], METRES))
        written = [{**person, "keypoints": [[x, y, change(z, one)] for x, y, z in person["keypoints"]]}
                   for person in written]  # fmt: skip
        return {"image": Shipped(one.pixels[None], seen[one.name], tuple(map(WrittenPose.model_validate, written)))}

    runs = Runs(lambda _: next(model), "HOST", "none", wrapper=Wrapper(results, False))
    return [c.name for c in evaluate(pairs(), METRES, runs, Terms("fp32")).checks if c.outcome is Outcome.FAIL]


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("none", lambda z, one: z),
        ("the root is not taken", lambda z, one: z + 0.4),
        ("scaled as px are", lambda z, one: z * one.transform.source_px_per_input_px),
        ("in millimetres", lambda z, one: 1000 * z),
        ("towards the camera", lambda z, one: -z),
    ],
)
def test_a_wrong_root_unit_or_direction_of_the_wrapper_is_the_decodings(fault: str, change: Any) -> None:
    assert ("the wrapper's decoding" in failed_in_metres(change)) is (fault != "none")


def flat(written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "keypoints": [point[:2] for point in one["keypoints"]]} for one in written]


def deeper(written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "keypoints": [[x, y, z + 1.0] for x, y, z in one["keypoints"]]} for one in written]


def test_a_run_without_depth_is_refused_and_a_wrong_one_is_the_decodings() -> None:
    assert failed("fp32", 0.0, lambda written: written) == []
    with pytest.raises(InputError, match=r"keypoints of case '0.jpg#0' of the run have 2 numbers, expected 3"):
        failed("fp32", 0.0, flat)
    assert "the wrapper's decoding" in failed("fp32", 0.0, deeper)


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({}, ""),
        ({"unit": "px"}, "contract, depth's unit"),
        ({"subtract_root": False}, "contract, depth's root"),
        ({"root": ("nose",), "subtract_root": False}, "contract, depth's root"),
    ],
)
def test_a_contract_that_the_networks_depth_contradicts_fails(change: dict[str, Any], gate: str) -> None:
    assert METRES.depth is not None
    spec = METRES.model_copy(update={"depth": METRES.depth.model_copy(update=change)})
    model = iter([outputs for _, outputs in pairs()])
    found = evaluate(pairs(), spec, Runs(lambda _: next(model), "HOST", "none"), Terms("fp32"))
    assert [check.name for check in found.checks if check.outcome is Outcome.FAIL] == ([gate] if gate else [])
