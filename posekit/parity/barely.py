"""Who would be there too if the thresholds of a decoder were a little lower."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import GateSpec, PoseSpec
from posekit.decoders import of
from posekit.decoders.decoder import Outputs
from posekit.parity.cases import Case, found_in
from posekit.parity.matching import Barely, matched
from posekit.parity.metrics import Found

BARELY = 0.05  # by how much a confidence may move where no gate says


def nudge(gate: GateSpec) -> float:
    """By how much a threshold may be lower."""
    return BARELY if gate.max_score is None else gate.max_score


def looser(spec: PoseSpec, by: float) -> PoseSpec:
    """The contract with thresholds that are lower by so much."""
    return spec.decoding(of(spec.decoder).looser(spec.decoder, by))


def barely_in(case: Case, outputs: Outputs, spec: PoseSpec, by: float) -> Barely:
    """The people of one case who are not there, and would be if thresholds were lower by so much."""
    there, more = (found_in(case, outputs, one) for one in (spec, looser(spec, by)))
    return Barely(there, more, anew(there, more, spec.keypoints.oks_sigmas))


def anew(there: Found, more: Found, sigmas: tuple[float, ...]) -> NDArray[np.bool_]:
    """Which keypoints (N, K) of `more` are not `there`: all of a person who is new.

    Each of those who are there is one of `more`, be it a little elsewhere: a lower threshold moves weighted means.
    """
    match = matched(more, there, sigmas)
    new = np.ones(more.scores.shape, bool)
    for one, other in zip(match.seen, match.reference, strict=True):
        new[one] = more.there[one] & ~there.there[other]
    return new
