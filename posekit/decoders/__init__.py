"""Outputs to keypoints: one file a head, or one folder; numpy alone.

A decoder takes the outputs as the packaged model gives them (layout.py), without the batch axis. Its module holds all
that is said of it: settings, shapes, decoding, examples, alternatives; this registry is the only list of them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny
from pydantic_core import PydanticCustomError

from posekit.decoders import heatmap, integral, landmarks, location_maps, movenet, offset_map, regression, simcc
from posekit.decoders.centers import centers
from posekit.decoders.decoder import Decoder, DecoderSpec
from posekit.decoders.detections import detections
from posekit.decoders.paf import paf
from posekit.decoders.posenet import posenet
from posekit.decoders.tags import tags

DECODERS: dict[str, Decoder] = {
    one.kind: one
    for one in (
        centers.DECODER,
        detections.DECODER,
        heatmap.DECODER,
        integral.DECODER,
        landmarks.DECODER,
        location_maps.DECODER,
        movenet.DECODER,
        offset_map.DECODER,
        paf.DECODER,
        posenet.DECODER,
        regression.DECODER,
        simcc.DECODER,
        tags.DECODER,
    )
}


def of(spec: DecoderSpec) -> Decoder:
    """The decoder that a contract names."""
    return DECODERS[spec.kind]


def _of_its_kind(value: Any) -> Any:
    """Settings as the spec of their decoder; what is wrong with them is pydantic's to say."""
    if not isinstance(value, dict):
        return value
    if "kind" not in value:
        raise PydanticCustomError("union_tag_not_found", "expected a kind")
    known = DECODERS.get(value["kind"]) if isinstance(value["kind"], str) else None
    if known is None:
        expected = ", ".join(repr(kind) for kind in DECODERS)
        raise PydanticCustomError("union_tag_invalid", "", {"expected_tags": expected})
    return known.spec.model_validate(value)


AnyDecoderSpec = Annotated[SerializeAsAny[DecoderSpec], BeforeValidator(_of_its_kind)]
