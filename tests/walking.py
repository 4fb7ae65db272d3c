"""A clip of figures who walk, as a camera of 30 frames a second sees them: the sample's figures posed anew a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Poses
from posekit.poses.people_tracking import PeopleSmoother, PeopleTracker
from sample.clip import RATE, figure, phase

Array = NDArray[np.float64]

SIGMA = 0.005  # of a keypoint's place from frame to frame, of the person's height: what the sample's networks shake by


def walk(who: int, frames: int, start_xy: tuple[float, float], height: float, speed: float) -> Array:
    """Keypoints (frames, 17, 2) in px of somebody who walks sideways with `speed` heights a second; 0 stands still."""
    yaw = 0.0 if speed == 0 else 75.0 * np.sign(speed)
    clip = [figure(who, phase(at) if speed else 0.6, yaw).keypoints[:, :2] for at in range(frames)]
    way = np.array([[start_xy[0] + height * speed * at / RATE, start_xy[1]] for at in range(frames)])
    placed: Array = height * np.stack(clip) + way[:, None]
    return placed


def shaken(clip: Array, height: float, seed: int) -> Array:
    """The clip as a network sees it: every keypoint by itself a little off."""
    seen: Array = clip + np.random.default_rng(seed).normal(0, SIGMA * height, clip.shape)
    return seen


def lag_frames(truth: Array, smoothed: Array) -> float:
    """By how many frames the smoothed walk of the whole person is behind the true one."""
    mean, true = smoothed.mean(axis=1)[:, 0], truth.mean(axis=1)[:, 0]
    speed = np.gradient(true)
    return float(np.median((true - mean)[30:] / speed[30:]))


def crossing_cases(seed: int = 3) -> list[dict[str, Any]]:
    """Golden cases, a frame each, of two walkers who cross while the one behind is hidden for 31 frames: of thirteen
    keypoints each, in the form and with the settings of people.json."""
    height, frames, few = 200.0, 150, [0, *range(5, 17)]
    starts, speeds = (200.0, 700.0), (0.6, -0.4)
    clips = [
        shaken(walk(who, frames, (start, 300.0), height, speed), height, seed + who)[:, few]
        for who, (start, speed) in enumerate(zip(starts, speeds, strict=True))
    ]
    tracker, smoother, cases = PeopleTracker((0.08,) * len(few), max_tracks=4), PeopleSmoother(0.8, 2.0), []
    for at in range(frames):
        points = np.stack([clip[at] for clip in (clips if not 60 <= at < 91 else clips[:1])])
        boxes, scores = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1), np.full(points.shape[:2], 0.8)
        ids = tracker.update(Poses(points, scores, boxes_xyxy=boxes), at / RATE)
        cases.append({
            "similarity": "oks", "starts": at == 0, "time_seconds": at / RATE, "people": len(points),
            "keypoint_count": len(few),
            "keypoints": points.ravel().tolist(), "scores": scores.ravel().tolist(),
            "boxes_xyxy": boxes.ravel().tolist(), "ids": ids,
            "smoothed": smoother.smooth(ids, points, at / RATE).ravel().tolist(),
        })  # fmt: skip
    return cases
