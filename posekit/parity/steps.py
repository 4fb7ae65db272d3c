"""One step of the waterfall: two sides of the same cases, and how far one is from the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from posekit.contract.spec import GateSpec, PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.parity.cases import Case, found_in
from posekit.parity.drift import Drift, drift_of, near_reference
from posekit.parity.matching import People, aligned, matched
from posekit.parity.metrics import Found, KeypointError, TensorError, TensorTally, compare_keypoints

# in the order in which a picture passes them; `contract` is the training code's own predictions against the reference
NAMES = ("contract", "preprocessing", "conversion", "precision", "decoding", "accelerator")


@dataclass(frozen=True, slots=True)
class Step:
    """What one step adds: keypoint and tensor errors, and what of them counts against a gate; or why it was not
    measured."""

    name: str
    keypoints: KeypointError | None = None
    tensors: tuple[TensorError, ...] = ()
    skipped: str = ""
    drift: Drift | None = None
    people: People | None = None


class Side:
    """One model's keypoints so far, what near ties make of those it is compared with, and its tensors against
    theirs."""

    def __init__(self, gate: GateSpec) -> None:
        self.gate = gate
        self.found: list[Found] = []
        self.near: list[Found] = []
        self.tallies: dict[str, TensorTally] = {}

    def add(self, case: Case, outputs: Outputs, expected: Outputs, spec: PoseSpec) -> None:
        """Add a case by its outputs."""
        self.add_tensors(case, outputs, expected)
        self.add_found(case, found_in(case, outputs, spec), outputs, expected, spec)

    def add_found(self, case: Case, found: Found, outputs: Outputs, expected: Outputs, spec: PoseSpec) -> None:
        """Add the keypoints of a case that were decoded from `outputs`, to be compared with those of `expected`."""
        self.found.append(found)
        self.near.append(near_reference(case, outputs, expected, spec, self.gate.tie or 0.0))

    def add_tensors(self, case: Case, seen: Outputs, expected: Outputs) -> None:
        """Tally the tensors of a case; names and shapes are equal."""
        for name, values in expected.items():
            self.tallies.setdefault(name, TensorTally(name)).add(case.name, seen[name], values)

    def step(self, name: str, against: Sequence[Found], spec: PoseSpec) -> Step:
        """This side against another, person by person; with a `min_score` only keypoints whose score there is at least
        that count."""
        names, sigmas = spec.keypoints.names, spec.keypoints.oks_sigmas
        tensors = tuple(tally.result() for tally in self.tallies.values())
        seen, expected, people = aligned(self.found, against, sigmas)
        if not any(len(one.keypoints) for one in expected):
            return Step(name, None, tensors, _why_nobody(people), people=people)
        least = self.gate.min_score
        error = compare_keypoints(seen, expected, names, sigmas, -math.inf if least is None else least)
        near = [_beside(*pair, sigmas) for pair in zip(self.near, expected, strict=True)]
        drift = drift_of(seen, expected, near, names, sigmas, self.gate)
        return Step(name, error, tensors, drift=drift, people=people)


def _beside(near: Found, expected: Found, sigmas: Sequence[float]) -> Found:
    """Of what near ties make of the reference the instances of `expected`; one that has no partner stays as it is."""
    match = matched(near.keypoints, expected.keypoints, expected.areas, sigmas)
    keypoints = expected.keypoints.copy()
    keypoints[list(match.reference)] = near.keypoints[list(match.seen)]
    return replace(expected, keypoints=keypoints)


def _why_nobody(people: People) -> str:
    if not people.reference:
        return "the reference has nobody in these pictures"
    return f"none of {people.reference} people of the reference is among the {people.seen} that were seen"


def blame(steps: Sequence[Step], limit_px: float) -> tuple[str, ...]:
    """The steps whose p95 keypoint error in the worst picture, near ties apart, is beyond `limit_px` (or no number),
    the largest first."""
    measured = [(step.name, step.drift) for step in steps if step.drift is not None and step.drift.counted]
    errors = {name: drift.worst_case_p95_px for name, drift in measured}
    beyond = [name for name, error in errors.items() if not error <= limit_px]
    return tuple(sorted(beyond, key=lambda name: -errors[name] if errors[name] == errors[name] else -math.inf))


def largest(steps: Sequence[Step]) -> tuple[str, ...]:
    """The step with the largest keypoint error, if there is any error."""
    measured = [step for step in steps if step.drift is not None and step.drift.counted and step.drift.max_px != 0]
    worst = max(measured, key=lambda step: step.drift.max_px if step.drift else 0, default=None)
    return () if worst is None else (worst.name,)
