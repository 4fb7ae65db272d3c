"""From a picture to the view of a screen, and back."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.poses.view_mapping import ViewFit, ViewMapping


@pytest.mark.parametrize(
    ("fit", "mirrored", "scale", "corner"),
    [
        ("fill", False, 3.0, (-150.0, 0.0)),
        ("fill", True, 3.0, (750.0, 0.0)),
        ("fit", False, 2.0, (0.0, 100.0)),
        ("fit", True, 2.0, (600.0, 100.0)),
    ],
)
def test_the_corner_of_a_picture(fit: ViewFit, mirrored: bool, scale: float, corner: tuple[float, float]) -> None:
    view = ViewMapping((300, 200), (600.0, 600.0), fit, mirrored)
    assert view.scale == scale
    assert tuple(view.to_view(np.zeros(2))) == corner
    assert tuple(view.to_view(np.array([150.0, 100.0]))) == (300.0, 300.0)  # the middle stays the middle


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_pixels_centre_is_where_the_view_draws_it(mirrored: bool) -> None:
    ours, other = (ViewMapping((300, 200), (600.0, 400.0), "fit", mirrored, center) for center in (0.5, 0.0))
    np.testing.assert_allclose(other.to_view(np.array([7.0, 9.0])), ours.to_view(np.array([7.5, 9.5])))


def test_a_tap_comes_back() -> None:
    view, taps = (
        ViewMapping((481, 640), (411.5, 731.0), "fill", True, 0.0),
        np.random.default_rng(2).uniform(0, 400, (5, 2)),
    )
    np.testing.assert_allclose(view.to_view(view.to_picture(taps)), taps)


def test_a_view_without_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="has no size"):
        ViewMapping((300, 200), (0.0, 10.0))
