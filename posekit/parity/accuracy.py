"""Accuracy against annotations: COCO AP and PCK, of the reference and of the packaged model."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import PoseSpec
from posekit.parity.cases import Case
from posekit.parity.metrics import Found, oks
from posekit.poses import Floats
from posekit.poses.images import Person, Photo

PCK_FRACTION = 0.1  # of the box's longer side
THRESHOLDS = np.arange(0.5, 1.0, 0.05)  # of OKS, over which COCO's AP is a mean


@dataclass(frozen=True, slots=True)
class Accuracy:
    """ap: COCO AP (OKS .50:.95), the true boxes given, None without pycocotools; pck: labelled keypoints (COCO's
    visibility above 0) within 0.1 of the box's longer side, as a fraction."""

    ap: float | None
    pck: float
    people: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Accuracy lost between two sides of the same people, in points of 100, each with its standard error over the
    people; ap is None without pycocotools."""

    ap: float | None
    ap_error: float
    pck: float
    pck_error: float
    people: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What accuracy needs of one case."""

    image_id: int | str
    box_xyxy: tuple[float, float, float, float]
    keypoints: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    area: float


def truth_of(case: Case) -> Truth | None:
    """The annotation that a case is measured against, or None: of its own person, or of the only one in a picture that
    is looked at as a whole."""
    person = _annotated(case)
    if person is None or not is_labelled(person):
        return None
    return Truth(case.photo.image_id, person.box_xyxy, cast(Floats, person.keypoints), person.area)


def why_no_truth(case: Case) -> str:
    """Why a case of an annotated picture has nothing to be measured against; empty where it has, or nobody is
    annotated."""
    if truth_of(case) is not None or not case.photo.people:
        return ""
    if _annotated(case) is None:
        return "several people are annotated in a picture that the model looks at as a whole"
    return "no keypoint of the person is labelled (visibility above 0)"


def _annotated(case: Case) -> Person | None:
    return case.person or (case.photo.people[0] if len(case.photo.people) == 1 else None)


def is_labelled(person: Person) -> bool:
    """Whether a person has a keypoint that is labelled."""
    return person.keypoints is not None and bool((person.keypoints[:, 2] > 0).any())


def can_be_told(photos: Iterable[Photo], spec: PoseSpec) -> bool:
    """Whether the annotations of these pictures tell anything of a model's accuracy."""
    return any(
        is_labelled(person)
        for photo in photos
        for person in photo.people
        if spec.kind == "top_down" or len(photo.people) == 1
    )


def accuracy(found: Sequence[Found], truth: Sequence[Truth | None], spec: PoseSpec) -> Accuracy | None:
    """Accuracy over the cases that have a truth, or None where none has or a keypoint is not finite."""
    pairs = [(f, t) for f, t in zip(found, truth, strict=True) if t is not None]
    if not pairs or not all(np.isfinite(f.keypoints).all() for f, _ in pairs):
        return None
    near = np.concatenate([_near(f, t) for f, t in pairs])
    return Accuracy(_average_precision(pairs, spec), float(near.mean()), len(pairs))


def _near(found: Found, truth: Truth) -> NDArray[np.bool_]:
    """Which labelled keypoints lie within PCK_FRACTION of the box's longer side."""
    x1, y1, x2, y2 = truth.box_xyxy
    distance = np.linalg.norm(found.keypoints[0, :, :2] - truth.keypoints[:, :2], axis=1)
    return np.asarray((distance <= PCK_FRACTION * max(x2 - x1, y2 - y1))[truth.keypoints[:, 2] > 0])


def accuracy_drop(
    before: Sequence[Found], after: Sequence[Found], truth: Sequence[Truth | None], spec: PoseSpec
) -> Drop | None:
    """What `after` lost against `before`; None without annotated people or where a side is not finite.

    The standard errors are those of what single people add to AP and PCK, paired: most of what differs between people
    is the same on both sides.
    """
    scores = [accuracy(side, truth, spec) for side in (before, after)]
    if scores[0] is None or scores[1] is None:
        return None
    shares = [_shares(side, truth, spec) for side in (before, after)]
    lost = 100 * (shares[0] - shares[1])
    errors = lost.std(axis=0, ddof=min(1, len(lost) - 1)) / math.sqrt(len(lost))
    before_ap, after_ap = scores[0].ap, scores[1].ap
    ap = None if before_ap is None or after_ap is None else 100 * (before_ap - after_ap)
    return Drop(ap, float(errors[0]), 100 * (scores[0].pck - scores[1].pck), float(errors[1]), len(lost))


def _shares(found: Sequence[Found], truth: Sequence[Truth | None], spec: PoseSpec) -> Floats:
    """(n, 2): of each annotated person the fraction of COCO's ten OKS thresholds reached, and of keypoints within
    PCK's."""
    rows = []
    for f, t in zip(found, truth, strict=True):
        if t is None:
            continue
        labelled = t.keypoints[None, :, 2] > 0
        points = f.keypoints[:1, :, :2]
        similarity = oks(points, t.keypoints[None, :, :2], np.array([t.area]), spec.keypoints.oks_sigmas, labelled)
        rows.append([float((similarity[0] > THRESHOLDS).mean()), float(_near(f, t).mean())])
    return np.array(rows)


def _average_precision(pairs: list[tuple[Found, Truth]], spec: PoseSpec) -> float | None:
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        return None
    annotations, detections = [], []
    numbers = {key: number for number, key in enumerate(dict.fromkeys(t.image_id for _, t in pairs), start=1)}
    for number, (f, t) in enumerate(pairs, start=1):
        x1, y1, x2, y2 = t.box_xyxy
        shared = {"image_id": numbers[t.image_id], "category_id": 1}
        annotations.append(
            {
                **shared,
                "id": number,
                "iscrowd": 0,
                "area": t.area,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "keypoints": t.keypoints.ravel().tolist(),
                "num_keypoints": int((t.keypoints[:, 2] > 0).sum()),
            }
        )
        rows = np.concatenate([f.keypoints[0, :, :2], np.ones((spec.keypoint_count, 1))], axis=1)
        detections.append({**shared, "keypoints": rows.ravel().tolist(), "score": float(f.scores.mean())})
    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = {"images": [{"id": number} for number in numbers.values()],
                          "categories": [{"id": 1, "name": "person"}], "annotations": annotations}  # fmt: skip
        ground.createIndex()
        evaluation = COCOeval(ground, ground.loadRes(detections), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.asarray(spec.keypoints.oks_sigmas)
        # AP is told of people of every size alone: two thirds of the work are for medium and large ones
        evaluation.params.areaRng, evaluation.params.areaRngLbl = evaluation.params.areaRng[:1], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precisions = evaluation.eval["precision"]  # by threshold and recall; -1 where nobody is
    return float(precisions[precisions > -1].mean()) if (precisions > -1).any() else -1.0
