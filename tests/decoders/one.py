"""Decoders of one person, whose keypoints and scores tests look at without the axis of instances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posekit.poses import Floats, Poses


def of_one(decode: Callable[..., Poses]) -> Callable[..., tuple[Floats, Floats]]:
    """The decoder giving keypoints (K, 2|3) and scores (K,) of the one instance that it must give."""

    def run(*given: Any) -> tuple[Floats, Floats]:
        poses = decode(*given, ())
        assert poses.count == 1
        return poses.keypoints[0], poses.scores[0]

    return run
