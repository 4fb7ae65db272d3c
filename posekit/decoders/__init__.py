"""Outputs to keypoints: one file a head, numpy alone.

Every decoder takes the outputs as the packaged model gives them (layout.py), without the batch axis, and gives
keypoints in input px with one score each. `encode` is its inverse, for tests and golden vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders import heatmap, layout, regression, simcc
from posekit.errors import ConversionError, InputError
from posekit.poses import Floats, Poses

if TYPE_CHECKING:
    from posekit.contract.spec import InputSpec, PoseSpec
    from posekit.decoders.specs import DecoderSpec

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


def decode(outputs: Outputs, spec: PoseSpec) -> Poses:
    """Decode the outputs of one run; returns Poses in *input* px with N = 1.

    outputs: by name, as they are packaged. InputError where one is missing or has another shape, ConversionError
    where a value is not finite.
    """
    check_outputs({name: values.shape for name, values in outputs.items()}, spec)
    decoder_spec: DecoderSpec = spec.decoder
    single: dict[str, NDArray[Any]] = {}
    for name in decoder_spec.outputs:
        values = outputs[name]
        if not np.isfinite(values).all():
            raise ConversionError(f"output {name!r} holds values that are not finite", "see the report for where")
        single[name] = values[0]
    keypoints, scores = DECODERS[decoder_spec.kind].decode(single, decoder_spec, spec.input)
    return Poses(keypoints[None], scores[None])


def packaged(name: str, values: Any, spec: PoseSpec) -> Any:
    """An output of the network as the packaged model gives it; what the decoder does not read stays as it is.

    values: of numpy or torch, batch 1. InputError where the axes are not those of the head.
    """
    if name not in spec.decoder.outputs:
        return values
    decoder, size_wh = DECODERS[spec.decoder.kind], spec.input.size_wh
    shape = decoder.shapes(spec.decoder, size_wh, spec.keypoint_count)[name]
    try:
        return decoder.pack(values, shape, spec.decoder, size_wh)
    except layout.MisfitError as misfit:
        raise _misfit(name, tuple(values.shape), misfit.expected, spec, misfit.hint) from misfit


def check_outputs(shapes: Mapping[str, tuple[int, ...]], spec: PoseSpec) -> None:
    """InputError unless the outputs that the decoder reads are there and fit K and the input size.

    shapes: of all outputs by name, as they are packaged, with the batch axis.
    """
    known = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    decoder = DECODERS[spec.decoder.kind]
    expected = decoder.shapes(spec.decoder, spec.input.size_wh, spec.keypoint_count)
    for name, wanted in expected.items():
        if name not in shapes:
            raise InputError(
                f"the decoder reads output {name!r}, which the network does not have; it has {known}",
                "set the decoder's output, or name the network's outputs in order with `outputs = [...]`",
            )
        shape = shapes[name]
        if not _fits(shape, wanted):
            raise _misfit(name, shape, " x ".join("any" if w is None else str(w) for w in (1, *wanted)), spec)


def _misfit(name: str, shape: tuple[int, ...], expected: str, spec: PoseSpec, hint: str = "") -> InputError:
    return InputError(
        f"output {name!r} has shape {shape}, but decoder {spec.decoder.kind!r} with "
        f"{spec.keypoint_count} keypoints and input {spec.input.size_wh} expects {expected}",
        hint or "check keypoints.skeleton, decoder.kind and input.size_wh",
    )


def _fits(shape: tuple[int, ...], wanted: layout.Wanted) -> bool:
    if len(shape) != len(wanted) + 1 or shape[0] != 1:
        return False
    return all(w is None or w == s for w, s in zip(wanted, shape[1:], strict=True))
