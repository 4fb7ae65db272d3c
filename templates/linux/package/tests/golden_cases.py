# SPDX-License-Identifier: Apache-2.0
"""What the package makes of golden vectors: the largest error of each kind, by suite."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from template_pose import contract as known
from template_pose import tracking
from template_pose._posekit.decoders import dense
from template_pose._posekit.decoders.dense import DenseSpec
from template_pose._posekit.decoders.map_roles import MapRole
from template_pose._posekit.poses import Poses, following
from template_pose._posekit.poses.dense import in_source, values_at
from template_pose._posekit.poses.input_spec import InputSpec
from template_pose._posekit.poses.regions import PointsRule, Region, frame_region, region_from_box, region_from_points
from template_pose._posekit.poses.transforms import (
    InputTransform,
    Orientation,
    input_transform,
    invert,
    moved,
    upright_size,
)
from template_pose._posekit.poses.warp import crop
from template_pose.errors import NonFiniteOutputError
from template_pose.frames import YuvColors, to_rgb
from template_pose.keypoints import EDGES, Keypoint
from template_pose.network import NetworkContract, finite
from template_pose.pose import Pose

Case = dict[str, Any]
Errors = dict[str, Any]


def cases_of(folder: Path, name: str) -> list[Case]:
    """The cases of one golden file."""
    found: list[Case] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["cases"]
    return found


def suites(folder: Path, contract: NetworkContract) -> dict[str, Errors]:
    """The largest errors over the golden vectors of a contract's own files."""
    kind = contract.decoder.kind
    return {
        "warp": warp_suite(cases_of(folder, "warp")), "yuv": yuv_suite(cases_of(folder, "yuv")),
        "decoder": decoder_suite(cases_of(folder, kind), contract),
        "dense": dense_suite(cases_of(folder, "dense")), "tracking": tracking_suite(cases_of(folder, "tracking")),
        "people": people_suite(cases_of(folder, "people")),
        "following": following_suite(cases_of(folder, "following")),
    }


def apart(expected: Any, seen: Any) -> float:
    """The largest difference; NaN where there are more of the one, or a number is none."""
    one, other = (np.asarray(values, np.float64).ravel() for values in (expected, seen))
    return float(np.abs(one - other).max(initial=0.0)) if one.shape == other.shape else float("nan")


def worst(errors: Iterable[float]) -> float:
    """A maximum that NaN sticks to."""
    return float(np.max([0.0, *errors]))


def floats(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), "<f4")


def region_of(data: Case) -> Region:
    return Region(tuple(data["center_xy"]), tuple(data["size_wh"]), data["rotation_degrees"])


def numbers(region: Region | None) -> list[float]:
    return [] if region is None else [*region.center_xy, *region.size_wh, region.rotation_degrees]


def between(expected: Case | None, seen: Region | None) -> float:
    """How far a region is from the expected one."""
    return apart([] if expected is None else numbers(region_of(expected)), numbers(seen))


def warp_suite(cases: Sequence[Case]) -> Errors:
    """Grey levels of the input, and the regions, affines and points in their units."""
    grey, geometry = [], []
    for case in cases:
        given = dict(case["input"], size_wh=tuple(case["input"]["size_wh"]))
        spec = InputSpec(color_order="rgb", mean=(0.0,) * 3, std=(1.0,) * 3, **given)
        stored_wh = tuple(case["image_size_wh"])
        orientation = Orientation(case["rotation_degrees"], case["mirrored"])
        picture = np.frombuffer(base64.b64decode(case["image_rgb"]), np.uint8).reshape(stored_wh[1], stored_wh[0], 3)
        expected = region_of(case["region"])
        region = expected
        if case["region_kind"] == "frame":
            region = frame_region(upright_size(stored_wh, orientation), spec)
        elif case["region_kind"] == "crop":
            region = region_from_box(tuple(case["box_xyxy"]), spec.size_wh, spec.box_padding)
        tensor, transform = crop(picture, region, spec, orientation)
        points = np.reshape(case["points_source"], (-1, 2))
        there = transform.to_input(points)
        grey.append(apart(floats(case["tensor"]), tensor))
        geometry += [
            apart(numbers(expected), numbers(region)), apart(case["matrix"], transform.matrix),
            apart(case["content_xyxy"], transform.content_xyxy), apart(case["points_input"], there),
            apart(points, transform.to_source(there)),
        ]
    return {"cases": len(cases), "grey": worst(grey), "geometry": worst(geometry)}


