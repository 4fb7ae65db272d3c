"""Both stages of a bundle together, against the trained networks: the same people, in the same places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError, field_validator

from posekit import documents
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.decoders import of
from posekit.documents import Part, sentence, tuple_of_list
from posekit.errors import InputError, said
from posekit.parity.case_files import RegionOfCase, Text
from posekit.parity.cases import MAX_INDEX_BYTES, MAX_RECORDED, PACKAGE_AGAIN
from posekit.parity.gate import Check, Outcome, check_people
from posekit.parity.matching import aligned
from posekit.parity.metrics import Found, compare_keypoints
from posekit.parity.stages import Looked, StageRuns, barely_seen, look
from posekit.parity.written_poses import MAX_POSES, WrittenPose, poses_of_written, written_poses
from posekit.poses import Poses
from posekit.poses.images import Picture
from posekit.poses.regions import Region

FILE = "both.json"  # beside the cases of the detector, whose pictures it is of
WHOLE = "both stages"
MIN_OKS = 0.99  # on average; near ties of single keypoints are judged by the pose network's own gates
BARELY = 0.05  # by how much a confidence may move where no gate says


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
    plain: dict[str, Any] = {
        "name": name, "people": written_poses(seen.poses), "regions": [_written(one) for one in seen.regions],
        "barely": written_poses(barely_seen(image, spec, runs, _by(gate))),
    }  # fmt: skip
    return ExpectedPeople.model_validate(plain)


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
class WholeTally:
    """What both stages see in the pictures so far, beside what is expected. gate: of the detector, by whose threshold
    people may miss; what: how the checks are called."""

    spec: PoseSpec
    gate: GateSpec
    what: str = WHOLE
    _seen: list[Found] = field(default_factory=list)
    _expected: list[Found] = field(default_factory=list)
    _barely: list[tuple[Found, Found] | None] = field(default_factory=list)

    def add(self, seen: Looked, expected: ExpectedPeople, image: Picture, runs: StageRuns) -> None:
        """Add a picture; runs: what ran those that were seen."""
        spec, name = self.spec, expected.name
        people = poses_of_written(expected.people, spec.keypoint_count, name)
        self._seen.append(found_of_regions(name, seen.poses, seen.regions, spec))
        self._expected.append(found_of_regions(name, people, [one.region() for one in expected.regions], spec))
        if seen.poses.count == people.count:
            self._barely.append(None)
            return
        others = poses_of_written(expected.barely, spec.keypoint_count, name)
        barely = (barely_seen(image, spec, runs, _by(self.gate)), others)
        first, second = (found_of_regions(name, one, (), spec) for one in barely)
        self._barely.append((first, second))

    def checks(self) -> tuple[Check, ...]:
        """Who is missed and invented, and how alike those are whom both have; SKIPPED where nobody is seen at all."""
        spec = self.spec
        seen, expected, people = aligned(self._seen, self._expected, spec.keypoints.oks_sigmas, self._barely)
        if not people.reference and not people.seen:
            reason = f"the detector finds nobody in {len(self._seen)} pictures: give pictures of people with --images"
            return (Check(f"{self.what}: people", Outcome.SKIPPED, reason),)
        checks = [Check(f"{self.what}: {one.name}", one.outcome, one.detail) for one in check_people(self.gate, people)]
        if not any(len(one.keypoints) for one in expected):
            text = f"none of {people.reference} people of the reference is among the {people.seen} that were seen"
            return (*checks, Check(f"{self.what}: keypoints", Outcome.FAIL, text))
        least = of(spec.decoder).tracking_score(spec.decoder, spec.input.size_wh)
        error = compare_keypoints(seen, expected, spec.keypoints.names, spec.keypoints.oks_sigmas, least)
        text = (
            f"{error.oks:.5f} over {error.instances} people, at least {MIN_OKS:g}; mean error {error.mean_px:.3f} px, "
            f"p95 {error.p95_px:.3f} px"
        )
        outcome = Outcome.PASS if error.oks >= MIN_OKS else Outcome.FAIL  # NaN is not
        return (*checks, Check(f"{self.what}: mean OKS", outcome, text))


def found_of_regions(name: str, poses: Poses, regions: Sequence[Region], spec: PoseSpec) -> Found:
    """People with the sizes of their regions, without the padding; of their keypoints where no regions are given."""
    if len(regions) == poses.count:
        sides = np.array([one.size_wh for one in regions]).reshape(-1, 2) / spec.input.box_padding
    else:
        sides = np.ptp(poses.keypoints[..., :2], axis=1) if poses.count else np.zeros((0, 2))
    return Found(
        name, poses.keypoints, poses.scores, sides.max(axis=1, initial=1.0), sides.prod(axis=1), poses.confidences,
        None, poses.visibility, poses.presence, poses.world, of(spec.decoder).partial,
    )  # fmt: skip


def _by(gate: GateSpec) -> float:
    return BARELY if gate.max_score is None else gate.max_score


def _written(region: Region) -> dict[str, Any]:
    return {
        "center_xy": region.center_xy, "size_wh": region.size_wh, "rotation_degrees": region.rotation_degrees,
    }  # fmt: skip
