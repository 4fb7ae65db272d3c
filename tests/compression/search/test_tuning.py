"""A search as it is run: its time, its trials on disk, what it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posekit.compression.search import Problem, Searched, Trial, Tuned, Tuning, journal, trial, tune, tuning, workers
from posekit.compression.search.found import key_of
from posekit.contract.recipe import Recipe, uniform
from posekit.errors import ConversionError, InputError
from posekit.parity.budget import parse_budget
from posekit.progress import silent
from tests.compression.search.small import BUDGET, timeless

pytestmark = pytest.mark.xdist_group("search")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "small.search.json"


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., Tuning]:
    return lambda **options: Tuning(
        parse_budget(BUDGET), **{"workers": 1, "journal": tmp_path / "small.search.json", **options}
    )


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """The recipes that are tried in this process from now on."""
    recipes: list[Recipe] = []
    measure = trial.Bench.measure

    def counted(self: trial.Bench, recipe: Recipe) -> Trial:
        recipes.append(recipe)
        return measure(self, recipe)

    monkeypatch.setattr(trial.Bench, "measure", counted)
    return recipes


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock on which a second passes whenever it is looked at."""
    now = [0.0]

    def look() -> float:
        now[0] += 1
        return now[0]

    monkeypatch.setattr(tuning.time, "monotonic", look)
    return now


def outcome(tuned: Tuned) -> Searched:
    found = tuned.found
    uniform_one = found.uniform and timeless(found.uniform)
    return replace(found, best=timeless(found.best), uniform=uniform_one, trials=tuple(map(timeless, found.trials)))


def test_a_whole_search_leaves_no_file(
    problem: Problem, expected: Searched, asked: Callable[..., Tuning], kept: Path, made: list[Recipe]
) -> None:
    told: list[str] = []
    tuned = tune(problem, asked(), told.append)
    assert outcome(tuned) == expected
    assert tuned.made_on == "this process"
    assert not kept.exists()
    assert len(told) == len(made) == len(expected.trials)
    assert all(line.startswith("search: ") and " s left" in line for line in told)
    assert f"{expected.best.size / 1000:.0f} kB" in told[-1]
    assert tune(problem, asked(workers=2), silent).as_json() == tuned.as_json()


@pytest.mark.parametrize("seconds", [4.0, 9.0, 25.0])
def test_when_the_time_is_over_the_trials_are_kept_and_more_time_goes_on(
    seconds: float, problem: Problem, expected: Searched, asked: Callable[..., Tuning], kept: Path, made: list[Recipe],
    clock: list[float],
) -> None:  # fmt: skip
    first = tune(problem, asked(seconds=seconds), silent)
    assert not first.found.is_complete
    assert "the time was over" in first.found.why
    known = journal.read(kept, problem.sha256)
    assert 0 < len(known) == len(made) < len(expected.trials)
    told: list[str] = []
    second = tune(problem, asked(seconds=1e6), told.append)
    assert outcome(second) == expected
    assert len(made) == len(set(made)) == len(expected.trials)
    assert f"{len(known)} trials" in told[0]
    assert not kept.exists()


def test_what_is_known_costs_no_time(
    problem: Problem,
    expected: Searched,
    asked: Callable[..., Tuning],
    kept: Path,
    made: list[Recipe],
    clock: list[float],
) -> None:
    with journal.writing(kept, problem.sha256, expected.trials):
        pass
    assert outcome(tune(problem, asked(seconds=0.0), silent)) == expected
    assert not made


