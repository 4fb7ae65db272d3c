"""The waterfall's first step: the network under the spec against the training code's own predictions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from posekit.contract.spec import GateSpec, PoseSpec
from posekit.errors import InputError
from posekit.parity.cases import Case, cases_of, found_in
from posekit.parity.contract.anatomy import chance, left_on_right
from posekit.parity.contract.probes import Network
from posekit.parity.contract.several import same_people, several
from posekit.parity.contract.verdict import LUCK
from posekit.parity.drift import drift_of
from posekit.parity.gate import Check, Outcome, passed
from posekit.parity.metrics import Found, KeypointError, compare_keypoints
from posekit.parity.predictions import Prediction, Predictions
from posekit.parity.steps import Step
from posekit.poses.images import Person, Photo, load_image

Box = tuple[float, float, float, float]
# Mean distance as a fraction of the person. Half a pixel of a 128 px input is 0.4 %; rounding the crop to 8 bits, as
# cv2 does, is a tenth of that. docs/check.md has the figures.
LIMIT = 0.0025
SAME_BOX = 0.5  # intersection over union
INSIDE = 0.1  # of a box's area; with less of it in the picture it is of another one, or in other units


@dataclass(frozen=True, slots=True)
class ContractStep:
    """The step named `contract`, its gates, and how people were matched, in words."""

    step: Step
    checks: tuple[Check, ...]
    how: str

    @property
    def is_good(self) -> bool:
        """Whether no gate failed."""
        return passed(self.checks)


def contract_step(network: Network, spec: PoseSpec, photos: Sequence[Photo], predictions: Predictions) -> ContractStep:
    """Compare the eager network under `spec` with the training code's predictions of the same people.

    InputError where nobody can be matched: a top-down network needs boxes, in the predictions or of annotations.
    """
    seen: Sequence[Found]
    expected: Sequence[Found]
    people: tuple[Check, ...] = ()
    if spec.has_several:
        found = several(network, spec, photos, predictions)
        seen, expected, people = found.seen, found.expected, (same_people(found),)
        matched = [_Match(picture, False, None) for picture in found.pictures]
    else:
        seen, expected, matched = _one_each(network, spec, photos, predictions)
    if not expected:
        raise _nobody(predictions, spec)
    error = compare_keypoints(seen, expected, spec.keypoints.names, spec.keypoints.oks_sigmas, -math.inf)
    coverage = _coverage(matched, photos, spec)
    checks = (*people, _same_place(error, coverage), _same_sides(expected, spec))
    drift = drift_of(seen, expected, expected, spec.keypoints.names, spec.keypoints.oks_sigmas, GateSpec())
    return ContractStep(Step("contract", error, drift=drift), checks, _in_words(matched, predictions, coverage))


def _one_each(
    network: Network, spec: PoseSpec, photos: Sequence[Photo], predictions: Predictions
) -> tuple[list[Found], list[Found], list[_Match]]:
    """The person of each region, its prediction, and how they were matched."""
    seen, expected, matched = list[Found](), list[Found](), list[_Match]()
    for case, prediction, match in _matched(photos, predictions, spec):
        seen.append(found_in(case, network(spec, case.pixels), spec))
        points, scores = prediction.keypoints[None], prediction.scores[None]
        expected.append(Found(case.name, points, scores, seen[-1].sizes, seen[-1].areas, partial=seen[-1].partial))
        matched.append(match)
    return seen, expected, matched


def _nobody(predictions: Predictions, spec: PoseSpec) -> InputError:
    count = sum(map(len, predictions.by_photo.values()))
    why = ": a top-down network looks at people in boxes, and neither they nor annotations give any"
    given = any(p.box_xyxy for items in predictions.by_photo.values() for p in items)
    return InputError(
        f"none of the reference's {count} predictions is of a person who is looked at"
        + (why if spec.looks_at_regions and not given else ""),
        "give the boxes that the training code was given: `bbox` in the .json, `boxes_xyxy` in the .npz, or "
        "--annotations",
    )


def _coverage(matched: Sequence[_Match], photos: Sequence[Photo], spec: PoseSpec) -> str:
    """`3 of 15 annotated people`, or where nobody is annotated `7 people in 3 of 8 pictures`."""
    annotated = sum(len(photo.people) for photo in photos) if spec.looks_at_regions else 0
    if annotated:
        known = len({(match.picture, match.known) for match in matched if match.known is not None})
        others = sum(match.known is None for match in matched)
        return f"{known} of {annotated} annotated people" + (f" and {others} others" if others else "")
    pictures = len({match.picture for match in matched})
    return f"{len(matched)} people in {pictures} of {len(photos)} pictures"


def _in_words(matched: Sequence[_Match], predictions: Predictions, coverage: str) -> str:
    """Whom the figures are of, how they were found, and what was left out."""
    boxed = sum(match.by_box for match in matched)
    ways = {"by their boxes": boxed, "by where they are": len(matched) - boxed}
    said = [f"{count} {way}" if count < len(matched) else way for way, count in ways.items() if count]
    alone = sum(map(len, predictions.by_photo.values())) - len(matched)
    left_out = {
        "of other pictures": predictions.elsewhere, "of nobody who is looked at": alone,
        "that stand in the file before": predictions.repeated,
    }  # fmt: skip
    parts = [f"{count} predictions {what} left out" for what, count in left_out.items() if count]
    return "; ".join([f"{coverage}, {predictions.how}, {' and '.join(said)}", *parts])


def _same_place(error: KeypointError, coverage: str) -> Check:
    x, y = error.bias_px
    text = (
        f"for {coverage} keypoints lie {error.mean_px:.2f} px ({error.mean_of_size:.2%} of the person) from the "
        "training code's on average, "
        f"shifted by ({x:+.2f}, {y:+.2f}) px; at most {LIMIT:.2%}"
    )
    good = error.mean_of_size <= LIMIT  # false for NaN
    return Check("contract against the training code", Outcome.PASS if good else Outcome.FAIL, text)


def _same_sides(expected: Sequence[Found], spec: PoseSpec) -> Check:
    """Whether the spec's names put left where it belongs in the training code's own predictions."""
    name = "contract, left and right"
    places = np.array([found.keypoints[0] / found.sizes[0] for found in expected])
    votes = left_on_right(places, np.array([found.scores[0] for found in expected]), spec.keypoints.names)
    votes = votes[np.isfinite(votes)]
    right, count = int(votes.sum()), len(votes)
    text = f"{right} of {count} people facing the camera have their left on the picture's right"
    if not count or chance(max(right, count - right), count) >= LUCK:
        return Check(name, Outcome.SKIPPED, f"{text}, which is no proof")
    return Check(name, Outcome.PASS if 2 * right > count else Outcome.FAIL, text)


@dataclass(frozen=True, slots=True)
class _Match:
    """How a region was found. by_box: whether it is the prediction's own; known: the annotated person's index."""

    picture: Path
    by_box: bool
    known: int | None


def _matched(
    photos: Sequence[Photo], predictions: Predictions, spec: PoseSpec
) -> Iterator[tuple[Case, Prediction, _Match]]:
    """Pairs of a region and its prediction, each used once: its own box where it has one, else the nearest region.

    Top-down, what has no box belongs to the annotated people whom no box is of; without them to nobody.
    """
    for photo in photos:
        found = predictions.by_photo.get(photo.path, ())
        boxed = [p for p in found if p.box_xyxy is not None] if spec.looks_at_regions else []
        bare = [p for p in found if p.box_xyxy is None or not spec.looks_at_regions]
        taken: set[int] = set()
        if boxed:
            _require_inside(photo, boxed)
            people = [_with_area(p.box_xyxy, photo) for p in boxed if p.box_xyxy is not None]
            cases = cases_of(replace(photo, people=tuple(person for person, _ in people)), spec)
            for case, prediction, (_, known) in zip(cases, boxed, people, strict=True):
                taken |= set() if known is None else {known}
                yield case, prediction, _Match(photo.path, True, known)
        if bare and (photo.people or not spec.looks_at_regions):
            regions = [(index, case) for index, case in enumerate(cases_of(photo, spec)) if index not in taken]
            for place, prediction in _nearest([case for _, case in regions], bare):
                known, case = regions[place]
                yield case, prediction, _Match(photo.path, False, known)


def _require_inside(photo: Photo, boxed: Sequence[Prediction]) -> None:
    """InputError for a box that has little of its picture in it."""
    height, width = load_image(photo.path).shape[:2]
    for x1, y1, x2, y2 in (p.box_xyxy for p in boxed if p.box_xyxy is not None):
        inside = max(min(x2, width) - max(x1, 0), 0) * max(min(y2, height) - max(y1, 0), 0)
        if not inside >= INSIDE * (x2 - x1) * (y2 - y1):
            raise InputError(
                f"a prediction of {photo.name} has the box {x1:g}, {y1:g}, {x2:g}, {y2:g}, "
                f"of which less than {INSIDE:.0%} is in the picture of {width} x {height} px",
                "boxes are source px: `bbox` x, y, width, height, `boxes_xyxy` the corners",
            )


def _with_area(box: Box, photo: Photo) -> tuple[Person, int | None]:
    """The person of a box, with the area of the annotated one whose box is the same, and that one's index."""
    near = [_overlap(other.box_xyxy, box) for other in photo.people]
    best = max(range(len(near)), key=near.__getitem__, default=None)
    if best is not None and near[best] >= SAME_BOX:
        return Person(box, area=photo.people[best].area), best
    x1, y1, x2, y2 = box
    return Person(box, area=(x2 - x1) * (y2 - y1)), None


def _overlap(one: Box, two: Box) -> float:
    width, height = (min(one[i + 2], two[i + 2]) - max(one[i], two[i]) for i in (0, 1))
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, two))
    return shared / max(areas - shared, 1e-9)


def _nearest(cases: Sequence[Case], found: Sequence[Prediction]) -> Iterator[tuple[int, Prediction]]:
    """Each prediction with the index of its case, nearest first, by the middle of the keypoints; no farther than half
    the person."""
    away = sorted(
        (_distance(case, prediction), i, j)
        for (i, case), (j, prediction) in product(enumerate(cases), enumerate(found))
    )
    cases_left, found_left = set(range(len(cases))), set(range(len(found)))
    pairs = []
    for distance, i, j in away:
        if i in cases_left and j in found_left and distance <= 0.5:
            cases_left.remove(i)
            found_left.remove(j)
            pairs.append((i, j))
    yield from ((i, found[j]) for i, j in sorted(pairs))


def _distance(case: Case, prediction: Prediction) -> float:
    """From the region's centre to the keypoints' middle, in units of the person."""
    low, high = prediction.keypoints.min(axis=0), prediction.keypoints.max(axis=0)
    return float(np.linalg.norm((low + high) / 2 - case.region.center_xy) / case.size)
