"""One step of the waterfall: two sides of the same cases, and how far one is from the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from posekit.contract.spec import GateSpec, PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.parity.barely import barely_in, nudge
from posekit.parity.cases import Case, found_in
from posekit.parity.dense import DenseError, DenseTally, dense_in, worst_of
from posekit.parity.drift import Drift, drift_of, near_reference, settled
from posekit.parity.matching import Barely, PeopleCount, aligned
from posekit.parity.metrics import Found, KeypointError, TensorError, TensorTally, compare_keypoints
from posekit.poses.dense import DenseMap

# in the order in which a picture passes them; `contract` is the training code's own predictions against the reference
NAMES = ("contract", "preprocessing", "conversion", "precision", "decoding", "accelerator")
OF_THE_GRAPH = ("conversion", "precision")


@dataclass(frozen=True, slots=True)
class Step:
    """What one step adds: keypoint and tensor errors, what of them counts against a gate, and, where there may be
    several people, who is seen on one side alone, and what of dense results agrees; or why it was not measured.
    is_one_motion: whether all keypoints of each case are off by one turn, scale and shift, as a crop's are."""

    name: str
    keypoints: KeypointError | None = None
    tensors: tuple[TensorError, ...] = ()
    skipped: str = ""
    drift: Drift | None = None
    people: PeopleCount | None = None
    dense: tuple[DenseError, ...] = ()
    is_one_motion: bool = False

    @property
    def lost(self) -> int:
        """How many people one side alone has; 0 where the model finds the one of a region."""
        return 0 if self.people is None else len(self.people.missed) + len(self.people.invented)


class Side:
    """One model's keypoints so far, what near ties make of those it is compared with, and its tensors against
    theirs."""

    def __init__(self, gate: GateSpec) -> None:
        self.gate = gate
        self.found: list[Found] = []
        self.near: list[Found] = []
        self.barely: list[tuple[Barely, Barely] | None] = []
        self.tallies: dict[str, TensorTally] = {}
        self.dense: dict[str, DenseTally] = {}

    def add(self, case: Case, outputs: Outputs, expected: Outputs, spec: PoseSpec) -> None:
        """Add a case by its outputs."""
        self.add_tensors(case, outputs, expected)
        self.add_found(case, found_in(case, outputs, spec), outputs, expected, spec)
        self.add_dense(case, dense_in(outputs, spec), dense_in(expected, spec))

    def add_found(self, case: Case, found: Found, outputs: Outputs, expected: Outputs, spec: PoseSpec) -> None:
        """Add the people of a case who were decoded from `outputs`, to be compared with those of `expected`."""
        self.found.append(found)
        self.near.append(near_reference(case, outputs, expected, spec, self.gate.tie or 0.0))
        if not spec.may_find_nobody or outputs is expected:  # the same outputs are on the same side of every threshold
            self.barely.append(None)
        else:
            by = nudge(self.gate)
            self.barely.append((barely_in(case, outputs, spec, by), barely_in(case, expected, spec, by)))

    def add_tensors(self, case: Case, seen: Outputs, expected: Outputs) -> None:
        """Tally the tensors of a case; names and shapes are equal."""
        for name, values in expected.items():
            self.tallies.setdefault(name, TensorTally(name)).add(case.name, seen[name], values)

    def add_dense(self, case: Case, seen: Sequence[DenseMap], expected: Sequence[DenseMap]) -> None:
        """Tally the dense results of a case, of one grid on both sides; `seen` is empty where it has no numbers."""
        for place, one in enumerate(expected):
            tally = self.dense.setdefault(one.name, DenseTally(one.name))
            tally.add(case.name, seen[place] if seen else None, one)

    def step(self, name: str, against: Sequence[Found], spec: PoseSpec) -> Step:
        """This side against another, person by person; with a `min_score` only keypoints whose score there is at least
        that count."""
        names, sigmas = spec.keypoints.names, spec.keypoints.oks_sigmas
        tensors = tuple(tally.result() for tally in self.tallies.values())
        dense = tuple(tally.result() for tally in self.dense.values())
        seen, expected, matched = aligned(self.found, against, sigmas, self.barely, one_each=not spec.has_several)
        people = matched if spec.may_find_nobody else None
        if not any(len(one.keypoints) for one in expected):
            return Step(name, None, tensors, _why_nobody(matched), people=people, dense=dense)
        least = self.gate.min_score
        error = compare_keypoints(seen, expected, names, sigmas, -math.inf if least is None else least)
        tie = self.gate.tie or 0.0
        near = [settled(*three, spec, tie) for three in zip(self.near, seen, expected, strict=True)]
        drift = drift_of(seen, expected, near, names, sigmas, self.gate)
        return Step(name, error, tensors, drift=drift, people=people, dense=dense)


def _why_nobody(people: PeopleCount) -> str:
    if not people.reference:
        return "the reference has nobody in these pictures"
    return f"none of {people.reference} people of the reference is among the {people.seen} that were seen"


def blame(steps: Sequence[Step], limit_px: float) -> tuple[str, ...]:
    """The steps that lose or invent people, or whose p95 keypoint error in the worst picture, near ties apart, is
    beyond `limit_px` (or no number), the largest first."""
    measured = [step for step in steps if step.lost or (step.drift is not None and step.drift.counted)]
    errors = {step.name: _error(step) for step in measured}
    beyond = [name for name, error in errors.items() if not error <= limit_px]
    return tuple(sorted(beyond, key=lambda name: -errors[name] if errors[name] == errors[name] else -math.inf))


def _error(step: Step) -> float:
    return math.inf if step.lost or step.drift is None else step.drift.worst_case_p95_px


def largest(steps: Sequence[Step]) -> tuple[str, ...]:
    """The step with the largest keypoint error, if there is any error; of those that move none in the picture, the one
    that moves them most in depth or in the world."""
    measured = [step for step in steps if step.drift is not None and step.drift.counted]
    worst = max(measured, key=_moved, default=None)
    return () if worst is None or _moved(worst) == (0, 0) else (worst.name,)


def _moved(step: Step) -> tuple[float, float]:
    """Largest errors in the picture, px, and beyond it; NaN is the largest."""
    assert step.drift is not None
    world = None if step.keypoints is None else step.keypoints.max_world_mm
    beyond = [one for one in (step.drift.max_z_px, step.drift.max_z_mm, world) if one is not None]
    in_picture, deep = (math.inf if math.isnan(one) else one for one in (step.drift.max_px, max([0.0, *beyond])))
    return in_picture, deep


def least_agreeing(steps: Sequence[Step]) -> tuple[str, ...]:
    """The step that changes most of the dense results, if any does; where labels agree, most of U and V."""
    worst = min(steps, key=_agreement, default=None)
    return () if worst is None or _agreement(worst) == (1, 0) else (worst.name,)


def _agreement(step: Step) -> tuple[float, float]:
    share = worst_of(step.dense)
    return -1.0 if math.isnan(share) else share, -max((one.mean_uv or 0.0 for one in step.dense), default=0.0)


def noisiest(steps: Sequence[Step]) -> tuple[str, ...]:
    """The step that adds most noise to an output of the network, if one does."""
    noise = {step.name: min((one.snr_db for one in step.tensors), default=math.inf) for step in steps}
    worst = min((name for name in OF_THE_GRAPH if name in noise), key=noise.__getitem__, default="")
    return (worst,) if worst and noise[worst] != math.inf else ()
