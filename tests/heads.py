"""A contract with each kind of decoder, for the tests of the generated code: settings from the golden vectors."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from posekit.bundle.wrapper import Network
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.contract.stages import joined
from posekit.decoders import DECODERS, AnyDecoderSpec, of
from posekit.poses.region_spec import PointsSpec, RegionSpec

GOLDEN = Path(__file__).parent / "golden"
KINDS = tuple(sorted(DECODERS))
SEVERAL = "detections-ltrb-yolo8-roles"  # the golden case with the settings of YOLO-pose as a checkpoint gives it
PLAIN = "heatmap"  # whose outputs the fakes of LiteRT give: what all wrappers share is checked with this one head

# beside the people of that case, so that the generated code of dense results is compiled and run
MASK = {
    "name": "person",
    "kind": "mask",
    "output": "segments",
    "stride": 16.0,
    "upsampling": 2,
    "activation": "sigmoid",
}
MASK_HW = (16, 12)

# compiled as modules of their own: a head of each sort. The others are compiled together, and none leans on the files
# of another (tests/bundle/test_decoder_files.py)
TWO_STAGE = "two_stage"  # PLAIN, whose people "detections" finds
MODULES = (PLAIN, "detections", TWO_STAGE)


@cache
def cases() -> dict[str, list[Any]]:
    """Golden cases by kind of decoder."""
    documents = [json.loads(path.read_text())["cases"] for path in sorted(GOLDEN.glob("*.json"))]
    found = [case for document in documents for case in document if "kind" in case]
    return {kind: [case for case in found if case["kind"] == kind] for kind in KINDS}


def decoder(case: dict[str, Any]) -> dict[str, Any]:
    """The decoder of a golden case as a contract has it: `boxes.first` is `first` of the table `boxes`."""
    data: dict[str, Any] = {"kind": case["kind"]}
    for name, value in case["settings"].items():
        *tables, field = name.split(".")
        table = data
        for part in tables:
            table = table.setdefault(part, {})
        table[field] = value
    data.pop("oks_sigmas", None)
    return data


def plain_spec(name: str) -> PoseSpec:
    """A contract with the first settings of PLAIN."""
    return spec(PLAIN, name, 0)


def spec(kind: str, name: str, case: int = -1, *, is_tiny: bool = False) -> PoseSpec:
    """A contract with a decoder of that kind, or of two stages: COCO's keypoints, or where it is tiny a single one
    without edges."""
    if kind == TWO_STAGE:
        detector = spec("detections", name).model_copy(update={"dense": ()})
        corners = ("nose", "left_hip", "left_wrist")
        points = PointsSpec(first="left_hip", second="nose", scale=1.2, shift=-0.1, about="extent", among=corners)
        following = points.model_copy(update={"with_second": ("left_eye", "left_eye")})
        region = RegionSpec(points=points, next_points=following, min_score=0.25, max_people=3)
        pose = parse_spec(spec(PLAIN, name, 0).model_dump(mode="json", by_alias=True) | {"dense": [MASK]}, "a test")
        return joined(pose, detector, region)
    chosen = next((one for one in cases()[kind] if one["name"] == SEVERAL), cases()[kind][case])
    data = {
        "schema": 1, "name": name, "version": "1", "license": "Apache-2.0",
        "kind": "one_stage" if DECODERS[kind].several else "top_down",
        "input": {"size_wh": [192, 256], "color_order": "bgr", "mean": [103.53, 116.28, 123.675],
                  "std": [57.375, 57.12, 58.395], "resize": "affine_crop", "box_padding": 1.25,
                  "pad_value": 0, "alignment": "half_pixel"},
        "decoder": decoder(chosen),
        "keypoints": {"names": ["tip"], "oks_sigmas": [0.05]} if is_tiny else {"skeleton": "coco17"},
        "dense": [MASK] if chosen["name"] == SEVERAL else [],
    }  # fmt: skip
    names = data["keypoints"].get("names", ["left_hip", "right_hip"])
    return parse_spec({**data, **depth(data["decoder"], names)}, "tests/heads.py")


def depth(data: dict[str, Any], root: list[str]) -> dict[str, Any]:
    """The table of a contract that says what depth means, where a decoder gives any."""
    decoder = TypeAdapter(AnyDecoderSpec).validate_python(data)
    if not decoder.has_depth and not decoder.has_world:
        return {}
    return {"depth": {"unit": "px" if decoder.has_depth else "metres", "root": root, "direction": "away"}}


def networks(pose_spec: PoseSpec, ending: str) -> list[Network]:
    """The model files of a contract as generated code knows them: that of the pose network, then a detector's."""
    stages = [one for one in (pose_spec, pose_spec.detector_stage) if one is not None]
    return [Network(f"{one.name}.{ending}", output_shapes(one)) for one in stages]


def output_shapes(pose_spec: PoseSpec) -> dict[str, tuple[int, ...]]:
    """Shapes of the packaged outputs that are read, batch 1."""
    decoder, count = pose_spec.decoder, len(pose_spec.keypoints.names)
    outputs = of(decoder).examples(decoder, pose_spec.input, np.random.default_rng(0), count)
    found = {name: (1, *outputs[name].shape) for name in decoder.outputs}
    return found | ({"segments": (1, *MASK_HW, 1)} if pose_spec.dense else {})
