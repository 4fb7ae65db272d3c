"""The people whom a network finds in whole pictures, against those of the training code's own predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.errors import InputError
from posekit.parity.cases import cases_of, found_in
from posekit.parity.contract.probes import Network
from posekit.parity.gate import Check, Outcome
from posekit.parity.matching import best_pairs
from posekit.parity.metrics import Found
from posekit.parity.predictions import Prediction, Predictions
from posekit.poses import Floats
from posekit.poses.images import Photo

NEAR = 0.5  # half a person away
MOST_ALONE = 0.02  # of the people found: thresholds decide on a few


@dataclass(frozen=True, slots=True)
class Several:
    """Pairs of people, one a value, and the pictures that they are of; alone: the case of everybody whom the network
    finds and no prediction is near."""

    seen: tuple[Found, ...]
    expected: tuple[Found, ...]
    pictures: tuple[Path, ...]
    alone: tuple[str, ...]


def several(network: Network, spec: PoseSpec, photos: Sequence[Photo], predictions: Predictions) -> Several:
    """Compare the pictures that there are predictions of; InputError where nobody is near anybody."""
    seen, expected, pictures, alone = list[Found](), list[Found](), list[Path](), list[str]()
    for photo in photos:
        there = predictions.by_photo.get(photo.path, ())
        if not there:
            continue
        (case,) = cases_of(photo, spec)
        found = found_in(case, network(spec, case.pixels), spec)
        theirs = _predicted(case.name, there, spec)
        pairs = dict(best_pairs(_near(found, theirs), NEAR))
        seen += [found.taken([place]) for place in pairs.values()]
        expected += [theirs.taken([place]) for place in pairs]
        pictures += [photo.path] * len(pairs)
        alone += [case.name] * (len(found.sizes) - len(pairs))
    if not seen:
        total = sum(map(len, predictions.by_photo.values()))
        raise InputError(
            f"none of the reference's {total} predictions is near one of the {len(alone)} people that the network "
            "finds",
            "are they of this network? Is its input, and what its outputs mean, as the contract says?",
        )
    return Several(tuple(seen), tuple(expected), tuple(pictures), tuple(alone))


def _predicted(case: str, predictions: Sequence[Prediction], spec: PoseSpec) -> Found:
    points, scores = np.array([one.keypoints for one in predictions]), np.array([one.scores for one in predictions])
    found = Found(case, points, scores, scores[:, 0], scores[:, 0], partial=of(spec.decoder).partial)
    there = found.there[..., None]
    there |= ~there.any(axis=1, keepdims=True)  # predictions without any score
    sides = np.where(there, points, -np.inf).max(axis=1) - np.where(there, points, np.inf).min(axis=1)
    sides = np.maximum(sides, 1.0)
    return replace(found, sizes=sides.max(axis=1), areas=sides.prod(axis=1))


def _near(found: Found, theirs: Found) -> Floats:
    """How near the middles of all people are to those of all predictions (n, m): 1 at the same place, 0 a person's
    longer side away. Not by OKS, which keypoints that a wrong contract moves would not reach."""
    ours, predicted = (
        (one.keypoints[..., :2].min(axis=1) + one.keypoints[..., :2].max(axis=1)) / 2 for one in (found, theirs)
    )
    away = np.linalg.norm(predicted[:, None] - ours[None], axis=-1)
    return np.asarray(1 - away / theirs.sizes[:, None])


def same_people(found: Several) -> Check:
    """Whether the training code knows everybody whom the network finds under the contract; a lower threshold there,
    with more people, is no fault."""
    count, limit = len(found.seen) + len(found.alone), MOST_ALONE
    where = f", as in {found.alone[0]}" if found.alone else ""
    text = (
        f"no prediction is near {len(found.alone)} of {count} people that the network finds{where}, at most {limit:.0%}"
    )
    good = len(found.alone) <= limit * count
    return Check("contract, people", Outcome.PASS if good else Outcome.FAIL, text)
