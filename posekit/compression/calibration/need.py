"""Which precisions need pictures, and for which models posekit's own serve."""

from __future__ import annotations

import hashlib
from functools import cache

from posekit.errors import InputError
from posekit.sources.sample import sample_images

CALIBRATED = frozenset({"w8a8", "w8a16", "auto"})


def calibrates(precision: str) -> bool:
    """Whether a precision rounds values that only pictures can tell the range of; `auto` may."""
    return precision in CALIBRATED


def needed(precision: str) -> InputError:
    """What to raise where a precision that calibrates is asked for without pictures."""
    return InputError(
        f"precision {precision} needs calibration pictures and none are given: a folder of images, or a video",
        "give pictures such as the app will see with --calibration; w8 and fp16 need none",
    )


def is_sample(sha256: str) -> bool:
    """Whether a model file is one of posekit's own samples, whose pictures are good to calibrate it."""
    return sha256 in _samples()


@cache
def _samples() -> frozenset[str]:
    data = sample_images()[0].parent
    return frozenset(hashlib.sha256(path.read_bytes()).hexdigest() for path in data.glob("*.pt2"))
