"""A wrapper in numpy, with a fault: what generated code or a model file with that fault would make of a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posekit.contract.outputs import Run, decode_dense
from posekit.contract.spec import PoseSpec
from posekit.contract.stages import following_rule
from posekit.decoders.decoder import Outputs
from posekit.decoders.dense import SURFACE
from posekit.parity.cases import Case, cases_in, poses_of
from posekit.parity.gate import Check, Outcome
from posekit.parity.shipped import Shipped, Wrapper
from posekit.parity.stages import StageRuns, poses_in
from posekit.parity.written_poses import WrittenPose, written_poses
from posekit.poses import Poses, concatenate
from posekit.poses.following import PeopleFollower, detected_regions
from posekit.poses.images import Photo, load_image
from posekit.poses.regions import Region
from posekit.poses.warp import crop


def _same(one: Any) -> Any:
    return one


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong on the packaged side.

    pose, detector: how the code of a stage understands its contract; crop: where the pose network's input is cut from
    instead of a region; between: where the code looks instead of a region that it made of a detection; files: what the
    model files give instead of their outputs, by stage.
    """

    pose: Callable[[PoseSpec], PoseSpec] = _same
    detector: Callable[[PoseSpec], PoseSpec] = _same
    crop: Callable[[Region], Region] = _same
    between: Callable[[Region], Region] = _same
    files: Mapping[str, Callable[[Outputs], Outputs]] | None = None

    def run(self, stage: str, run: Run) -> Run:
        """What runs the model file of a stage with the fault."""
        change = (self.files or {}).get(stage, _same)
        return lambda pixels: change(run(pixels))

    def of_stage(self, spec: PoseSpec) -> PoseSpec:
        """A stage's contract as its code understands it."""
        return self.pose(spec) if spec.whole is spec else self.detector(spec)

    def run_wrapper(
        self, code: Any, model: Path, cases: Any, run: Run, work: Path, *, model_sha256: str, spec: PoseSpec
    ) -> tuple[Wrapper, Check]:
        """In the place of desktop.run_wrapper: a stage from its pictures on."""
        wrong = self.of_stage(spec)

        def results(case: Case) -> dict[str, Shipped]:
            where = self.crop(case.region) if spec.whole is spec else case.region
            pixels, transform = crop(load_image(case.photo.path), where, wrong.input)
            outputs = run(pixels)
            people = written_poses(poses_of(outputs, transform, wrong))
            dense = decode_dense(outputs, wrong)
            maps = {one.name: one.values for one in dense}
            maps |= {f"{one.name}{SURFACE}": one.uv for one in dense if one.uv is not None}
            found = tuple(WrittenPose.model_validate(one) for one in people)
            return {"image": Shipped(pixels[None], outputs, found, maps)}

        return Wrapper(results, accelerator=False), Check("golden vectors", Outcome.PASS, "the fault is in none")

    def run_both(self, runs: StageRuns, cases: Iterable[Case], spec: PoseSpec) -> list[Poses]:
        """In the place of desktop.run_both: both stages on whole pictures."""
        rule, found = following_rule(spec), []
        assert spec.detector_stage is not None
        stage = self.detector(spec.detector_stage)
        for case in cases:
            image = load_image(case.photo.path)
            (whole,) = cases_in(image, Photo(Path(), 0), stage)
            people = poses_of(runs.detector(whole.pixels), whole.transform, stage)
            regions = PeopleFollower(rule).regions(detected_regions(people, rule))
            seen = [self.crop(self.between(one)) for one in regions]
            found.append(concatenate(poses_in(image, self.pose(spec), runs.pose, seen), spec.keypoint_count))
        return found


def of_decoder(**values: Any) -> Callable[[PoseSpec], PoseSpec]:
    """A contract whose decoder has other values; a dict changes a part of it."""

    def changed(spec: PoseSpec) -> PoseSpec:
        parts = {
            name: getattr(spec.decoder, name).model_copy(update=value) if isinstance(value, dict) else value
            for name, value in values.items()
        }
        return spec.model_copy(update={"decoder": spec.decoder.model_copy(update=parts)})

    return changed


def of_table(table: str, **values: Any) -> Callable[[PoseSpec], PoseSpec]:
    """A contract with other values in its [input] or [depth]."""
    return lambda spec: spec.model_copy(update={table: getattr(spec, table).model_copy(update=values)})


def of_dense(change: Callable[[Any], dict[str, Any]]) -> Callable[[PoseSpec], PoseSpec]:
    """A contract whose dense results have other values."""
    return lambda spec: spec.model_copy(
        update={"dense": tuple(one.model_copy(update=change(one)) for one in spec.dense)}
    )


def turned_back(region: Region) -> Region:
    """A region that is turned the other way."""
    return replace(region, rotation_degrees=-region.rotation_degrees)


def larger(by: float) -> Callable[[Region], Region]:
    """A region that is larger."""
    return lambda region: replace(region, size_wh=(region.size_wh[0] * by, region.size_wh[1] * by))
