"""BlazePose's published files, packaged as two stages: the generated Kotlin gives what Python gives. Swift is held to
their outputs in test_real_families_swift.py."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run
from tests.real_models import DATA, PHOTO, needs, packaged_for_android

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("landmarks")]
MODEL, DETECTOR = DATA / "blazepose" / "pose_landmark_full.tflite", DATA / "blazepose" / "pose_detection.tflite"


def test_blazepose_is_packaged_and_runs_in_kotlin(run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    needs(MODEL, DETECTOR, PHOTO)
    pytest.importorskip("ai_edge_litert")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(PHOTO, pictures)
    bundle = packaged_for_android(run_posekit, MODEL, "blazepose", pictures, tmp_path / "out", "--detector", DETECTOR)
    report = json.loads((bundle / "report" / "report.json").read_text())
    checks = {one["name"]: one["detail"] for one in report["checks"]}
    assert "world" in checks["the wrapper's decoding"]
    assert "keypoints, largest error in the world" in checks
    for name in ("both stages", "both stages of the wrapper"):
        assert "0 of 1 people" in checks[f"{name}: people, missed"], checks
        assert checks[f"{name}: mean OKS"].startswith("1.00000 over 1 people")
    facade = (bundle / "module/src/main/kotlin/posekit/blazepose/BlazePose.kt").read_text()
    assert "): Pose? = thread.call { engine.estimate(pixels, orientation, region) }.firstOrNull()" in facade
    recorded = json.loads((bundle / "evaluation" / "cases.json").read_text())["cases"][0]
    assert recorded["region"]["rotation_degrees"] == pytest.approx(np.rad2deg(-0.369), abs=1)  # as MediaPipe has it
    person = recorded["poses"][0]
    assert len(person["world"]) == len(person["visibility"]) == 35
    told = json.loads((DATA / "blazepose" / "reference.json").read_text())
    expected, visibility = np.split(np.array(told["mediapipe_landmarks_xyz_visibility"])[:, [0, 1, 3]], [2], axis=1)
    # 0.026 with exact places in the detector's input: they move the region by a tenth of a px
    assert np.abs(np.array(person["visibility"])[:33] - visibility[:, 0]).max() < 0.01
    assert np.linalg.norm(np.array(person["keypoints"])[:33, :2] - expected, axis=1).mean() < 1.0
    ran = run_posekit("predict", bundle, PHOTO, "--json")
    (packaged,) = json.loads(ran.out)["predictions"][0]["instances"]
    assert np.linalg.norm(np.array(packaged["keypoints"])[:33, :2] - expected, axis=1).mean() < 1.0
