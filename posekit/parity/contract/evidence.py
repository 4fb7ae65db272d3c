"""What a contract makes of a network's answers: does the prediction move with the picture, and does it agree with
labels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from posekit.contract.spec import PoseSpec
from posekit.parity.accuracy import PCK_FRACTION
from posekit.parity.contract.probes import AS_IT_IS, MIRROR, SCALES, SHIFTS, Prober, partners
from posekit.parity.metrics import oks
from posekit.poses import Floats

SIGMA = 0.03  # of the person: how far off still counts as the same place
SAME_PLACE = 0.1  # of the person: a mirrored look farther off has found something else


@dataclass(frozen=True, slots=True)
class Evidence:
    """Figures of one contract, one row a subject (S,); NaN where there is nothing to say.

    follow: 0-1, how well keypoints stay on the person when the crop moves and scales, each weighted by how far a
    prediction that does not move would be off. shift, scale, flip: median distances as fractions of the person.
    mirror_px: signed x difference of the mirrored look, input px, the mean of the middle half of the keypoints: twice
    what the coordinates are off.
    oks, pck: against annotations. places (S, K, 2): the keypoints in units of the person; scores (S, K).
    """

    follow: Floats
    shift: Floats
    scale: Floats
    flip: Floats
    mirror_px: Floats
    oks: Floats
    pck: Floats
    places: Floats
    scores: Floats

    @property
    def score(self) -> Floats:
        """Mean keypoint score (S,)."""
        return np.asarray(self.scores.mean(axis=1))


def evidence(prober: Prober, spec: PoseSpec) -> Evidence:
    """Look at every subject in every way under one contract."""
    rows = [_one(prober, spec, index) for index in range(len(prober.subjects))]
    keypoints, scores = (np.array([row[side] for row in rows]) for side in (0, 1))
    sizes = np.array([row[3] for row in rows])
    follow, shift, scale, flip, mirror_px = np.array([row[2] for row in rows]).T
    oks_values, pck = np.array([_labels(prober, spec, index, points) for index, points in enumerate(keypoints)]).T
    places = keypoints / sizes[:, None, None]
    return Evidence(follow, shift, scale, flip, mirror_px, oks_values, pck, places, scores)


def _one(prober: Prober, spec: PoseSpec, index: int) -> tuple[Floats, Floats, tuple[float, ...], float]:
    """Keypoints, scores, figures and the person's longer side, px."""
    base = prober.look(spec, index, AS_IT_IS)
    size = base.size or prober.subjects[index].size
    moved = prober.subjects[index].size / size  # a look is shifted by a fraction of the subject
    centre = prober.transform(spec, index, AS_IT_IS).to_source(np.array(spec.input.size_wh) / 2)
    apart = {}
    weights, near = [], []
    for probe in (*SHIFTS, *SCALES):
        seen = prober.look(spec, index, probe, near=base.keypoints).keypoints
        distance = np.linalg.norm(seen - base.keypoints, axis=1) / size
        apart[probe] = distance
        weights.append(_unmoved(np.array(probe.shift) * moved, (base.keypoints - centre) * (probe.scale - 1) / size))
        near.append(np.exp(-0.5 * (distance / SIGMA) ** 2))
    mirrored = prober.look(spec, index, MIRROR, partners(spec), base.keypoints).keypoints - base.keypoints
    flip = np.linalg.norm(mirrored, axis=1) / size
    weight, same = np.array(weights), np.array(near)
    follow = float((same * weight).sum() / max(weight.sum(), 1e-9)) if np.isfinite(same).all() else 0.0
    px = prober.transform(spec, index, AS_IT_IS).matrix[0, 0]
    figures = (
        follow,
        float(np.median([apart[probe] for probe in SHIFTS])),
        float(np.median([apart[probe] for probe in SCALES])),
        float(np.median(flip)),
        _middle(mirrored[flip < SAME_PLACE, 0] * px),
    )
    return base.keypoints, base.scores, figures, size


def _unmoved(shift: Floats, scaled: Floats) -> Floats:
    """How far off, of the person's size, keypoints are that stay where they are in the crop: (K,)."""
    return np.asarray(np.linalg.norm(shift + scaled, axis=1))


def _labels(prober: Prober, spec: PoseSpec, index: int, points: Floats) -> tuple[float, float]:
    """OKS and PCK of one subject, NaN without annotated keypoints."""
    subject = prober.subjects[index]
    if subject.truth is None or not (subject.truth[:, 2] > 0).any():
        return float("nan"), float("nan")
    if not np.isfinite(points).all():
        return 0.0, 0.0
    known = subject.truth[:, 2] > 0
    near = np.linalg.norm(points - subject.truth[:, :2], axis=1) <= PCK_FRACTION * subject.size
    similarity = oks(
        points[None], subject.truth[None, :, :2], np.array([subject.area]), spec.keypoints.oks_sigmas, known[None]
    )
    return float(similarity[0]), float(near[known].mean())


def _middle(values: Floats) -> float:
    """Mean of the middle half, which single keypoints that jumped do not move; NaN of nothing."""
    cut = len(values) // 4
    return float(np.sort(values)[cut : len(values) - cut].mean()) if len(values) else float("nan")


def over_subjects(values: Floats) -> float:
    """Mean over the subjects that have a value, NaN where none has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of an empty mean
        return float(np.nanmean(values))
