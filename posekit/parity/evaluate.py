"""Run reference and packaged model over the cases, one at a time, and judge the difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from posekit.contract.outputs import Run
from posekit.contract.precisions import Precision
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.parity.accuracy import Accuracy, Truth, accuracy, accuracy_drop, truth_of, why_no_truth
from posekit.parity.budget import Budget
from posekit.parity.cases import Case, Recorder, found_in
from posekit.parity.dense import dense_in
from posekit.parity.depth import depth_checks
from posekit.parity.evaluation import Evaluation, wrong_shape
from posekit.parity.gate import Check, Outcome, accuracy_skips, check_accuracy, check_budget, excused, gate_for
from posekit.parity.metrics import Found
from posekit.parity.parts import Votes, part_checks, votes_of
from posekit.parity.shipped import NO_DEVICE, NO_WRAPPER, Beside, Wrapper, WrapperSide
from posekit.parity.step_checks import (
    FROM_PICTURE,
    before_compression,
    decoding_checks,
    end_checks,
    gate_there,
    input_checks,
    last_digits,
    total_checks,
)
from posekit.parity.steps import NAMES, Side, Step
from posekit.parity.worst import CaseError, worst_cases

ReferenceCase = tuple[Case, Outputs]
MAX_WORST = 6


@dataclass(frozen=True, slots=True)
class Runs:
    """What runs a packaged model, and what else it is compared with.

    run: the model as it ships. status, runtime: of the evidence that this gives. baseline: the same conversion at fp32,
    which tells conversion from precision. accelerated: the same model on this machine's accelerators. wrapper: what the
    generated code made of the same cases. beside: what it made of them in other places, which the gates are for as
    well. no_device: why nothing else was run on an accelerator.
    """

    run: Run
    status: str
    runtime: str
    baseline: Run | None = None
    accelerated: Run | None = None
    wrapper: Wrapper | None = None
    beside: Mapping[str, Wrapper] = field(default_factory=dict)
    no_device: str = NO_DEVICE


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a model is judged.

    budget: the gate of a searched file of `size` bytes, in the place of the precision's. accuracy_held: AP and PCK did,
    on annotated people who are not among these cases.
    """

    precision: Precision
    budget: Budget | None = None
    size: int = 0
    accuracy_held: bool = False

    def gate(self, spec: PoseSpec) -> GateSpec:
        """The limits of what ships."""
        return gate_for(self.precision, spec, self.budget)

    def gate_there(self, wrapper: Wrapper | None, spec: PoseSpec) -> GateSpec:
        """The limits of what a wrapper made."""
        return gate_there(self.precision, wrapper, spec, self.budget)


def evaluate(
    references: Iterable[ReferenceCase], spec: PoseSpec, runs: Runs, terms: Terms, recorder: Recorder | None = None
) -> Evaluation:
    """Compare a packaged model with the reference outputs that come with each case; recorder: keeps the first cases."""
    sides = _Sides(spec, runs, terms)
    for case, outputs in references:
        seen = runs.run(case.pixels)
        if problem := _shape_problem(seen, outputs):
            return wrong_shape(problem, runs.status, runs.runtime)
        found = sides.add(case, outputs, seen)
        if recorder is not None:
            recorder.add(case, outputs, found, seen)
    return sides.evaluation()


