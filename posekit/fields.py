"""Ids and numbers in JSON as tools write them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Key = int | str


def key_of(value: Any) -> Key | None:
    """An id as tools write it: 7, 7.0 and "7" are the same; other texts stay; None for what is no id."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float):
        return int(value) if np.isfinite(value) and value.is_integer() else None
    if isinstance(value, str):
        text = value.strip()
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text or None
    return value if abs(value) < 1 << 63 else None


def floats(value: Any) -> Floats | None:
    """Numbers, also as texts and truth values, NaN for null; None for anything else."""
    try:
        return np.asarray(np.array(value, np.float64))
    except (TypeError, ValueError, OverflowError):
        return None
