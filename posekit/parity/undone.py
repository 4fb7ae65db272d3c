"""Whether a wrapper's decoding merely undoes a wrong crop: keypoints are where they should be, but for one motion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posekit.parity.metrics import Found
from posekit.poses import Floats

Places = NDArray[np.complex128]
LEAST_POINTS = 3  # a turn, a scale and a shift fit any two
CLOSE_PX = 0.05


def is_one_motion(seen: Found, expected: Found) -> bool:
    """Whether all keypoints of a case are those expected, turned, scaled, shifted and perhaps mirrored, source px."""
    if seen.keypoints.shape != expected.keypoints.shape or seen.scores.size < LEAST_POINTS:
        return False
    one, other = (_complex(side.keypoints) for side in (seen, expected))
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return False
    return any(_residual(one, source) <= CLOSE_PX for source in (other, other.conj()))


def _complex(keypoints: Floats) -> Places:
    """(N, K, 2|3) as N K places, about their middle, which takes the shift away."""
    places = (keypoints[..., 0] + 1j * keypoints[..., 1]).ravel()
    return np.asarray(places - places.mean())


def _residual(seen: Places, source: Places) -> float:
    """The largest distance that is left when `source` is turned and scaled as fits best."""
    factor = np.vdot(source, seen) / max(float(np.vdot(source, source).real), 1e-12)
    return float(np.abs(seen - factor * source).max())
