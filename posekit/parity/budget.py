"""A budget: how far keypoints may move, and how large the file may be."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from posekit.errors import InputError
from posekit.parity.quality import Quality

# name -> whether more is better, and what it is
METRICS: dict[str, tuple[bool, str]] = {
    "oks": (True, "OKS against the reference, mean over people"),
    "worst-oks": (True, "OKS against the reference of the worst person"),
    "px": (False, "mean keypoint error in source px"),
    "p95-px": (False, "p95 of the keypoint errors in source px"),
    "ap-drop": (False, "points of COCO AP lost, needs annotations"),
    "pck-drop": (False, "points of PCK lost, needs annotations"),
    "size": (False, "size of the model file: 900kB, 1.5MB, 800KiB, 2MiB"),
}
UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "kib": 1024, "mib": 1024**2}
_TERM = re.compile(r"\s*([a-z0-9-]+)\s*(>=|<=)\s*([0-9.]+(?:e-?[0-9]+)?)\s*([a-z]*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One limit; size in bytes."""

    metric: str
    limit: float

    @property
    def needs_annotations(self) -> bool:
        """Whether it is about accuracy."""
        return self.metric.endswith("-drop")

    @property
    def text(self) -> str:
        """As it may be written."""
        if self.metric == "size":
            return f"size<={self.limit / 1000:.12g}kB"
        return f"{self.metric}{'>=' if METRICS[self.metric][0] else '<='}{self.limit:.12g}"


@dataclass(frozen=True, slots=True)
class Budget:
    """All terms hold. as `oks>=0.98`, `ap-drop<=0.5,size<=1MB`."""

    terms: tuple[Term, ...]

    @property
    def text(self) -> str:
        """As it may be written."""
        return ", ".join(term.text for term in self.terms)

    @property
    def needs_annotations(self) -> bool:
        """Whether a term is about accuracy."""
        return any(term.needs_annotations for term in self.terms)

    def of_keypoints(self) -> Budget:
        """The terms that are not about the size."""
        return Budget(tuple(term for term in self.terms if term.metric != "size"))

    def of_motion(self) -> Budget:
        """The terms that keypoints alone tell: neither size nor accuracy."""
        return Budget(tuple(term for term in self.of_keypoints().terms if not term.needs_annotations))

    @property
    def is_of_size_alone(self) -> bool:
        """Whether nothing but the size is limited: then the best keypoints within it are wanted."""
        return all(term.metric == "size" for term in self.terms)

    def excess(self, quality: Quality, size: int) -> float:
        """By how much the budget is missed: 0 where it is met, the sum of the relative misses else, NaN as infinite."""
        return sum(_miss(term, value_of(term.metric, quality, size)) for term in self.terms)

    def in_words(self, quality: Quality, size: int) -> str:
        """What was measured for each term."""
        found = [(term, value_of(term.metric, quality, size)) for term in self.terms]
        return ", ".join(
            f"{term.metric} {'not measured' if math.isnan(value) else f'{value:g}'}" for term, value in found
        )

    def is_met(self, quality: Quality, size: int) -> bool:
        """Whether every term holds; NaN and what was not measured do not."""
        return self.excess(quality, size) == 0


def value_of(metric: str, quality: Quality, size: int) -> float:
    """A metric's value; NaN where it was not measured."""
    if metric == "size":
        return float(size)
    name = {"px": "mean_px"}.get(metric, metric.replace("-", "_"))
    value: Any = getattr(quality, name)
    return math.nan if value is None else float(value)


def parse_budget(text: str) -> Budget:
    """`oks>=0.98` and the like, joined by commas; InputError says what is not understood."""
    known = ", ".join(f"{name}{'>=' if more else '<='}" for name, (more, _) in METRICS.items())
    terms = []
    for part in text.split(","):
        match = _TERM.fullmatch(part)
        if match is None or (metric := match[1].lower()) not in METRICS:
            raise InputError(f"--budget has {part.strip()!r}, expected a metric and its limit", f"there are {known}")
        is_more, _ = METRICS[metric]
        if (match[2] == ">=") != is_more:
            raise InputError(
                f"--budget has {part.strip()!r}, but {metric} has a {'least' if is_more else 'largest'} value",
                f"there are {known}",
            )
        unit = match[4].lower()
        if unit not in (UNITS if metric == "size" else ("",)):
            raise InputError(
                f"--budget has the unit {match[4]!r} in {part.strip()!r}", "sizes have kB, MB, KiB or MiB, others none"
            )
        try:
            limit = float(match[3]) * UNITS[unit]
        except ValueError as error:
            raise InputError(f"--budget has {match[3]!r}, which is no number") from error
        if metric in ("oks", "worst-oks") and limit > 1:
            raise InputError(f"--budget has {part.strip()!r}: OKS is at most 1")
        terms.append(Term(metric, limit))
    return Budget(tuple(terms))


def _miss(term: Term, value: float) -> float:
    if math.isnan(value):
        return math.inf
    beyond = term.limit - value if METRICS[term.metric][0] else value - term.limit
    return max(beyond, 0.0) / max(abs(term.limit), 1e-9)
