"""One step of the waterfall: two sides of the same cases, and how far one is from the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from posekit.parity.cases import Case, Tensors, found_in
from posekit.parity.metrics import Found, KeypointError, TensorError, TensorTally, compare_keypoints
from posekit.spec import PoseSpec

# in the order in which a picture passes them; `contract` is the training code's own predictions against the reference
NAMES = ("contract", "preprocessing", "conversion", "precision", "decoding", "accelerator")


@dataclass(frozen=True, slots=True)
class Stage:
    """What one step adds: keypoint and tensor errors, or why it was not measured."""

    name: str
    keypoints: KeypointError | None = None
    tensors: tuple[TensorError, ...] = ()
    skipped: str = ""


class Side:
    """One model's keypoints so far, and its tensors against those that were expected."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.tallies: dict[str, TensorTally] = {}

    def add(self, case: Case, outputs: Tensors, expected: Tensors, spec: PoseSpec) -> None:
        """Add a case by its outputs."""
        self.add_tensors(case, outputs, expected)
        self.found.append(found_in(case, outputs, spec))

    def add_tensors(self, case: Case, seen: Tensors, expected: Tensors) -> None:
        """Tally the tensors of a case; names and shapes are equal."""
        for name, values in expected.items():
            self.tallies.setdefault(name, TensorTally(name)).add(case.name, seen[name], values)

    def stage(self, name: str, against: Sequence[Found], spec: PoseSpec, least: float | None) -> Stage:
        """This side against another; only keypoints whose score there is at least `least` count, if that is given."""
        min_score = -math.inf if least is None else least
        error = compare_keypoints(self.found, against, spec.keypoints.names, spec.keypoints.oks_sigmas, min_score)
        return Stage(name, error, tuple(tally.result() for tally in self.tallies.values()))


def blame(stages: Sequence[Stage], limit_px: float) -> tuple[str, ...]:
    """The stages whose p95 keypoint error in the worst picture is beyond `limit_px` (or no number), the largest first."""
    errors = {stage.name: stage.keypoints.worst_case_p95_px for stage in stages if stage.keypoints is not None}
    beyond = [name for name, error in errors.items() if not error <= limit_px]
    return tuple(sorted(beyond, key=lambda name: -errors[name] if errors[name] == errors[name] else -math.inf))


def largest(stages: Sequence[Stage]) -> tuple[str, ...]:
    """The stage with the largest keypoint error, if there is any error."""
    measured = [stage for stage in stages if stage.keypoints is not None and stage.keypoints.max_px != 0]
    worst = max(measured, key=lambda stage: stage.keypoints.max_px if stage.keypoints else 0, default=None)
    return () if worst is None else (worst.name,)
