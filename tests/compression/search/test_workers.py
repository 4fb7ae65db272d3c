"""Trials in worker processes: the same result as in this process, whoever is killed, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posekit.compression.search import Problem, trial, workers
from posekit.compression.search.found import Searched
from posekit.compression.search.workers import work_of
from posekit.contract.recipe import Recipe, uniform
from posekit.errors import MissingToolError
from posekit.runtimes.workers import ATTEMPTS, processes
from tests.compression.search.small import KILLING, searched, timeless

pytestmark = pytest.mark.xdist_group("search")
UNIFORM = [uniform(name) for name in ("fp32", "w8", "w4", "w8a8")]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The processes that are started from now on."""
    known: list[Any] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            known.append(self)

    monkeypatch.setattr(processes.subprocess, "Popen", Recorded)
    return known


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_the_small_problem_has_a_mixture(expected: Searched) -> None:
    assert expected.is_met
    assert expected.is_complete
    assert set(expected.best.recipe.layers.values()) == {"w4"}
    assert not any(one.failure for one in expected.trials)


def test_two_processes_find_the_same(problem: Problem, expected: Searched, started: list[Any], scratch: Path) -> None:
    assert searched(processes.processes(work_of(problem), 2)) == expected
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)
    assert list(scratch.iterdir()) == []


def test_killed_workers_lose_nothing(problem: Problem, expected: Searched, started: list[Any]) -> None:
    def kill(made: int) -> None:
        if made in (3, 11):
            for process in started[-2:]:
                process.send_signal(signal.SIGKILL)

    assert searched(processes.processes(work_of(problem), 2), kill) == expected
    assert len(started) == 6


def test_a_trial_that_kills_its_worker_fails_and_the_rest_goes_on(
    problem: Problem, expected: Searched, planted: Callable[[str], None], started: list[Any]
) -> None:
    planted(KILLING)
    with processes.processes(work_of(problem), 2) as run:
        trials = {one.recipe: one for one in run(UNIFORM)}
        again = list(run([uniform("w8")]))
    known = {one.recipe: one for one in expected.trials}
    assert {recipe for recipe, one in trials.items() if one.failure} == {uniform("w4")}
    assert trials[uniform("w4")].failure == workers.KILLED
    for one in (*trials.values(), *again):
        assert one.failure or timeless(one) == known[one.recipe]
    assert len(started) == 2 + ATTEMPTS


def test_what_a_trial_raises_is_raised_here_with_where_it_was(problem: Problem, planted: Callable[[str], None]) -> None:
    planted("""
from posekit.errors import MissingToolError
from posekit.compression.search import trial
class Odd(Exception):
    def __init__(self, one, two): super().__init__("odd")
def fail(self, recipe):
    print("chatter", flush=True)
    raise MissingToolError("no runtime", "install it") if recipe.precision == "w8" else Odd(1, 2)
trial.Bench.measure = fail
""")
    with pytest.raises(MissingToolError, match="no runtime") as caught, processes.processes(work_of(problem), 1) as run:
        list(run([uniform("w8")]))
    assert caught.value.hint == "install it"
    assert "in fail" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="Odd: odd"), processes.processes(work_of(problem), 1) as run:
        list(run([uniform("w4")]))


def test_a_missing_runtime_is_no_failure_of_a_recipe(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> Any:
        raise MissingToolError("ai-edge-litert is not installed")

    monkeypatch.setattr(trial, "runtime_for", missing)
    with pytest.raises(MissingToolError), workers.here(problem) as run:
        list(run([uniform("fp32")]))


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, ValueError])
def test_an_interrupted_search_leaves_no_process_and_no_file(
    interrupt: type[BaseException], problem: Problem, started: list[Any], scratch: Path
) -> None:
    def disturb(_: int) -> None:
        raise interrupt

    with pytest.raises(interrupt):
        searched(processes.processes(work_of(problem), 2), disturb)
    assert [process.poll() for process in started] == [-signal.SIGKILL] * 2
    assert list(scratch.iterdir()) == []


def test_no_more_is_begun_than_was_given(problem: Problem) -> None:
    """Whoever gives recipes is asked as workers become free, so that it can stop."""
    given: list[Recipe] = []

    def giving() -> Iterator[Recipe]:
        for recipe in UNIFORM:
            given.append(recipe)
            yield recipe

    with processes.processes(work_of(problem), 2) as run:
        for number, _ in enumerate(run(giving()), 1):
            assert len(given) <= number + 1


def test_workers_use_one_thread_and_nothing_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: Callable[[str], None], problem: Problem
) -> None:
    folder = tmp_path / "current"
    folder.mkdir()
    (folder / "ai_edge_quantizer.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(folder)
    with processes.processes(work_of(problem), 1) as run:
        assert [one.failure for one in run([uniform("w8")])] == [""]
    planted("""
import os
from posekit.compression.search import trial
def told(self, recipe):
    return trial.Trial(recipe, failure=os.environ["OMP_NUM_THREADS"])
trial.Bench.measure = told
""")
    with processes.processes(work_of(problem), 1) as run:
        assert [one.failure for one in run([uniform("w8")])] == ["1"]


def test_one_worker_a_core_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, count in ((1, 1), (3, 3), (64, processes.MOST)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        assert processes.default_count() == count
