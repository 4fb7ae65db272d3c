"""A clip of figures who walk, as a camera of 30 frames a second sees them: the sample's figures posed anew a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posekit.poses import Poses
from posekit.poses.images import Picture
from posekit.poses.people_tracking import PeopleSmoother, PeopleTracker
from posekit.report.film import Film
from sample.figure import Figure, build_figure
from sample.render import Placed, render_frame
from sample.stance import Pose

Array = NDArray[np.float64]

RATE = 30.0  # frames a second
STEPS = 1.1  # gait cycles a second
SIGMA = 0.005  # of a keypoint's place from frame to frame, of the person's height: what the sample's networks shake by


def figure(who: int, phase: float, yaw: float) -> Figure:
    """A figure in that phase of a step, turned; about 1 high, its hips at 0, 0."""
    swing = 28 * np.sin(phase)
    legs = np.array([[s, 2.0, 8 + 0.9 * max(0.0, -s)] for s in (swing, -swing)])
    arms = np.array([[-0.8 * s, 8.0, 10.0, 20.0] for s in (swing, -swing)])
    pose = Pose(arms, legs, np.array([0.0, yaw, 0.0]), np.array([4.0, 0.0, 0.0]), np.zeros(3))
    return build_figure(np.random.default_rng(who), pose)


def walk(who: int, frames: int, start_xy: tuple[float, float], height: float, speed: float) -> Array:
    """Keypoints (frames, 17, 2) in px of somebody who walks sideways with `speed` heights a second; 0 stands still."""
    yaw = 0.0 if speed == 0 else 75.0 * np.sign(speed)
    clip = [figure(who, 2 * np.pi * STEPS * at / RATE if speed else 0.6, yaw).keypoints[:, :2] for at in range(frames)]
    way = np.array([[start_xy[0] + height * speed * at / RATE, start_xy[1]] for at in range(frames)])
    placed: Array = height * np.stack(clip) + way[:, None]
    return placed


def drawn(
    frames: int, size_wh: tuple[int, int] = (360, 480), speed: float = 0.25, start: float = 0.38
) -> list[Picture]:
    """The frames of a clip of a figure who walks through the picture, drawn as the sample's scenes are; start: of its
    way, as a part of the picture's width."""
    height, pictures = 0.82 * size_wh[1], []
    for at in range(frames):
        body = figure(7, 2 * np.pi * STEPS * at / RATE if speed else 0.6, 50.0 if speed else 0.0)
        origin = np.array([start * size_wh[0] + height * speed * at / RATE, 0.52 * size_wh[1]])
        pictures.append(render_frame(41, size_wh, [Placed(body, origin, height)], noise=at))
    return pictures


def film(path: Path, pictures: list[Picture]) -> Path:
    """Write a film of those frames."""
    made = Film(path, (pictures[0].shape[1], pictures[0].shape[0]), RATE)
    for picture in pictures:
        made.add(Image.fromarray(picture))
    made.close()
    return path


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
