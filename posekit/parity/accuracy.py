"""Accuracy against annotations: COCO AP and PCK, of the reference and of the packaged model."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posekit.parity.cases import Case
from posekit.parity.metrics import Found, oks
from posekit.poses import Floats
from posekit.spec import PoseSpec

PCK_FRACTION = 0.1  # of the box's longer side
THRESHOLDS = np.arange(0.5, 1.0, 0.05)  # of OKS, over which COCO's AP is a mean


@dataclass(frozen=True, slots=True)
class Accuracy:
    """ap: COCO AP (OKS .50:.95), the true boxes given; pck: visible keypoints within 0.1 of the box's longer side."""

    ap: float
    pck: float
    people: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Accuracy lost between two sides of the same people, in points of 100, each with its standard error over the people;
    None where AP or PCK was not measured."""

    ap: float | None
    ap_error: float | None
    pck: float | None
    pck_error: float | None
    people: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What accuracy needs of one case."""

    image_id: int
    box_xyxy: tuple[float, float, float, float]
    keypoints: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    area: float


def truth_of(case: Case) -> Truth | None:
    """The annotation of a case, or None without one."""
    person = case.person
    if person is None or person.keypoints is None or not (person.keypoints[:, 2] > 0).any():
        return None
    return Truth(case.photo.image_id, person.box_xyxy, person.keypoints, person.area)


def accuracy(found: Sequence[Found], truth: Sequence[Truth | None], spec: PoseSpec) -> Accuracy | None:
    """Accuracy over the cases that have a truth, or None where none has or pycocotools is missing."""
    pairs = [(f, t) for f, t in zip(found, truth, strict=True) if t is not None]
    if not pairs or not all(np.isfinite(f.keypoints).all() for f, _ in pairs):
        return None
    hits = total = 0
    for f, t in pairs:
        near = np.linalg.norm(f.keypoints[0, :, :2] - t.keypoints[:, :2], axis=1) <= PCK_FRACTION * _longer_side(t)
        visible = t.keypoints[:, 2] == 2
        hits, total = hits + int((near & visible).sum()), total + int(visible.sum())
    return Accuracy(_average_precision(pairs, spec), hits / max(total, 1), len(pairs))


def accuracy_drop(
    before: Sequence[Found], after: Sequence[Found], truth: Sequence[Truth | None], spec: PoseSpec
) -> Drop | None:
    """What `after` lost against `before`; None without annotated people or where a side is not finite.

    The standard errors are those of what single people add to AP and PCK, paired: most of what differs between people is
    the same on both sides.
    """
    scores = [accuracy(side, truth, spec) for side in (before, after)]
    if scores[0] is None or scores[1] is None:
        return None
    shares = [_shares(side, truth, spec) for side in (before, after)]
    lost = 100 * (shares[0] - shares[1])
    errors = lost.std(axis=0, ddof=min(1, len(lost) - 1)) / math.sqrt(len(lost))
    ap, pck = (100 * (getattr(scores[0], name) - getattr(scores[1], name)) for name in ("ap", "pck"))
    return Drop(None if math.isnan(ap) else ap, float(errors[0]), pck, float(errors[1]), len(lost))


def _shares(found: Sequence[Found], truth: Sequence[Truth | None], spec: PoseSpec) -> Floats:
    """(n, 2): of each annotated person the fraction of COCO's ten OKS thresholds reached, and of keypoints within PCK's."""
    rows = []
    for f, t in zip(found, truth, strict=True):
        if t is None:
            continue
        labelled = t.keypoints[None, :, 2] > 0
        points = f.keypoints[:1, :, :2]
        similarity = oks(points, t.keypoints[None, :, :2], np.array([t.area]), spec.keypoints.oks_sigmas, labelled)
        near = np.linalg.norm(points[0] - t.keypoints[:, :2], axis=1) <= PCK_FRACTION * _longer_side(t)
        seen = t.keypoints[:, 2] == 2
        rows.append([float((similarity[0] > THRESHOLDS).mean()), float(near[seen].mean()) if seen.any() else 0.0])
    return np.array(rows)


def _longer_side(truth: Truth) -> float:
    x1, y1, x2, y2 = truth.box_xyxy
    return max(x2 - x1, y2 - y1)


def _average_precision(pairs: list[tuple[Found, Truth]], spec: PoseSpec) -> float:
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        return float("nan")
    annotations, detections = [], []
    for number, (f, t) in enumerate(pairs, start=1):
        x1, y1, x2, y2 = t.box_xyxy
        shared = {"image_id": t.image_id, "category_id": 1}
        annotations.append({**shared, "id": number, "iscrowd": 0, "area": t.area, "bbox": [x1, y1, x2 - x1, y2 - y1],
                            "keypoints": t.keypoints.ravel().tolist(), "num_keypoints": int((t.keypoints[:, 2] > 0).sum())})  # fmt: skip
        rows = np.concatenate([f.keypoints[0, :, :2], np.ones((spec.keypoint_count, 1))], axis=1)
        detections.append({**shared, "keypoints": rows.ravel().tolist(), "score": float(f.scores.mean())})
    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = {"images": [{"id": i} for i in sorted({t.image_id for _, t in pairs})],
                          "categories": [{"id": 1, "name": "person"}], "annotations": annotations}  # fmt: skip
        ground.createIndex()
        evaluation = COCOeval(ground, ground.loadRes(detections), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.asarray(spec.keypoints.oks_sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])
