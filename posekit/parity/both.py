"""Both stages of a bundle together, against the trained networks: the same people, in the same places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, field_validator

from posekit import documents
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.contract.stages import following_rule
from posekit.decoders import of
from posekit.documents import Part, sentence, tuple_of_list
from posekit.errors import InputError, said
from posekit.parity.barely import nudge
from posekit.parity.case_files import RegionOfCase, Text
from posekit.parity.cases import MAX_INDEX_BYTES, MAX_RECORDED, PACKAGE_AGAIN
from posekit.parity.gate import BOTH, Check, Outcome, check_people
from posekit.parity.matching import Barely, aligned, barely_of, matched, unlike
from posekit.parity.metrics import Found, both_there, compare_keypoints, depth_errors, world_errors
from posekit.parity.stages import Looked, StageGates, StageRuns, barely_detected, look, poses_in
from posekit.parity.written_poses import MAX_POSES, WrittenPose, poses_of_written, written_poses
from posekit.poses import Floats, Poses, concatenate
from posekit.poses.images import Picture
from posekit.poses.regions import Region

FILE = "both.json"  # beside the cases of the detector, whose pictures it is of
MEAN_OKS = 0.99  # near ties of single keypoints are judged by the pose network's own gates
MIN_OKS = 0.9  # of the worst person: one keypoint of 17 in another place costs 1/17
MAX_OF_KEYPOINT = 0.05  # of the person, one keypoint's mean error
ENOUGH_PEOPLE = 5  # for a mean of one keypoint that a near tie does not move much
MAX_Z_OF_SIZE, MAX_WORLD_MM = 0.1, 50.0  # as of a compressed network by itself


class ExpectedPeople(Part):
    """What both trained networks see in a picture: the people, each in a region, and who else would be there if the
    detector's thresholds were a little lower."""

    name: Text
    people: Annotated[tuple[WrittenPose, ...], Field(max_length=MAX_POSES)]
    regions: Annotated[tuple[RegionOfCase, ...], Field(max_length=MAX_POSES)]
    barely: Annotated[tuple[WrittenPose, ...], Field(max_length=MAX_POSES)]

    _lists = field_validator("people", "regions", "barely", mode="before")(tuple_of_list)


class _File(Part):
    schema_version: Literal[1] = Field(alias="schema")
    pictures: Annotated[tuple[ExpectedPeople, ...], Field(min_length=1, max_length=MAX_RECORDED)]

    _lists = field_validator("pictures", mode="before")(tuple_of_list)


def expected_in(name: str, image: Picture, spec: PoseSpec, runs: StageRuns, gate: GateSpec) -> ExpectedPeople:
    """What both trained networks see in a picture, as it is written."""
    seen = look(image, spec, runs)
    return as_expected(name, seen, barely_seen(image, spec, runs, seen, nudge(gate)))


def as_expected(name: str, seen: Looked, barely: Poses | None = None) -> ExpectedPeople:
    """What is seen in a picture, as it is written."""
    plain: dict[str, Any] = {
        "name": name, "people": written_poses(seen.poses), "regions": [_written(one) for one in seen.regions],
        "barely": [] if barely is None else written_poses(barely),
    }  # fmt: skip
    return ExpectedPeople.model_validate(plain)


def barely_seen(image: Picture, spec: PoseSpec, runs: StageRuns, seen: Looked, by: float) -> Poses:
    """Who would be there too if the detector's confidences were a little others, of at most `max_people` places, source
    px; nobody who is there anyway. seen: of `look`."""
    assert seen.detected is not None
    regions = barely_detected(seen.detected, spec, by)[: following_rule(spec).max_people]
    others = concatenate(poses_in(image, spec, runs.pose, regions), spec.keypoint_count)
    there, more = (found_of_regions("", one, (), spec) for one in (seen.poses, others))
    return others.taken(unlike(more, there, spec.keypoints.oks_sigmas))


