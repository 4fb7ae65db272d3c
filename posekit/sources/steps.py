"""Does a picture survive a network's input of whole numbers? The steps that the contract's mean and std leave of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.errors import InputError

if TYPE_CHECKING:
    from posekit.poses.input_spec import InputSpec

FEWEST_STEPS = 32  # of the 256 that a pixel has
MOST_CLIPPED = 0.1  # of them, at an end of the type: calibrated on pictures without white, a range leaves out some


def levels(image: InputSpec) -> NDArray[np.float32]:
    """Every value that a pixel can have as the contract normalises it: (256, C)."""
    values: NDArray[np.float32] = ((np.arange(256.0)[:, None] - image.mean) / image.std).astype(np.float32)
    return values


def check_steps(entered: NDArray[Any], what: str, path: Path, *, scale: float = 1.0, zero: int = 0) -> None:
    """InputError where a mean and std that do not belong to the input leave little of a picture.

    entered: `levels` as the input's own whole numbers, rounded and clipped, (256, C). what: the input, as
    `the input 'image', uint8`. scale, zero: of the numbers that those stand for.
    """
    if entered.dtype == np.bool_:
        low, high = 0, 1
    else:
        low, high = (int(one) for one in (np.iinfo(entered.dtype).min, np.iinfo(entered.dtype).max))
    clipped = max(_repeated(entered == end) for end in (low, high))
    fewest = min(len(np.unique(channel)) for channel in entered.T)
    if clipped <= MOST_CLIPPED and fewest >= FEWEST_STEPS:
        return
    first, last = (low - zero) * scale, (high - zero) * scale
    if clipped > MOST_CLIPPED and fewest > 2:
        seen = f"{clipped:.0%} of the 256 levels of a pixel lie beyond"
    else:
        seen = f"of the 256 levels of a pixel {fewest} are left, expected {FEWEST_STEPS} or more"
    raise InputError(
        f"input.mean and input.std do not fit {what} of {path}, whose whole numbers stand for {first:.6g} to "
        f"{last:.6g}: {seen}",
        f"set them as the network was trained; {_fitting(first, last)} in every channel would use all numbers",
    )


def _repeated(at_end: NDArray[np.bool_]) -> float:
    """The largest share of a channel's levels at one end of the type, where one of them belongs."""
    return float(max(at_end.sum(axis=0)) - 1) / len(at_end)


def _fitting(first: float, last: float) -> str:
    """The mean and std that lay the levels over the whole range; of wide types the pixels themselves."""
    if last - first > 1 << 12 or last <= first:
        return "mean 0 and std 1"
    std = 255 / (last - first)
    return f"mean {-first * std + 0:.6g} and std {std:.6g}"
