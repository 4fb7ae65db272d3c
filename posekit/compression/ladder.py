"""A ladder's rungs: a precision each, what was measured of it, and which one to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posekit.contract.precisions import Precision
from posekit.parity.quality import Quality

SLOWER = 1.05  # times fp32: closer is not told from it
LIKE = 1.10  # times the smallest file: as good as that small
MOST_LOST = 1.0  # points of AP, where annotations tell, beyond which a precision is not recommended


@dataclass(frozen=True, slots=True)
class Rung:
    """One precision. size: bytes; ratio: to fp32's. milliseconds: median of interleaved runs, time_ratio to fp32's,
    None where nothing here tells. layers: as read back. failed: gates that failed, or why there is no file. status:
    HOST, SIMULATED, SKIPPED or FAILED."""

    precision: Precision
    status: str
    size: int = 0
    ratio: float | None = None
    milliseconds: float | None = None
    time_ratio: float | None = None
    quality: Quality | None = None
    layers: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    minimum_system: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it was measured and no gate failed."""
        return self.quality is not None and not self.failed

    @property
    def is_slower(self) -> bool:
        """Whether it takes longer than fp32 here."""
        return self.time_ratio is not None and self.time_ratio > SLOWER

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "precision": self.precision, "status": self.status, "size": self.size, "ratio": self.ratio,
            "milliseconds": self.milliseconds, "time_ratio": self.time_ratio, "is_slower": self.is_slower,
            "quality": self.quality and self.quality.as_json(), "layers": list(self.layers), "notes": list(self.notes),
            "failed": list(self.failed), "minimum_system": self.minimum_system, "is_good": self.is_good,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of a platform. reference: None where nobody is in the pictures. untimed: why there are no times, else
    empty. recommended: empty where none is good."""

    name: str
    platform: str
    runtime: str
    machine: str
    evaluated_on: str
    warnings: tuple[str, ...]
    people: int
    reference: Quality | None
    rungs: tuple[Rung, ...]
    untimed: str
    calibration: dict[str, Any] | None
    recommended: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "platform": self.platform,
            "runtime": self.runtime,
            "machine": self.machine,
            "evaluated_on": self.evaluated_on,
            "warnings": list(self.warnings),
            "people": self.people,
            "reference": self.reference and self.reference.as_json(),
            "precisions": [rung.as_json() for rung in self.rungs],
            "untimed": self.untimed,
            "calibration": self.calibration,
            "recommended": self.recommended,
            "why": self.why,
        }


def recommend(rungs: Sequence[Rung]) -> tuple[str, str]:
    """The precision to take, empty where none is good, and why.

    Of those whose gates hold, which lose at most MOST_LOST points of AP and are not slower than fp32 here, the fastest
    of those within LIKE of the smallest.
    """
    good = [rung for rung in rungs if rung.is_good]
    if rungs and all(rung.quality is None for rung in rungs) and any(rung.size for rung in rungs):
        return "", "nobody is in the pictures, so that no precision can be compared"
    if not good:
        return "", "no precision was measured with its gates holding"
    quick = [rung for rung in good if not rung.is_slower and not _loses(rung)] or good
    smallest = min(rung.size for rung in quick)
    like = [rung for rung in quick if rung.size <= LIKE * smallest]
    best = min(like, key=lambda rung: (rung.time_ratio or 1.0, -(rung.quality.oks if rung.quality else 0), rung.size))
    reasons = []
    if best.ratio is not None:
        reasons.append(f"{best.ratio:.2f} of fp32's size")
    if best.time_ratio is not None:
        reasons.append(f"{best.time_ratio:.2f} of its time here")
    if best.quality is not None:
        lost = "" if best.quality.ap_drop is None else f", AP {-best.quality.ap_drop:+.1f} points"
        reasons.append(f"OKS {best.quality.oks:.4f}{lost}")
    reasons += [
        f"{rung.precision} is smaller but {_why_not(rung, like)}" for rung in rungs if 0 < rung.size < best.size
    ]
    return best.precision, "; ".join(reasons)


def _loses(rung: Rung) -> bool:
    return rung.quality is not None and (rung.quality.ap_drop or 0.0) > MOST_LOST


def _why_not(rung: Rung, like: Sequence[Rung]) -> str:
    if rung.failed or rung.quality is None:
        return "fails its gate" if rung.quality is not None else "was not measured"
    if rung in like:
        why = f"takes {rung.time_ratio:.2f} of the time" if rung.time_ratio else "moves keypoints further"
        return f"by less than {LIKE - 1:.0%}, and {why}"
    if rung.is_slower:
        return f"takes {rung.time_ratio:.2f} of fp32's time"
    return f"loses {rung.quality.ap_drop:.1f} points of AP"
