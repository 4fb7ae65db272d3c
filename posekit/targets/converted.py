"""The outcome of a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Converted:
    """A written model file.

    route: what converted it. notes: what the user should know (a fallback and why). op_counts: operations by name.
    seconds: time that the converters themselves took. baseline: the same conversion at fp32, in a scratch file, where
    the precision is lower: it tells conversion error from precision error.
    """

    path: Path
    route: str
    op_counts: Mapping[str, int]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    baseline: Path | None = None
