"""Ids and numbers in JSON as tools write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from posekit.poses import Floats

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


def in_order(table: Mapping[str, Any], names: Sequence[str]) -> list[Any] | None:
    """The values of a table in the order of `names`, each `one|other|...`; None where one of them is missing."""
    known = {str(key).strip().casefold(): value for key, value in table.items()}
    found = [next((key for key in name.split("|") if key in known), None) for name in names]
    return None if None in found else [known[key] for key in found if key is not None]


def tables(value: Any) -> list[Any] | None:
    """A list of tables; of a table of tables by id its entries, with that id where they have none; None for anything
    else."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    return [{"id": key, **entry} if isinstance(entry, dict) else entry for key, entry in value.items()]
