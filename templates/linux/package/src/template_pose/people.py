# SPDX-License-Identifier: Apache-2.0
"""Two stages after one another: a detector finds people, and the pose model looks at each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._posekit.poses.following import FollowingRule, PeopleFollower, detected_regions
from ._posekit.poses.transforms import Orientation
from .network import Network
from .pose import Pose, each_of


class People:
    """A detector and a pose model, and whom they followed so far."""

    def __init__(self, detector: Network, pose: Network, rule: FollowingRule) -> None:
        self._detector = detector
        self._pose = pose
        self._rule = rule
        self._follower = PeopleFollower(rule)
        self._form: tuple[tuple[int, ...], Orientation] | None = None  # of the last frame

    def estimate(self, picture: NDArray[np.uint8], orientation: Orientation) -> list[Pose]:
        """The people in a picture of its own."""
        return self._look(picture, orientation, PeopleFollower(self._rule))

    def follow(self, picture: NDArray[np.uint8], orientation: Orientation) -> list[Pose]:
        """The people in the next frame; those of the frame before are looked for where they were.

        They are forgotten where the frame has another size, rotation or mirroring, and where it comes to an exception.
        """
        form = (picture.shape, orientation)
        if form != self._form:
            self._follower.reset()
        self._form = form
        try:
            return self._look(picture, orientation, self._follower)
        except BaseException:
            self._follower.reset()  # it may be in the middle of the frame
            raise

    def forget(self) -> None:
        """Forget everybody."""
        self._follower.reset()

    def _look(
        self, picture: NDArray[np.uint8], orientation: Orientation, follower: PeopleFollower
    ) -> list[Pose]:
        detected = None
        if follower.wants_detection:
            detected = detected_regions(self._detector.look(picture, orientation).poses, self._rule)
        regions = follower.regions(detected)
        poses = [self._pose.look(picture, orientation, region).poses for region in regions]
        people = follower.follow(poses)
        return [one for place in people for one in each_of(poses[place], regions[place])]
