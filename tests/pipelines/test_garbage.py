"""Python's own thresholds are put back, and what a user has switched off stays off."""

from __future__ import annotations

import gc

import pytest

from posekit.pipelines.garbage import OBJECTS, looked_for_seldom


@pytest.mark.parametrize(
    ("own", "meanwhile"),
    [
        pytest.param(700, OBJECTS, id="pythons own"),
        pytest.param(2 * OBJECTS, 2 * OBJECTS, id="seldom already"),
        pytest.param(0, 0, id="never"),
    ],
)
def test_thresholds_are_put_back(own: int, meanwhile: int) -> None:
    before = gc.get_threshold()
    gc.set_threshold(own, 10, 10)
    try:
        with pytest.raises(ValueError, match="failed"), looked_for_seldom():
            assert gc.get_threshold() == (meanwhile, 10, 10)
            raise ValueError("failed")
        assert gc.get_threshold() == (own, 10, 10)
    finally:
        gc.set_threshold(*before)
