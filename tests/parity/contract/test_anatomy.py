"""Who faces the camera, and where their left is."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.contract.presets import preset, preset_names
from posekit.parity.contract.alternatives import other_side, questions
from posekit.parity.contract.anatomy import chance, left_on_right

NAMES = ("nose", "left_eye", "right_eye", "left_shoulder", "right_shoulder", "left_hip", "right_hip")
FRONT = [[0.0, -0.4], [0.05, -0.45], [-0.05, -0.45], [0.12, -0.3], [-0.12, -0.3], [0.08, 0.1], [-0.08, 0.1]]


@pytest.mark.parametrize(
    ("turn", "scores", "vote"),
    [
        (1.0, [1] * 7, 1.0),  # faces the camera
        (-1.0, [1] * 7, 0.0),  # the same with left and right exchanged
        (-1.0, [0.1] * 3 + [1] * 4, np.nan),  # seen from behind: no face
        (0.1, [1] * 7, np.nan),  # sideways
        (np.nan, [1] * 7, np.nan),
    ],
)
def test_votes(turn: float, scores: list[float], vote: float) -> None:
    places = np.array([FRONT]) * [turn, 1.0]
    np.testing.assert_equal(left_on_right(places, np.array([scores], float), NAMES), [vote])


def test_without_a_face_nobody_votes() -> None:
    body = NAMES[3:]
    assert np.isnan(left_on_right(np.array([FRONT[3:]]), np.ones((1, 4)), body)).all()


@pytest.mark.parametrize(("wins", "of", "expected"), [(5, 5, 1 / 32), (0, 4, 1.0), (2, 3, 0.5)])
def test_chance(wins: int, of: int, expected: float) -> None:
    assert chance(wins, of) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "other"),
    [("left_eye", "right_eye"), ("eye_right_1", "eye_left_1"), ("nose", "nose"), ("cleft_chin", "cleft_chin")],
)
def test_other_side(name: str, other: str) -> None:
    assert other_side(name) == other


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_be_asked_about(name: str) -> None:
    """Each field's first value is the given one, every other differs, and each is a sound contract."""
    spec = preset(name)
    asked = questions(spec, has_frames=True, has_people=True)
    assert {"input.mean, std", "input.color_order", "input.alignment"} <= {question.field for question in asked}
    for question in asked:
        assert question.candidates[0].spec == spec
        assert len({candidate.value for candidate in question.candidates}) == len(question.candidates)
        for candidate in question.candidates:
            assert type(spec).model_validate(candidate.spec.model_dump(by_alias=True)) == candidate.spec
            assert (candidate.spec == spec) == (candidate is question.candidates[0])
