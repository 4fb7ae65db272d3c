"""What is asked of a compression, checked before anything is opened."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from posekit.errors import InputError

MAX_MINUTES = 7 * 24 * 60.0


@dataclass(frozen=True, slots=True)
class CompressOptions:
    """How the network is to become smaller, and on which pictures it recovers.

    low_rank: largest relative error of a factorised layer's outputs (RMS, about their mean); prune: fraction of the
    inner channels of each chain of layers that goes; sparsity: fraction of each layer's weights that becomes zero.
    recover: folder of pictures without labels; annotations: COCO file of which the boxes alone are read.
    minutes: time for the recovery; steps: a number of training steps instead, for runs that must repeat exactly.
    quantize: train with the rounding of that precision in view. teacher: a model file of the same contract that the
    network learns from rather than from itself, teacher_arch what builds it where it is bare weights.
    """

    low_rank: float | None = None
    prune: float | None = None
    sparsity: float | None = None
    recover: Path | None = None
    annotations: Path | None = None
    minutes: float = 10.0
    steps: int | None = None
    quantize: Literal["", "w8a8"] = ""
    teacher: Path | None = None
    teacher_arch: str = ""
    seed: int = 0

    @property
    def is_structural(self) -> bool:
        """Whether the network is to change, beyond what rounding asks of its weights."""
        return any(value is not None for value in (self.low_rank, self.prune, self.sparsity))

    def as_json(self) -> dict[str, Any]:
        """The options without the paths, which are this machine's."""
        return {key: value for key, value in asdict(self).items() if key not in ("recover", "annotations", "teacher")}

    def check(self) -> None:
        """InputError for nothing asked, a number out of its range, or a part that needs pictures without any."""
        fractions = {"--low-rank": self.low_rank, "--prune": self.prune, "--sparsity": self.sparsity}
        if not self.is_structural and not self.quantize and self.teacher is None:
            raise InputError(
                "nothing is asked for",
                "give --low-rank, --prune, --sparsity, --quantize w8a8 or --teacher, or several of them",
            )
        for option, value in fractions.items():
            if value is not None and not 0 < value < 1:  # NaN too
                raise InputError(f"{option} is {value:g}, expected a number between 0 and 1, both excluded")
        if not (math.isfinite(self.minutes) and 0 < self.minutes <= MAX_MINUTES):
            raise InputError(f"--minutes is {self.minutes:g}, expected more than 0 and at most {MAX_MINUTES:g}")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"steps is {self.steps}, expected at least 1")
        if self.quantize not in ("", "w8a8"):
            raise InputError(f"--quantize is {self.quantize!r}, expected w8a8")
        if self.quantize and self.recover is None:
            raise InputError("--quantize trains the weights, which needs pictures", "give a folder with --recover")
        if self.teacher is not None and self.recover is None:
            raise InputError("--teacher teaches on pictures", "give a folder with --recover")
        if self.teacher_arch and self.teacher is None:
            raise InputError("--teacher-arch is for --teacher, which is not given")
        if self.annotations is not None and self.recover is None:
            raise InputError("--annotations needs --recover, the folder of its pictures")
