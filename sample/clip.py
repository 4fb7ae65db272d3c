"""The sample's clip: a figure who walks through a picture, as a camera of 30 frames a second sees it.

python -m sample.clip FILE.mp4
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from posekit.poses.images import Picture
from posekit.report.film import Film
from sample.figure import Figure, build_figure
from sample.render import Placed, render_frame
from sample.stance import Pose

RATE = 30.0  # frames a second
STEPS = 1.1  # gait cycles a second
HEIGHT = 0.82  # of the figure, of the picture's
FRAMES, SIZE_WH = 30, (270, 360)


def phase(at: int) -> float:
    """Where in a step somebody who walks is in a frame, radians."""
    return 2 * float(np.pi) * STEPS * at / RATE


def figure(who: int, phase: float, yaw: float) -> Figure:
    """A figure in that phase of a step, turned; about 1 high, its hips at 0, 0."""
    swing = 28 * np.sin(phase)
    legs = np.array([[s, 2.0, 8 + 0.9 * max(0.0, -s)] for s in (swing, -swing)])
    arms = np.array([[-0.8 * s, 8.0, 10.0, 20.0] for s in (swing, -swing)])
    pose = Pose(arms, legs, np.array([0.0, yaw, 0.0]), np.array([4.0, 0.0, 0.0]), np.zeros(3))
    return build_figure(np.random.default_rng(who), pose)


def drawn(
    frames: int, size_wh: tuple[int, int] = (360, 480), speed: float = 0.25, start: float = 0.38, grain: float = 4.0
) -> list[Picture]:
    """The frames of somebody who walks with `speed` heights a second, drawn as the sample's scenes are.

    start: of the way, as a part of the picture's width; grain: the camera's noise, grey levels.
    """
    height, pictures = HEIGHT * size_wh[1], []
    for at in range(frames):
        body = figure(7, phase(at) if speed else 0.6, -50.0 if speed else 0.0)
        origin = np.array([start * size_wh[0] + height * speed * at / RATE, 0.52 * size_wh[1]])
        pictures.append(render_frame(41, size_wh, [Placed(body, origin, height)], at, grain))
    return pictures


def film(path: Path, pictures: list[Picture]) -> Path:
    """Write a film of those frames."""
    made = Film(path, (pictures[0].shape[1], pictures[0].shape[0]), RATE)
    for picture in pictures:
        made.add(Image.fromarray(picture))
    made.close()
    return path


if __name__ == "__main__":
    film(Path(sys.argv[1]), drawn(FRAMES, SIZE_WH, grain=0.0))
