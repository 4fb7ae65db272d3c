"""Where no boxes are given, the network finds its people itself: look at the frame, then closer, then closer still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from posekit.contract.spec import PoseSpec
from posekit.parity.contract.evidence import evidence, over_subjects
from posekit.parity.contract.probes import AS_IT_IS, Prober
from posekit.parity.contract.subjects import Subject
from posekit.parity.contract.verdict import ALIVE

CLOSER = 3
GROWN = 0.08  # of the longer side: a person reaches beyond the keypoints
SMALLEST = 16.0  # px: less is no person


def find_people(prober: Prober, contracts: Sequence[PoseSpec]) -> tuple[Subject, ...]:
    """The same subjects with the boxes that the network finds under the contract which follows the picture best.

    Looks again at what it found, and drops contracts that follow half as well as the best. People whom it follows
    badly in the end are left out, and that may be everybody.
    """
    subjects, alive = prober.subjects, list(contracts)
    for _ in range(CLOSER):
        closer = Prober(prober.network, subjects)
        seen = [evidence(closer, spec) for spec in alive]
        follow = [over_subjects(e.follow) for e in seen]
        best = alive[int(np.argmax(follow))]
        subjects = tuple(_boxed(closer, best, index) for index in range(len(subjects)))
        alive = [spec for spec, value in zip(alive, follow, strict=True) if value >= 0.5 * max(follow)]
    last = evidence(Prober(prober.network, subjects), best).follow
    return tuple(subject for subject, value in zip(subjects, last, strict=True) if value >= ALIVE)


def _boxed(prober: Prober, spec: PoseSpec, index: int) -> Subject:
    subject = prober.subjects[index]
    points = prober.look(spec, index, AS_IT_IS).keypoints
    if not np.isfinite(points).all():
        return subject
    (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    grow = GROWN * max(x2 - x1, y2 - y1)
    box = (x1 - grow, y1 - grow, x2 + grow, y2 + grow)
    size = max(box[2] - box[0], box[3] - box[1])
    return replace(subject, box_xyxy=box, size=size) if size >= SMALLEST else subject
