"""The waterfall's first stage: the network under the spec against the training code's own predictions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from posekit.checking.anatomy import chance, left_on_right
from posekit.checking.probes import Network
from posekit.checking.verdict import LUCK
from posekit.errors import InputError
from posekit.images import Person, Photo
from posekit.parity.cases import Case, cases_of, found_in
from posekit.parity.gate import Check, Outcome, passed
from posekit.parity.metrics import Found, KeypointError, compare_keypoints
from posekit.parity.predictions import Prediction, Predictions
from posekit.parity.stages import Stage
from posekit.spec import PoseSpec

# Mean distance as a fraction of the person. Half a pixel of a 128 px input is 0.4 %; rounding the crop to 8 bits, as
# cv2 does, is a tenth of that. docs/check.md has the figures.
LIMIT = 0.0025
SAME_BOX = 0.5  # intersection over union


@dataclass(frozen=True, slots=True)
class ContractStage:
    """The stage named `contract`, its gates, and how people were matched, in words."""

    stage: Stage
    checks: tuple[Check, ...]
    how: str

    @property
    def is_good(self) -> bool:
        """Whether no gate failed."""
        return passed(self.checks)


def contract_stage(
    network: Network, spec: PoseSpec, photos: Sequence[Photo], predictions: Predictions
) -> ContractStage:
    """Compare the eager network under `spec` with the training code's predictions of the same people.

    InputError where nobody can be matched.
    """
    seen: list[Found] = []
    expected: list[Found] = []
    for case, prediction in _matched(photos, predictions, spec):
        seen.append(found_in(case, network(spec, case.pixels), spec))
        sizes, areas = seen[-1].sizes, seen[-1].areas
        expected.append(Found(case.name, prediction.keypoints[None], prediction.scores[None], sizes, areas))
    if not expected:
        raise InputError(
            "none of the reference's predictions is of a person who is looked at",
            "give the boxes that the training code was given, in the file or with --annotations",
        )
    error = compare_keypoints(seen, expected, spec.keypoints.names, spec.keypoints.oks_sigmas, -math.inf)
    boxes = any(p.box_xyxy for items in predictions.by_photo.values() for p in items)
    how = f"{len(expected)} people, {predictions.how}, {'by their boxes' if boxes else 'by where they are'}"
    how += f"; {predictions.elsewhere} predictions of other pictures left out" if predictions.elsewhere else ""
    return ContractStage(Stage("contract", error), (_same_place(error), _same_sides(expected, spec)), how)


def _same_place(error: KeypointError) -> Check:
    x, y = error.bias_px
    text = (
        f"keypoints lie {error.mean_px:.2f} px ({error.mean_of_size:.2%} of the person) from the training code's on average, "
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


def _matched(photos: Sequence[Photo], predictions: Predictions, spec: PoseSpec) -> Iterator[tuple[Case, Prediction]]:
    """Pairs of a region and its prediction, each used once; regions are the predictions' own boxes where they have any."""
    for photo in photos:
        found = predictions.by_photo.get(photo.path, ())
        own = [(Person(p.box_xyxy), p) for p in found if p.box_xyxy is not None]
        if spec.kind == "top_down" and found and len(own) == len(found):
            boxed = replace(photo, people=tuple(_with_area(person, photo) for person, _ in own))
            yield from zip(cases_of(boxed, spec), found, strict=True)
        elif found:
            yield from _nearest(cases_of(photo, spec), found)


def _with_area(person: Person, photo: Photo) -> Person:
    """The person with its box's area, or the annotation's where that is of the same box."""
    x1, y1, x2, y2 = person.box_xyxy
    annotated = max(photo.people, key=lambda other: _overlap(other.box_xyxy, person.box_xyxy), default=None)
    if annotated is not None and _overlap(annotated.box_xyxy, person.box_xyxy) >= SAME_BOX:
        return replace(person, area=annotated.area)
    return replace(person, area=(x2 - x1) * (y2 - y1))


def _overlap(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> float:
    width, height = (min(one[i + 2], two[i + 2]) - max(one[i], two[i]) for i in (0, 1))
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, two))
    return shared / max(areas - shared, 1e-9)


def _nearest(cases: Sequence[Case], found: Sequence[Prediction]) -> Iterator[tuple[Case, Prediction]]:
    """Nearest first, by the middle of the keypoints; no farther than half the person."""
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
    yield from ((cases[i], found[j]) for i, j in sorted(pairs))


def _distance(case: Case, prediction: Prediction) -> float:
    """From the region's centre to the keypoints' middle, in units of the person."""
    low, high = prediction.keypoints.min(axis=0), prediction.keypoints.max(axis=0)
    return float(np.linalg.norm((low + high) / 2 - case.region.center_xy) / case.size)
