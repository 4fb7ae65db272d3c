"""Outputs to keypoints: one file a head, numpy alone.

Every decoder takes the outputs as the packaged model gives them (layout.py), without the batch axis, and gives
keypoints in input px with one score each. `encode` is its inverse, for tests and golden vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from posekit.decoders import heatmap, layout, regression, simcc
from posekit.poses import Floats

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec
    from posekit.decoders.specs import DecoderSpec
    from posekit.poses.input_spec import InputSpec

Outputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Decoder:
    """decode(outputs, spec, input) -> keypoints (K, 2|3) in input px, scores (K,); encode is its inverse;
    shapes(spec, size_wh, K) -> per output its packaged shape without the batch axis, None where any size will do;
    pack(values, shape, spec, size_wh) -> an output of the network as it is packaged, MisfitError for other axes.
    cells: axes of an output along which a keypoint lies on the best of many cells, so that a near tie moves it. unsure: fraction of the
    median score below which a keypoint is no more often right than wrong."""

    decode: Callable[[Outputs, Any, InputSpec], tuple[Floats, Floats]]
    encode: Callable[..., dict[str, Floats]]
    shapes: Callable[[Any, tuple[int, int], int], dict[str, layout.Wanted]]
    pack: Callable[[Any, layout.Wanted, Any, tuple[int, int]], Any]
    cells: tuple[int, ...] = ()
    unsure: float = 0.0


# unsure was measured on 60 rendered scenes, visible keypoints within 0.1 of the box: below 0.3 of the median score 0.49 of
# EfficientPose's were right (n = 57) and 0.50 of the SimCC sample's (n = 34); above 0.7 0.91 and 1.00. No network with a
# regressed score was at hand, so there every keypoint counts.
DECODERS: dict[str, Decoder] = {
    "heatmap": Decoder(heatmap.decode, heatmap.encode, heatmap.shapes, heatmap.pack, cells=(1, 2), unsure=0.3),
    "regression": Decoder(regression.decode, regression.encode, regression.shapes, regression.pack),
    "simcc": Decoder(simcc.decode, simcc.encode, simcc.shapes, simcc.pack, cells=(2,), unsure=0.3),
}
