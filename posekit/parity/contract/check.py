"""Try the plausible alternatives of each field of a contract on pictures, and name the fields that look wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from posekit.contract.spec import PoseSpec
from posekit.errors import ConversionError
from posekit.parity.contract.alternatives import Question, questions
from posekit.parity.contract.evidence import SAME_PLACE, Evidence, evidence, over_subjects
from posekit.parity.contract.people import find_people
from posekit.parity.contract.probes import Network, Prober, partners
from posekit.parity.contract.scores import activation_check
from posekit.parity.contract.subjects import distinct, subjects_of
from posekit.parity.contract.verdict import FieldCheck, Judged, judge, no_follower
from posekit.poses.images import Photo
from posekit.progress import Progress, silent
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel

PEOPLE = 12
Known = dict[Hashable, Evidence]
ROUNDS = 4  # so many wrong fields are found at once, one after the other
FEW_PEOPLE = 4  # for the quick look
QUICK_SECONDS = 6.0  # of converting a network of 28 M parameters a tenth
GOOD = 0.8  # of 1: a contract under which the network follows the picture so well needs no warning


@dataclass(frozen=True, slots=True)
class ContractCheck:
    """What was found about a contract; nothing in it changes the spec.

    looked_at: on what, in words. fields: one result a field; a field after a wrong one is judged as if that were right.
    """

    looked_at: str
    people: int
    has_labels: bool
    fields: tuple[FieldCheck, ...]

    @property
    def looks_wrong(self) -> tuple[FieldCheck, ...]:
        """The fields that look wrong."""
        return tuple(found for found in self.fields if found.verdict == "looks wrong")

    @property
    def judged(self) -> tuple[FieldCheck, ...]:
        """The fields of which the pictures say something."""
        return tuple(found for found in self.fields if found.verdict != "cannot tell")

    def as_json(self) -> dict[str, Any]:
        """Plain values for --json."""
        lists = {"looks_wrong": self.looks_wrong, "judged": self.judged}
        return {**asdict(self), **{name: [found.field for found in fields] for name, fields in lists.items()}}


def check(
    source: SourceModel, spec: PoseSpec, photos: tuple[Photo, ...], *, people: int = PEOPLE, step: Progress = silent
) -> ContractCheck:
    """Judge each field of `spec` by what the network of `source` makes of the pictures.

    With annotated keypoints values are ranked by OKS, else by how well the prediction follows a crop that moves. A
    flip test is left out: with its mirror image added a network looks symmetric, however wrong its contract is.
    """
    return check_network(network_of(source), spec.looking_once, photos, people=people, step=step)


def network_of(source: SourceModel) -> Network:
    """The eager network as a function of the contract and pixels (H, W, 3) RGB 0-255."""
    return lambda spec, pixels: run_reference(source, spec, pixels)


def check_network(
    network: Network, spec: PoseSpec, photos: tuple[Photo, ...], *, people: int = PEOPLE, step: Progress = silent
) -> ContractCheck:
    """The same for any function that gives a network's outputs by name, channels last.

    ConversionError where they are not finite, whatever the contract.
    """
    prober, looked_at = _look_for_people(network, spec, photos, people, step)
    has_labels = any(subject.truth is not None for subject in prober.subjects)
    wrong: dict[str, FieldCheck] = {}
    current = spec
    known: Known = {}
    for number in range(ROUNDS):
        prober = Prober(network, prober.subjects, current.input)
        results = _round(prober, current, known, step, f", {' and '.join(wrong)} corrected" if number else "")
        if not any(np.isfinite(seen.scores).any() for seen in known.values()):
            raise ConversionError(
                "the network's own outputs are not finite, whatever mean and std", "check the weights"
            )
        doubtful = [r for r in results if r.gain > 0 and r.found.field not in wrong]
        if not doubtful:
            break
        worst = max(doubtful, key=lambda result: result.gain)
        wrong[worst.found.field] = worst.found
        current = worst.best.spec
    last = {r.found.field: r.found for r in results} | wrong
    fields = [_with_correction(found, wrong) for found in last.values()]
    activation = activation_check(prober, current, no_follower(over_subjects(known[_seen_as(current)].follow)))
    fields += [activation] if activation is not None else []
    is_somebody = not spec.looks_at_regions or any(subject.box_xyxy is not None for subject in prober.subjects)
    return ContractCheck(looked_at, len(prober.subjects) if is_somebody else 0, has_labels, tuple(fields))


def _look_for_people(
    network: Network, spec: PoseSpec, photos: tuple[Photo, ...], people: int, step: Progress
) -> tuple[Prober, str]:
    """Whom or what to look at, nobody twice, and that in words."""
    every = subjects_of(photos, spec, people)
    prober = Prober(network, distinct(every, spec))
    alike = len(every) - len(prober.subjects)
    how = "whole pictures" if not spec.looks_at_regions else "people in the boxes of the annotations"
    if spec.looks_at_regions and any(subject.box_xyxy is None for subject in prober.subjects):
        step("find people")
        found = find_people(prober, _input_contracts(spec))
        how = "whole pictures, in which the network finds nobody"
        if found:
            prober = Prober(network, distinct(found, spec))
            alike += len(found) - len(prober.subjects)
            how = "people whom the network found itself, for want of boxes"
    again = f" ({alike} more look the same as one of these and are left out)" if alike else ""
    return prober, f"{len(prober.subjects)} {how}{again}"


@dataclass(frozen=True, slots=True)
class QuickLook:
    """What a quick look at a contract found.

    doubt: a warning where another colour order, mean and std, or reading of coordinates is far better; else None.
    untried: the fields that its time did not suffice for; is_of_one: whether it did for one person alone. Silence is no
    proof: `check` looks longer.
    """

    doubt: str | None = None
    untried: tuple[str, ...] = ()
    is_of_one: bool = False


def quick(source: SourceModel, spec: PoseSpec, photos: tuple[Photo, ...]) -> QuickLook:
    """Look at a few people, for QUICK_SECONDS or a little more, for what nobody could miss."""
    return quick_network(network_of(source), spec.looking_once, photos)


def quick_network(
    network: Network, spec: PoseSpec, photos: tuple[Photo, ...], clock: Callable[[], float] = time.monotonic
) -> QuickLook:
    """The same for any function that gives a network's outputs."""
    start = clock()
    people = distinct(subjects_of(photos, spec, FEW_PEOPLE), spec)
    subjects = tuple(replace(subject, truth=None) for subject in people)
    prober = Prober(network, subjects[:1], spec.input)
    given = evidence(prober, spec)
    if (clock() - start) * len(subjects) < QUICK_SECONDS / 2:  # else the network is so slow that one has to do
        prober = replace(prober, subjects=subjects)
        given = evidence(prober, spec)
    is_of_one = len(prober.subjects) < len(subjects)
    if over_subjects(given.follow) >= GOOD and over_subjects(given.flip) <= SAME_PLACE:
        return QuickLook(is_of_one=is_of_one)
    asked = [question for question in _questions(prober, spec) if question.is_decisive]
    known: Known = {_seen_as(spec): given}
    results, untried = [], []
    for question in asked:
        tried = _tried(prober, question, known, lambda: clock() - start < QUICK_SECONDS)
        if len(tried.candidates) > 1:
            results.append(_judged(prober, tried, known, is_patient=False))
        if tried != question:
            untried.append(question.field)
    worst = max(results, key=lambda result: result.gain, default=None)
    doubt = worst.found.sentence if worst is not None and worst.gain >= 1 else None
    return QuickLook(doubt, tuple(untried), is_of_one)


