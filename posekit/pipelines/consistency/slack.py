"""How far the figures of a report may be from those measured now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROUNDED = 1.5e-9  # the report has nine digits behind the point
# of another processor's run: one near tie may go the other way there and move a keypoint by any distance; the distances
# beyond near ties (Step.drift) are compared
OF_TIES = frozenset(
    [
        "mean_px",
        "p95_px",
        "p99_px",
        "max_px",
        "worst_case_p95_px",
        "mean_of_size",
        "p95_of_size",
        "bias_px",
        "bias_x_px",
        "bias_y_px",
    ]
)
TIES_OF_DRIFT = frozenset(["shift", "shift_error", "ties", "tie_px"])


@dataclass(frozen=True, slots=True)
class Slack:
    """How far figures may be apart: not at all where this machine computes alike, else by what processors differ by.

    same_runtime: whether the same software ran the model, so that texts and outcomes are comparable too.
    """

    is_exact: bool
    same_runtime: bool

    def differing(self, seen: Any, expected: Any, where: str) -> list[str]:
        """Where two documents differ, by the path of the value."""
        if isinstance(expected, dict) and isinstance(seen, dict):
            keys = sorted(set(seen) | set(expected))
            return [one for key in keys for one in self.differing(seen.get(key), expected.get(key), f"{where}.{key}")]
        if isinstance(expected, list) and isinstance(seen, list) and len(seen) == len(expected):
            pairs = zip(seen, expected, strict=True)
            return [one for i, (a, b) in enumerate(pairs) for one in self.differing(a, b, f"{where}[{i}]")]
        key = where.rpartition(".")[2].partition("[")[0]
        is_of_ties = key in (TIES_OF_DRIFT if ".drift." in where else OF_TIES)
        if (is_of_ties and not self.is_exact) or self._fits(seen, expected, key):
            return []
        return [f"the report's {where} is {seen!r}, now {expected!r}"]

    def _fits(self, seen: Any, expected: Any, key: str) -> bool:
        if key == "ap" and (seen is None or expected is None):  # pycocotools is not everywhere
            return True
        if self.is_exact:
            both = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (seen, expected))
            return bool(abs(seen - expected) <= ROUNDED if both else seen == expected)
        if key == "snr_db":  # beyond 90 dB it is rounding
            a, b = (90.0 if one is None else min(one, 90.0) for one in (seen, expected))
            return bool(abs(a - b) <= (1.0 if self.same_runtime else 12.0))
        if isinstance(expected, str | bool) or expected is None or seen is None:
            return True if key in ("where", "worst", "case", "keypoint", "tie", "p95_of") else seen == expected
        if not isinstance(seen, int | float):
            return False
        limit = {"oks": 0.005, "min_oks": 0.02, "ap": 0.02, "pck": 0.02, "score_error": 0.01}.get(key, 0.05)
        return bool(abs(seen - expected) <= (limit + 0.1 * abs(expected)) * (1 if self.same_runtime else 5))
