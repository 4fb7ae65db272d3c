"""Every Swift decoder that a published model of shared/data has outputs for finds in them what Python finds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from posekit.bundle import golden
from tests.real_models import DATA

pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

from tests.real_outputs import cases_by_kind

LIMITS = {"px": 0.001, "box": 0.001, "score": 1e-6, "count": 0}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("swift"),
    pytest.mark.skipif(not (DATA / "photo").is_dir(), reason="shared/data is not beside this checkout"),
]


def test_the_swift_core_finds_in_their_outputs_what_python_finds(swift_harness: Path, tmp_path: Path) -> None:
    by_kind = cases_by_kind()
    for kind, cases in by_kind.items():
        golden.write_cases(tmp_path / f"{kind}.json", cases)
    errors = checked(swift_harness, tmp_path)
    assert {kind: one["cases"] for kind, one in errors.items()} == {kind: len(one) for kind, one in by_kind.items()}
    for kind, one in errors.items():
        assert all(float(one[name]) <= limit for name, limit in LIMITS.items()), (kind, one)
    # a case that says otherwise is seen
    for kind, cases in by_kind.items():
        cases[0]["keypoints"][0] += 0.01
        golden.write_cases(tmp_path / f"{kind}.json", cases)
    assert min(float(one["px"]) for one in checked(swift_harness, tmp_path).values()) > LIMITS["px"]


def checked(harness: Path, folder: Path) -> dict[str, Any]:
    """How far the Swift decoders are from the cases of a folder."""
    ran = subprocess.run([str(harness), str(folder), "decoders"], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(ran.stdout)["decoders"]
    return found
