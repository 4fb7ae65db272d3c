"""Looks at pictures with several people: whom one look is of, and what nobody is."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.contract.spec import parse_spec
from posekit.decoders.detections.encoding import encode
from posekit.parity.contract.probes import AS_IT_IS, Prober
from posekit.parity.contract.subjects import Subject
from posekit.poses import Poses
from tests.several import SIZE_WH, SPEC

CONTRACT = parse_spec(SPEC, "tests/several.py")
PEOPLE = Poses(
    np.array([[[20.0, 20.0], [30.0, 20.0], [25.0, 30.0]], [[110.0, 80.0], [120.0, 80.0], [115.0, 90.0]]]),
    np.full((2, 3), 0.8),
    np.array([0.6, 0.9]),
    np.array([[10.0, 10.0, 40.0, 40.0], [100.0, 70.0, 130.0, 120.0]]),
)


def prober(people: Poses) -> Prober:
    decoder = CONTRACT.decoder
    outputs = encode(people, decoder, CONTRACT.input, np.random.default_rng(0))  # type: ignore[arg-type]
    packaged = {name: values[None].astype(np.float32) for name, values in outputs.items()}
    picture = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
    return Prober(lambda _spec, _pixels: packaged, (Subject("a", picture, None, 160.0),))


def test_a_look_is_of_the_surest_or_of_the_nearest_to_somebody() -> None:
    looks = [prober(PEOPLE).look(CONTRACT, 0, AS_IT_IS, near=near) for near in (None, PEOPLE.keypoints[0] + 3.0)]
    np.testing.assert_allclose(looks[0].keypoints, PEOPLE.keypoints[1], atol=1e-4)
    np.testing.assert_allclose(looks[1].keypoints, PEOPLE.keypoints[0], atol=1e-4)
    assert [look.size for look in looks] == [pytest.approx(50.0, abs=1e-3), pytest.approx(30.0, abs=1e-3)]


def test_nobody_has_no_keypoints_and_no_score() -> None:
    look = prober(PEOPLE.taken([])).look(CONTRACT, 0, AS_IT_IS)
    assert np.isnan(look.keypoints).all()
    assert (look.scores == 0).all()
