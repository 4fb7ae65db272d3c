"""A rendered clip of two walkers who cross, the one behind hidden by a wall for a second, and what the sample's network
sees in it.

The network is tinypose, given the box of everybody who is seen, as a detector would give it. What it sees is recorded
in crossing.json, so that Kotlin and Swift are held to the same clip without it: python -m tests.crossing BUNDLE
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats, Poses, concatenate
from posekit.poses.images import Person, Photo, Picture
from posekit.poses.people_tracking import PeopleSmoother, PeopleTracker
from sample.clip import RATE, figure, phase
from sample.render import Placed, render_frame

FRAMES, SIZE_WH, HEIGHT = 120, (900, 300), 200.0
WALL = (292.0, 30.0, 462.0, 292.0)
WALKERS = ((11, 850.0, -1.0), (7, 150.0, 0.5))  # who, where they start, heights a second; the last is before the wall
SEEN = 0.7  # of the keypoints: who is hidden more is not detected
FEW = [0, *range(5, 17)]  # keypoints of the golden cases
FILE = Path(__file__).with_name("crossing.json")


def placed(at: int) -> list[Placed]:
    """The two in a frame."""
    return [
        Placed(
            figure(who, phase(at) + place, -55.0 * np.sign(speed)),
            np.array([start + HEIGHT * speed * at / RATE, 0.55 * SIZE_WH[1]]),
            HEIGHT,
        )
        for place, (who, start, speed) in enumerate(WALKERS)
    ]


def frame(at: int) -> Picture:
    """What the camera sees."""
    return render_frame(43, SIZE_WH, placed(at), noise=at, grain=4.0, wall_xyxy=WALL)


def boxes(at: int) -> list[tuple[float, float, float, float] | None]:
    """The box of each walker as a detector gives it; None for who is hidden."""
    found: list[tuple[float, float, float, float] | None] = []
    for place, one in enumerate(placed(at)):
        points = one.project(one.figure.keypoints)
        inside = (points[:, 0] > WALL[0]) & (points[:, 0] < WALL[2])
        low, high = (points.min(axis=0) - 0.06 * HEIGHT).tolist(), (points.max(axis=0) + 0.06 * HEIGHT).tolist()
        is_hidden = place == 0 and inside.mean() > 1 - SEEN
        found.append(None if is_hidden else (low[0], low[1], high[0], high[1]))
    return found


def seen(at: int, spec: Any, run: Any) -> Poses:
    """What the network sees of those who are detected in a frame."""
    from posekit.parity.cases import cases_in, poses_of

    people = tuple(Person(box) for box in boxes(at) if box is not None)
    cases = cases_in(frame(at), Photo(Path(), 0, people), spec)
    return concatenate([poses_of(run(case.pixels), case.transform, spec) for case in cases], 17)


def recorded() -> list[Poses]:
    """What the network saw in each frame."""
    return [
        Poses(np.array(one["keypoints"], np.float64), np.array(one["scores"], np.float64))
        for one in json.loads(FILE.read_text())["frames"]
    ]


def cases() -> list[dict[str, Any]]:
    """Golden cases, a frame each, in the form and with the settings of people.json, of thirteen keypoints each."""
    tracker, smoother, found = PeopleTracker((0.08,) * len(FEW), max_tracks=4), PeopleSmoother(0.8, 2.0), []
    for at, poses in enumerate(recorded()):
        points, scores = poses.keypoints[:, FEW], poses.scores[:, FEW]
        around = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
        ids = tracker.update(Poses(points, scores, boxes_xyxy=around), at / RATE)
        found.append({
            "similarity": "oks", "starts": at == 0, "time_seconds": at / RATE, "people": len(points),
            "keypoint_count": len(FEW), "keypoints": numbers(points), "scores": numbers(scores),
            "boxes_xyxy": numbers(around), "ids": ids, "smoothed": numbers(smoother.smooth(ids, points, at / RATE)),
        })  # fmt: skip
    return found


def numbers(values: Floats) -> list[float]:
    flat: list[float] = np.asarray(values, np.float64).ravel().tolist()
    return flat


def record(spec: Any, run: Any, places: Sequence[int] = range(FRAMES)) -> dict[str, Any]:
    """The document of crossing.json: px to 2 digits, scores to 3."""
    every = [seen(at, spec, run) for at in places]
    return {"frames": [{"keypoints": _short(one.keypoints, 2), "scores": _short(one.scores, 3)} for one in every]}


def _short(values: NDArray[np.float64], digits: int) -> Any:
    return np.round(values, digits).tolist()


if __name__ == "__main__":
    from posekit.bundle import open_bundle
    from posekit.runtimes import litert

    bundle = open_bundle(Path(sys.argv[1]))
    made = record(bundle.spec, litert.open_model(bundle.shipped_model_path))
    FILE.write_text(json.dumps(made, separators=(",", ":")) + "\n")
