"""Contracts of two stages: joined, taken apart, one hash, and refused where they do not fit."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from posekit.contract.presets import preset, preset_names
from posekit.contract.spec import PoseSpec, canonical_json, contract_hash, parse_spec
from posekit.contract.stages import following_rule, joined
from posekit.errors import InputError
from posekit.poses.region_spec import RegionSpec
from posekit.poses.regions import PointsRule

TWO_STAGE = tuple(name for name in preset_names() if preset(name).kind == "two_stage")


@pytest.fixture(scope="module")
def both() -> PoseSpec:
    return joined(preset("rtmpose-coco17"), preset("rtmdet-person"))


def table(spec: PoseSpec) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(canonical_json(spec))
    return found


def test_both_stages_are_one_contract(both: PoseSpec) -> None:
    stage = both.detector_stage
    assert stage is not None
    assert (stage.name, stage.type_name, stage.kind) == ("rtmpose-coco17-detector", "RtmPoseDetector", "one_stage")
    assert contract_hash(stage) == contract_hash(both) != contract_hash(preset("rtmpose-coco17"))
    assert canonical_json(stage.decoding(stage.decoder)) == canonical_json(both)  # a copy is a stage too
    alone = preset("rtmdet-person")
    for name in ("input", "decoder", "keypoints", "outputs", "gate", "license"):
        assert getattr(stage, name) == getattr(alone, name), name
    assert (both.whole, stage.whole) == (both, both)
    assert both.looks_at_regions
    assert not stage.looks_at_regions


def test_the_kotlin_package_is_the_pose_networks() -> None:
    pose, detector = (
        preset(name).model_copy(update={"kotlin_package": package})
        for name, package in (("rtmpose-coco17", "com.acme.pose"), ("rtmdet-person", "com.acme.people"))
    )
    whole = joined(pose, detector)
    assert whole.kotlin_package == "com.acme.pose"
    assert "com.acme.people" not in canonical_json(whole).decode()


def test_it_is_read_as_it_is_written(both: PoseSpec) -> None:
    again = parse_spec(table(both), "a test")
    assert again == both
    assert contract_hash(again) == contract_hash(both)
    bare = table(both)
    del bare["region"]
    assert parse_spec(bare, "a test").region == RegionSpec()


@pytest.mark.parametrize("name", TWO_STAGE)
def test_presets_of_two_stages_are_those_of_their_parts(name: str) -> None:
    parts = {
        "blazepose": ("blazepose-33", "blazepose-detector"), "hands": ("hand-landmarks-21", None),
        "rtmpose-rtmdet-coco17": ("rtmpose-coco17", "rtmdet-person"),
    }  # fmt: skip
    whole, (pose, detector) = preset(name), parts[name]
    for field in ("input", "decoder", "outputs", "file_outputs", "depth", "dense"):
        assert getattr(whole, field) == getattr(preset(pose), field), field
    assert whole.keypoints.names[: preset(pose).keypoint_count] == preset(pose).keypoints.names
    if detector is not None and whole.detector is not None:
        for field in ("input", "decoder", "outputs", "file_outputs", "keypoints"):
            assert getattr(whole.detector, field) == getattr(preset(detector), field), field


def test_names_of_points_are_their_places() -> None:
    rule = following_rule(preset("hands"))
    assert rule.points == PointsRule(0, 2, 2.6, -0.5)
    assert rule.points_about_box
    # MediaPipe's own: half of the middle finger's joint, a quarter of those beside it; the inner points
    inner = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
    assert rule.next_points == PointsRule(0, 9, 2.0, -0.1, 90.0, (9, 5, 13), inner)
    assert not rule.next_points_about_box
    assert following_rule(preset("blazepose")).next_points == PointsRule(33, 34, 1.25)
    with pytest.raises(ValueError, match="expected 'two_stage'"):
        following_rule(preset("rtmpose-coco17"))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("detector", None, "kind is 'two_stage', which needs a detector"),
        ("kind", "top_down", "detector is said of kind 'two_stage', kind is 'top_down'"),
        ("name", "a" * 40, "expected at most 39 and 40 characters of two stages"),
        ("detector.decoder", {"kind": "heatmap", "output": "cls_8", "refinement": "none", "alignment": "stride"},
         "detector.decoder 'heatmap' finds one person"),
        ("region.points", {"first": "nose", "second": "top_left", "scale": 1.0}, "region.points names 'nose'"),
        ("region.next_points", {"first": "nose", "second": "tail", "scale": 1.0}, "region.next_points names 'tail'"),
        ("region.points", {"first": "top_left", "second": "bottom_right", "scale": 1.0, "about": "extent"},
         "expected two or more with 'extent'"),
        ("region.max_people", 0, "region.max_people is 0"),
        ("region.margin", 0.5, "region.margin is 0.5"),
        ("detector.name", "me", "unknown key 'detector.name'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(both: PoseSpec, path: str, value: Any, message: str) -> None:
    data = copy.deepcopy(table(both))
    *above, field = path.split(".")
    place = data
    for name in above:
        place = place[name]
    place[field] = value
    with pytest.raises(InputError) as raised:
        parse_spec(data, "a test")
    assert message in raised.value.message


@pytest.mark.parametrize("field", ["points", "next_points"])
def test_antialiased_sampling_takes_no_turned_regions(field: str, both: PoseSpec) -> None:
    data = copy.deepcopy(table(both))
    data["input"]["sampling"] = "bilinear_antialias"
    assert parse_spec(data, "a test").input.sampling == "bilinear_antialias"  # regions of boxes are upright
    names = both.keypoints.names if field == "next_points" else ("top_left", "bottom_right")
    data["region"][field] = {"first": names[0], "second": names[1], "scale": 1.0}
    with pytest.raises(InputError, match=f"region.{field} turns regions"):
        parse_spec(data, "a test")


def test_only_a_top_down_network_takes_a_detector() -> None:
    with pytest.raises(InputError, match="the pose network's kind is 'one_stage', which needs no detector"):
        joined(preset("rtmdet-person"), preset("rtmdet-person"))
    with pytest.raises(InputError, match="the detector's decoder is 'simcc', which finds one person"):
        joined(preset("rtmpose-coco17"), preset("rtmpose-coco17"))
