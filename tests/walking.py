"""A clip of figures who walk, as a camera of 30 frames a second sees them: the sample's figures posed anew a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sample.clip import RATE, figure, phase

Array = NDArray[np.float64]

SIGMA = 0.005  # of a keypoint's place from frame to frame, of the person's height: what the sample's networks shake by


def walk(who: int, frames: int, start_xy: tuple[float, float], height: float, speed: float) -> Array:
    """Keypoints (frames, 17, 2) in px of somebody who walks sideways with `speed` heights a second; 0 stands still."""
    yaw = 0.0 if speed == 0 else -75.0 * np.sign(speed)
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