def test_an_interrupted_search_goes_on(
    problem: Problem, expected: Searched, asked: Callable[..., Tuning], kept: Path, made: list[Recipe]
) -> None:
    def interrupt(text: str) -> None:
        if text.startswith("search: 7 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(problem, asked(), interrupt)
    with kept.open("ab") as file:
        file.write(b'{"recipe": {"schema": 1, "preci')  # as a kill leaves it
    assert outcome(tune(problem, asked(), silent)) == expected
    assert len(made) == len(set(made)) == len(expected.trials)


def test_another_problems_trials_are_left_alone(
    problem: Problem, expected: Searched, asked: Callable[..., Tuning], kept: Path
) -> None:
    with journal.writing(kept, "another", [replace(one, size=1) for one in expected.trials]):
        pass
    told: list[str] = []
    assert outcome(tune(problem, asked(), told.append)) == expected
    assert told[0] == "search: what was kept is of another problem"


def test_what_decides_a_trial_is_in_the_name_of_the_problem(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = list(zip(problem.cases, problem.reference, strict=True))

    def name(**changes: Any) -> str:
        one = {"platform": "android", "spec": problem.spec, "files": problem.files, "calibration": problem.calibration}
        return trial._sha256(**{**one, "kept": kept, **changes})

    assert name() == problem.sha256
    case, found = kept[0]
    others = [
        name(files={**problem.files, "more": b""}),
        name(files={key: value[:-1] + b"?" for key, value in problem.files.items()}),
        name(calibration=trial.Calibration()),
        name(kept=kept[1:]),
        name(kept=[(replace(case, pixels=case.pixels + 1), found), *kept[1:]]),
        name(kept=[(replace(case, area=1.0), found), *kept[1:]]),
    ]
    monkeypatch.setattr(trial, "tools", lambda _: {"posekit": "0.0.1"})
    others.append(name())
    assert len({problem.sha256, *others}) == len(others) + 1


def test_a_trial_whose_worker_was_killed_is_tried_again_another_time(
    problem: Problem, asked: Callable[..., Tuning], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = trial.Bench.measure

    def killed(self: trial.Bench, recipe: Recipe) -> Trial:
        if recipe == uniform("w8"):
            raise KeyboardInterrupt  # after the one that was killed
        return Trial(recipe, failure=workers.KILLED) if recipe == uniform("w8a8") else measure(self, recipe)

    monkeypatch.setattr(trial.Bench, "measure", killed)
    with pytest.raises(KeyboardInterrupt):
        tune(problem, asked(), silent)
    known = {key_of(one.recipe) for one in journal.read(kept, problem.sha256)}
    assert key_of(uniform("fp32")) in known
    assert key_of(uniform("w8a8")) not in known


def test_where_no_recipe_can_be_measured_nothing_is_kept(
    problem: Problem, asked: Callable[..., Tuning], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial.Bench, "measure", lambda _, recipe: Trial(recipe, failure="planted"))
    with pytest.raises(ConversionError, match="planted"):
        tune(problem, asked(), silent)
    assert not kept.exists()


@pytest.mark.parametrize("fault", ["folder", "file", "damaged"])
def test_a_journal_that_cannot_be_kept_is_told_before_anything_is_tried(
    fault: str, problem: Problem, asked: Callable[..., Tuning], tmp_path: Path, made: list[Recipe]
) -> None:
    path = tmp_path / "there" / "search.json"
    if fault == "folder":
        path.parent.write_text("a file in the place of a folder")
    elif fault == "file":
        path.mkdir(parents=True)
    else:
        path.parent.mkdir()
        path.write_text("damaged")
    with pytest.raises(InputError, match="search.json"):
        tune(problem, asked(journal=path), silent)
    assert not made


def test_a_full_disk_is_told_and_the_trials_so_far_stay(
    problem: Problem, asked: Callable[..., Tuning], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = journal._add

    def full(file: Any, document: Any) -> None:
        if file.tell() > 2000:
            raise OSError(28, "No space left on device")
        add(file, document)

    monkeypatch.setattr(journal, "_add", full)
    with pytest.raises(InputError, match="No space left on device") as caught:
        tune(problem, asked(), silent)
    assert str(kept) in caught.value.message
    assert journal.read(kept, problem.sha256)


def test_a_budget_of_accuracy_needs_annotations(problem: Problem, asked: Callable[..., Tuning]) -> None:
    with pytest.raises(InputError, match="nobody with labelled keypoints"):
        tune(problem, replace(asked(), budget=parse_budget("ap-drop<=0.5")), silent)
