"""The workflow that users copy: what it runs, runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from posekit.devices.desktop import kotlin

WORKFLOW = Path(__file__).parents[1] / "docs" / "parity.yml"


def steps() -> list[dict[str, Any]]:
    document = yaml.safe_load(WORKFLOW.read_text())
    return list(document["jobs"]["parity"]["steps"])


def test_the_report_is_kept_also_of_a_rejected_bundle() -> None:
    kept = [one for one in steps() if "upload-artifact" in one.get("uses", "") or "junit" in one.get("uses", "")]
    assert [one["if"] for one in kept] == ["always()", "always()"]


def test_the_report_is_found_by_a_glob_without_braces_and_may_be_written() -> None:
    """@actions/glob takes one pattern a line and no braces; a job's token writes no checks unless it is asked for."""
    (junit,) = (one for one in steps() if "junit" in one.get("uses", ""))
    assert junit["with"]["report_paths"].split() == ["bundles/*/report/junit.xml", "proof/junit.xml"]
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"]["checks"] == "write"


def test_the_cache_asks_for_no_file_that_an_apps_repository_lacks() -> None:
    """setup-python fails where it finds neither requirements.txt nor pyproject.toml, unless it is told another file."""
    (python,) = (one["with"] for one in steps() if "setup-python" in one.get("uses", ""))
    assert (python["cache"], python["cache-dependency-path"]) == ("pip", ".github/workflows/parity.yml")


@pytest.mark.slow
@pytest.mark.skipif(bool(kotlin.why_not()), reason=kotlin.why_not())
def test_its_commands_run_as_they_stand(tmp_path: Path) -> None:
    program = Path(sys.executable).parent
    environment = {**os.environ, **yaml.safe_load(WORKFLOW.read_text())["env"]}
    environment["PATH"] = f"{program}{os.pathsep}{environment['PATH']}"
    commands = ["posekit sample models", *(one["run"] for one in steps() if one.get("run", "").startswith("posekit "))]
    assert [command.split()[1] for command in commands] == ["sample", "package", "validate", "doctor"]
    for command in commands:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    for report in ("bundles/tinypose-android/report", "bundles/tinypose-ios/report", "proof"):
        assert (tmp_path / report / "junit.xml").is_file(), report
