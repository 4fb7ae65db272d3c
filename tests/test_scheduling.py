"""A worker that crashes costs the test that it ran, and no other; the run comes to its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
import os, time
LATE = {late}
from tests.scheduling import pytest_xdist_make_scheduler

def pytest_collection_modifyitems():
    # of two replacements both are ready before one has collected, and the other is late
    time.sleep({"gw2": 2, "gw3": 4}.get(os.environ.get("PYTEST_XDIST_WORKER"), 0) * LATE)
"""
PASSES = "def test_{name}(): pass"
CRASHES = "def test_{name}(): os._exit(1)"
GROUPED = "@pytest.mark.xdist_group('group')\n"


@pytest.mark.parametrize(
    ("workers", "tests", "passed"),
    [
        (1, [CRASHES, PASSES], 1),
        (1, [PASSES, CRASHES], 1),
        (2, [PASSES] * 8 + [CRASHES, CRASHES] + [PASSES] * 8, 16),
        (2, [CRASHES, CRASHES] + [PASSES] * 16, 16),
        (2, [GROUPED + PASSES] * 4 + [GROUPED + CRASHES] + [GROUPED + PASSES] * 4 + [PASSES] * 4, 12),
    ],
    ids=["one test is left", "none is left", "twice", "both", "in a group"],
)
def test_a_crash_fails_one_test(tmp_path: Path, workers: int, tests: list[str], passed: int) -> None:
    lines = ["import os", "import pytest", *(test.format(name=index) for index, test in enumerate(tests))]
    (tmp_path / "test_it.py").write_text("\n".join(lines))
    (tmp_path / "conftest.py").write_text(CONFTEST.replace("{late}", str(int(tests[:2] == [CRASHES, CRASHES]))))
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --dist loadgroup\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    command = [sys.executable, "-m", "pytest", "-n", str(workers), "-p", "no:cacheprovider", str(tmp_path)]
    ended = subprocess.run(
        command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    said = ended.stdout.splitlines()[-1]
    failed = sum(test.endswith(CRASHES) for test in tests)
    assert re.search(rf"\b{failed} failed, {passed} passed\b", said), ended.stdout
    assert ended.returncode == 1