def _tried(prober: Prober, question: Question, known: Known, has_time: Callable[[], bool]) -> Question:
    """The question with the values that there was time to look at."""
    for count, candidate in enumerate(question.candidates):
        if _seen_as(candidate.spec) not in known:
            if not has_time():
                return replace(question, candidates=question.candidates[:count])
            known[_seen_as(candidate.spec)] = evidence(prober, candidate.spec)
    return question


def _round(prober: Prober, spec: PoseSpec, known: Known, step: Progress, suffix: str) -> list[Judged]:
    results = []
    for question in _questions(prober, spec):
        step(f"try {question.field}{suffix}")
        results.append(_judged(prober, question, known))
    return results


def _questions(prober: Prober, spec: PoseSpec) -> tuple[Question, ...]:
    frames = [subject.box_xyxy is None for subject in prober.subjects]
    return questions(spec, has_frames=any(frames), has_people=not all(frames))


def _judged(prober: Prober, question: Question, known: Known, *, is_patient: bool = True) -> Judged:
    for spec in (candidate.spec for candidate in question.candidates):
        if _seen_as(spec) not in known:
            known[_seen_as(spec)] = evidence(prober, spec)
    seen = [known[_seen_as(candidate.spec)] for candidate in question.candidates]
    return judge(question, seen, is_patient=is_patient)


def _seen_as(spec: PoseSpec) -> Hashable:
    """What of a contract the evidence depends on; names it does not."""
    return spec.input, spec.decoder, tuple(partners(spec).tolist())


def _input_contracts(spec: PoseSpec) -> list[PoseSpec]:
    asked = questions(spec, has_frames=True, has_people=False)
    others = [c.spec for question in asked if question.is_decisive for c in question.candidates[1:]]
    return [spec, *others]


def _with_correction(found: FieldCheck, wrong: dict[str, FieldCheck]) -> FieldCheck:
    """Say which other fields were taken as corrected."""
    names = list(wrong)
    before = names[: names.index(found.field)] if found.field in wrong else names
    if not before:
        return found
    return replace(found, sentence=f"{found.sentence} (with {' and '.join(before)} corrected)")