def write(folder: Path, pictures: Sequence[ExpectedPeople]) -> None:
    """Write both.json."""
    document = {"schema": 1, "pictures": [one.model_dump(mode="json", exclude_none=True) for one in pictures]}
    (folder / FILE).write_text(json.dumps(document, indent=1) + "\n")


def read(folder: Path) -> tuple[ExpectedPeople, ...]:
    """both.json of a detector's evidence; InputError where it is damaged."""
    path = folder / FILE
    try:
        if path.stat().st_size > MAX_INDEX_BYTES:
            raise InputError(f"{path} has more than {MAX_INDEX_BYTES} bytes")
        return _File.model_validate(documents.parse(path.read_bytes())).pictures
    except ValidationError as error:
        raise InputError(sentence(error, str(path))[0], PACKAGE_AGAIN) from error
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no readable list of people{said(error)}", PACKAGE_AGAIN) from error


@dataclass
class BothTally:
    """What both stages see in the pictures so far, beside what is expected.

    gates: of the two networks; what: how the checks are called.
    """

    spec: PoseSpec
    gates: StageGates
    what: str = BOTH
    _seen: list[Found] = field(default_factory=list)
    _expected: list[Found] = field(default_factory=list)
    _barely: list[tuple[Barely, Barely] | None] = field(default_factory=list)

    def add(self, seen: Looked, expected: ExpectedPeople, image: Picture, runs: StageRuns) -> None:
        """Add a picture; runs: what ran those that were seen, asked again only where somebody has no partner."""
        spec, name = self.spec, expected.name
        people = poses_of_written(expected.people, spec.keypoint_count, name)
        one = found_of_regions(name, seen.poses, seen.regions, spec)
        other = found_of_regions(name, people, [region.region() for region in expected.regions], spec)
        self._seen.append(one)
        self._expected.append(other)
        match = matched(one, other, spec.keypoints.oks_sigmas)
        if not match.missed and not match.invented:
            self._barely.append(None)
            return
        again = seen if seen.detected is not None else look(image, spec, runs)
        more = barely_seen(image, spec, runs, again, nudge(self.gates.detector))
        others = poses_of_written(expected.barely, spec.keypoint_count, name)
        there = found_of_regions(name, again.poses, again.regions, spec)
        first, second = (found_of_regions(name, poses, (), spec) for poses in (more, others))
        self._barely.append((barely_of(there, first), barely_of(other, second)))

    def checks(self) -> tuple[Check, ...]:
        """Who is missed and invented, and how alike those are whom both have; SKIPPED where nobody is seen at all."""
        spec = self.spec
        seen, expected, people = aligned(self._seen, self._expected, spec.keypoints.oks_sigmas, self._barely)
        if not people.reference and not people.seen:
            reason = f"the detector finds nobody in {len(self._seen)} pictures: give pictures of people with --images"
            return (Check(f"{self.what}: people", Outcome.SKIPPED, reason),)
        checks = check_people(self.gates.detector, people)
        if any(len(one.keypoints) for one in expected):
            checks += _check_alike(seen, expected, spec, self.gates)
        else:
            text = f"none of {people.reference} people of the reference is among the {people.seen} that were seen"
            checks.append(Check("keypoints", Outcome.FAIL, text))
        return tuple(replace(one, name=f"{self.what}: {one.name}") for one in checks)


