"""How long models take beside each other: run in turn, so that what slows one slows all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

ROUNDS, LEAST_ROUNDS, SECONDS = 40, 7, 20.0  # every model once a round
FEW_ROUNDS, HOPELESS = 3, 5.0  # rounds of what takes that many times as long as the quickest

Key = TypeVar("Key", bound=Hashable)


def medians(
    runs: Mapping[Key, Callable[[NDArray[np.float32]], Any]], pixels: NDArray[np.float32], rounds: int = ROUNDS
) -> dict[Key, float]:
    """Median milliseconds of one run of each on the same pixels (H, W, 3), after one that is not counted.

    rounds: of all of them in turn, fewer where they take long.
    """
    for run in runs.values():
        run(pixels)
    taken: dict[Key, list[float]] = {key: [] for key in runs}
    started = time.perf_counter()
    for number in range(rounds):
        if number >= LEAST_ROUNDS and time.perf_counter() - started > SECONDS:
            break
        hopeless = HOPELESS * min((some[0] for some in taken.values() if some), default=0.0)
        for key, run in runs.items():
            if number >= FEW_ROUNDS and taken[key][0] > hopeless:
                continue
            begin = time.perf_counter()
            run(pixels)
            taken[key].append(1000 * (time.perf_counter() - begin))
    return {key: statistics.median(some) for key, some in taken.items()}
