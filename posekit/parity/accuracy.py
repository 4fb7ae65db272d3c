"""Accuracy against annotations: COCO AP and PCK, of the reference and of the packaged model."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import PoseSpec
from posekit.parity.cases import Case
from posekit.parity.matching import LEAST_OKS, best_pairs
from posekit.parity.metrics import Found, oks
from posekit.poses import Floats
from posekit.poses.images import Person, Photo

PCK_FRACTION = 0.1  # of the box's longer side
THRESHOLDS = np.arange(0.5, 1.0, 0.05)  # of OKS, over which COCO's AP is a mean


@dataclass(frozen=True, slots=True)
class Accuracy:
    """ap: COCO AP (OKS .50:.95), None without pycocotools; pck: labelled keypoints (COCO's visibility above 0) within
    0.1 of the box's longer side, as a fraction, those of people who were missed included. people: how many have a
    labelled keypoint. boxes: `given` where the true boxes were, `own` where the model found its people itself."""

    ap: float | None
    pck: float
    people: int
    boxes: Literal["given", "own"] = "given"


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
    """The annotated people of one case: boxes (M, 4) source px, keypoints (M, K, 3) with COCO's visibility, areas (M,)
    px. Where a model finds its people itself there may be none, and those without a labelled keypoint are among them,
    since finding them is no mistake."""

    image_id: int | str
    boxes_xyxy: Floats
    keypoints: Floats
    areas: Floats

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Who has a labelled keypoint (M,)."""
        return np.asarray((self.keypoints[..., 2] > 0).any(axis=1))


def truth_of(case: Case, spec: PoseSpec) -> Truth | None:
    """The annotations that a case is measured against, or None: of its own person, of everybody where the model may
    find several, else of the only one in a picture that is looked at as a whole."""
    people = _annotated(case, spec)
    everybody = spec.has_several and (bool(people) or case.photo.is_annotated)
    if not everybody and not any(is_labelled(person) for person in people):
        return None
    nothing = np.zeros((spec.keypoint_count, 3))
    keypoints = [nothing if person.keypoints is None else person.keypoints for person in people]
    return Truth(
        case.photo.image_id,
        np.array([person.box_xyxy for person in people], np.float64).reshape(-1, 4),
        np.array(keypoints, np.float64).reshape(-1, spec.keypoint_count, 3),
        np.array([person.area for person in people], np.float64),
    )


def why_no_truth(case: Case, spec: PoseSpec) -> str:
    """Why a case of an annotated picture has nothing to be measured against; empty where it has, or nobody is
    annotated."""
    if truth_of(case, spec) is not None or not case.photo.people:
        return ""
    if not _annotated(case, spec):
        return "several people are annotated in a picture that the model looks at as a whole"
    return "no keypoint of the person is labelled (visibility above 0)"


def _annotated(case: Case, spec: PoseSpec) -> tuple[Person, ...]:
    if case.person is not None:
        return (case.person,)
    return case.photo.people if spec.has_several or len(case.photo.people) == 1 else ()


def is_labelled(person: Person) -> bool:
    """Whether a person has a keypoint that is labelled."""
    return person.keypoints is not None and bool((person.keypoints[:, 2] > 0).any())


def can_be_told(photos: Iterable[Photo], spec: PoseSpec) -> bool:
    """Whether the annotations of these pictures tell anything of a model's accuracy."""
    of_all = spec.looks_at_regions or spec.has_several
    return any(is_labelled(person) for photo in photos for person in photo.people if of_all or len(photo.people) == 1)


def accuracy(found: Sequence[Found], truth: Sequence[Truth | None], spec: PoseSpec) -> Accuracy | None:
    """Accuracy over the cases that have a truth, or None where none has or a keypoint is not finite."""
    pairs = [(f, t) for f, t in zip(found, truth, strict=True) if t is not None]
    if not pairs or not all(np.isfinite(f.keypoints).all() for f, _ in pairs):
        return None
    people = sum(int(t.labelled.sum()) for _, t in pairs)
    if not people:
        return None
    near = np.concatenate([one for f, t in pairs for one in _near(f, t, spec)])
    boxes: Literal["given", "own"] = "own" if spec.has_several else "given"
    return Accuracy(_average_precision(pairs, spec), float(near.mean()), people, boxes)


def _partners(found: Found, truth: Truth, spec: PoseSpec) -> list[tuple[int, int | None]]:
    """Of each labelled person its place in the truth and among those found, None for who was missed."""
    people = np.flatnonzero(truth.labelled)
    if not spec.has_several:
        return [(int(one), 0) for one in people]
    seen = truth.keypoints[people, :, 2] > 0
    # an unlabelled keypoint is nowhere, so that only labelled ones tell who somebody is
    alike = [
        oks(found.keypoints[:, :, :2], np.broadcast_to(truth.keypoints[one, :, :2], found.keypoints[..., :2].shape),
            np.full(len(found.sizes), truth.areas[one]), spec.keypoints.oks_sigmas,
            np.broadcast_to(labelled, found.scores.shape))
        for one, labelled in zip(people, seen, strict=True)
    ]  # fmt: skip
    pairs = dict(best_pairs(np.array(alike).reshape(len(people), len(found.sizes)), LEAST_OKS))
    return [(int(one), pairs.get(row)) for row, one in enumerate(people)]


def _near(found: Found, truth: Truth, spec: PoseSpec) -> Iterator[NDArray[np.bool_]]:
    """Of each labelled person which labelled keypoints lie within PCK_FRACTION of the box's longer side."""
    for one, partner in _partners(found, truth, spec):
        labelled = truth.keypoints[one, :, 2] > 0
        if partner is None:
            yield np.zeros(int(labelled.sum()), bool)
            continue
        x1, y1, x2, y2 = truth.boxes_xyxy[one]
        distance = np.linalg.norm(found.keypoints[partner, :, :2] - truth.keypoints[one, :, :2], axis=1)
        near = (distance <= PCK_FRACTION * max(x2 - x1, y2 - y1)) & found.there[partner]
        yield np.asarray(near[labelled])


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
    PCK's; nothing of who was missed."""
    rows = []
    for f, t in zip(found, truth, strict=True):
        if t is None:
            continue
        for (one, partner), near in zip(_partners(f, t, spec), _near(f, t, spec), strict=True):
            reached = 0.0
            if partner is not None:
                points, labelled = t.keypoints[one : one + 1], t.keypoints[one : one + 1, :, 2] > 0
                seen = f.keypoints[partner : partner + 1, :, :2]
                similarity = oks(seen, points[..., :2], t.areas[one : one + 1], spec.keypoints.oks_sigmas, labelled)
                reached = float((similarity[0] > THRESHOLDS).mean())
            rows.append([reached, float(near.mean())])
    return np.array(rows)


def _average_precision(pairs: list[tuple[Found, Truth]], spec: PoseSpec) -> float | None:
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        return None
    numbers = {key: number for number, key in enumerate(dict.fromkeys(t.image_id for _, t in pairs), start=1)}
    annotations = [one for _, t in pairs for one in _annotations(t, numbers[t.image_id])]
    detections = [one for f, t in pairs for one in _detections(f, numbers[t.image_id], spec)]
    if not detections:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = {"images": [{"id": number} for number in numbers.values()],
                          "categories": [{"id": 1, "name": "person"}],
                          "annotations": [{**one, "id": i} for i, one in enumerate(annotations, 1)]}  # fmt: skip
        ground.createIndex()
        evaluation = COCOeval(ground, ground.loadRes(detections), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.asarray(spec.keypoints.oks_sigmas)
        # AP is told of people of every size alone: two thirds of the work are for medium and large ones
        evaluation.params.areaRng, evaluation.params.areaRngLbl = evaluation.params.areaRng[:1], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precisions = evaluation.eval["precision"]  # by threshold and recall; -1 where nobody is
    return float(precisions[precisions > -1].mean()) if (precisions > -1).any() else -1.0


def _annotations(truth: Truth, image: int) -> Iterator[dict[str, Any]]:
    """As COCO writes them; who has no labelled keypoint is ignored there."""
    for (x1, y1, x2, y2), points, area in zip(
        truth.boxes_xyxy.tolist(), truth.keypoints, truth.areas.tolist(), strict=True
    ):
        yield {
            "image_id": image, "category_id": 1, "iscrowd": 0, "area": area, "bbox": [x1, y1, x2 - x1, y2 - y1],
            "keypoints": points.ravel().tolist(), "num_keypoints": int((points[:, 2] > 0).sum()),
        }  # fmt: skip


def _detections(found: Found, image: int, spec: PoseSpec) -> Iterator[dict[str, Any]]:
    assert found.confidences is not None
    for points, scores, confidence in zip(found.keypoints, found.scores, found.confidences, strict=True):
        rows = np.concatenate([points[:, :2], np.ones((spec.keypoint_count, 1))], axis=1)
        score = float(confidence if spec.has_several else scores.mean())
        yield {"image_id": image, "category_id": 1, "keypoints": rows.ravel().tolist(), "score": score}
