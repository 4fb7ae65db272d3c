"""What is done to raw scores before they are reported."""

from __future__ import annotations

import numpy as np

from posekit.poses import Floats


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1 / (1 + small), small / (1 + small))
