"""Both stages against what is recorded of them: who is excused, and how alike people have to be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from posekit.contract.outputs import Run
from posekit.contract.precisions import Precision
from posekit.contract.presets import preset
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.contract.stages import joined
from posekit.parity import both
from posekit.parity.both import BothTally, expected_in
from posekit.parity.gate import Outcome, gate_for
from posekit.parity.stages import Looked, StageGates, StageRuns, detect, look
from posekit.poses import Poses
from posekit.poses.regions import Region
from tests import several, two_stage

PICTURE = np.zeros((8, 8, 3), np.uint8)
SIDE = 400.0


def run_of(network: Any, names: Sequence[str]) -> Run:
    """A network as what runs it."""

    def run(pixels: Any) -> dict[str, Any]:
        with torch.no_grad():
            found = network(torch.from_numpy(pixels.transpose(2, 0, 1)[None] / 255).float())
        values = [found] if len(names) == 1 else found
        last = [value.movedim(1, -1) if value.ndim == 4 else value for value in values]  # channels of maps
        return {name: value.numpy() for name, value in zip(names, last, strict=True)}

    return run


@pytest.fixture(scope="module")
def runs() -> StageRuns:
    detector, pose = two_stage.networks()
    return StageRuns(run_of(detector, ("boxes", "scores", "points")), run_of(pose, ("heatmaps",)))


def limited(most: int) -> PoseSpec:
    region = two_stage.REGION.model_copy(update={"max_people": most})
    return joined(two_stage.pose_spec(), two_stage.detector_spec(), region)


def as_sure(runs: StageRuns, spec: PoseSpec, wanted: Sequence[float]) -> StageRuns:
    """Runs of networks that are as sure as wanted of the people of `three`, from left to right."""
    x = np.concatenate([np.arange(320) % 20 * 8 + 4, np.arange(80) % 10 * 16 + 8])
    who = np.digitize(x, [48, 100])
    found = detect(three(), spec, runs.detector)
    assert found.confidences is not None
    order = np.argsort(found.keypoints[:, 0, 0])
    factors = np.asarray(wanted) / found.confidences[order]

    def run(pixels: Any) -> Any:
        outputs = runs.detector(pixels)
        return {**outputs, "scores": (outputs["scores"] * factors[who]).astype(np.float32)}

    return StageRuns(run, runs.pose)


def three() -> Any:
    return np.asarray(several.picture(several.SIZE_WH, several.PLACES["three"], 1))


@pytest.mark.parametrize(
    ("trained", "packaged", "is_good"),
    [
        ((0.8, 0.6, 0.55), (0.8, 0.6, 0.55), True),
        ((0.8, 0.601, 0.6), (0.8, 0.6, 0.601), True),  # two change places at the limit of two people
        ((0.8, 0.7, 0.5), (0.8, 0.5, 0.7), False),  # and are far from it
        ((0.8, 0.251, 0.1), (0.8, 0.249, 0.1), True),
        ((0.8, 0.35, 0.1), (0.8, 0.15, 0.1), False),
    ],
)
def test_who_is_barely_there_is_excused(
    trained: tuple[float, ...], packaged: tuple[float, ...], is_good: bool, runs: StageRuns
) -> None:
    spec, gate = limited(2), GateSpec(max_missed=0.0, max_invented=0.0, max_score=0.01)
    one, other = as_sure(runs, spec, trained), as_sure(runs, spec, packaged)
    tally, expected = BothTally(spec, StageGates(gate, gate)), expected_in("three", three(), spec, one, gate)
    tally.add(look(three(), spec, other), expected, three(), other)
    checks = tally.checks()
    assert all(check.outcome is Outcome.PASS for check in checks) == is_good, checks
    if is_good and trained != packaged:
        assert "barely on one side" in checks[0].detail


def test_who_is_lost_after_the_networks_is_not_excused(runs: StageRuns) -> None:
    """The networks find everybody, and somebody else's code loses one of them."""
    spec = limited(6)
    gate = gate_for("fp32", spec)
    expected, seen = expected_in("three", three(), spec, runs, gate), look(three(), spec, runs)
    assert len(expected.people) == 3
    tally = BothTally(spec, StageGates(gate, gate))
    tally.add(Looked((), seen.poses.taken([0, 2])), expected, three(), runs)
    failed = [check.name for check in tally.checks() if check.outcome is Outcome.FAIL]
    assert failed == ["both stages: people, missed"]


