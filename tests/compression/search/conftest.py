"""One problem for all tests of the search."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from posekit.compression.search import Problem, workers
from posekit.compression.search.found import Searched
from tests.compression.search.small import Small, problem_of_small, searched, write_small


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    pytest.importorskip("torch")
    return write_small(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def problem(small: Small) -> Problem:
    pytest.importorskip("litert_torch")
    return problem_of_small(small)


@pytest.fixture(scope="session")
def expected(problem: Problem) -> Searched:
    """What the search finds in this process."""
    return searched(workers.here(problem))


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Code that every Python process started from now on runs first."""

    def plant(code: str) -> None:
        (tmp_path / "sitecustomize.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).resolve().parents[3]}")

    return plant
