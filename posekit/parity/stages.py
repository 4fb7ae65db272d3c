"""Two stages after one another: a detector finds people in a picture, and a pose network looks at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posekit.contract.outputs import Run
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.contract.stages import following_rule
from posekit.decoders.decoder import Outputs
from posekit.parity.barely import barely_in, looser
from posekit.parity.cases import Case, cases_in, poses_of
from posekit.poses import Floats, Poses, concatenate
from posekit.poses.following import PeopleFollower, detected_regions
from posekit.poses.images import Photo, Picture
from posekit.poses.regions import Region


@dataclass(frozen=True, slots=True)
class StageRuns:
    """What runs the two networks of a contract of two stages: each takes pixels (H, W, 3) RGB 0-255."""

    detector: Run
    pose: Run


@dataclass(frozen=True, slots=True)
class StageGates:
    """The limits of the two networks, each by its precision."""

    detector: GateSpec
    pose: GateSpec


@dataclass(frozen=True, slots=True)
class Detected:
    """Those whom a detector finds in a picture, source px, and the case and the outputs that they are decoded of."""

    case: Case
    outputs: Outputs
    poses: Poses


@dataclass(frozen=True, slots=True)
class Looked:
    """What two stages see in a picture: who is there (N), each in a region, source px.

    detected: None where the detector did not look, or somebody else's did.
    """

    regions: tuple[Region, ...]
    poses: Poses
    detected: Detected | None = None


def detect(image: Picture, spec: PoseSpec, run: Run) -> Poses:
    """Those whom the detector of a contract of two stages finds in a picture, source px."""
    return _detected(image, spec, run).poses


def _detected(image: Picture, spec: PoseSpec, run: Run) -> Detected:
    stage = _detector(spec)
    (case,) = cases_in(image, Photo(Path(), 0), stage)
    outputs = run(case.pixels)
    return Detected(case, outputs, poses_of(outputs, case.transform, stage))


def detected_in(case: Case, outputs: Outputs, spec: PoseSpec) -> list[Region]:
    """Where the detector's outputs for a whole picture have somebody, source px."""
    return detected_regions(poses_of(outputs, case.transform, _detector(spec)), following_rule(spec))


def regions_in(image: Picture, spec: PoseSpec, run: Run) -> tuple[Region, ...]:
    """Where the pose network looks in a picture of its own, source px; run: of the detector."""
    return PeopleFollower(following_rule(spec)).regions(
        detected_regions(detect(image, spec, run), following_rule(spec))
    )


def look(image: Picture, spec: PoseSpec, runs: StageRuns) -> Looked:
    """Both stages on a picture of its own, nobody followed from before."""
    return follow(image, spec, runs, PeopleFollower(following_rule(spec)))


def follow(image: Picture, spec: PoseSpec, runs: StageRuns, follower: PeopleFollower) -> Looked:
    """Both stages on the next picture of a clip; the detector looks where the follower wants it to."""
    detected = _detected(image, spec, runs.detector) if follower.wants_detection else None
    found = None if detected is None else detected_regions(detected.poses, follower.rule)
    regions = follower.regions(found)
    poses = poses_in(image, spec, runs.pose, regions)
    people = follower.follow(poses)
    kept = concatenate([poses[place] for place in people], spec.keypoint_count)
    return Looked(tuple(regions[place] for place in people), kept, detected)


def poses_in(image: Picture, spec: PoseSpec, run: Run, regions: Sequence[Region]) -> list[Poses]:
    """What the pose network finds in each region, one person or nobody, source px."""
    if not regions:
        return []
    cases = cases_in(image, Photo(Path(), 0, regions=tuple(regions)), spec)
    return [poses_of(run(case.pixels), case.transform, spec) for case in cases]


def barely_detected(detected: Detected, spec: PoseSpec, by: float) -> tuple[Region, ...]:
    """Where somebody would be looked for too if the detector's confidences were a little others, the surest first of
    those whom the limit of people cuts off, then of those below a threshold."""
    stage, rule, there = _detector(spec), following_rule(spec), detected.poses
    sure = [
        (region, float(confidence))
        for place, confidence in enumerate(_confidences(there))
        for region in detected_regions(there.taken([place]), rule)
    ]
    # two who change places at the limit have each moved by that much
    last = sure[rule.max_people - 1][1] - 2 * by if len(sure) > rule.max_people else 0.0
    cut_off = [region for region, confidence in sure[rule.max_people :] if confidence >= last]
    barely = barely_in(detected.case, detected.outputs, stage, by)
    more = poses_of(detected.outputs, detected.case.transform, looser(stage, by))
    new = detected_regions(more.taken(np.flatnonzero(barely.anew.all(axis=1))), rule)
    return (*cut_off, *new)


def _confidences(poses: Poses) -> Floats:
    assert poses.confidences is not None
    return poses.confidences


def _detector(spec: PoseSpec) -> PoseSpec:
    stage = spec.detector_stage
    if stage is None:
        raise ValueError(f"kind is {spec.kind!r}, expected 'two_stage'")
    return stage