def test_each_network_looks_once_where_everybody_is_there(runs: StageRuns) -> None:
    spec, counts = limited(6), {"detector": 0, "pose": 0}

    def counting(name: str, run: Run) -> Run:
        def counted(pixels: Any) -> Any:
            counts[name] += 1
            return run(pixels)

        return counted

    counted = StageRuns(counting("detector", runs.detector), counting("pose", runs.pose))
    gate = gate_for("fp32", spec)
    expected = expected_in("three", three(), spec, counted, gate)
    assert counts == {"detector": 1, "pose": 3}
    tally = BothTally(spec, StageGates(gate, gate))
    tally.add(look(three(), spec, counted), expected, three(), counted)
    assert counts == {"detector": 2, "pose": 6}


def people_of(spec: PoseSpec, count: int) -> Poses:
    rng = np.random.default_rng(3)
    has_world = spec.decoder.kind == "landmarks"
    points = rng.uniform(0, SIDE, (count, spec.keypoint_count, 3 if has_world else 2))
    points[..., 0] += 1000 * np.arange(count)[:, None]
    world = rng.uniform(-1, 1, (count, spec.keypoint_count, 3)) if has_world else None
    return Poses(points, np.full(points.shape[:2], 0.9), world=world)


@pytest.mark.parametrize(
    ("name", "count", "where", "by", "failed"),
    [
        ("rtmpose-wholebody133", 6, np.s_[:, 90, 0], 1.0, ""),
        ("rtmpose-wholebody133", 6, np.s_[:, 90, 0], 150.0, "each keypoint"),
        ("rtmpose-wholebody133", 4, np.s_[:, 90, 0], 150.0, ""),  # a near tie of one of four is as much
        ("rtmpose-coco17", 30, np.s_[7, :3, 0], 300.0, "worst person's OKS"),
        ("rtmpose-coco17", 30, np.s_[7, :1, 0], 300.0, ""),
        ("blazepose", 6, np.s_[2, 5, 2], 60.0, "depth"),
        ("blazepose", 6, np.s_[2, 5, 2], 20.0, ""),
        ("blazepose", 6, "world", 0.1, "the world"),
        ("blazepose", 6, "world", 0.02, ""),
    ],
)
def test_how_alike_people_have_to_be(
    name: str, count: int, where: Any, by: float, failed: str, runs: StageRuns
) -> None:
    given = preset(name)
    spec = given if given.kind == "two_stage" else joined(given, preset("rtmdet-person"))
    people = people_of(spec, count)
    keypoints, world = people.keypoints.copy(), people.world
    if where == "world":
        assert world is not None
        world = world.copy()
        world[1, 3, 0] += by
    else:
        keypoints[where] += by
    side = SIDE * spec.input.box_padding
    regions = tuple(Region((1000.0 * one + SIDE / 2, SIDE / 2), (side, side), 0.0) for one in range(count))
    expected = both.as_expected("crowd", Looked(regions, people))
    tally = BothTally(spec, StageGates(gate_for("fp32", spec), gate_for("fp32", spec)))
    tally.add(Looked(regions, dataclasses.replace(people, keypoints=keypoints, world=world)), expected, PICTURE, runs)
    found = [check.name for check in tally.checks() if check.outcome is Outcome.FAIL]
    assert found == ([f"both stages: {failed}"] if failed else [])


@pytest.mark.parametrize(
    ("detector", "pose", "by", "failed"),
    [
        ("fp32", "fp32", 0.0, set()),
        ("fp32", "fp32", 8.0, {"mean OKS"}),
        ("fp16", "fp16", 8.0, {"mean OKS"}),
        ("w8a8", "w8a8", 8.0, set()),
        ("fp16", "w8a8", 8.0, {"mean OKS"}),
        ("w8a8", "w8a8", 40.0, {"mean OKS", "worst person's OKS", "each keypoint"}),
    ],
)
def test_compressed_networks_may_lose_together_what_each_may(
    detector: Precision, pose: Precision, by: float, failed: set[str], runs: StageRuns
) -> None:
    spec = joined(preset("rtmpose-coco17"), preset("rtmdet-person"))
    people = people_of(spec, 10)
    regions = tuple(Region((1000.0 * one + SIDE / 2, SIDE / 2), (1.25 * SIDE, 1.25 * SIDE), 0.0) for one in range(10))
    moved = dataclasses.replace(people, keypoints=people.keypoints + np.array([by, 0.0]))
    assert spec.detector_stage is not None
    tally = BothTally(spec, StageGates(gate_for(detector, spec.detector_stage), gate_for(pose, spec)))
    tally.add(Looked(regions, moved), both.as_expected("crowd", Looked(regions, people)), PICTURE, runs)
    bad = {check.name.removeprefix("both stages: ") for check in tally.checks() if check.outcome is Outcome.FAIL}
    assert bad == failed, [check.detail for check in tally.checks()]
