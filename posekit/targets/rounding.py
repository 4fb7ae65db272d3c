"""Weights in few bits: rounding whose errors cancel, and which layers are too small for 4 bits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# Of a network's weights, what its smallest layers hold together. In 4 bits they lose most, since few products add up in
# them, and save least: at 8 bits all of them together add 1 % to a file.
SMALL = 0.02


def size_of_small(sizes: Iterable[int]) -> int:
    """The number of weights up to which layers are small: all of those together hold 2 % of the network's weights at
    most.

    sizes: weights of each layer. 0 where none is small.
    """
    counts, times = np.unique(np.fromiter(sizes, np.int64), return_counts=True)
    held = np.cumsum(counts * times)
    small = counts[held <= SMALL * held[-1]] if len(held) else counts
    return int(small.max(initial=0))


def why_eight(weights: int) -> str:
    """Why a layer has 8 bits where 4 were asked for."""
    return f"of {weights} weights 4 bits would save too little room: 8-bit"


def cancelling(steps: Array, most: int) -> Array:
    """Weights rounded to integers from -most to most, so that the errors of each kernel, and of each group, add up to
    half a step at most.

    steps: (groups, kernels, places), in steps of the group's scale; a kernel is what one input channel is multiplied
    with. What a layer reads is mostly of one sign and alike from place to place, so that errors which cancel change its
    result least. A weight is moved to the other integer beside it at most; the largest stay, which the scale is told
    by.
    """
    rounded = np.clip(np.rint(steps), -most, most)
    groups, kernels, places = steps.shape
    for rows in ((groups * kernels, places), (groups, kernels * places)):
        if rows[1] > 1:
            rounded = _balanced(rounded.reshape(rows), steps.reshape(rows), most)
    return rounded.reshape(steps.shape)


def _balanced(rounded: Array, steps: Array, most: int) -> Array:
    """Each row with as many of its most wrongly rounded values moved by one as its sum is off."""
    errors = rounded - steps
    off = errors.sum(axis=1, keepdims=True)
    towards = np.sign(off)
    is_free = (errors * towards > 0) & (np.abs(rounded) < most)
    worst = np.argsort(np.where(is_free, -errors * towards, np.inf), axis=1, kind="stable")
    ranks = np.empty_like(worst)
    np.put_along_axis(ranks, worst, np.arange(worst.shape[1])[None], axis=1)
    moved: Array = rounded - towards * (is_free & (ranks < np.rint(np.abs(off))))
    return moved
