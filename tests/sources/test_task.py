"""MediaPipe's task files name the models that they hold."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")


def test_a_task_names_its_models(run_posekit: Callable[..., Any], refused: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "pose.task"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pose_detector.tflite", b"\0\0\0\0TFL3")
        archive.writestr("pose_landmarks_detector.tflite", b"\0\0\0\0TFL3more")
    told = json.loads(run_posekit("inspect", path, "--json").out)
    assert told["models"] == {"pose_detector.tflite": "8 bytes", "pose_landmarks_detector.tflite": "12 bytes"}
    command = ("package", path, "--platform", "android", "--spec", "hrnet-coco17")
    refused(2, *command, says=("pose_landmarks_detector.tflite",))
