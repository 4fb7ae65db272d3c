"""Contract faults to plant in the samples, and how far each moves keypoints: python -m
tests.parity.contract.planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from posekit.contract.spec import PoseSpec
from posekit.parity.contract import check_network, contract_step, network_of
from posekit.parity.contract.alternatives import changed, other_side
from posekit.parity.contract.probes import AS_IT_IS, Network, Prober
from posekit.parity.contract.subjects import subjects_of
from posekit.parity.predictions import Prediction, Predictions
from posekit.pipelines.inputs import find_spec
from posekit.poses.images import Photo
from posekit.poses.photos import find_photos
from posekit.sources import open_source
from posekit.sources.sample import sample_images

DATA = sample_images()[0].parent
NAMES = ("tinypose", "tinysimcc")
MATTERS = 0.02  # of the person


@dataclass(frozen=True)
class Fault:
    """plant: the contract with the fault; field: where `check` must find it."""

    plant: Callable[[PoseSpec], PoseSpec]
    field: str


def _other_colour(spec: PoseSpec) -> PoseSpec:
    return changed(spec, "input", color_order="bgr" if spec.input.color_order == "rgb" else "rgb")


def _twice(spec: PoseSpec) -> PoseSpec:
    mean, std = (tuple(255 * value for value in values) for values in (spec.input.mean, spec.input.std))
    return changed(spec, "input", mean=mean, std=std)


def _missing(spec: PoseSpec) -> PoseSpec:
    return changed(spec, "input", mean=(0.0,) * 3, std=(1.0,) * 3)


def _half_pixel(spec: PoseSpec) -> PoseSpec:
    return changed(spec, "input", alignment="index")


def _sides(spec: PoseSpec) -> PoseSpec:
    return changed(spec, "keypoints", names=tuple(other_side(name) for name in spec.keypoints.names), skeleton="")


FAULTS = {
    "BGR": Fault(_other_colour, "input.color_order"),
    "divided by 255 twice": Fault(_twice, "input.mean, std"),
    "mean and std missing": Fault(_missing, "input.mean, std"),
    "half a pixel": Fault(_half_pixel, "input.alignment"),
    "left and right swapped": Fault(_sides, "keypoints, left and right"),
}


@dataclass(frozen=True)
class Sample:
    """A sample's network, which remembers what it answered; its contract; photos with boxes, with or without
    keypoints."""

    network: Network
    spec: PoseSpec
    labelled: tuple[Photo, ...]
    photos: tuple[Photo, ...]


@cache
def sample(name: str) -> Sample:
    """One of the two samples."""
    path = DATA / f"{name}.pt2"
    spec = find_spec(path, "")
    run = network_of(open_source(path))
    answers: dict[Any, Any] = {}

    def network(contract: PoseSpec, pixels: np.ndarray[Any, np.dtype[np.float32]]) -> Any:
        given = contract.input
        key = (given.color_order, given.mean, given.std, hash(pixels.tobytes()))
        if key not in answers:
            answers[key] = run(contract, pixels)
        return answers[key]

    labelled = find_photos(*sample_images(), spec.keypoints.names).photos
    boxed = tuple(replace(p, people=tuple(replace(q, keypoints=None) for q in p.people)) for p in labelled)
    return Sample(network, spec, labelled, boxed)


def as_predicted(of: Sample, spec: PoseSpec, *, has_boxes: bool = True) -> Predictions:
    """What training code with the contract `spec` predicts for the sample's people."""
    from posekit.parity.cases import cases_of, poses_of

    found: dict[Path, tuple[Prediction, ...]] = {}
    for photo in of.photos:
        items = []
        for case in cases_of(photo, spec):
            poses = poses_of(of.network(spec, case.pixels), case.transform, spec)
            box = case.person.box_xyxy if case.person and has_boxes else None
            items.append(Prediction(poses.keypoints[0], poses.scores[0], box))
        found[photo.path] = tuple(items)
    return Predictions(found, "by file name")


def displacement(of: Sample, faulty: PoseSpec) -> tuple[float, float, float]:
    """Median, mean and p95 distance of the keypoints of the same name, as fractions of the person."""
    subjects = subjects_of(of.photos, of.spec, 100)
    order = [faulty.keypoints.names.index(name) for name in of.spec.keypoints.names]
    parts = []
    for index, subject in enumerate(subjects):
        prober = Prober(of.network, subjects)
        true, seen = (prober.look(spec, index, AS_IT_IS).keypoints for spec in (of.spec, faulty))
        parts.append(np.linalg.norm(seen[order] - true, axis=1) / subject.size)
    distance = np.concatenate(parts)
    return float(np.median(distance)), float(distance.mean()), float(np.percentile(distance, 95))


def main() -> None:
    """Print the table of docs/check.md."""
    print(
        "| sample | fault | moves keypoints, median / mean / p95 | true value ranked | `check` says | contract step |"
    )
    print("|---|---|---|---|---|---|")
    for name in NAMES:
        of = sample(name)
        for what, fault in {"none": Fault(lambda spec: spec, ""), **FAULTS}.items():
            faulty = fault.plant(of.spec)
            moved = " / ".join(f"{100 * value:.2f} %" for value in displacement(of, faulty))
            step = contract_step(of.network, faulty, of.photos, as_predicted(of, of.spec))
            error = step.step.keypoints
            assert error is not None
            failed = ", ".join(c.name for c in step.checks if c.outcome == "fail") or "passes"
            found = check_network(of.network, faulty, of.photos)
            says, place = ", ".join(f"{f.field} looks wrong" for f in found.looks_wrong) or "nothing looks wrong", ""
            for field in found.fields:
                if field.field == fault.field:
                    place, says = str(1 + rank_of_true(field.alternatives, of.spec, fault)), field.verdict
            print(f"| {name} | {what} | {moved} | {place} | {says} | {error.mean_of_size:.2%}: {failed} |")


def rank_of_true(alternatives: Any, spec: PoseSpec, fault: Fault) -> int:
    """Where the true value stands among the alternatives."""
    true = {
        "input.color_order": spec.input.color_order,
        "input.mean, std": "mean " + " ".join(f"{v:g}" for v in spec.input.mean),
        "input.alignment": spec.input.alignment,
        "keypoints, left and right": "left and right exchanged",
    }[fault.field]
    return next(index for index, a in enumerate(alternatives) if a.value == true or a.value.startswith(f"{true}, std"))


if __name__ == "__main__":
    main()
