"""Contracts of two stages: a detector joined with a pose network, and each stage as a contract of its own."""

from __future__ import annotations

from posekit.contract.spec import DetectorSpec, PoseSpec, parse_spec
from posekit.decoders import of
from posekit.errors import InputError
from posekit.poses.following import FollowingRule
from posekit.poses.region_spec import PointsSpec, RegionSpec
from posekit.poses.regions import PointsRule


def joined(pose: PoseSpec, detector: PoseSpec, region: RegionSpec | None = None) -> PoseSpec:
    """One contract of a network that looks at a person's region and of one that finds people; InputError where the two
    are no such pair."""
    if pose.kind != "top_down":
        raise InputError(
            f"the pose network's kind is {pose.kind!r}, which needs no detector", "a detector goes before 'top_down'"
        )
    if not detector.has_several:
        raise InputError(
            f"the detector's decoder is {detector.decoder.kind!r}, which finds one person",
            "a detector finds people in whole pictures, as presets such as rtmdet-person do",
        )
    if detector.flip_test != "none":
        raise InputError(
            f"the detector's flip_test is {detector.flip_test!r}, which a detector of two stages does not have",
            "expected 'none'",
        )
    own = detector.model_dump(mode="json", by_alias=True, include=set(DetectorSpec.model_fields))
    table = pose.model_dump(mode="json", by_alias=True) | {
        "kind": "two_stage", "detector": own, "region": (region or RegionSpec()).model_dump(mode="json"),
    }  # fmt: skip
    return parse_spec(table, "the contract of both networks")


def following_rule(spec: PoseSpec) -> FollowingRule:
    """The numbers by which a contract of two stages follows people."""
    detector, region = spec.detector, spec.region
    if detector is None or region is None:
        raise ValueError(f"kind is {spec.kind!r}, expected 'two_stage'")
    least = region.min_score
    first, following = region.points, region.next_points
    return FollowingRule(
        size_wh=spec.input.size_wh, padding=spec.input.box_padding, sigmas=spec.keypoints.oks_sigmas,
        min_score=of(spec.decoder).tracking_score(spec.decoder, spec.input.size_wh) if least is None else least,
        points=_rule(first, detector.keypoints.names), points_about_box=first is not None and first.about == "box",
        next_points=_rule(following, spec.keypoints.names),
        next_points_about_box=following is not None and following.about == "box",
        margin=region.margin, max_people=region.max_people, detect_every=region.detect_every,
        min_overlap=region.min_overlap, max_alike=region.max_alike,
    )  # fmt: skip


def _rule(points: PointsSpec | None, names: tuple[str, ...]) -> PointsRule | None:
    if points is None:
        return None
    first, second = names.index(points.first), names.index(points.second)
    with_second, among = (tuple(map(names.index, one)) for one in (points.with_second, points.among))
    return PointsRule(first, second, points.scale, points.shift, points.target_degrees, with_second, among)
