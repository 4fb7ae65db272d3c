"""Rank the values of one field, and say whether the given one agrees, looks wrong, or cannot be judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from posekit.parity.contract.alternatives import Candidate, Question
from posekit.parity.contract.anatomy import chance, has_face, left_on_right
from posekit.parity.contract.evidence import SAME_PLACE, Evidence, over_subjects
from posekit.poses import Floats

Verdict = Literal["agrees", "looks wrong", "cannot tell"]
Measure = Literal["follow", "labels", "mirror", "anatomy"]

ALIVE = 0.35  # of 1: a prediction that follows the picture less says nothing of its contract
# by how much a value must be better to be clearly so: agreement 0-1, OKS, input px
LEAST: dict[Measure, float] = {"follow": 0.08, "labels": 0.03, "mirror": 0.5, "anatomy": 0.0}
ERRORS = 3.0  # and by so many standard errors, with people who differ by LEAST at least
FEW = 5  # people: below, only a difference that is PLAIN times the least counts
PLAIN = 3.0
LUCK = 0.05  # a vote on left and right that a coin gives more often than this says nothing


@dataclass(frozen=True, slots=True)
class Alternative:
    """One value of a field and what it does to the prediction.

    score: mean keypoint score. follow: 0-1, how well the prediction moves with the picture. shift, scale, flip:
    median distances as fractions of the person, after moving, scaling and mirroring the crop. mirror_px: twice what x
    is off, input px. left_right: share of people facing the camera whose left is where it belongs. moved: mean distance
    of the keypoints from those of the given value, fraction of the person. pck, oks: against the annotations. None
    where there is nothing to measure.
    """

    value: str
    score: float | None
    follow: float | None
    shift: float | None
    scale: float | None
    flip: float | None
    mirror_px: float | None
    left_right: float | None
    moved: float | None
    pck: float | None
    oks: float | None


@dataclass(frozen=True, slots=True)
class FieldCheck:
    """What was found about one field: its alternatives, best first, and a sentence with the evidence."""

    field: str
    given: str
    alternatives: tuple[Alternative, ...]
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A FieldCheck, the best value's contract, and how many times the least clear difference it is better."""

    found: FieldCheck
    best: Candidate
    gain: float


def judge(question: Question, seen: Sequence[Evidence], *, is_patient: bool = True) -> Judged:
    """Rank the candidates of a question by their evidence.

    is_patient: whether small differences count, or only those that nobody could miss.
    """
    measure: Measure = question.judge
    if measure == "follow" and any(np.isfinite(e.oks).any() for e in seen):
        measure = "labels"
    values = _values(measure, question, seen)
    rank = [_mean(measure, value) for value in values]
    order = sorted(range(len(seen)), key=lambda index: (-rank[index], index))
    best = order[0]
    wide = 1.0 if is_patient else 2.5
    alternatives = tuple(_alternative(question, index, seen) for index in order)
    reason = _why_not(measure, question, seen, best)
    verdict: Verdict = "cannot tell"
    sentence, gain = f"{question.field} cannot be judged: {reason}", 0.0
    if not reason:
        better = [_times_clear(measure, values[0], value, wide) for value in values]
        worse = [_times_clear(measure, value, values[0], wide) for value in values]
        gain = better[best]
        verdict, sentence = _decide(question, measure, alternatives, better, worse, best)
    found = FieldCheck(question.field, question.candidates[0].value, alternatives, verdict, sentence)
    return Judged(found, question.candidates[best], gain if verdict == "looks wrong" else 0.0)


def _values(measure: Measure, question: Question, seen: Sequence[Evidence]) -> list[Floats]:
    """For each candidate one figure a subject, larger is better; of `mirror` the signed px."""
    if measure == "labels":
        return [e.oks for e in seen]
    if measure == "mirror":
        return [e.mirror_px for e in seen]
    if measure == "anatomy":
        return [_sides(candidate, e) for candidate, e in zip(question.candidates, seen, strict=True)]
    # A network scores what it knows higher; but only among the candidates that follow alike, since a network driven
    # out of its range gives large numbers, too.
    follow = [over_subjects(e.follow) for e in seen]
    scores = [over_subjects(e.score) for e in seen]
    top = [score for score, value in zip(scores, follow, strict=True) if value >= 0.7 * max(follow)]
    if not top or min(top) <= 0 or not math.isfinite(max(top)):
        return [e.follow for e in seen]
    levels = [min(1.0, max(score, 0.0) / max(top)) ** 0.5 if math.isfinite(score) else 0.0 for score in scores]
    return [e.follow * level for e, level in zip(seen, levels, strict=True)]


def _sides(candidate: Candidate, seen: Evidence) -> Floats:
    return left_on_right(seen.places, seen.scores, candidate.spec.keypoints.names)


def _mean(measure: Measure, values: Floats) -> float:
    mean = over_subjects(values)
    return (-abs(mean) if measure == "mirror" else mean) if math.isfinite(mean) else -math.inf


