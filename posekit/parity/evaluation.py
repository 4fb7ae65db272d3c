"""The evidence for one model file: what was measured, step by step, and the gates that judge it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from posekit.parity.accuracy import Accuracy
from posekit.parity.gate import BOTH, DETECTOR, OF_DENSE, OF_KEYPOINTS, OF_PEOPLE, OF_TENSORS, Check, Outcome, passed
from posekit.parity.quality import Quality, quality_of
from posekit.parity.step_checks import DECODING, MAX_INPUT_DIFFERENCE
from posekit.parity.steps import Step, blame, largest, least_agreeing, noisiest
from posekit.parity.worst import CaseError

BLAMED_FROM_PX = 0.25  # p95 of a step in the worst picture; one pixel of a heatmap is worth 2 to 6 AP
# gates of what the steps are told of, not of the other passes of a device
OF_THE_STEPS = tuple(
    f"{where}{what}"
    for where in ("", "from the picture: ", "on the accelerator: ")
    for what in (OF_KEYPOINTS, OF_PEOPLE)
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evidence for one model file.

    status: VERIFIED, HOST, SIMULATED or UNVERIFIED; runtime: what ran it. total: what ships against the reference,
    from the picture where the wrapper was run, else from the reference's input; steps: the same, step by step.
    worst: the cases with the largest errors, worst first. accuracy: by `reference` and `packaged`, where there are
    annotations; accuracy_held: whether AP and PCK were gates, of enough annotated people, and held. of_detector: of two
    stages, the steps of the detector that its own evidence blames.
    """

    status: str
    runtime: str
    cases: int
    images: int
    total: Step
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    worst: tuple[CaseError, ...] = ()
    accuracy: Mapping[str, Accuracy] = field(default_factory=dict)
    accuracy_held: bool = False
    of_detector: tuple[str, ...] = ()

    @property
    def blamed(self) -> tuple[str, ...]:
        """The steps that the error comes from, the largest first; the largest alone where a gate is closer than what
        a step is blamed for; empty where all is well. Of two stages those of the detector follow by its name, and
        `both stages` where each is well by itself."""
        found = (*self._steps_blamed, *(f"{DETECTOR}: {name}" for name in self.of_detector))
        apart = any(check.name.startswith(BOTH) for check in self.checks if check.outcome is Outcome.FAIL)
        return found or ((BOTH,) if apart else ())

    @property
    def _steps_blamed(self) -> tuple[str, ...]:
        """Of this network alone."""
        known = {step.name: step for step in self.steps}
        found = blame(self.steps, BLAMED_FROM_PX)
        inputs = known["preprocessing"].tensors if "preprocessing" in known else ()
        if any(not tensor.max_abs <= MAX_INPUT_DIFFERENCE for tensor in inputs) and "preprocessing" not in found:
            found = (*found, "preprocessing")
        if {"preprocessing", "decoding"} <= set(found) and self._cancels(known):
            # one transform, wrong both ways: decoding only undoes what preprocessing did
            found = tuple(name for name in found if name != "decoding")
        failed = [check.name for check in self.checks if check.outcome is Outcome.FAIL]
        failed = [name for name in failed if not name.startswith(f"{DETECTOR}: ")]
        if "contract" not in found and any(name.startswith("contract") for name in failed):
            found = (*found, "contract")
        if not found and any(name.startswith(DECODING) for name in failed):  # not where keypoints lie, but whose
            return ("decoding",)
        moved = any(name.startswith(OF_THE_STEPS) for name in failed)
        blurred, noisy = (any(name.endswith(ends) for name in failed) for ends in (OF_DENSE, OF_TENSORS))
        found = found or (largest(self.steps) if moved else ()) or (least_agreeing(self.steps) if blurred else ())
        return found or (noisiest(self.steps) if noisy else ())

    def _cancels(self, known: Mapping[str, Step]) -> bool:
        """Whether the way back from the input is that of a crop which is wrong on the way there: one motion of all
        keypoints, or one that makes up for most of what the way there did."""
        if known["decoding"].is_one_motion:
            return True
        total, there, back = (step.keypoints for step in (self.total, known["preprocessing"], known["decoding"]))
        if total is None or there is None or back is None:
            return False
        (x, y), (u, v) = there.bias_px, back.bias_px
        return total.p95_px <= 0.5 * there.p95_px or math.hypot(x + u, y + v) <= 0.25 * math.hypot(x, y)

    @property
    def quality(self) -> Quality | None:
        """What ships in the few numbers of a table; None where nothing was measured."""
        sides = self.accuracy.get("reference"), self.accuracy.get("packaged")
        return quality_of(self.total.keypoints, *sides, self.total.people)

    @property
    def is_good(self) -> bool:
        """Whether no gate failed."""
        return passed(self.checks)


def unverified(reason: str) -> Evaluation:
    """The evidence for a model that cannot be run here: none, with the reason."""
    check = Check("keypoints against the reference", Outcome.SKIPPED, reason)
    return Evaluation("UNVERIFIED", "not run", 0, 0, Step("total", skipped=reason), (), (check,))


def wrong_shape(problem: str, status: str, runtime: str) -> Evaluation:
    """The evidence for a model whose outputs are not the reference's: no keypoint can be compared."""
    check = Check("names and shapes", Outcome.FAIL, problem)
    return Evaluation(status, runtime, 0, 0, Step("total", skipped=problem), (), (check,))