def yuv_suite(cases: Sequence[Case]) -> Errors:
    """Grey levels of camera frames."""
    grey = []
    for case in cases:
        width, height = case["size_wh"]
        sizes = {"y": (height, width), "u": ((height + 1) // 2, (width + 1) // 2)}
        planes = [plane_of(case[name], sizes.get(name, sizes["u"])) for name in ("y", "u", "v")]
        found = to_rgb(*planes, YuvColors(case["matrix"], case["range"]))
        grey.append(apart(np.frombuffer(base64.b64decode(case["rgb"]), np.uint8), found))
    return {"cases": len(cases), "grey": worst(grey)}


def plane_of(data: Case, shape_hw: tuple[int, int]) -> Any:
    """The samples of a plane as cameras lay them out."""
    flat = np.frombuffer(base64.b64decode(data["bytes"]), np.uint8)
    rows, columns = np.ogrid[: shape_hw[0], : shape_hw[1]]
    return flat[data["offset"] + rows * data["row_stride"] + columns * data["pixel_stride"]]


def decoder_suite(cases: Sequence[Case], contract: NetworkContract) -> Errors:
    """The contract's own decoder: keypoints and boxes in input px, scores, and how many cases have other people."""
    px, score, box, others, unrefused = [], [], [], 0, 0
    for case in cases:
        size_wh, alignment = tuple(case["size_wh"]), case["alignment"]
        image = contract.input.changed(size_wh=size_wh, alignment=alignment)
        sigmas = case["settings"].get("oks_sigmas") or (0.05,) * case["keypoint_count"]
        outputs = {one["name"]: floats(one["values"]).reshape(one["shape"]) for one in case["outputs"]}
        found = contract.decode(outputs, contract.decoder, image, sigmas)
        unrefused += sum(not is_refused(outputs, name, contract) for name in contract.reads)
        if found.count != case["people"]:
            others += 1
            continue
        px.append(apart(case["keypoints"], found.keypoints))
        score.append(apart(case["scores"], found.scores))
        score += [
            apart(case[name], getattr(found, name))
            for name in ("confidences", "visibility", "presence", "world") if case.get(name) is not None
        ]
        if case.get("boxes_xyxy") is not None:
            box.append(apart(case["boxes_xyxy"], found.boxes_xyxy))
    return {
        "cases": len(cases), "count": others, "px": worst(px), "score": worst(score), "box": worst(box),
        "unrefused_nan": unrefused,
    }


def is_refused(outputs: dict[str, Any], name: str, contract: NetworkContract) -> bool:
    """Whether outputs with one value that is no number are refused."""
    values = outputs[name].copy()
    values.flat[-1] = np.nan
    try:
        finite({key: one[None] for key, one in {**outputs, name: values}.items()}, contract.reads)
    except NonFiniteOutputError as error:
        return error.output == name
    return False


def dense_spec(data: Case) -> DenseSpec:
    roles = {name: None if data[name] is None else MapRole(**data[name]) for name in ("coarse", "u", "v")}
    return DenseSpec(**{**data, **roles, "labels": tuple(data["labels"])})


def dense_suite(cases: Sequence[Case]) -> Errors:
    """Values, labels and places of dense results."""
    values, uv, matrix, at_points, other_numbers, others = [], [], [], [], 0, 0
    for case in cases:
        outputs = {one["name"]: floats(one["values"]).reshape(one["shape"]) for one in case["outputs"]}
        to_input = invert(np.reshape(case["to_source"], (2, 3)))
        transform = InputTransform(to_input, (0, 0, 64, 64), 0.5, True)
        maps = [in_source(one, transform) for one in dense.decode(outputs, [dense_spec(one) for one in case["dense"]])]
        others += [one.name for one in maps] != [one["name"] for one in case["maps"]]
        for expected, one in zip(case["maps"], maps):
            values.append(apart(floats(expected["values"]), one.values))
            uv.append(apart(floats(expected["uv"]), [] if one.uv is None else one.uv))
            matrix.append(apart(expected["matrix"], one.matrix))
            other_numbers += one.numbers.ravel().tolist() != expected["numbers"]
            places = moved(invert(one.matrix), np.reshape(case["points"], (-1, 2)))
            at_points.append(apart(expected["at_points"], values_at(one, places)))
    return {
        "cases": len(cases), "count": others, "numbers": other_numbers, "values": worst(values), "uv": worst(uv),
        "matrix": worst(matrix), "at_points": worst(at_points),
    }


def pose_of(case: Case, count: int) -> Pose:
    scores = np.asarray(case["scores"])
    return Pose(np.reshape(case["keypoints"], (count, 2)), scores, float(scores.mean()))


def tracking_suite(cases: Sequence[Case]) -> Errors:
    """Regions from keypoints, from torsos and from points; smoothed keypoints."""
    tracker = tracking.RegionTracker((96, 128), 1.25, 0.3, 1.2)
    smoother = tracking.OneEuroFilter(min_cutoff=0.8, beta=2.0)
    regions, smoothed = [], []
    for case in cases:
        pose = pose_of(case, 5)
        regions.append(between(case["region"], tracker.update(pose)))
        torso, points = case["torso"], case["points"]
        by_torso = tracking.TorsoTracker(0, 1, 2, 3).update(pose_of(torso, 5), tuple(torso["source_size_wh"]))
        regions.append(between(torso["region"], by_torso))
        rule = PointsRule(*(points[name] for name in ("first", "second", "scale", "shift", "target_degrees")))
        by_points = region_from_points(np.reshape(points["points"], (-1, 2)).tolist(), rule, points["box_xyxy"])
        regions.append(between(points["region"], by_points))
        smoothed.append(apart(case["smoothed"], smoother.smooth(pose, case["time_seconds"]).keypoints))
    return {"cases": len(cases), "region": worst(regions), "smoothed": worst(smoothed)}


def people_suite(cases: Sequence[Case]) -> Errors:
    """How many frames have other ids, and the smoothed keypoints."""
    ids, smoothed = 0, []
    for case in cases:
        if case["starts"]:
            count = case["keypoint_count"]
            tracker = tracking.PeopleTracker((0.08,) * count, case["similarity"], max_tracks=4)
            smoother = tracking.PeopleSmoother(min_cutoff=0.8, beta=2.0)
        keypoints = np.reshape(case["keypoints"], (-1, count, 2))
        scores, boxes = np.reshape(case["scores"], (-1, count)), np.reshape(case["boxes_xyxy"], (-1, 4))
        poses = [Pose(*one, float(one[1].mean()), box) for *one, box in zip(keypoints, scores, boxes)]
        ids += tracker.update(poses, case["time_seconds"]) != case["ids"]
        found = smoother.smooth(case["ids"], poses, case["time_seconds"])
        smoothed.append(apart(case["smoothed"], [one.keypoints for one in found]))
    return {"cases": len(cases), "ids": ids, "smoothed": worst(smoothed)}


def points_rule(data: Case | None) -> tuple[PointsRule | None, bool]:
    if data is None:
        return None, False
    fields = {name: value for name, value in data.items() if name != "about_box"}
    return PointsRule(**{**fields, "with_second": tuple(data["with_second"]), "among": tuple(data["among"])}), data[
        "about_box"
    ]


def following_rule(data: Case) -> following.FollowingRule:
    points, points_about_box = points_rule(data["points"])
    next_points, next_about_box = points_rule(data["next_points"])
    fields = {**data, "size_wh": tuple(data["size_wh"]), "sigmas": tuple(data["sigmas"])}
    fields.update(points=points, points_about_box=points_about_box)
    return following.FollowingRule(**{**fields, "next_points": next_points, "next_points_about_box": next_about_box})


def people_of(data: Case) -> Poses:
    boxes, count = data["boxes_xyxy"], data["people"]
    keypoints = len(data["scores"]) // count if count else 1
    return Poses(
        np.reshape(data["keypoints"], (count, keypoints, 2)).astype(np.float64),
        np.reshape(data["scores"], (count, keypoints)).astype(np.float64),
        boxes_xyxy=None if boxes is None else np.reshape(boxes, (-1, 4)).astype(np.float64),
    )


def following_suite(cases: Sequence[Case]) -> Errors:
    """Where two stages look from frame to frame, and how many frames have other people."""
    others, regions = 0, []
    for case in cases:
        if case["rule"] is not None:
            rule = following_rule(case["rule"])
            follower = following.PeopleFollower(rule)
        others += follower.wants_detection != case["wants_detection"]
        detected = None
        if case["candidates"] is not None:
            detected = following.detected_regions(people_of(case["candidates"]), rule)
            regions += all_between(case["detected"], detected)
        seen = follower.regions(detected)
        regions += all_between(case["regions"], seen)
        regions.append(apart(case["boxes_xyxy"], [following.person_box(one, rule.padding) for one in seen]))
        poses = [people_of(one) for one in case["poses"]]
        after = [
            following.followed_region(one.keypoints[0], one.scores[0], rule) if one.count else None for one in poses
        ]
        others += follower.follow(poses) != case["people"]
        regions += all_between(case["next"], after)
    return {"cases": len(cases), "others": others, "region": worst(regions)}


def all_between(expected: Sequence[Case | None], seen: Sequence[Region | None]) -> list[float]:
    return [float("nan")] if len(expected) != len(seen) else [between(*pair) for pair in zip(expected, seen)]


def facts(contract: NetworkContract) -> Errors:
    """What the package's constants are."""
    given = contract.input
    spoken = ("resize", "alignment", "sampling", "anchor", "rounding", "odd_pixel", "enlarge", "pad_value")
    box_region = region_from_box((10.0, 20.0, 110.0, 220.0), given.size_wh, given.box_padding)
    rule = known.RULE if contract is known.CONTRACT else None
    return {
        "hash": contract.hash, "size_wh": list(given.size_wh), **{name: getattr(given, name) for name in spoken},
        "box_padding": given.box_padding,
        "outside": "edge" if given.repeats_edge else "value", "names": [one.name.lower() for one in Keypoint],
        "oks_sigmas": [one.oks_sigma for one in Keypoint],
        "flip_partners": [int(one.flip_partner) for one in Keypoint],
        "edges": [[int(one), int(other)] for one, other in EDGES], "box_region": numbers(box_region),
        "dense": [dense_facts(one) for one in contract.dense], "following": [] if rule is None else rule_facts(rule),
    }


def rule_facts(rule: following.FollowingRule) -> list[float]:
    found = [rule.min_score, rule.margin, rule.max_people, rule.detect_every, rule.min_overlap, rule.max_alike]
    for points, about_box in ((rule.points, rule.points_about_box), (rule.next_points, rule.next_points_about_box)):
        if points is not None:
            found += [points.first, points.second, points.scale, points.shift, points.target_degrees, about_box]
            found += [*points.with_second, *points.among]
    return [float(one) for one in found]


def dense_facts(one: DenseSpec) -> str:
    return (
        f"{one.name} {one.kind} {one.output} {one.first} {one.stride:g} {one.shift:g} {one.upsampling} "
        f"{one.activation} {one.threshold:g} {one.within} {','.join(one.labels)} {one.coarse_count}"
        + "".join(f" {role.output} {role.first}" for role in (one.coarse, one.u, one.v) if role is not None)
    )


def plain(value: Any) -> Any:
    """A number that is none as JSON's null, which fails."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


if __name__ == "__main__":
    of_stage = known.DETECTOR if sys.argv[2] == "detector" else known.CONTRACT
    if of_stage is None:
        sys.exit("this package has no detector")
    print(json.dumps(plain({**suites(Path(sys.argv[1]), of_stage), "contract": facts(of_stage)})))
