"""posekit in a process where the ultralytics package can be imported, or cannot: commands and poses, all that a session
of tests wants, one after another."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image


def main() -> None:
    """Standard input: {name: {"command": [...]} or {"model": ..., "pictures": [...], "changes": [...]}}, each with an
    optional "fault"."""
    print(json.dumps({name: _done(wanted) for name, wanted in json.load(sys.stdin).items()}))


def _done(wanted: dict[str, Any]) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        if "fault" in wanted:
            stack.enter_context(FAULTS[wanted["fault"]]())
        return _command(wanted["command"]) if "command" in wanted else _poses(wanted)


def _command(arguments: list[str]) -> dict[str, Any]:
    from posekit.cli.app import main as posekit

    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            posekit(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def _poses(wanted: dict[str, Any]) -> dict[str, Any]:
    """By picture boxes, confidences and keypoints with their scores, source px, the best first, of the input that
    Ultralytics' letterbox makes; and the largest difference of the input that posekit makes, 0-255."""
    from posekit.parity.cases import cases_in, poses_of
    from posekit.pipelines.predict import open_for_prediction
    from posekit.poses.images import Photo, load_image

    spec, run = open_for_prediction(Path(wanted["model"]), "", wanted.get("changes", []), "", True, "")
    found = {}
    for name in map(Path, wanted["pictures"]):
        (case,) = cases_in(load_image(name), Photo(name, 0, ()), spec)
        theirs = np.asarray(Image.open(f"{name.stem}.{spec.input.size_wh[0]}.png"), np.float32)
        poses = poses_of(run(theirs), case.transform, spec)
        assert poses.boxes_xyxy is not None
        assert poses.confidences is not None
        found[name.name] = {
            "boxes": poses.boxes_xyxy.tolist(),
            "confidences": poses.confidences.tolist(),
            "keypoints": poses.keypoints.tolist(),
            "scores": poses.scores.tolist(),
            "input_difference": float(np.abs(case.pixels - theirs).max()),
        }
    return found


@contextlib.contextmanager
def _other_points() -> Iterator[None]:
    """Another version of the package, whose keypoints mean something else."""
    from ultralytics.nn.modules.head import Pose, Pose26

    def moved(own: Any) -> Any:
        return lambda self, *given: own(self, *given) + 0.5

    with (
        mock.patch.object(Pose, "kpts_decode", moved(Pose.kpts_decode)),
        mock.patch.object(Pose26, "kpts_decode", moved(Pose26.kpts_decode)),
    ):
        yield


@contextlib.contextmanager
def _other_boxes() -> Iterator[None]:
    from ultralytics.nn.modules.head import Detect

    own = Detect.decode_bboxes
    with mock.patch.object(Detect, "decode_bboxes", lambda self, *a, **k: own(self, *a, **k) * 1.01):
        yield


@contextlib.contextmanager
def _ours(name: str, value: Any) -> Iterator[None]:
    from posekit.sources.torch import ultralytics

    with mock.patch.object(ultralytics, name, value):
        yield


# what a version of theirs, or a slip of ours, could do: none of it may pass
FAULTS = {
    "their keypoints": _other_points,
    "their boxes": _other_boxes,
    "factor": lambda: _ours("KEYPOINTS", {False: (1.0, 0.0), True: (2.0, 0.5)}),
    "shift": lambda: _ours("KEYPOINTS", {False: (2.0, 0.5), True: (1.0, 0.0)}),
    "levels": lambda: _ours("_rows", _reversed_rows),
}


def _reversed_rows(branches: Any, levels: list[Any]) -> Any:
    import torch

    maps = [branch(level) for branch, level in zip(branches, levels, strict=True)]
    return torch.cat([one.permute(0, 2, 3, 1).flatten(1, 2) for one in maps[::-1]], 1)


if __name__ == "__main__":
    main()
