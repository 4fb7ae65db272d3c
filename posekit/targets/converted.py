"""A conversion in two steps: the float file that everything is made from, and a file of some precision made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import Precision, Rewrite

if TYPE_CHECKING:
    from posekit.targets.graph.lowering import Lowered


@dataclass(frozen=True, slots=True)
class Base:
    """A network converted in float, in a scratch folder; compressing it needs those files and nothing else.

    route: what converted it. notes: what the user should know (a fallback and why). layers: names by the fingerprint of
    their weights, in the order of execution, empty of what is arithmetic (targets/layers.py). output_shapes: by name,
    batch 1, channels last. lowered: the graph, where this process still has it; a worker process has the files alone.
    seconds: time that the converters themselves took. rewrites: how many were made for speed, by name. own: why no
    other precision can be made of it than its own, which fp32 then means.
    """

    folder: Path
    route: str
    layers: Mapping[str, str]
    output_shapes: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    lowered: Lowered | None = None
    rewrites: Mapping[Rewrite, int] = field(default_factory=dict)
    own: str = ""


COARSE = "channels of small values would be lost in 8 bits: it computes in float"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a precision that calibrates needs. inputs: (H, W, 3) RGB 0-255 each. Where the target wants them read
    beforehand, by tensor of the base: ranges, lowest and highest value over the inputs; lost, the share (0-1) of
    its channels' mean squares that 8 bits lose. by_input: (inputs, tensors, 2), the ranges input by input."""

    inputs: tuple[NDArray[np.float32], ...] = ()
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    by_input: NDArray[np.float64] | None = None
    lost: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """What was done to one layer, read back from the written file.

    op: the file's own word for it. weights: how many. bits: that each takes in the file, tables and scales left out.
    stored: in words, as `int8, one scale a channel`. activations: the type that the layer computes in. wanted: the
    recipe's precision for it; why: the reason where it was not followed, else empty.
    """

    name: str
    op: str
    weights: int
    bits: float
    stored: str
    activations: str
    wanted: Precision
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the report holds it."""
        return {
            "name": self.name, "op": self.op, "weights": self.weights, "bits": round(self.bits, 3),
            "stored": self.stored, "activations": self.activations, "wanted": self.wanted, "why": self.why,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Converted:
    """A written model file.

    op_counts: operations by name. layers: what was done to each layer. notes: what the user should know.
    minimum_system: the oldest iOS that loads it, empty on Android. rewrites: as of the base.
    """

    path: Path
    route: str
    op_counts: Mapping[str, int]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    layers: tuple[Layer, ...] = ()
    minimum_system: str = ""
    rewrites: Mapping[Rewrite, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """A layer as the file alone tells of it: fields as of Layer, and kind, what a precision is told by."""

    op: str
    weights: int
    bits: float
    stored: str
    kind: str
    activations: str