def _times_clear(
    measure: Measure,
    worse: Floats,
    better: Floats,
    wide: float,
) -> float:
    """The second's lead over the first, as a multiple of the least that is clear; 1 and more is clear."""
    both = np.isfinite(worse) & np.isfinite(better)
    count = int(both.sum())
    if measure == "anatomy":
        right = int(better[both].sum())
        return right / max(count, 1) / 0.5 if count and 2 * right > count and chance(right, count) < LUCK else 0.0
    if not count:
        return 0.0
    one, two = worse[both], better[both]
    lead = abs(one.mean()) - abs(two.mean()) if measure == "mirror" else two.mean() - one.mean()
    least = LEAST[measure] * (wide if count >= FEW else max(wide, PLAIN))
    # of `mirror` the two differ by a constant; what is uncertain is each one's own mean
    spread = max(_spread(one), _spread(two)) if measure == "mirror" else _spread(two - one)
    error = max(spread, LEAST[measure]) / math.sqrt(count)
    return float(lead / max(least, ERRORS * error))


def _spread(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def no_follower(follow: float) -> str:
    """Why a prediction that follows the picture by so much says nothing, or nothing."""
    return (
        ""
        if follow >= ALIVE
        else f"the prediction follows the picture by at most {follow:.2f} of 1, whatever the value"
    )


def _why_not(measure: Measure, question: Question, seen: Sequence[Evidence], best: int) -> str:
    """Why nothing can be said, or nothing."""
    follow = [over_subjects(e.follow) for e in seen]
    if not any(np.isfinite(e.score).any() for e in seen):
        return "the network's outputs are not finite, whatever the value"
    if measure == "labels":
        return (
            ""
            if over_subjects(seen[best].oks) >= ALIVE
            else f"OKS with the annotations is at most {over_subjects(seen[best].oks):.2f}, whatever the value"
        )
    judged = best if measure == "follow" else max(range(len(seen)), key=lambda index: follow[index])
    if reason := no_follower(follow[judged]):
        return reason
    flip = over_subjects(seen[judged].flip)
    if measure != "anatomy" and not flip <= SAME_PLACE:
        return (
            f"the mirrored picture gives other keypoints, {flip:.2f} of the person away: the network may know "
            "nobody here"
        )
    if measure == "anatomy":
        return _why_no_sides(question.candidates[0], seen[0])
    return ""


def _why_no_sides(given: Candidate, seen: Evidence) -> str:
    if not has_face(given.spec.keypoints.names):
        return "without nose and eyes nobody can be seen to face the camera"
    votes = _sides(given, seen)
    votes = votes[np.isfinite(votes)]
    wins = int(max(votes.sum(), len(votes) - votes.sum()))
    if not len(votes) or chance(wins, len(votes)) >= LUCK:
        return (
            f"{len(votes)} people facing the camera, {int(votes.sum())} of them with left on the picture's right, "
            "are no proof"
        )
    return ""


def _decide(
    question: Question,
    measure: Measure,
    alternatives: Sequence[Alternative],
    better: Sequence[float],
    worse: Sequence[float],
    best: int,
) -> tuple[Verdict, str]:
    given = next(a for a in alternatives if a.value == question.candidates[0].value)
    first = alternatives[0]
    figures = f"{given.value} {_figure(measure, given)}"
    if best and better[best] >= 1:
        text = f"{figures}, {first.value} {_figure(measure, first)}"
        if question.is_choice:
            return "cannot tell", f"{question.field} is a matter of accuracy, not of training: {text}"
        return "looks wrong", f"{question.field} looks wrong: {text}"
    moved = {a.value: a.moved for a in alternatives}
    alike = [question.candidates[index].value for index in range(1, len(worse)) if worse[index] < 1]
    told = [value + (f" (moves keypoints by {moved[value]:.1%})" if moved[value] else "") for value in alike]
    others = f"; about as good: {'; '.join(told)}" if told else ""
    if len(alike) == len(question.candidates) - 1:
        return "cannot tell", f"{question.field} cannot be told apart here: {figures}{others}"
    return "agrees", f"{question.field} agrees: {figures}{others}"


def _figure(measure: Measure, of: Alternative) -> str:
    if measure == "labels":
        return f"has OKS {_two(of.oks)} and PCK {_two(of.pck)} with the annotations"
    if measure == "mirror":
        return f"is {_two(of.mirror_px)} input px off when mirrored"
    if measure == "anatomy":
        return f"has left where it belongs for {_two(of.left_right)} of those who face the camera"
    return f"follows the picture by {_two(of.follow)} of 1, mean score {_two(of.score, 3)}"


def _two(value: float | None, digits: int = 2) -> str:
    return "nothing" if value is None else f"{value:.{digits}f}"


def _alternative(question: Question, index: int, seen: Sequence[Evidence]) -> Alternative:
    def figure(values: Floats) -> float | None:
        mean = over_subjects(values)
        return round(mean, 5) if math.isfinite(mean) else None

    this = seen[index]
    moved = np.linalg.norm(this.places - seen[0].places, axis=-1).mean(axis=1)
    return Alternative(
        question.candidates[index].value,
        figure(this.score),
        figure(this.follow),
        figure(this.shift),
        figure(this.scale),
        figure(this.flip),
        figure(this.mirror_px),
        figure(_sides(question.candidates[index], this)),
        figure(moved),
        figure(this.pck),
        figure(this.oks),
    )
