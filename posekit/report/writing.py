"""The report of one evaluation: the document, the pictures to look at, and the page."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posekit.bundle import wrapper as codegen
from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.parity.cases import Case, poses_of
from posekit.parity.evaluate import ReferenceCase
from posekit.parity.evaluation import Evaluation
from posekit.parity.shipped import Shipped, Wrapper
from posekit.parity.worst import CaseError
from posekit.parity.written_poses import poses_of_written
from posekit.poses import Poses, concatenate
from posekit.poses.images import load_image
from posekit.report import document as report
from posekit.report import figures
from posekit.report.facts import read_facts
from posekit.report.figures import Gallery, Pair, SkeletonFigure
from posekit.report.overlay import marks
from posekit.report.page import px

PICTURE_PX = 560  # longer side of a picture in the page
ROOM_AROUND = 0.08  # of the region, so that a keypoint at its edge is seen
SEEN_FROM_PX = 0.05  # smaller errors are not seen in a picture; one is shown as an example where there are no others
PACKAGED = "packaged model"


@dataclass(frozen=True, slots=True)
class Drawn:
    """Whose keypoints the pictures show, by the names of the cases. side: `device` or `wrapper`."""

    side: str
    poses: Mapping[str, Poses]


def drawn(evaluation: Evaluation, wrapper: Wrapper | None, cases: Iterable[Case], spec: PoseSpec) -> Drawn | None:
    """What the wrapper itself made of the worst cases, to be asked for while its run is there; None where it made
    nothing.

    InputError where the run's files are not what they should be.
    """
    if wrapper is None:
        return None
    worst = {error.case for error in evaluation.worst}
    poses = {}
    for case in cases:
        image = wrapper.results(case).get("image") if case.name in worst else None
        if image is not None:
            poses[case.name] = _shipped(image, spec)
    return Drawn("device" if wrapper.accelerator else "wrapper", poses) if poses else None


def write(
    folder: Path,
    evaluation: Evaluation,
    spec: PoseSpec,
    facts: Mapping[str, Any],
    named: Callable[[Collection[str]], Iterable[ReferenceCase]],
    packaged: Run,
    *,
    shipped: Drawn | None = None,
) -> dict[str, Any]:
    """Write report.json, junit.xml and index.html into `folder`; gives the document.

    named: the cases of those names with their reference outputs, for the pictures of the worst; packaged: the
    packaged model, run here. shipped: what the pictures show in its place, where the errors are the wrapper's.
    facts: see parity/facts.py; InputError where one is not what it should be.
    """
    document = report.as_json(evaluation, facts)
    document["pictured"] = shipped.side if shipped else PACKAGED
    # as it is read back: the page can then be made again from report.json
    document = dict(json.loads(json.dumps(document, sort_keys=True)))  # noqa: TID251
    known, evaluation = read_facts({key: document[key] for key in facts}), report.read_evaluation(document)
    pairs: dict[str, Pair] = {}
    poses: dict[str, Poses] = {}
    errors = {error.case: error for error in evaluation.worst}
    visible = {name for name, error in errors.items() if can_be_seen(error)} or set(list(errors)[:1])
    for case, outputs in named(list(errors)):
        poses[case.name] = _poses(case, outputs, spec)
        if case.name in visible and (shipped is None or case.name in shipped.poses):
            seen = shipped.poses[case.name] if shipped else _poses(case, packaged(case.pixels), spec)
            pairs[case.name] = _pair(case, poses[case.name], seen, errors[case.name], spec)
    shown = [pairs[name] for name in errors if name in pairs]
    page = codegen.template_root() / "report" / "index.html.j2"
    gallery = Gallery(document["pictured"], tuple(shown), not any(can_be_seen(errors[one.case]) for one in shown))
    report.write(folder, document, evaluation, known, spec, gallery, _figure(evaluation, poses, spec), page)
    return document


def can_be_seen(error: CaseError) -> bool:
    """Whether a case's error shows in a picture; that nobody is there shows nothing."""
    return bool(error.lost) or (bool(error.keypoint) and not error.max_px < SEEN_FROM_PX)


def _poses(case: Case, outputs: Outputs, spec: PoseSpec) -> Poses:
    finite = all(np.isfinite(values).all() for values in outputs.values())
    return concatenate([poses_of(outputs, case.transform, spec)] if finite else [], spec.keypoint_count)


def _shipped(image: Shipped, spec: PoseSpec) -> Poses:
    """Nobody where the wrapper's keypoints are not finite."""
    return poses_of_written(image.people or (), spec.keypoint_count, "the run")


def _figure(evaluation: Evaluation, poses: Mapping[str, Poses], spec: PoseSpec) -> SkeletonFigure | None:
    """The errors on the pose of the case that shows the skeleton best."""
    found, case = evaluation.total.keypoints, figures.clearest(poses)
    if found is None or not case:
        return None
    points = poses[case].keypoints[0, :, :2]
    return figures.skeleton(case, points, spec.keypoints.names, spec.keypoints.edges, found.per_keypoint)


def _pair(case: Case, reference: Poses, packaged: Poses, error: CaseError, spec: PoseSpec) -> Pair:
    image = load_image(case.photo.path)
    x1, y1, x2, y2 = _cutout(case, image.shape[1], image.shape[0])
    names, edges = spec.keypoints.names, spec.keypoints.edges
    before, after = (figures.layer(*marks(poses, names, edges), (x1, y1)) for poses in (reference, packaged))
    caption = (
        f"largest error {px(error.max_px)} at {error.keypoint}, OKS {error.oks:.5f}" if error.keypoint else "nobody"
    )
    if error.lost:
        caption += f"; {error.lost} {'person is' if error.lost == 1 else 'people are'} on one side alone"
    url = _data_url(Image.fromarray(image[y1:y2, x1:x2]))
    return Pair(case.name, caption, url, (x2 - x1, y2 - y1), before, after, bool(after.dots))


def _cutout(case: Case, width: int, height: int) -> tuple[int, int, int, int]:
    """The case's region with some room around it, within the picture; all of it where the region is elsewhere."""
    rows, columns = case.pixels.shape[:2]
    corners = case.transform.to_source(np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float64))
    low, high = corners.min(axis=0), corners.max(axis=0)
    room = ROOM_AROUND * (high - low)
    x1, y1 = (int(v) for v in np.clip(np.floor(low - room), 0, (width, height)))
    x2, y2 = (int(v) for v in np.clip(np.ceil(high + room), 0, (width, height)))
    return (x1, y1, x2, y2) if min(x2 - x1, y2 - y1) > 1 else (0, 0, width, height)


def _data_url(picture: Image.Image) -> str:
    picture.thumbnail((PICTURE_PX, PICTURE_PX))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
