"""What a compression did, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from posekit.documents import plain


@dataclass(frozen=True, slots=True)
class Agreement:
    """Keypoints against the original network's on pictures that the recovery never trained on.

    oks: mean, who is lost counts as 0; mean_px, p95_px: source px over the keypoints of which the original is sure, NaN
    where everybody is lost; people: on either side; lost: of them those who are on one side alone.
    """

    oks: float
    mean_px: float
    p95_px: float
    people: int
    lost: int = 0


@dataclass(frozen=True, slots=True)
class LayerChange:
    """What became of one layer. kind: low_rank, prune or sparsity.

    before, after: its multiply-adds (of a chain: of all its layers). size_before, size_after: its rank, its channels
    or its weights that are not zero. error: relative RMS of its outputs at once, before any recovery, where known.
    left: why it was left as it is, or "".
    """

    layer: str
    kind: str
    before: int = 0
    after: int = 0
    size_before: int = 0
    size_after: int = 0
    error: float | None = None
    left: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """multiply_adds for one input, parameters, of which zeros; bytes of the model's file."""

    multiply_adds: int
    parameters: int
    zeros: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Compressed:
    """The new model with its spec, and how it compares.

    unrecovered, recovered: the agreement with the original before and after the recovery, None without pictures; with
    `quantize` both are of the network as that precision rounds it, as simulated in torch. trained: steps taken.
    asked: the options; source_sha256, teacher_sha256: of the model's file, and of that of its teacher, with whom the
    agreement is then.
    """

    folder: Path
    model: Path
    spec: Path
    before: Size
    after: Size
    unrecovered: Agreement | None
    recovered: Agreement | None
    trained: int
    changes: tuple[LayerChange, ...]
    source_sha256: str
    asked: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    teacher_sha256: str = ""

    @property
    def ratio(self) -> float:
        """How many times fewer multiply-adds."""
        return self.before.multiply_adds / max(self.after.multiply_adds, 1)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON has it; paths as names within the folder."""
        document = asdict(self) | {"model": self.model.name, "spec": self.spec.name, "ratio": self.ratio}
        document.pop("folder")
        result: dict[str, Any] = plain(document, 6)
        return result
