"""Two stages after one another: a detector finds people in a picture, and a pose network looks at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec
from posekit.contract.stages import following_rule
from posekit.decoders import of
from posekit.parity.cases import cases_in, poses_of
from posekit.poses import Poses, concatenate
from posekit.poses.following import PeopleFollower, detected_regions
from posekit.poses.images import Photo, Picture
from posekit.poses.regions import Region


@dataclass(frozen=True, slots=True)
class StageRuns:
    """What runs the two networks of a contract of two stages: each takes pixels (H, W, 3) RGB 0-255."""

    detector: Run
    pose: Run


@dataclass(frozen=True, slots=True)
class Looked:
    """What two stages see in a picture: those detected, and who is there (N), each in a region, source px."""

    detections: Poses
    regions: tuple[Region, ...]
    poses: Poses


def detect(image: Picture, spec: PoseSpec, run: Run) -> Poses:
    """Those whom the detector of a contract of two stages finds in a picture, source px."""
    stage = _detector(spec)
    (case,) = cases_in(image, Photo(Path(), 0), stage)
    return poses_of(run(case.pixels), case.transform, stage)


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
    detections = detect(image, spec, runs.detector) if follower.wants_detection else None
    found = None if detections is None else detected_regions(detections, follower.rule)
    regions = follower.regions(found)
    poses = poses_in(image, spec, runs.pose, regions)
    people = follower.follow(poses)
    kept = concatenate([poses[place] for place in people], spec.keypoint_count)
    none = concatenate([], _detector(spec).keypoint_count)
    return Looked(none if detections is None else detections, tuple(regions[place] for place in people), kept)


def poses_in(image: Picture, spec: PoseSpec, run: Run, regions: Sequence[Region]) -> list[Poses]:
    """What the pose network finds in each region, one person or nobody, source px."""
    if not regions:
        return []
    cases = cases_in(image, Photo(Path(), 0, regions=tuple(regions)), spec)
    return [poses_of(run(case.pixels), case.transform, spec) for case in cases]


def barely_seen(image: Picture, spec: PoseSpec, runs: StageRuns, by: float) -> Poses:
    """Who would be there too if the detector's thresholds were lower by so much, source px."""
    stage = _detector(spec)
    (case,) = cases_in(image, Photo(Path(), 0), stage)
    outputs, looser = runs.detector(case.pixels), stage.decoding(of(stage.decoder).looser(stage.decoder, by))
    there, more = poses_of(outputs, case.transform, stage), poses_of(outputs, case.transform, looser)
    same = (more.keypoints[:, None] == there.keypoints[None]).all(axis=(2, 3)).any(axis=1)
    regions = detected_regions(more.taken(np.flatnonzero(~same)), following_rule(spec))
    return concatenate(poses_in(image, spec, runs.pose, regions), spec.keypoint_count)


def _detector(spec: PoseSpec) -> PoseSpec:
    stage = spec.detector_stage
    if stage is None:
        raise ValueError(f"kind is {spec.kind!r}, expected 'two_stage'")
    return stage
