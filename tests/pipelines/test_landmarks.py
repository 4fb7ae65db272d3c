"""BlazePose's published landmark file, packaged: the generated Kotlin gives what Python gives. Swift is held to it in
test_real_families_swift.py."""

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
MODEL = DATA / "blazepose" / "pose_landmark_full.tflite"


def test_blazepose_is_packaged_and_runs_in_kotlin(run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    needs(MODEL, PHOTO)
    pytest.importorskip("ai_edge_litert")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(PHOTO, pictures)
    bundle = packaged_for_android(run_posekit, MODEL, "blazepose-33", pictures, tmp_path / "out")
    report = json.loads((bundle / "report" / "report.json").read_text())
    checks = {one["name"]: one["detail"] for one in report["checks"]}
    assert "world" in checks["the wrapper's decoding"]
    assert "keypoints, largest error in the world" in checks
    facade = (bundle / "module/src/main/kotlin/posekit/blazepose33/BlazePose.kt").read_text()
    assert "): Pose? = engine.estimate(" in facade
    recorded = json.loads((bundle / "evaluation" / "cases.json").read_text())["cases"][0]["poses"][0]
    assert len(recorded["world"]) == len(recorded["visibility"]) == 33
    ran = run_posekit("predict", MODEL, PHOTO, "--spec", "blazepose-33", "--json")
    (person,) = json.loads(ran.out)["predictions"][0]["instances"]
    assert np.allclose(person["world"], recorded["world"], atol=1e-4)
    assert np.allclose(person["presence"], recorded["presence"], atol=1e-4)
