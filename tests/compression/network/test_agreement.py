"""How near a smaller network's people are to the original's: matched first, and who is lost counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from posekit.compression.network.agreement import agreement
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.parity.metrics import Found
from tests.conftest import SPEC as ONE_PERSON
from tests.several import SPEC

SEVERAL = parse_spec(SPEC, "tests/several.py")
PLACES = [(10.0, 10.0), (80.0, 20.0), (30.0, 90.0)]


def found(places: list[tuple[float, float]], case: str = "a") -> Found:
    body = np.array([[4.0, 4.0], [20.0, 6.0], [12.0, 18.0]])
    points = np.array([body + place for place in places]).reshape(-1, 3, 2)
    count = len(points)
    return Found(case, points, np.full((count, 3), 0.9), np.full(count, 24.0), np.full(count, 576.0))


def test_people_in_another_order_are_the_same() -> None:
    seen = agreement([found(PLACES[::-1]), found([], "b")], [found(PLACES), found([], "b")], SEVERAL)
    assert (seen.oks, seen.mean_px, seen.p95_px, seen.people, seen.lost) == (1.0, 0.0, 0.0, 3, 0)


@pytest.mark.parametrize(
    ("places", "oks", "people", "lost"),
    [
        (PLACES[:2], 2 / 3, 3, 1),
        ([*PLACES, (120.0, 90.0)], 3 / 4, 4, 1),
        ([PLACES[0], (120.0, 90.0), PLACES[2]], 2 / 4, 4, 2),  # as many, of whom one is another
        ([], 0.0, 3, 3),
    ],
)
def test_who_is_lost_counts(places: list[tuple[float, float]], oks: float, people: int, lost: int) -> None:
    seen = agreement([found(places), found([], "b")], [found(PLACES), found([], "b")], SEVERAL)
    assert (seen.oks, seen.people, seen.lost) == (pytest.approx(oks), people, lost)
    assert seen.mean_px == 0.0 if places else math.isnan(seen.mean_px)


def test_one_person_of_a_region_is_never_lost() -> None:
    import tomllib

    spec: PoseSpec = parse_spec(tomllib.loads(ONE_PERSON), "tests/conftest.py")
    seen = agreement([found([(300.0, 300.0)])], [found(PLACES[:1])], spec)
    assert (seen.people, seen.lost) == (1, 0)
    assert seen.mean_px > 300
