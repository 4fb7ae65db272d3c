"""Ranking on figures made up for it."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.contract.presets import preset
from posekit.parity.contract.alternatives import Candidate, Question
from posekit.parity.contract.evidence import Evidence
from posekit.parity.contract.verdict import judge

SPEC = preset("hrnet-coco17")


def seen(follow: float, score: float, oks: float = np.nan, flip: float = 0.01) -> Evidence:
    """Eight people who are all alike but for a little."""
    spread = np.linspace(-0.01, 0.01, 8)
    some = np.full(8, 0.01)
    places = np.zeros((8, 17, 2))
    scores = np.repeat((score + spread)[:, None], 17, 1)
    return Evidence(follow + spread, some, some, np.full(8, flip), spread, oks + spread, oks + spread, places, scores)


@pytest.mark.parametrize(
    ("given", "other", "verdict"),
    [
        (seen(0.9, 0.8), seen(0.5, 0.4), "agrees"),
        (seen(0.5, 0.4), seen(0.9, 0.8), "looks wrong"),
        (seen(0.88, 0.8), seen(0.9, 0.8), "cannot tell"),
        (seen(0.8, 0.5), seen(0.8, 0.8), "looks wrong"),  # follows alike, and is less sure of itself
        (seen(0.9, 0.8), seen(0.4, 9.0), "agrees"),  # large numbers of a network driven out of its range
        (seen(0.8, -0.5), seen(0.8, 0.8), "cannot tell"),  # logits have no level
        (seen(0.1, 0.1), seen(0.3, 0.8), "cannot tell"),  # neither follows the picture
        (seen(0.1, 0.1), seen(0.9, 0.8, flip=0.4), "cannot tell"),  # follows it, but not when mirrored
        (seen(0.9, 0.8, oks=0.5), seen(0.5, 0.4, oks=0.8), "looks wrong"),  # labels decide
        (seen(0.9, 0.8, oks=0.01), seen(0.5, 0.4, oks=0.1), "cannot tell"),  # neither fits the labels
    ],
)
@pytest.mark.parametrize("is_choice", [False, True])
def test_verdicts(given: Evidence, other: Evidence, verdict: str, is_choice: bool) -> None:
    question = Question("field", "follow", (Candidate("given", SPEC), Candidate("other", SPEC)), is_choice)
    result = judge(question, [given, other])
    wanted = "cannot tell" if verdict == "looks wrong" and is_choice else verdict
    assert (result.found.verdict, result.found.given) == (wanted, "given")
    assert (result.gain >= 1) == (wanted == "looks wrong")
    if verdict == "looks wrong":
        assert result.best.value == result.found.alternatives[0].value == "other"
    assert result.found.sentence.startswith("field ")


def alike(count: int, follow: float) -> Evidence:
    """People who do not differ at all, as copies of one do not."""
    some = np.full(count, 0.01)
    places, scores = np.zeros((count, 17, 2)), np.full((count, 17), 0.8)
    nothing = np.full(count, np.nan)
    return Evidence(np.full(count, follow), some, some, some, some, nothing, nothing, places, scores)


@pytest.mark.parametrize(
    ("count", "lead", "verdict"),
    [
        (1, 0.2, "cannot tell"),
        (1, 0.3, "looks wrong"),  # nobody could miss it
        (3, 0.2, "cannot tell"),  # too few, however alike
        (4, 0.2, "cannot tell"),
        (4, 0.3, "looks wrong"),
        (5, 0.1, "cannot tell"),  # no spread is no proof
        (5, 0.2, "looks wrong"),
        (12, 0.1, "looks wrong"),
    ],
)
def test_few_people_prove_little_however_alike(count: int, lead: float, verdict: str) -> None:
    question = Question("field", "follow", (Candidate("given", SPEC), Candidate("other", SPEC)))
    assert judge(question, [alike(count, 0.6), alike(count, 0.6 + lead)]).found.verdict == verdict


def test_the_quick_look_is_less_easily_moved() -> None:
    question = Question("field", "follow", (Candidate("given", SPEC), Candidate("other", SPEC)))
    seen_both = [seen(0.75, 0.8), seen(0.9, 0.8)]
    assert judge(question, seen_both).found.verdict == "looks wrong"
    assert judge(question, seen_both, is_patient=False).found.verdict != "looks wrong"
