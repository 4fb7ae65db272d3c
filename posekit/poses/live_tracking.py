"""What lies between two frames of a camera. Mirrored by LiveTracking in Kotlin and Swift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from posekit.poses import Poses
from posekit.poses.people_tracking import PeopleSmoother, PeopleTracker
from posekit.poses.regions import Region
from posekit.poses.tracking import next_region


@dataclass
class LiveTracking:
    """Who is who, each one calmed, and where a model of one person looks in the next frame.

    sigmas, min_score: as of PeopleTracker. size_wh, padding: of the input of a model that looks for one person, whom
    the next frame is searched for where they were; None where it looks for several.
    """

    sigmas: Sequence[float]
    min_score: float
    size_wh: tuple[int, int] | None = None
    padding: float = 1.0
    region: Region | None = field(default=None, init=False)
    _tracker: PeopleTracker = field(init=False)
    _smoother: PeopleSmoother = field(default_factory=PeopleSmoother, init=False)

    def __post_init__(self) -> None:
        self._tracker = PeopleTracker(self.sigmas, min_score=self.min_score)

    def update(self, poses: Poses, time_seconds: float, *, smooths: bool = True) -> tuple[list[int], Poses]:
        """The ids of the next frame's people, and the people; poses: source px."""
        if self.size_wh is not None:
            args = self.size_wh, self.padding, self.min_score
            self.region = next_region(poses.keypoints[0], poses.scores[0], *args) if poses.count else None
        ids = self._tracker.update(poses, time_seconds)
        calmed = self._smoother.smooth(ids, poses.keypoints, time_seconds)
        return ids, replace(poses, keypoints=calmed) if smooths else poses
