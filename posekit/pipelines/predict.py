"""Keypoints and dense results of single pictures, by a packaged model or by the source model eagerly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posekit import bundle
from posekit.contract.outputs import Run, check_outputs, decode_dense
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.errors import InputError, naming
from posekit.parity.cases import Case, cases_in, poses_of
from posekit.parity.gate import DETECTOR, POSE
from posekit.parity.stages import StageRuns, look
from posekit.pipelines.inputs import find_spec, refuse_boxes, with_detector
from posekit.poses import Poses, concatenate
from posekit.poses.dense import DenseMap, in_source
from posekit.poses.images import Person, Photo, Picture, load_image
from posekit.progress import Progress, silent
from posekit.runtimes import runtime_for
from posekit.sources import open_source
from posekit.sources.reference import run_reference


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model finds in a picture, over the source: everybody, and what it says of every place of each region."""

    poses: Poses
    dense: tuple[DenseMap, ...] = ()


Predicted = tuple[Path, Picture, Prediction]


def predict(
    run: Run,
    spec: PoseSpec,
    path: Path,
    image: Picture,
    boxes_xyxy: Sequence[tuple[float, ...]] = (),
    detector: Run | None = None,
) -> Prediction:
    """What a model finds in a picture, source px; image: as load_image reads `path`; boxes_xyxy: source px of people,
    else those whom the detector of two stages finds, else the whole frame."""
    people = tuple(Person((x1, y1, x2, y2)) for x1, y1, x2, y2 in boxes_xyxy)
    if people:
        refuse_boxes(spec)
    if detector is not None and not people:
        seen = look(image, spec, StageRuns(naming(DETECTOR)(detector), naming(POSE)(run)))
        photo = Photo(path, 0, regions=seen.regions)
        cases = cases_in(image, photo, spec) if spec.dense and seen.regions else []
        return Prediction(seen.poses, tuple(one for case in cases for one in _dense(run(case.pixels), case, spec)))
    parts, dense = list[Poses](), list[DenseMap]()
    for case in cases_in(image, Photo(path, 0, people), spec):
        outputs = run(case.pixels)
        parts.append(poses_of(outputs, case.transform, spec))
        dense += _dense(outputs, case, spec)
    return Prediction(concatenate(parts, spec.keypoint_count), tuple(dense))


def _dense(outputs: Outputs, case: Case, spec: PoseSpec) -> list[DenseMap]:
    return [in_source(one, case.transform) for one in decode_dense(outputs, spec)]


def predict_all(
    run: Run,
    spec: PoseSpec,
    paths: Sequence[Path],
    boxes_xyxy: Sequence[tuple[float, ...]] = (),
    detector: Run | None = None,
    step: Progress = silent,
) -> tuple[list[Predicted], list[tuple[Path, InputError]]]:
    """The pictures with what is found in them, and those that cannot be read; InputError where none can."""
    found: list[Predicted] = []
    failed: list[tuple[Path, InputError]] = []
    for path in paths:
        step(f"predict {path.name}")
        try:
            image = load_image(path)
        except InputError as error:
            failed.append((path, error))
            continue
        found.append((path, image, predict(run, spec, path, image, boxes_xyxy, detector)))
    if failed and not found:
        first, more = failed[0][1], len(failed) - 1
        raise InputError(f"{first.message}{f', nor can the {more} other pictures' if more else ''}", first.hint)
    return found, failed


def open_for_prediction(
    path: Path, spec: str, changes: Sequence[str], arch: str, trust: bool, weights: str
) -> tuple[PoseSpec, Run]:
    """The contract, and a runner of a bundle (its packaged model) or a source model (eagerly)."""
    if bundle.is_bundle(path):
        if changes:
            raise InputError(f"{path} is a bundle, whose contract is fixed", "leave out --set, or give the model file")
        opened = bundle.open_bundle(path)
        return opened.spec, runtime_for(opened.platform, opened.model_path).run
    contract = find_spec(path, spec, changes, arch=arch, trust=trust, weights=weights)
    return contract, _eager(path, contract, arch, trust, weights)


def open_detector(
    path: Path, spec: PoseSpec, detector: Path | None, wanted: str, changes: Sequence[str], arch: str, trust: bool
) -> tuple[PoseSpec, Run | None]:
    """The contract with its detector, and a runner of that: of a bundle its own, else of the file that is given; None
    where there is one network."""
    if bundle.is_bundle(path):
        if detector is not None or wanted or arch:
            raise InputError(f"{path} is a bundle, whose networks are fixed", "leave out --detector and what it takes")
        first = bundle.open_bundle(path).detector if spec.detector is not None else None
        return spec, None if first is None else runtime_for(first.platform, first.model_path).run
    both = with_detector(spec, detector, wanted, changes, arch=arch, trust=trust)
    stage = both.detector_stage
    if detector is None or stage is None:
        return both, None
    return both, _eager(detector, stage, arch, trust, "")


def _eager(path: Path, spec: PoseSpec, arch: str, trust: bool, weights: str) -> Run:
    """A runner of a trained network in its own framework."""
    source = open_source(path, spec, arch=arch, trust=trust, weights=weights)

    def run(pixels: NDArray[np.float32]) -> Outputs:
        outputs = run_reference(source, spec, pixels)
        check_outputs({name: values.shape for name, values in outputs.items()}, spec)
        return outputs

    return run
