# SPDX-License-Identifier: Apache-2.0
"""From frame to frame: where a person is next, who is who, and smooth keypoints; all off unless an app makes one.

None of these is for use by two threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ._posekit.poses import people_tracking
from ._posekit.poses import tracking as one_person
from ._posekit.poses.regions import Region
from ._posekit.poses.torso import TorsoRule, torso_region
from .pose import Pose, together


class RegionTracker:
    """Follows one person: hand `region` to `estimate`, then give its pose to `update`.

    Made by the model's `region_tracker()`. min_score: a keypoint counts from this score on; margin: by how much the
    keypoints' box is grown.
    """

    def __init__(self, size_wh: tuple[int, int], padding: float, min_score: float, margin: float = 1.2) -> None:
        if not margin > 0:
            raise ValueError(f"margin is {margin}, expected a number greater than 0")
        self._size_wh = size_wh
        self._padding = padding
        self.min_score = min_score
        self.margin = margin
        self.region: Region | None = None

    def update(self, pose: Pose) -> Region | None:
        """Learn from the last frame's pose; the region for the next one, None when the person is lost."""
        self.region = one_person.next_region(
            pose.keypoints, pose.scores, self._size_wh, self._padding, self.min_score, self.margin
        )
        return self.region

    def reset(self) -> None:
        """Forget the person, as after a cut."""
        self.region = None


class TorsoTracker:
    """Follows one person by shoulders and hips, as MoveNet's own crop does: always a square.

    left_shoulder to right_hip: places of the keypoints.
    """

    def __init__(self, left_shoulder: int, right_shoulder: int, left_hip: int, right_hip: int) -> None:
        self._rule = TorsoRule(left_shoulder, right_shoulder, left_hip, right_hip)
        self.region: Region | None = None

    def update(self, pose: Pose, size_wh: tuple[int, int]) -> Region:
        """The region for the next frame of a picture of that upright size."""
        self.region = torso_region(pose.keypoints, pose.scores, size_wh, self._rule)
        return self.region


class OneEuroFilter:
    """Smooths one person's keypoints: slow motion strongly, fast motion little.

    min_cutoff (Hz): lower is smoother at rest. beta (Hz per size of the person a second): higher lags less in motion.
    derivative_cutoff (Hz).
    """

    def __init__(self, min_cutoff: float = 0.5, beta: float = 5.0, derivative_cutoff: float = 1.0) -> None:
        self._filter = one_person.OneEuroFilter(min_cutoff, beta, derivative_cutoff)

    def smooth(self, pose: Pose, time_seconds: float) -> Pose:
        """The smoothed pose; time must go forward, else the filter starts anew."""
        return pose.moved(self._filter.smooth(pose.keypoints, time_seconds))


class PeopleTracker:
    """Gives every person an id that stays the same from frame to frame; made by the model's `people_tracker()`.

    similarity: `oks` of the keypoints that are sure both times, or `iou` of the boxes. min_similarity: somebody less
    like every track than this is new; None: what the similarity usually has. max_age_seconds: for how long somebody who
    is not seen is remembered. max_tracks: how many people are; who was seen longest ago is forgotten first.
    """

    def __init__(
        self,
        sigmas: Sequence[float],
        similarity: Literal["oks", "iou"] = "oks",
        min_score: float = one_person.MIN_SCORE,
        min_similarity: float | None = None,
        max_age_seconds: float = 2.0,
        max_tracks: int = 18,
    ) -> None:
        if similarity not in people_tracking.MIN_SIMILARITY:
            raise ValueError(f"similarity is {similarity!r}, expected 'oks' or 'iou'")
        self.similarity = similarity
        self._tracker = people_tracking.PeopleTracker(
            sigmas, similarity, min_similarity, min_score, max_age_seconds, max_tracks
        )

    def update(self, poses: Sequence[Pose], time_seconds: float) -> list[int]:
        """The id of each of the poses, of which the most alike choose first; where time goes back everybody is new.

        ValueError where boxes are to be compared and a pose has none.
        """
        if self.similarity == "iou" and any(one.box_xyxy is None for one in poses):
            raise ValueError("a pose has no box to compare")
        return self._tracker.update(together(poses), time_seconds)

    def reset(self) -> None:
        """Forget everybody, as after a cut."""
        self._tracker.tracks = ()


class PeopleSmoother:
    """A OneEuroFilter for each tracked person, forgotten after `max_age_seconds` without them."""

    def __init__(
        self,
        min_cutoff: float = 0.5,
        beta: float = 5.0,
        derivative_cutoff: float = 1.0,
        max_age_seconds: float = 2.0,
    ) -> None:
        self._settings = (min_cutoff, beta, derivative_cutoff, max_age_seconds)
        self.reset()

    def smooth(self, ids: Sequence[int], poses: Sequence[Pose], time_seconds: float) -> list[Pose]:
        """The poses smoothed, each as the person whose id stands at its place: those of PeopleTracker.update."""
        if len(ids) != len(poses):
            raise ValueError(f"{len(ids)} ids do not fit {len(poses)} poses")
        smoothed = self._smoother.smooth(ids, together(poses).keypoints, time_seconds)
        return [pose.moved(keypoints) for pose, keypoints in zip(poses, smoothed)]

    def reset(self) -> None:
        """Forget everybody, as after a cut."""
        self._smoother = people_tracking.PeopleSmoother(*self._settings)
