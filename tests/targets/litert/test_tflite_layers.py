"""What is read back of a file's layers: whether a weight is the network's."""

from __future__ import annotations

import numpy as np
import pytest

from posekit.targets.litert.tflite_layers import _is_alike


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_weights_are_compared_without_an_overflow(dtype: type) -> None:
    """The square of a norm is beyond what 16 bits hold."""
    known = np.full((100, 100), 100, dtype)
    same = known.ravel().astype(np.float64)
    assert _is_alike(same, known)
    assert not _is_alike(3 * same, known)
    assert not _is_alike(same[1:], known)
