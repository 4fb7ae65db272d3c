"""What a platform's file is made from: a network lowered to one graph, or a file of the platform's own that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import TFLITE, Rewrite
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.sources.source import SourceModel
from posekit.targets.graph import tracing
from posekit.targets.graph.lowering import Lowered, lower

if TYPE_CHECKING:
    from posekit.parity.trace import TracedOp
    from posekit.sources.tflite.ports import Network


@dataclass(frozen=True, slots=True)
class Kept:
    """A .tflite whose graph becomes Android's: what stands before and behind it is added to the file.

    reference: what it gives for `pixels` (H, W, 3), as packaged. output_shapes, without: as of Lowered; nothing of a
    file that is kept is rewritten.
    """

    network: Network
    spec: PoseSpec
    output_shapes: Mapping[str, tuple[int, ...]]
    pixels: NDArray[np.float32]
    reference: Outputs
    without: tuple[Rewrite, ...] = ()


Start = Lowered | Kept


def start_of(
    platform: str, source: SourceModel, spec: PoseSpec, pixels: NDArray[np.float32], reference: Outputs
) -> Start:
    """What a platform's file is made from; pixels: (H, W, 3) of an evaluation picture; reference: the outputs for it.

    ConversionError where the network cannot be lowered.
    """
    if source.tflite is not None and _keeps(platform, source, spec):
        shapes = {name: tuple(values.shape) for name, values in reference.items()}
        return Kept(source.tflite, spec, shapes, pixels, reference)
    return lower(source, spec, pixels, reference)


def starts_of(
    platforms: tuple[str, ...], source: SourceModel, spec: PoseSpec, pixels: NDArray[np.float32], reference: Outputs
) -> dict[str, Start]:
    """The same of several platforms, each network lowered once."""
    found: dict[str, Start] = {}
    for platform in platforms:
        same = next((one for one in found.values() if isinstance(one, Lowered)), None)
        found[platform] = (
            start_of(platform, source, spec, pixels, reference)
            if same is None or _keeps(platform, source, spec)
            else same
        )
    return found


def _keeps(platform: str, source: SourceModel, spec: PoseSpec) -> bool:
    """Whether the file's own graph is the platform's: not where it is to look at the mirror image too."""
    return platform in TFLITE and source.tflite is not None and spec.flip_test == "none"


def trace_of(start: Start) -> tuple[TracedOp, ...]:
    """What the network itself computes on the picture, operation by operation."""
    if isinstance(start, Lowered):
        return tracing.trace(start)
    from posekit.targets.litert.kept_trace import trace

    return trace(start)
