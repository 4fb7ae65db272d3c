"""What 8 bits lose of a tensor, channel by channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 255
# Of its channels' mean squares, on average, that a tensor may lose, where any loses more than SEVERE: errors add up,
# and a trained network with swish and squeeze-excite comes from OKS 0.93 to 0.99 so. Where none does the plain file
# keeps its keypoints and is faster: of networks with seeded weights (benchmarks/networks.py) none loses more than
# 0.075.
LOST, SEVERE = 0.005, 0.1


def channel_sums(array: NDArray[Any], axis: int = -1) -> NDArray[np.float64]:
    """(2, C): how many finite values other than zero each channel of a tensor has, and the sum of their squares.

    Zeros, of which a ReLU leaves many, are exact in 8 bits.
    """
    values = np.atleast_1d(array)
    values = np.moveaxis(values, axis, -1) if values.ndim > abs(axis) else values
    values = values.reshape(-1, values.shape[-1])
    values = np.where(np.isfinite(values), values, 0.0)
    return np.stack(
        [np.count_nonzero(values, axis=0).astype(np.float64), np.einsum("nc,nc->c", values, values, dtype=np.float64)]
    )


def lost(sums: NDArray[np.float64], ends: tuple[float, float]) -> float:
    """Squared error of rounding to the 255 steps of a range by a channel's own mean square, 1 at most, in the mean over
    channels; sums: of `channel_sums`, over all inputs.

    A channel of small values beside the range of all is lost, however little the whole tensor's error is: the depthwise
    convolution or the norm behind it scales it up again.
    """
    step = (max(ends[1], 0.0) - min(ends[0], 0.0)) / LEVELS
    mean_squares = sums[1] / np.maximum(sums[0], 1.0)
    some = mean_squares[mean_squares > 0]
    return float(np.minimum(1.0, step**2 / 12 / some).sum() / len(mean_squares)) if len(some) else 0.0


def coarse(lost_of: Mapping[str, float], judged: Iterable[str]) -> frozenset[str]:
    """Of the judged tensors those that lose too much to 8 bits; none where none loses very much."""
    losses = {name: lost_of.get(name, 0.0) for name in judged}
    if max(losses.values(), default=0.0) <= SEVERE:
        return frozenset()
    return frozenset(name for name, one in losses.items() if one > LOST)
