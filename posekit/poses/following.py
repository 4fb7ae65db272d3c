"""People in two stages: where the pose network looks, from frame to frame, and when the detector looks anew.

Mirrored by PeopleFollower in Kotlin and Swift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from posekit.poses import Floats, Poses
from posekit.poses.people_tracking import iou, oks_of_two
from posekit.poses.regions import PointsRule, Region, is_sound_box, region_from_box, region_from_points
from posekit.poses.tracking import next_region, sure_box


@dataclass(frozen=True, slots=True)
class FollowingRule:
    """The numbers of a contract's RegionSpec, its points by their places.

    size_wh, padding: of the pose network's input. sigmas: of its keypoints.
    """

    size_wh: tuple[int, int]
    padding: float
    sigmas: tuple[float, ...]
    min_score: float
    points: PointsRule | None = None
    points_about_box: bool = False
    next_points: PointsRule | None = None
    next_points_about_box: bool = False
    margin: float = 1.2
    max_people: int = 6
    detect_every: int = 30
    min_overlap: float = 0.3
    max_alike: float = 0.8


def detected_regions(detections: Poses, rule: FollowingRule) -> list[Region]:
    """Where each detected person is, source px, in their order; who has no sound box or points is left
    out."""
    found: list[Region] = []
    for points, box in zip(detections.keypoints, _boxes(detections), strict=True):
        if rule.points is not None:
            region = region_from_points(points.tolist(), rule.points, box if rule.points_about_box else None)
        else:
            region = region_from_box(box, rule.size_wh, rule.padding) if is_sound_box(box) else None
        if region is not None:
            found.append(region)
    return found


def followed_region(keypoints: Floats, scores: Floats, rule: FollowingRule) -> Region | None:
    """Where a person is looked for in the next frame, source px; None where too little of them is sure.

    keypoints (K, 2 or 3) source px, scores (K,).
    """
    region = next_region(keypoints, scores, rule.size_wh, rule.padding, rule.min_score, rule.margin)
    if region is None or rule.next_points is None:
        return region
    box = sure_box(keypoints, scores, rule.min_score) if rule.next_points_about_box else None
    return region_from_points(keypoints.tolist(), rule.next_points, box)


@dataclass
class PeopleFollower:
    """Where the pose network looks in each frame: where people were, and where the detector finds somebody else.

    A frame is `wants_detection`, `regions` and `follow`, in this order.
    """

    rule: FollowingRule
    _regions: tuple[Region, ...] = field(default=(), init=False)  # of this frame, who is followed for longest first
    _followed: int = field(default=0, init=False)  # of them, those who were there in the frame before
    _frames: int = field(default=0, init=False)  # since the detector looked
    _has_lost: bool = field(default=False, init=False)

    @property
    def wants_detection(self) -> bool:
        """Whether the detector should look at the next frame: nobody is followed, somebody was lost, or somebody may
        have come since it looked; never where there is no room for more people."""
        if len(self._regions) >= self.rule.max_people:
            return False
        return not self._regions or self._has_lost or self._frames >= self.rule.detect_every

    def regions(self, detected: Sequence[Region] | None) -> tuple[Region, ...]:
        """Where the pose network is to look in this frame, source px.

        detected: where people were detected, the surest first, source px; None where nobody was looked for.
        """
        self._followed = len(self._regions)
        self._frames = 1 if detected is not None else self._frames + 1
        new = [one for one in detected or () if not self._is_followed(one)]
        self._regions = (*self._regions, *new)[: self.rule.max_people]
        return self._regions

    def follow(self, poses: Sequence[Poses]) -> list[int]:
        """Which of the regions show somebody, who is followed from there; of two that show the same person, the first.

        poses: what the network found in each region, one person or nobody, source px.
        """
        people: list[int] = []
        followed: list[Region] = []
        self._has_lost = False
        for place, pose in enumerate(poses):
            is_somebody = pose.count > 0 and not any(self._are_alike(pose, poses[other]) for other in people)
            region = followed_region(pose.keypoints[0], pose.scores[0], self.rule) if is_somebody else None
            if is_somebody:
                people.append(place)
            if region is not None:
                followed.append(region)
            elif place < self._followed:
                self._has_lost = True
        self._regions = tuple(followed)
        return people

    def reset(self) -> None:
        """Forget everybody, as after a cut or a change of cameras."""
        self._regions, self._followed, self._frames, self._has_lost = (), 0, 0, False

    def _is_followed(self, region: Region) -> bool:
        bounds = person_box(region, self.rule.padding)
        others = (person_box(one, self.rule.padding) for one in self._regions)
        return any(iou(bounds, other) >= self.rule.min_overlap for other in others)

    def _are_alike(self, one: Poses, other: Poses) -> bool:
        alike = oks_of_two(
            one.keypoints[0], one.scores[0], other.keypoints[0], other.scores[0], self.rule.sigmas, self.rule.min_score
        )
        return alike >= self.rule.max_alike


def person_box(region: Region, padding: float) -> Floats:
    """The upright box (4,) around a region without its padding, source px: people who stand side by side have regions
    that overlap."""
    angle = np.deg2rad(region.rotation_degrees)
    cosine, sine = abs(np.cos(angle)), abs(np.sin(angle))
    width, height = region.size_wh
    half = np.array([width * cosine + height * sine, width * sine + height * cosine]) / (2 * padding)
    centre = np.array(region.center_xy)
    return np.concatenate([centre - half, centre + half])


def _boxes(detections: Poses) -> list[tuple[float, float, float, float]]:
    if detections.boxes_xyxy is None:
        return [(0.0, 0.0, 0.0, 0.0)] * detections.count
    return [(float(a), float(b), float(c), float(d)) for a, b, c, d in detections.boxes_xyxy]
