"""Golden vectors of who is followed in two stages: clips of people who come, cross, hide and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from posekit.poses import Floats, Poses, nobody
from posekit.poses.following import FollowingRule, PeopleFollower, detected_regions, followed_region, person_box
from posekit.poses.regions import PointsRule, Region

Case = dict[str, Any]
Detect = Callable[[], Poses]
See = Callable[[Region], Poses]
KEYPOINTS = 5
SIGMAS = (0.08,) * KEYPOINTS
BY_BOX = FollowingRule((96, 128), 1.25, SIGMAS, 0.3, max_people=3, detect_every=3)
BY_POINTS = FollowingRule(
    (64, 64), 1.0, SIGMAS, 0.4, PointsRule(0, 1, 1.3, 0.1), False, PointsRule(2, 3, 2.5, -0.2, 45.0), True,
    margin=1.1, max_people=2, detect_every=3, min_overlap=0.2, max_alike=0.7,
)  # fmt: skip
BY_BOX_AND_EXTENT = FollowingRule(
    (80, 60), 1.0, SIGMAS, 0.3, PointsRule(1, 0, 1.2, 0.0, 0.0), True,
    PointsRule(4, 0, 2.0, 0.1, 60.0, (0, 1), (0, 1, 2, 4)), False, detect_every=3,
)  # fmt: skip


def following_cases(seed: int) -> list[Case]:
    """Clips by each rule, a case a frame, the first of a clip with its `rule`."""
    cases = list[Case]()
    for number, rule in enumerate((BY_BOX, BY_POINTS, BY_BOX_AND_EXTENT)):
        rng = np.random.default_rng(seed + 20 + number)
        shapes = rng.uniform(-15, 15, (4, KEYPOINTS, 2))
        cases += clip_cases(rule, (_frame(_people(rng, shapes, step), rng) for step in range(14)))
    return cases


def clip_cases(rule: FollowingRule, frames: Iterable[tuple[Detect, See]]) -> list[Case]:
    """A clip, a case a frame: what detects people in it, source px, and what is seen in a region, one person or
    nobody."""
    follower, cases = PeopleFollower(rule), list[Case]()
    for detect, see in frames:
        wants = follower.wants_detection
        detections = detect() if wants else None
        detected = None if detections is None else detected_regions(detections, rule)
        regions = follower.regions(detected)
        poses = [see(one) for one in regions]
        following = [followed_region(one.keypoints[0], one.scores[0], rule) if one.count else None for one in poses]
        cases.append({
            "rule": None if cases else _rule(rule), "wants_detection": wants,
            "candidates": None if detections is None else _written(detections),
            "detected": None if detected is None else [_region(one) for one in detected],
            "regions": [_region(one) for one in regions],
            "boxes_xyxy": [person_box(one, rule.padding).tolist() for one in regions],
            "poses": [_written(one) for one in poses],
            "people": follower.follow(poses), "next": [None if one is None else _region(one) for one in following],
        })  # fmt: skip
    return cases


def _frame(people: Floats, rng: np.random.Generator) -> tuple[Detect, See]:
    return lambda: _detections(people, rng), lambda region: _seen(region, people, rng)


def _people(rng: np.random.Generator, shapes: Floats, step: int) -> Floats:
    """Keypoints (N, K, 2) of those who are there: two who cross, one who hides for a while, one who comes late."""
    here = [who for who in range(4) if not (who == 2 and 5 <= step < 10) and not (who == 3 and step < 4)]
    centres = np.array([[20.0 + 14 * step, 60], [202.0 - 14 * step, 62], [120, 160], [40, 150 + 2 * step]])[here]
    return np.asarray(shapes[here] + centres[:, None] + rng.normal(0, 0.4, (len(here), KEYPOINTS, 2)))


def _detections(people: Floats, rng: np.random.Generator) -> Poses:
    """A box and two points each, the box of one without extent, and now and then something that is nobody."""
    low, high = people.min(axis=1), people.max(axis=1)
    points = np.stack([people.mean(axis=1), people.mean(axis=1) + rng.uniform(-25, 25, (len(people), 2))], axis=1)
    boxes = np.concatenate([low, high], axis=1)
    if rng.random() < 0.3:
        points, boxes = np.concatenate([points, points[:1] * 0 + 300]), np.concatenate([boxes, boxes[:1] * 0 + 300])
    count = len(points)
    return Poses(points, np.full((count, 2), 0.9), np.linspace(0.9, 0.5, count), boxes)


def _seen(region: Region, people: Floats, rng: np.random.Generator) -> Poses:
    """The person in the middle of a region; nobody where there is none, and unsure keypoints now and then."""
    left, top, right, bottom = person_box(region, 1.0)
    away = np.linalg.norm(people.mean(axis=1) - region.center_xy, axis=1)
    if not len(people) or away.min() > max(right - left, bottom - top) / 2:
        return nobody(KEYPOINTS)
    scores = rng.uniform(0.35, 1.0, KEYPOINTS) * (0.3 if rng.random() < 0.08 else 1.0)
    keypoints = people[int(away.argmin())] + rng.normal(0, 0.3, (KEYPOINTS, 2))
    return Poses(keypoints[None], scores[None])


def _rule(rule: FollowingRule) -> Case:
    return {
        "size_wh": list(rule.size_wh), "padding": rule.padding, "sigmas": list(rule.sigmas),
        "min_score": rule.min_score, "points": _points(rule.points, rule.points_about_box),
        "next_points": _points(rule.next_points, rule.next_points_about_box), "margin": rule.margin,
        "max_people": rule.max_people, "detect_every": rule.detect_every, "min_overlap": rule.min_overlap,
        "max_alike": rule.max_alike,
    }  # fmt: skip


def _points(rule: PointsRule | None, about_box: bool) -> Case | None:
    if rule is None:
        return None
    return {
        "first": rule.first, "second": rule.second, "scale": rule.scale, "shift": rule.shift,
        "target_degrees": rule.target_degrees, "about_box": about_box, "with_second": list(rule.with_second),
        "among": list(rule.among),
    }  # fmt: skip


def _written(poses: Poses) -> Case:
    boxes, points = poses.boxes_xyxy, poses.keypoints[..., :2]
    return {
        "people": poses.count, "keypoints": points.ravel().tolist(), "scores": poses.scores.ravel().tolist(),
        "boxes_xyxy": None if boxes is None else boxes.ravel().tolist(),
    }  # fmt: skip


def _region(region: Region) -> Case:
    return {
        "center_xy": list(region.center_xy), "size_wh": list(region.size_wh),
        "rotation_degrees": region.rotation_degrees,
    }  # fmt: skip
