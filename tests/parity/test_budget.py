"""Budgets: what may be written, what is refused, and when one is met."""

from __future__ import annotations

import math

import pytest

from posekit.errors import InputError
from posekit.parity.budget import parse_budget
from posekit.parity.quality import Quality

GOOD = Quality(10, 0.99, 0.95, 0.5, 1.2, 0.8, 0.97, 0.4, 0.2)
UNLABELLED = Quality(10, 0.99, 0.95, 0.5, 1.2)


@pytest.mark.parametrize(
    ("text", "quality", "size", "met"),
    [
        ("oks>=0.98", GOOD, 1, True),
        ("oks>=0.99", GOOD, 1, True),
        ("oks>=0.991", GOOD, 1, False),
        (" OKS >= 0.98 , size <= 1MB ", GOOD, 1_000_000, True),
        ("oks>=0.98,size<=1MB", GOOD, 1_000_001, False),
        ("size<=1MiB", GOOD, 1_048_576, True),
        ("size<=250kB", GOOD, 250_001, False),
        ("size<=250KiB", GOOD, 256_000, True),
        ("size<=100", GOOD, 100, True),
        ("worst-oks>=0.95", GOOD, 1, True),
        ("worst-oks>=0.96", GOOD, 1, False),
        ("px<=0.5", GOOD, 1, True),
        ("p95-px<=1", GOOD, 1, False),
        ("ap-drop<=0.5", GOOD, 1, True),
        ("ap-drop<=0.3", GOOD, 1, False),
        ("pck-drop<=0.2", GOOD, 1, True),
        ("ap-drop<=0.5", UNLABELLED, 1, False),
        ("oks>=0.9", Quality(1, math.nan, math.nan, math.nan, math.nan), 1, False),
    ],
)
def test_met_or_not(text: str, quality: Quality, size: int, met: bool) -> None:
    assert parse_budget(text).is_met(quality, size) is met


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has ''"),
        ("oks", "has 'oks'"),
        ("oks>=", "has 'oks>='"),
        ("oks>=1.2.3", "'1.2.3', which is no number"),
        ("oks<=0.98", "oks has a least value"),
        ("size>=1MB", "size has a largest value"),
        ("oks>=98", "OKS is at most 1"),
        ("oks>=0.98kB", "the unit 'kB'"),
        ("size<=1GB", "the unit 'GB'"),
        ("speed<=1", "has 'speed<=1'"),
        ("oks>=0.98,", "has ''"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_budget(text)
    assert message in caught.value.message
    assert caught.value.hint or "at most 1" in message or "no number" in message


def test_a_budget_says_itself_and_what_was_measured() -> None:
    budget = parse_budget("oks>=0.98,size<=1MB")
    assert budget.text == "oks>=0.98, size<=1000kB"
    assert parse_budget(budget.text) == budget
    assert budget.in_words(GOOD, 250_000) == "oks 0.99, size 250000"
    assert parse_budget("ap-drop<=1").in_words(UNLABELLED, 1) == "ap-drop not measured"


def test_excess_orders_misses() -> None:
    budget = parse_budget("oks>=0.98,size<=100kB")
    assert budget.excess(GOOD, 100_000) == 0
    assert 0 < budget.excess(GOOD, 110_000) < budget.excess(GOOD, 200_000)
    assert budget.excess(UNLABELLED, 1) == 0
    assert parse_budget("ap-drop<=1").excess(UNLABELLED, 1) == math.inf
    assert budget.of_keypoints().excess(GOOD, 10**9) == 0
    assert parse_budget("size<=1").is_of_size_alone
    assert not budget.is_of_size_alone
    assert parse_budget("pck-drop<=1").needs_annotations
