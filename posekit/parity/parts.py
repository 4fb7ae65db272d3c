"""Whether left and right parts of a dense result are those of the contract, by the keypoints that lie on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.parity.cases import Case
from posekit.parity.contract.anatomy import chance
from posekit.parity.contract.verdict import LUCK
from posekit.parity.gate import Check, Outcome
from posekit.parity.metrics import Found
from posekit.poses.dense import DenseMap, in_source, values_at
from posekit.poses.transforms import invert, moved

MOST_THROWS = 200  # of the coin that a vote is held against; more prove no more
SIDES = ("left", "right")


@dataclass(frozen=True, slots=True)
class Votes:
    """Keypoints of a case that have a side and lie on a part that has one. agree: of them those on a part of their
    side."""

    result: str
    agree: int
    count: int


def votes_of(case: Case, found: Found, dense: Sequence[DenseMap], spec: PoseSpec) -> tuple[Votes, ...]:
    """One a dense result whose labels have sides; dense: over the input."""
    sides = np.array([_side(name) for name in spec.keypoints.names])
    least = of(spec.decoder).tracking_score(spec.decoder, spec.input.size_wh)
    there = (found.scores >= least) & (sides > 0) & np.isfinite(found.keypoints).all(axis=-1)
    votes = []
    for one in dense:
        of_labels = np.array([0, *(_side(label) for label in one.labels)])
        if one.is_mask or not of_labels.any():
            continue
        over = in_source(one, case.transform)
        labels = values_at(over, moved(invert(over.matrix), found.keypoints[..., :2][there])).astype(int)
        on, own = of_labels[labels], np.broadcast_to(sides, there.shape)[there]
        votes.append(Votes(one.name, int((on == own).sum()), int((on > 0).sum())))
    return tuple(votes)


def part_checks(votes: Sequence[Votes]) -> list[Check]:
    """What the votes of all cases say of the contract's labels; SKIPPED where they are too few to prove anything."""
    checks = []
    for result in dict.fromkeys(one.result for one in votes):
        agree, count = (sum(getattr(one, what) for one in votes if one.result == result) for what in ("agree", "count"))
        text = f"{agree} of {count} keypoints on a part that has a side are of that side"
        name = f"contract, left and right of {result}"
        thrown = min(count, MOST_THROWS)
        if not count or chance(max(agree, count - agree) * thrown // count, thrown) >= LUCK:
            checks.append(Check(name, Outcome.SKIPPED, f"{text}, which is no proof"))
        else:
            checks.append(Check(name, Outcome.PASS if 2 * agree > count else Outcome.FAIL, text))
    return checks


def _side(name: str) -> int:
    """1 for what is left, 2 for what is right, 0 for what has no side."""
    words = name.split("_")
    return next((number for number, side in enumerate(SIDES, 1) if side in words), 0)
