"""Golden vectors of what follows people from frame to frame: trackers, smoothers and regions from points."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np

from posekit.poses import Poses
from posekit.poses.people_tracking import PeopleSmoother, PeopleTracker
from posekit.poses.regions import PointsRule, region_from_points
from posekit.poses.torso import TorsoRule, torso_region
from posekit.poses.tracking import OneEuroFilter, next_region
from posekit.poses.view_mapping import ViewFit, ViewMapping

Similarity: TypeAlias = Literal["oks", "iou"]
TRACKING_SIZE_WH = (96, 128)
Case = dict[str, Any]


def tracking_cases(seed: int) -> list[Case]:
    """Twelve frames of five keypoints that walk; the tracker loses them where too few scores are high. In each a person
    of shoulders, hips and a foot, whom the tracker of torsos follows, two points that a region comes from, and a point
    in a view of a screen."""
    rng, torsos = np.random.default_rng(seed + 2), np.random.default_rng(seed + 9)
    pairs, views = np.random.default_rng(seed + 12), np.random.default_rng(seed + 23)
    smoother = OneEuroFilter(min_cutoff=0.8, beta=2.0)
    points, time, cases = rng.uniform(50, 90, (5, 2)), 10.0, []
    for step in range(12):
        points = points + rng.normal(0, 1 + step, (5, 2))
        scores = np.full(5, 0.9) if step != 7 else np.array([0.9, 0.1, 0.2, 0.9, 0.29])
        time += [0.033, 0.05, 0.0, 0.033][step % 4]
        region = next_region(points, scores, TRACKING_SIZE_WH, 1.25)
        cases.append({
            "time_seconds": time, "keypoints": points.ravel().tolist(), "scores": scores.tolist(),
            "smoothed": smoother.smooth(points, time).ravel().tolist(),
            "region": None if region is None else {
                "center_xy": list(region.center_xy), "size_wh": list(region.size_wh), "rotation_degrees": 0.0},
            "torso": _torso_case(torsos, step), "points": _points_case(pairs, step),
            "view": _view_case(views, step),
        })  # fmt: skip
    return cases


def _torso_case(rng: np.random.Generator, step: int) -> Case:
    """Small and large people, at the border and beyond, whose feet or shoulders are not seen now and then."""
    size_wh = ((120, 90), (60, 200))[step % 2]
    size = (6.0, 12.0, 25.0)[step % 3]
    place = rng.uniform(0, 1, 2) * size_wh
    points = place + rng.uniform(-1, 1, (5, 2)) * size + np.array([0.0, 1.4 * size]) * np.array([[0, 0, 0, 0, 1]]).T
    scores = np.array([0.9, 0.1, 0.3, 0.9, (0.19, 0.2, 0.9)[step // 3 % 3]])
    if step == 7:  # in the middle of the longer side, and larger than it
        points[2:, 1] = 98, 102, 300
    if step in (4, 9):
        scores[[0, 1] if step == 4 else [2, 3]] = 0.2
    region = torso_region(points, scores, size_wh, TorsoRule(0, 1, 2, 3))
    return {
        "source_size_wh": list(size_wh), "keypoints": points.ravel().tolist(), "scores": scores.tolist(),
        "region": {"center_xy": list(region.center_xy), "size_wh": list(region.size_wh), "rotation_degrees": 0.0},
    }  # fmt: skip


def _points_case(rng: np.random.Generator, step: int) -> Case:
    """Points in every direction, with and without a box, at one place in step 5."""
    rule = PointsRule(step % 2, 2, (1.25, 2.6)[step % 2], (0.0, -0.5)[step // 2 % 2], (90.0, 0.0, -30.0)[step % 3])
    angle, points = step * math.pi / 6, rng.uniform(-20, 120, (3, 2))
    points[2] = points[rule.first] + rng.uniform(5, 80) * np.array([math.cos(angle), math.sin(angle)]) * (step != 5)
    low = rng.uniform(-20, 90, 2)
    box = (*map(float, low), *map(float, low + rng.uniform(5, 60, 2))) if step % 4 > 1 else None
    region = region_from_points(points.tolist(), rule, box)
    return {
        "points": points.ravel().tolist(), "first": rule.first, "second": rule.second, "scale": rule.scale,
        "shift": rule.shift, "target_degrees": rule.target_degrees, "box_xyxy": None if box is None else list(box),
        "region": None if region is None else {
            "center_xy": list(region.center_xy), "size_wh": list(region.size_wh),
            "rotation_degrees": region.rotation_degrees},
    }  # fmt: skip


def _view_case(rng: np.random.Generator, step: int) -> Case:
    """Pictures wider and narrower than the view, which is covered or shows all, mirrored or not."""
    picture_wh, view_wh = (
        ((480, 640), (640, 360), (33, 33))[step % 3],
        ((1080.0, 2010.5), (411.5, 411.0))[step // 3 % 2],
    )
    fits: tuple[ViewFit, ...] = ("fill", "fit")
    view = ViewMapping(picture_wh, view_wh, fits[step % 2], step % 4 > 1, (0.5, 0.0)[step // 6])
    point = rng.uniform(-0.2, 1.2, 2) * picture_wh
    return {
        "picture_wh": list(picture_wh), "view_wh": list(view_wh), "fit": view.fit, "mirrored": view.mirrored,
        "pixel_center": view.pixel_center, "point": point.tolist(), "in_view": view.to_view(point).tolist(),
    }  # fmt: skip


def people_cases(seed: int) -> list[Case]:
    """Clips of people who walk, cross, are lost for a while or for good, by each similarity, and of people who are
    hidden as they run; a case a frame, the first of a clip with `starts`."""
    rng, cases = np.random.default_rng(seed + 4), list[Case]()
    clips: tuple[tuple[Similarity, int], ...] = (("oks", 5), ("iou", 12))  # with so many keypoints
    for similarity, count in clips:
        follow, shape, time = _followed(similarity, count), rng.uniform(0, 40, (6, count, 2)), 5.0
        for step in range(20):
            time += (0.033, 0.05, 0.0, 0.4)[step % 4] + (2.5 if step == 13 else 0.0)
            here = [who for who in range(6) if (step + 3 * who) % 11 > 3 or who == 0]
            here = [] if step == 9 else [who for who in here if who < 4 or step > 15]
            centre = np.array([[30.0 * who + (4 - 2 * who) * step, 20.0 + 5 * who] for who in here]).reshape(-1, 1, 2)
            points = shape[here] + centre + rng.normal(0, 0.5, (len(here), count, 2))
            scores = rng.uniform(0.28, 1.0, (len(here), count))
            if step == 18:  # two in one place: who comes next there is as much like the one as like the other
                points[1], scores[1] = points[0], scores[0]
            cases.append({**follow(points, scores, time), "starts": step == 0})
    return [*cases, *_hidden_cases(np.random.default_rng(seed + 22))]


def _hidden_cases(rng: np.random.Generator) -> list[Case]:
    """Three people who run and are hidden for half a second: one, who seems to slow down as they get behind something,
    goes on to the right, one downwards, one stops. In the last frame they have moved down so far that OKS says 0.1: not
    enough to be the same."""
    cases = []
    each: tuple[Similarity, ...] = ("oks", "iou")
    for similarity in each:
        follow, shape = _followed(similarity, 5), rng.uniform(0, 40, (3, 5, 2))
        for step in range(39):
            moved = np.array([[4.0 * step, 0.0], [300.0, 4.0 * step], [600.0 + 4.0 * min(step, 20), 200.0]])
            moved[0, 0] -= 1.2 * min(max(step - 16, 0), 3) if step < 20 else 0.0
            area = np.ptp(shape, axis=1).prod(axis=-1)
            jump = np.sqrt(-2 * area * 0.16**2 * math.log(0.1)) if step == 38 else np.zeros(3)
            moved[:, 1] += jump
            points = shape + moved[:, None] + rng.normal(0, 0.5, (3, 5, 2))
            here = slice(0, 0) if 20 <= step < 35 else slice(0, 3)
            case = follow(points[here][::-1], np.full((3, 5), 0.9)[here], step / 30)
            cases.append({**case, "starts": step == 0})
    return cases


def _followed(similarity: Similarity, count: int) -> Callable[[Any, Any, float], Case]:
    """A function that gives the case of a frame: keypoints (N, count, 2), scores (N, count) and the time."""
    tracker = PeopleTracker((0.08,) * count, similarity, max_tracks=4)
    smoother = PeopleSmoother(min_cutoff=0.8, beta=2.0)

    def follow(points: Any, scores: Any, time: float) -> Case:
        boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
        ids = tracker.update(Poses(points, scores, boxes_xyxy=boxes), time)
        return {
            "similarity": similarity, "time_seconds": time, "people": len(points), "keypoint_count": count,
            "keypoints": points.ravel().tolist(), "scores": scores.ravel().tolist(),
            "boxes_xyxy": boxes.ravel().tolist(), "ids": ids,
            "smoothed": smoother.smooth(ids, points, time).ravel().tolist(),
        }  # fmt: skip

    return follow