class _Sides:
    """The cases so far: what each way of running the model made of them, the reference's keypoints and what annotations
    say."""

    def __init__(self, spec: PoseSpec, runs: Runs, terms: Terms) -> None:
        self.spec, self.runs, self.terms = spec, runs, terms
        gate = terms.gate(spec)
        self.converted = Side(gate_for("fp16", spec))
        self.packaged, self.rounded, self.accelerated = Side(gate), Side(gate), Side(gate)
        self.reference: list[Found] = []
        self.truth: list[Truth | None] = []
        self.untold: list[str] = []
        self.pictures: set[Path] = set()
        self.votes: list[Votes] = []
        wrapper = runs.wrapper
        self.wrapper = None if wrapper is None else WrapperSide(wrapper, spec, terms.gate_there(wrapper, spec))
        self.beside = [Beside(name, one, spec, terms.gate_there(one, spec)) for name, one in runs.beside.items()]

    def add(self, case: Case, outputs: Outputs, seen: Outputs) -> Found:
        """Add a case by the reference's outputs and the packaged model's; returns the reference's keypoints."""
        spec, runs = self.spec, self.runs
        self.packaged.add(case, seen, outputs, spec)
        if runs.baseline is not None:
            base = runs.baseline(case.pixels)
            self.converted.add(case, base, outputs, spec)
            self.rounded.add(case, seen, base, spec)
        if runs.accelerated is not None:
            self.accelerated.add(case, runs.accelerated(case.pixels), seen, spec)
        if self.wrapper is not None:
            self.wrapper.add(case, outputs, seen, runs.run)
        for other in self.beside:
            other.add(case, outputs)
        found = found_in(case, outputs, spec)
        self.reference.append(found)
        self.truth.append(truth_of(case, spec))
        self.untold.append(why_no_truth(case, spec))
        self.pictures.add(case.photo.path)
        self.votes += votes_of(case, found, dense_in(outputs, spec), spec)
        return found

    def evaluation(self) -> Evaluation:
        """All of it, judged."""
        spec, terms = self.spec, self.terms
        total = self.packaged.step("total", self.reference, spec)
        steps = self._steps(total)
        end, gated = steps.pop("wrapper", None), steps.pop("gated", None)
        drop = accuracy_drop(self.reference, self.packaged.found, self.truth, spec)
        held = check_accuracy(terms.gate(spec), drop)
        scores = self._accuracy()
        checks = [*self._checks(total, steps, end), *held, *self._end_checks(steps, end, gated)]
        checks += accuracy_skips(self.untold, scores.get("packaged"))
        accuracy_held = terms.accuracy_held or (bool(held) and all(check.outcome is Outcome.PASS for check in held))
        evaluation = Evaluation(
            self.runs.status, self.runs.runtime, len(self.reference), len(self.pictures),
            replace(end, name="total") if end is not None and _was_run(end) else total,
            waterfall(steps, self.runs.no_device), excused(checks, accuracy_held), self._worst(), scores, accuracy_held,
        )  # fmt: skip
        if terms.budget is None or evaluation.quality is None:
            return evaluation
        met = check_budget(terms.budget, evaluation.quality, terms.size)
        return replace(evaluation, checks=(met, *evaluation.checks))

    def _steps(self, total: Step) -> dict[str, Step]:
        """The steps by name, and `wrapper`, all of it, where the wrapper was run."""
        spec, runs = self.spec, self.runs
        steps = self.wrapper.steps() if self.wrapper is not None else {}
        if runs.baseline is not None:
            steps["conversion"] = self.converted.step("conversion", self.reference, spec)
            steps["precision"] = self.rounded.step("precision", self.converted.found, spec)
        elif self.terms.precision == "fp32":
            steps["conversion"] = replace(total, name="conversion")
            steps["precision"] = Step("precision", skipped="fp32 keeps it all")
        else:
            for name in ("conversion", "precision"):
                steps[name] = Step(name, skipped="told apart when the bundle is packaged")
        if runs.accelerated is not None:
            steps["accelerator"] = self.accelerated.step("accelerator", self.packaged.found, spec)
        return steps

    def _checks(self, total: Step, steps: Mapping[str, Step], end: Step | None) -> list[Check]:
        """The gates of what ships and of the wrapper's own steps."""
        checks = [*total_checks(total, self.spec, self.terms.gate(self.spec)), *self._contract_checks()]
        if self.wrapper is None or end is None:
            return checks
        own = (self.wrapper.check(), *input_checks(steps["preprocessing"]), *decoding_checks(steps["decoding"]))
        return [*own, *checks]

    def _contract_checks(self) -> list[Check]:
        """What the reference's own results say of the contract."""
        return [*depth_checks(self.reference, self.spec), *part_checks(self.votes)]

    def _end_checks(self, steps: Mapping[str, Step], end: Step | None, gated: Step | None) -> list[Check]:
        """The gates of the float graph, and of every other way to run the model."""
        spec, runs, terms, checks = self.spec, self.runs, self.terms, list[Check]()
        gate = terms.gate_there(runs.wrapper, spec)
        if (
            runs.baseline is not None and terms.precision != "fp16"
        ):  # the float graph is exact, however coarse its numbers become
            checks += before_compression(steps["conversion"], spec)
        there = steps.get("accelerator")
        if there is not None and _was_run(there):
            checks += end_checks("on the accelerator", there, gate, terms.budget)
        if end is not None and gated is not None:
            checks += end_checks(FROM_PICTURE, gated, gate, terms.budget) + last_digits(end, gated)
        for other in self.beside:
            checks += end_checks(other.name, other.step(), terms.gate_there(other.wrapper, spec), terms.budget)
        return checks

    def _accuracy(self) -> dict[str, Accuracy]:
        sides = {"reference": self.reference, "packaged": self.packaged.found}
        measured = {side: accuracy(found, self.truth, self.spec) for side, found in sides.items()}
        return {side: value for side, value in measured.items() if value is not None}

    def _worst(self) -> tuple[CaseError, ...]:
        """The cases with the largest errors, from the picture where the wrapper was run."""
        worst = worst_cases(self.packaged.found, self.reference, self.spec, MAX_WORST)
        return (self.wrapper.worst(MAX_WORST) if self.wrapper is not None else ()) or worst


def waterfall(known: Mapping[str, Step], no_device: str) -> tuple[Step, ...]:
    """The steps in the order in which a picture passes them; SKIPPED with the reason where they were not run."""
    reasons = {"preprocessing": NO_WRAPPER, "decoding": NO_WRAPPER, "accelerator": no_device}
    missing = {name: Step(name, skipped=reason) for name, reason in reasons.items()}
    return tuple(step for name in NAMES if (step := known.get(name, missing.get(name))) is not None)


def _was_run(step: Step) -> bool:
    """Whether a step was measured, though perhaps of nobody."""
    return step.keypoints is not None or step.people is not None


def _shape_problem(seen: Outputs, expected: Outputs) -> str:
    for name, values in expected.items():
        if name not in seen:
            return f"output {name!r} is missing; there are {', '.join(sorted(seen))}"
        if seen[name].shape != values.shape:
            return f"output {name!r} has shape {seen[name].shape}, the reference {values.shape}"
    return ""
