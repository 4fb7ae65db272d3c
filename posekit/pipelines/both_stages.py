"""Two networks in one bundle: the pictures of each stage, and both stages together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from posekit.bundle import file_hash
from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec
from posekit.contract.stages import following_rule
from posekit.decoders.decoder import Outputs
from posekit.devices import desktop
from posekit.devices.desktop import Compiled
from posekit.errors import InputError
from posekit.parity import both
from posekit.parity.both import BothTally, ExpectedPeople, expected_in
from posekit.parity.cases import MAX_RECORDED, Case
from posekit.parity.gate import BOTH, Check, Outcome
from posekit.parity.stages import Looked, StageGates, StageRuns, detected_in, look, regions_in
from posekit.pipelines.consistency.evidence import CLOSE_PX
from posekit.pipelines.consistency.finding import differing, judged
from posekit.pipelines.inputs import Images
from posekit.poses import Floats
from posekit.poses.images import Photo, load_image
from posekit.poses.regions import Region
from posekit.progress import Progress, patient

UNUSED = "the annotations are not used: regions come from points of a detection, and accuracy was not measured"
NOBODY = "the detector finds nobody in the evaluation pictures, so the pose network is measured on whole pictures"


def of_detector(images: Images) -> Images:
    """The pictures as the detector sees them: whole, with nobody annotated, since annotations are of poses."""
    photos = tuple(replace(one, people=(), is_annotated=False, regions=()) for one in images.photos)
    return replace(images, photos=photos)


def of_pose(images: Images, spec: PoseSpec, detector: Run, step: Progress) -> Images:
    """The pictures as the pose network sees them: annotated people where regions come from boxes, else those whom the
    trained detector finds; where it finds nobody at all they stay whole, with a warning."""
    by_box = spec.region is not None and spec.region.points is None
    if not by_box and any(one.people for one in images.photos):
        images = replace(images, warnings=(*images.warnings, UNUSED))
    say, photos = patient(step), list[Photo]()
    for number, photo in enumerate(images.photos):
        say(f"look for people, picture {number + 1} of {len(images.photos)}")
        if by_box and photo.people:
            photos.append(photo)
        elif found := regions_in(load_image(photo.path), spec, detector):
            photos.append(replace(photo, people=(), is_annotated=False, regions=found))
    if photos:
        return replace(images, photos=tuple(photos), what=_what(images, len(photos)))
    return replace(of_detector(images), warnings=(*images.warnings, NOBODY))


def _what(images: Images, count: int) -> str:
    """What the report says of the pictures where people are in so many of them."""
    found = re.match(r"(\d+)(?: of (\d+))?", images.what) if images.are_given else None
    if found is None or count == len(images.photos):
        return images.what
    return f"{count} of {found[2] or found[1]}{images.what[found.end() :]}"


def packaged(
    folder: Path, photos: Sequence[Photo], spec: PoseSpec, reference: StageRuns, runs: StageRuns, gates: StageGates,
    step: Progress,
) -> tuple[Check, ...]:  # fmt: skip
    """Both packaged stages against both trained networks, picture by picture; what those see is written to `folder`."""
    say, tally, expected = patient(step), BothTally(spec, gates), list[ExpectedPeople]()
    for number, photo in enumerate(photos[:MAX_RECORDED]):
        say(f"run both stages, picture {number + 1} of {min(len(photos), MAX_RECORDED)}")
        image = load_image(photo.path)
        expected.append(expected_in(photo.name, image, spec, reference, gates.detector))
        tally.add(look(image, spec, runs), expected[-1], image, runs)
    both.write(folder, expected)
    return tally.checks()


def again(
    folder: Path, photos: Sequence[Photo], spec: PoseSpec, runs: StageRuns, tally: BothTally,
    seen: Callable[[int], Looked] | None = None,
) -> tuple[Check, ...]:  # fmt: skip
    """Both stages against what is recorded in `folder`, the detector's evidence, whose pictures are `photos`.

    seen: what somebody else made of a picture, by its place, instead of `runs`.
    """
    expected = both.read(folder)
    if len(expected) != len(photos):
        raise InputError(
            f"{folder / both.FILE} is of {len(expected)} pictures, the detector's evidence of {len(photos)}",
            "package the model again",
        )
    for place, (photo, one) in enumerate(zip(photos, expected, strict=True)):
        image = load_image(photo.path)
        tally.add(look(image, spec, runs) if seen is None else seen(place), one, image, runs)
    return tally.checks()


def recorded_people(folder: Path, cases: Sequence[tuple[Case, Outputs]], spec: PoseSpec) -> Check:
    """Whether the people recorded in `folder` are in regions that the detector's recorded outputs give.

    cases: of the detector's evidence, with the reference's outputs.
    """
    problems: list[str] = []
    expected = both.read(folder)
    names = [case.name.removesuffix("#0") for case, _ in cases]
    problems += differing("the names of the pictures", [one.name for one in expected], names)
    for one, (case, outputs) in zip(expected, cases, strict=False):
        problems += _faults(one, detected_in(case, outputs, spec), following_rule(spec).max_people)
    return judged(f"{BOTH}: the recorded people", problems, f"{len(cases)} pictures detected anew")


def _faults(told: ExpectedPeople, detected: Sequence[Region], most: int) -> Iterator[str]:
    """What is wrong with the regions of a picture; detected: all of its regions."""
    yield from differing(f"the number of regions of {told.name}", len(told.regions), len(told.people))
    if len(told.people) > most:
        yield f"{told.name} has {len(told.people)} people, the contract at most {most}"
    left = [_numbers(one) for one in detected]
    for region in told.regions:
        near = [place for place, one in enumerate(left) if np.abs(one - _numbers(region.region())).max() <= CLOSE_PX]
        if not near:
            yield f"a region of {told.name} is none that the recorded outputs give"
        for place in near[:1]:  # each is of one person
            del left[place]


def _numbers(region: Region) -> Floats:
    return np.array([*region.center_xy, *region.size_wh, region.rotation_degrees])


def of_wrapper(
    code: Compiled, folder: Path, cases: Sequence[Case], spec: PoseSpec, runs: StageRuns, gates: StageGates, work: Path,
    model: Path,
) -> tuple[Check, ...]:  # fmt: skip
    """Both stages of the generated code against what is recorded in `folder`; cases: of the detector's evidence; model:
    the pose network's file."""
    name = f"{BOTH} of the wrapper"
    if code.platform == "ios":
        return (Check(f"{name}: people", Outcome.SKIPPED, desktop.NO_CORE_ML),)
    people = desktop.run_both(code, cases, spec, work, file_hash(model))
    seen = [Looked((), one) for one in people]
    return again(folder, [case.photo for case in cases], spec, runs, BothTally(spec, gates, name), seen.__getitem__)


def skipped(reason: str) -> tuple[Check, ...]:
    """That both stages were not run together."""
    return (Check(f"{BOTH}: people", Outcome.SKIPPED, reason),)


def named(what: str, checks: Sequence[Check]) -> tuple[Check, ...]:
    """Checks of a stage, by its name."""
    return tuple(replace(one, name=f"{what}: {one.name}") for one in checks)
