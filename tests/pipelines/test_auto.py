"""posekit package --precision auto: found again, interrupted, resumed, replayed, rejected, refused."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posekit.compression.search import trial
from posekit.compression.search.searching import MIXED
from posekit.contract.recipe import Recipe
from posekit.parity.budget import METRICS
from tests.compression.search.small import BUDGET, Small, write_small
from tests.conftest import Run

pytestmark = pytest.mark.xdist_group("search")
Posekit = Callable[..., Run]
NAME = "hardswish-se-android"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    pytest.importorskip("litert_torch")
    return write_small(tmp_path_factory.mktemp("auto"))


@pytest.fixture(scope="session")
def found(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a search in this process."""
    from posekit.cli.app import main

    out = tmp_path_factory.mktemp("found")
    with pytest.raises(SystemExit) as ended:
        main([str(part) for part in small.arguments(out, "--budget", BUDGET, "--workers", 1)])
    assert ended.value.code == 0
    return out / NAME


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """The recipes that are tried in this process from now on."""
    recipes: list[Recipe] = []
    measure = trial.Bench.measure

    def counted(self: trial.Bench, recipe: Recipe) -> Any:
        recipes.append(recipe)
        return measure(self, recipe)

    monkeypatch.setattr(trial.Bench, "measure", counted)
    return recipes


def files(folder: Path) -> dict[str, str]:
    """SHA-256 of each file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def searched(bundle: Path) -> dict[str, Any]:
    return dict(json.loads((bundle / "report" / "search.json").read_text()))


def beside(bundle: Path) -> list[str]:
    """What else is there: the converters' log apart."""
    return sorted(path.name for path in bundle.parent.iterdir() if not path.name.endswith(".convert.log"))


def test_a_mixture_is_found_and_written_down(found: Path) -> None:
    recipe, search = json.loads((found / "recipe.json").read_text()), searched(found)
    assert set(recipe["layers"].values()) == {"w4"}
    assert recipe["budget"] == BUDGET.replace(",", ", ")
    assert search["recipe"] == recipe | {"budget": ""}
    assert search["is_met"]
    assert search["is_complete"]
    sizes = {json.dumps(one["recipe"], sort_keys=True): one["size"] for one in search["trials"]}
    assert (found / "hardswish-se.tflite").stat().st_size == sizes[json.dumps(search["recipe"], sort_keys=True)]
    assert beside(found) == [NAME]


@pytest.mark.slow
def test_an_interrupted_search_is_resumed_to_the_same_bundle(
    found: Path, small: Small, run_posekit: Posekit, tmp_path: Path, made: list[Recipe]
) -> None:
    out, scratch, kept = tmp_path / "out", tmp_path / "scratch", tmp_path / "out" / f"{NAME}.search.json"
    scratch.mkdir()
    arguments = small.arguments(out, "--budget", BUDGET)
    process = subprocess.Popen(
        [sys.executable, "-m", "posekit.cli.app", *map(str, arguments), "--workers", "2"],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch)},
        start_new_session=True,
        # whoever runs the tests in the background has Ctrl-C ignored, which would be inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while process.poll() is None and not (kept.exists() and kept.read_bytes().count(b"\n") > 3):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert told == ("", "interrupted; nothing was left half-written\n")
    assert beside(out / NAME) == [kept.name]
    assert list(scratch.iterdir()) == []
    known = kept.read_bytes().count(b"\n") - 1
    assert known >= 3
    assert run_posekit(*arguments, "--workers", 1, "--time", 3600, "--overwrite").code == 0
    assert files(out / NAME) == files(found)
    assert beside(out / NAME) == [NAME]
    assert len(made) == len(set(made)) == len(searched(found)["trials"]) - known > 0


