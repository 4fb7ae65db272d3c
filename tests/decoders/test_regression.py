"""Coordinates as numbers: each range, each order of the fields, with and without depth and score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.decoders import regression
from posekit.decoders.regression import RegressionSpec, encode
from posekit.poses.input_spec import InputSpec
from tests.decoders.one import of_one

decode = of_one(regression.decode)

RANGES = ("unit", "signed_unit", "input_px")


def image(alignment: str = "half_pixel") -> InputSpec:
    return InputSpec(size_wh=(96, 160), color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                     alignment=alignment)  # fmt: skip


def regression(fields: list[str], value_range: str = "unit", activation: str = "none") -> RegressionSpec:
    return RegressionSpec(
        kind="regression", output="rows", fields=tuple(fields), range=value_range, activation=activation
    )


@pytest.mark.parametrize(
    ("value_range", "row", "expected"),
    [
        ("unit", (0, 0, 0), (0, 0, 0)),
        ("unit", (0.25, 0.5, 0.5), (24, 80, 48)),
        ("unit", (1, 1, -1), (96, 160, -96)),
        ("signed_unit", (-1, -1, 0), (0, 0, 0)),
        ("signed_unit", (0, 0.5, 0.5), (48, 120, 24)),  # a depth is scaled, never shifted
        ("signed_unit", (1, 1, -1), (96, 160, -48)),
        ("input_px", (12.5, 130, -7), (12.5, 130, -7)),
    ],
)
def test_ranges_by_hand(value_range: str, row: Any, expected: Any) -> None:
    found, scores = decode({"rows": np.array([row])}, regression(["x", "y", "z"], value_range), image())
    np.testing.assert_allclose(found, [expected])
    assert scores.tolist() == [1.0]


@pytest.mark.parametrize(
    ("fields", "row", "expected", "score"),
    [
        (["y", "x", "score"], (0.5, 0.25, 0.9), (24, 80), 0.9),  # MoveNet
        (["x", "y"], (0.25, 0.5), (24, 80), 1.0),
        (["skip", "x", "skip", "y"], (9, 0.25, 9, 0.5), (24, 80), 1.0),
        (["z", "score", "y", "x"], (1, 0.3, 0.5, 0.25), (24, 80, 96), 0.3),
        (["x", "y", "z", "score", "skip"], (0.25, 0.5, 0.5, -2, 9), (24, 80, 48), -2),  # BlazePose's order
    ],
)
def test_fields_in_any_order(fields: list[str], row: Any, expected: Any, score: float) -> None:
    found, scores = decode({"rows": np.array([row], np.float32)}, regression(fields), image())
    np.testing.assert_allclose(found, [expected])
    np.testing.assert_allclose(scores, [score], rtol=1e-6)


@pytest.mark.parametrize("count", [1, 4, 14, 17, 21, 26, 133])
@pytest.mark.parametrize("fields", [["y", "x", "score"], ["x", "y"], ["skip", "z", "x", "score", "y"]])
@pytest.mark.parametrize("value_range", RANGES)
def test_there_and_back(value_range: str, fields: list[str], count: int) -> None:
    spec, rng = regression(fields, value_range), np.random.default_rng(count)
    points = rng.uniform(-10, 150, (count, 3 if "z" in fields else 2))
    scores = rng.normal(size=count)
    rows = encode(points, scores, spec, image())["rows"]
    found, found_scores = decode({"rows": rows}, spec, image())
    np.testing.assert_allclose(found, points, atol=1e-9)
    np.testing.assert_allclose(found_scores, scores if "score" in fields else np.ones(count))


@pytest.mark.parametrize(
    ("alignment", "value_range", "row", "expected"),
    [
        ("half_pixel", "unit", (1, 0.5, 0.5), (96, 80, 48)),
        ("index", "unit", (1, 0.5, 0.5), (96, 80, 48)),
        ("corners", "unit", (1, 0.5, 0.5), (95, 79.5, 47.5)),  # 1 is the centre of the last px, and so is 95
        ("corners", "signed_unit", (1, 0, 0.5), (95, 79.5, 23.75)),
        ("corners", "signed_unit", (-1, -1, 0), (0, 0, 0)),
        ("corners", "input_px", (95, 3, -7), (95, 3, -7)),
    ],
)
def test_a_unit_ends_where_a_row_of_pixels_does(alignment: str, value_range: str, row: Any, expected: Any) -> None:
    spec = regression(["x", "y", "z"], value_range)
    found, scores = decode({"rows": np.array([row])}, spec, image(alignment))
    np.testing.assert_allclose(found, [expected])
    np.testing.assert_allclose(encode(found, scores, spec, image(alignment))["rows"], [row], atol=1e-12)


@pytest.mark.parametrize(("raw", "score"), [(0.0, 0.5), (2.0, 1 / (1 + np.exp(-2.0))), (-900.0, 0.0), (900.0, 1.0)])
def test_sigmoid_is_for_the_score_alone(raw: float, score: float) -> None:
    found, scores = decode(
        {"rows": np.array([[0.25, 0.5, raw]])}, regression(["x", "y", "score"], activation="sigmoid"), image()
    )
    np.testing.assert_allclose(found, [[24, 80]])
    np.testing.assert_allclose(scores, [score], atol=1e-12)


def test_without_a_score_field_sigmoid_changes_nothing() -> None:
    _, scores = decode({"rows": np.zeros((3, 2))}, regression(["x", "y"], activation="sigmoid"), image())
    assert scores.tolist() == [1.0, 1.0, 1.0]