def _check_alike(seen: Sequence[Found], expected: Sequence[Found], spec: PoseSpec, gates: StageGates) -> list[Check]:
    """How alike matched people are: all of them, the worst one, each keypoint, and in depth and in the world."""
    sigmas = spec.keypoints.oks_sigmas
    mean_oks = _least(MEAN_OKS, gates.detector.mean_oks, gates.pose.mean_oks)
    one_elsewhere = 1.0 - 1.0 / spec.keypoint_count  # what a near tie of one of few keypoints leaves
    min_oks = _least(min(MIN_OKS, one_elsewhere), gates.detector.min_oks, gates.pose.min_oks)
    least = of(spec.decoder).tracking_score(spec.decoder, spec.input.size_wh)
    error = compare_keypoints(seen, expected, spec.keypoints.names, sigmas, least)
    text = (
        f"{error.oks:.5f} over {error.instances} people, at least {mean_oks:g}; mean error {error.mean_px:.3f} px, "
        f"p95 {error.p95_px:.3f} px"
    )
    checks = [
        _check("mean OKS", error.oks >= mean_oks, text),  # NaN is not
        _check("worst person's OKS", error.min_oks >= min_oks, f"{error.min_oks:.5f}, at least {min_oks:g}"),
    ]
    sizes = np.concatenate([one.sizes for one in expected])[:, None]
    both = both_there(seen, expected)
    counted = both & (np.concatenate([one.scores for one in expected]) >= least)
    counted = counted if counted.any() else both
    if error.instances >= ENOUGH_PEOPLE:
        checks.append(_check_each_keypoint(seen, expected, sizes, counted, spec))
    depth, world = depth_errors(seen, expected), world_errors(seen, expected)
    if depth is not None and not spec.has_metric_depth:
        worst = float((depth / sizes)[counted].max(initial=0.0))
        checks.append(_check("depth", worst <= MAX_Z_OF_SIZE, f"{worst:.2%} of the person, at most {MAX_Z_OF_SIZE:g}"))
    for name, errors in (("depth", depth if spec.has_metric_depth else None), ("the world", world)):
        if errors is not None:
            worst = float(1000 * errors[counted].max(initial=0.0))
            checks.append(_check(name, worst <= MAX_WORLD_MM, f"{worst:.2f} mm, at most {MAX_WORLD_MM:g}"))
    return checks


def _least(plain: float, *of_stages: float | None) -> float:
    """The least OKS of both stages: what each network's gate lets it lose adds up; never stricter than `plain`."""
    return min(plain, 1.0 - sum(1.0 - one for one in of_stages if one is not None))


def _check_each_keypoint(
    seen: Sequence[Found], expected: Sequence[Found], sizes: Floats, counted: NDArray[np.bool_], spec: PoseSpec
) -> Check:
    """Whether one keypoint is off in everybody, which an OKS over many keypoints hides."""
    points, reference = (np.concatenate([one.keypoints[..., :2] for one in side]) for side in (seen, expected))
    apart = np.where(counted, np.linalg.norm(points - reference, axis=-1) / sizes, 0.0)
    means = apart.sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
    worst = int(means.argmax())  # NaN is the largest
    text = (
        f"{spec.keypoints.names[worst]} is off by {means[worst]:.2%} of the person on average, at most "
        f"{MAX_OF_KEYPOINT:g}"
    )
    return _check("each keypoint", bool(means[worst] <= MAX_OF_KEYPOINT), text)


def _check(name: str, is_good: bool, text: str) -> Check:
    return Check(name, Outcome.PASS if is_good else Outcome.FAIL, text)


def found_of_regions(name: str, poses: Poses, regions: Sequence[Region], spec: PoseSpec) -> Found:
    """People with the sizes of their regions, without the padding; of their keypoints where no regions are given."""
    if len(regions) == poses.count:
        sides = np.array([one.size_wh for one in regions]).reshape(-1, 2) / spec.input.box_padding
    else:
        sides = np.ptp(poses.keypoints[..., :2], axis=1) if poses.count else np.zeros((0, 2))
    return Found(
        name, poses.keypoints, poses.scores, sides.max(axis=1, initial=1.0), sides.prod(axis=1), poses.confidences,
        None, poses.visibility, poses.presence, poses.world, of(spec.decoder).partial, spec.has_metric_depth,
    )  # fmt: skip


def _written(region: Region) -> dict[str, Any]:
    return {
        "center_xy": region.center_xy, "size_wh": region.size_wh, "rotation_degrees": region.rotation_degrees,
    }  # fmt: skip