def test_when_the_time_is_over_the_best_so_far_is_packaged_and_the_trials_stay(
    small: Small, run_posekit: Posekit, tmp_path: Path, made: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    from posekit.compression.search import tuning

    now = iter(range(1_000_000))
    monkeypatch.setattr(tuning.time, "monotonic", lambda: float(next(now)))
    # of a clock on which a second passes whenever it is looked at
    ended = run_posekit(*small.arguments(tmp_path, "--budget", BUDGET, "--workers", 1, "--time", 18))
    assert ended.code == 0
    assert "the time was over" in ended.out
    assert not searched(tmp_path / NAME)["is_complete"]
    assert beside(tmp_path / NAME) == [NAME, f"{NAME}.search.json"]
    assert len((tmp_path / f"{NAME}.search.json").read_text().splitlines()) == len(made) + 1


def test_the_recipe_of_a_bundle_makes_the_same_file(
    found: Path, small: Small, run_posekit: Posekit, tmp_path: Path
) -> None:
    arguments = [part for part in small.arguments(tmp_path) if part not in ("--precision", "auto")]
    assert run_posekit(*arguments, "--recipe", found / "recipe.json").code == 0
    model = "hardswish-se.tflite"
    assert (tmp_path / NAME / model).read_bytes() == (found / model).read_bytes()
    assert (tmp_path / NAME / "recipe.json").read_bytes() == (found / "recipe.json").read_bytes()


def test_where_the_budget_cannot_be_met_the_best_attempt_is_kept_and_shown(
    small: Small, run_posekit: Posekit, tmp_path: Path
) -> None:
    ended = run_posekit(*small.arguments(tmp_path, "--budget", "oks>=0.9999,size<=12kB", "--workers", 2, "--json"))
    assert ended.code == 1
    assert ended.err == ""
    [report] = json.loads(ended.out)["bundles"]
    rejected = tmp_path / f"{NAME}.rejected"
    assert report["folder"] == str(rejected)
    assert beside(rejected) == [rejected.name]
    assert not searched(rejected)["is_met"]
    [gate] = [check for check in report["checks"] if check["name"].startswith("budget")]
    assert gate["outcome"] == "fail"
    assert "oks 0." in gate["detail"] or "size 1" in gate["detail"]


@pytest.mark.parametrize(
    "budget",
    ["", "oks>0.98", "oks>=98", "oks<=0.5", "size>=1MB", "size<=1GB", "size<=-1", "latency<=3", "oks>=0.9;px<=1"],
)
def test_a_budget_that_says_nothing_is_refused(
    budget: str, small: Small, refused: Callable[..., Any], tmp_path: Path
) -> None:
    if not budget:
        budget = "oks>=0.98,"
    refused(2, *small.arguments(tmp_path, "--budget", budget), says=("--budget",))
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_cannot_begin_is_refused(small: Small, refused: Callable[..., Any], tmp_path: Path) -> None:
    """What is seen only once the network is converted, in one test, since that is what takes the time."""
    arguments = small.arguments(tmp_path, "--workers", 1)
    refused(2, *arguments, "--budget", "ap-drop<=0.5", says=("ap-drop<=0.5", "--annotations"))
    kept = tmp_path / f"{NAME}.search.json"
    kept.write_text('{"schema": 1, "problem": "p"\n')
    refused(2, *arguments, says=(str(kept), "delete it"))
    assert kept.read_text() == '{"schema": 1, "problem": "p"\n'
    kept.unlink()
    if pytest.importorskip("distributed"):
        refused(2, *arguments, "--scheduler", "127.0.0.1", says=("no Dask scheduler answers at '127.0.0.1'",))
    assert not (tmp_path / NAME).exists()


def test_the_fastest_is_timed_on_this_machine(small: Small, run_posekit: Posekit, tmp_path: Path) -> None:
    pictures = ("--calibration", small.pictures)
    ended = run_posekit(
        *small.arguments(tmp_path, "--fastest", "--budget", "oks>=0.5", *pictures, "--workers", 1, "--json")
    )
    assert ended.code == 0
    [report] = json.loads(ended.out)["bundles"]
    [told] = [note for note in report["notes"] if note.startswith("the fastest of ")]
    assert " ms w8a8" in told
    assert " ms fp32" in told


def test_the_fastest_of_what_is_not_timed_here_is_refused(
    small: Small, refused: Callable[..., Any], tmp_path: Path
) -> None:
    known = ("package", small.model, "--spec", small.spec_file, "--images", small.pictures, "--out", tmp_path)
    if sys.platform != "darwin":
        refused(3, *known, "--platform", "ios", "--precision", "auto", "--fastest", says=("leave out --fastest",))
    refused(2, *known, "--platform", "android", "--fastest", says=("are for a search",))


def test_the_commands_of_the_document_are_understood() -> None:
    """And no option of theirs is without a test here or in tests/search."""
    import typer

    from posekit.cli.app import app

    text = (Path(__file__).parents[2] / "docs" / "search.md").read_text()
    commands = [shlex.split(line) for line in text.splitlines() if line.startswith("posekit package ")]
    assert len(commands) == 5
    tested = "".join(path.read_text() for path in (Path(__file__), Path(write_small.__code__.co_filename)))
    for _, name, *arguments in commands:
        typer.main.get_group(app).commands[name].make_context(name, list(arguments))
        assert all(f'"{part}"' in tested for part in arguments if part.startswith("--"))
    assert all(f"`{name}{'>=' if more else '<='}" in text for name, (more, _) in METRICS.items())
    assert all(f"`{name}`" in text for names in MIXED.values() for name in names)


@pytest.mark.slow
def test_a_search_for_ios(small: Small, run_posekit: Posekit, tmp_path: Path) -> None:
    pytest.importorskip("coremltools")
    arguments = [
        "ios" if part == "android" else part for part in small.arguments(tmp_path, "--budget", BUDGET, "--json")
    ]
    ended = run_posekit(*arguments, "--workers", 2)
    assert ended.code == 0, ended.err
    [report] = json.loads(ended.out)["bundles"]
    bundle = Path(report["folder"])
    assert report["status"] in ("SIMULATED", "HOST")
    search = searched(bundle)
    assert search["is_met"]
    assert search["is_complete"]
    assert not [one for one in search["trials"] if one["failure"]]
    assert len({one["size"] for one in search["trials"]}) > 10
    assert beside(bundle) == ["hardswish-se-ios"]
