"""Which precisions need pictures, and which models are posekit's own."""

from __future__ import annotations

import hashlib

import pytest

from posekit.compression.calibration import calibrates, is_sample, needed
from tests.compression.calibration.planted import IMAGES


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("w8a8", True), ("w8a16", True), ("auto", True)]
    + [(name, False) for name in ("fp32", "fp16", "w8a32", "w8", "w4", "pal8", "pal4", "sparse50")],
)
def test_which_precisions_calibrate(precision: str, expected: bool) -> None:
    assert calibrates(precision) == expected


def test_what_is_said_without_pictures() -> None:
    error = needed("w8a8")
    assert (error.exit_code, error.message.startswith("precision w8a8 needs calibration pictures")) == (2, True)
    assert "--calibration" in error.hint


def test_the_samples_are_known_and_nothing_else_is() -> None:
    for name in ("tinypose.pt2", "tinysimcc.pt2"):
        content = (IMAGES.parent / name).read_bytes()
        assert is_sample(hashlib.sha256(content).hexdigest())
        assert not is_sample(hashlib.sha256(content + b" ").hexdigest())
    assert not is_sample(hashlib.sha256((IMAGES.parent / "tinypose.toml").read_bytes()).hexdigest())
