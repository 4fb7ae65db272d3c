"""MediaPipe's task files: two models in a zip."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.errors import InputError
from posekit.sources.task import unpacked
from tests.real_models import DATA, PHOTO, needs

pytest.importorskip("torch")
FILES = (DATA / "blazepose" / "pose_detection.tflite", DATA / "blazepose" / "pose_landmark_full.tflite")


def test_a_task_names_its_models(run_posekit: Callable[..., Any], refused: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "pose.task"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pose_detector.tflite", b"\0\0\0\0TFL3")
        archive.writestr("pose_landmarks_detector.tflite", b"\0\0\0\0TFL3more")
    told = json.loads(run_posekit("inspect", path, "--json").out)
    assert told["models"] == {"pose_detector.tflite": "8 bytes", "pose_landmarks_detector.tflite": "12 bytes"}
    command = ("package", path, "--platform", "android", "--spec", "hrnet-coco17")
    refused(2, *command, says=("pose_landmarks_detector.tflite", "hrnet-coco17 is a contract of one"))
    refused(2, *command, "--detector", path, says=("a MediaPipe task, which has a detector of its own",))
    command = ("ladder", path, "--platform", "android", "--spec", "hrnet-coco17")
    refused(2, *command, says=("package and predict take both",))


@pytest.mark.parametrize(
    "names",
    [("a.tflite",), ("pose_landmarks_detector.tflite", "hand_landmarks_detector.tflite", "pose_detector.tflite")],
)
def test_other_tasks_are_refused_by_their_models(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "other.task"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"\0\0\0\0TFL3")
    with pytest.raises(InputError, match=f"holds {', '.join(names)}: expected a detector and landmarks"):
        unpacked(path, tmp_path)


@pytest.mark.parametrize("fault", ["damaged", "encrypted", "packed by an unknown way"])
def test_what_cannot_be_unpacked_is_told(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "pose.task"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pose_detector.tflite", b"one" * 100)
        archive.writestr("pose_landmarks_detector.tflite", b"two" * 100)
    raw = bytearray(path.read_bytes())
    if fault == "damaged":
        raw[raw.index(b"pose_detector.tflite") + 22] ^= 0xFF
    else:
        for header, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
            place = raw.index(header) + offset
            raw[place if fault == "encrypted" else place + 2] = 1 if fault == "encrypted" else 97
    path.write_bytes(raw)
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpacked(path, tmp_path)


def test_a_name_leads_nowhere_else(tmp_path: Path) -> None:
    path, folder = tmp_path / "pose.task", tmp_path / "folder"
    folder.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../pose_detector.tflite", b"one")
        archive.writestr("/pose_landmarks_detector.tflite", b"two")
    found = unpacked(path, folder)
    assert (found.detector.read_bytes(), found.landmarks.read_bytes()) == (b"one", b"two")
    assert found.detector.parent == found.landmarks.parent == folder
    assert found.preset == "blazepose"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "pose.task"]


def test_both_models_of_a_task_are_run(run_posekit: Callable[..., Any], tmp_path: Path) -> None:
    """BlazePose as MediaPipe hands it out: the same as its two files, within a px of MediaPipe's own keypoints."""
    needs(*FILES, PHOTO)
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "pose_landmarker.task"
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in zip(("pose_detector.tflite", "pose_landmarks_detector.tflite"), FILES, strict=True):
            archive.write(file, name)
    found = [
        json.loads(run_posekit("predict", files[0], PHOTO, *files[1:], "--json").out)["predictions"][0]["instances"]
        for files in ((path,), (FILES[1], "--spec", "blazepose", "--detector", FILES[0]))
    ]
    assert found[0] == found[1]
    (person,) = found[0]
    told = json.loads((DATA / "blazepose" / "reference.json").read_text())
    expected = np.array(told["mediapipe_landmarks_xyz_visibility"])
    seen = np.array(person["keypoints"])[:33]
    assert np.linalg.norm(seen[:, :2] - expected[:, :2], axis=1).mean() < 1.0
    assert np.abs(np.array(person["visibility"])[:33] - expected[:, 3]).max() < 0.01
    own = np.array(told["numpy_landmarks_xyz_visibility_presence"])
    assert np.abs(np.array(person["visibility"])[:33] - own[:, 3]).max() < 0.03  # which samples exact places
    assert np.abs(np.array(person["presence"])[:33] - own[:, 4]).max() < 0.01
