"""Trials on a local Dask cluster: the same result as in this process, whoever is killed; and one sentence if there is
none."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from posekit.compression.search import Problem, workers
from posekit.compression.search.found import Searched
from posekit.compression.search.trial import measure, tools
from posekit.compression.search.workers import work_of
from posekit.contract.recipe import uniform
from posekit.errors import InputError, MissingToolError
from posekit.runtimes.workers import cluster
from tests.compression.search.small import KILLING, searched, timeless
from tests.local_cluster import local

pytestmark = pytest.mark.xdist_group("search")
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def two() -> Iterator[Any]:
    with local(2) as found:
        yield found


def test_two_dask_workers_find_the_same(
    two: Any, problem: Problem, expected: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    scatter = distributed.Client.scatter
    monkeypatch.setattr(
        distributed.Client, "scatter", lambda *given, **more: sent.append(given[1]) or scatter(*given, **more)
    )
    assert searched(cluster.dask(work_of(problem), two.scheduler_address)) == expected
    assert sent == [problem]


@pytest.mark.parametrize("count", [1, 2])
def test_killed_dask_workers_lose_nothing(count: int, two: Any, problem: Problem, expected: Searched) -> None:
    """With both gone, so is what was sent to them."""

    def kill(made: int) -> None:
        if made == 3:
            for nanny in list(two.workers.values())[:count]:
                os.kill(nanny.pid, signal.SIGKILL)

    assert searched(cluster.dask(work_of(problem), two.scheduler_address), kill) == expected


def test_a_trial_that_kills_its_dask_worker_fails_and_the_rest_goes_on(
    problem: Problem, expected: Searched, planted: Callable[[str], None]
) -> None:
    from dask import config

    planted(KILLING)
    with (
        config.set({"distributed.scheduler.allowed-failures": 0}),
        local(1) as one,
        cluster.dask(work_of(problem), one.scheduler_address) as run,
    ):
        trials = {trial.recipe: timeless(trial) for trial in run([uniform("w4"), uniform("w8")])}
    assert trials[uniform("w4")].failure == workers.KILLED
    assert trials[uniform("w8")] == next(one for one in expected.trials if one.recipe == uniform("w8"))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.modules['posekit'] = None", "has no posekit"),
        ("import posekit; posekit.__version__ = '0.0.1'", "has posekit 0.0.1, expected"),
    ],
)
def test_workers_of_another_kind_are_refused(
    code: str, says: str, problem: Problem, planted: Callable[[str], None]
) -> None:
    planted(code)
    with local(1) as one, pytest.raises(InputError, match=says) as caught:
        searched(cluster.dask(work_of(problem), one.scheduler_address))
    assert caught.value.hint == "install on each worker what is installed here"


def test_a_worker_with_another_converter_is_refused(problem: Problem) -> None:
    other = {**tools("android"), "ai-edge-quantizer": "0.0.1"}
    with pytest.raises(InputError, match=r"has ai-edge-quantizer \d.*, expected 0.0.1"):
        cluster.do_there(measure, lambda problem: tools(problem.platform), problem, other, uniform("w8"))


def test_a_scheduler_without_workers_is_told(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with local(0) as none, pytest.raises(InputError, match="has no workers"), cluster.dask(
        work_of(problem), none.scheduler_address
    ):  # fmt: skip
        pass


def test_a_scheduler_that_goes_away_is_told(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 2)
    with local(1) as one, pytest.raises(InputError, match="went away|has no workers|keep losing") as caught:
        searched(cluster.dask(work_of(problem), one.scheduler_address), lambda made: made == 2 and one.close())
    assert "the trials so far are kept" in caught.value.hint


def test_where_no_worker_is_left_it_ends(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 2)
    with local(1) as one, pytest.raises(InputError, match="has no workers left|went away") as caught:
        searched(cluster.dask(work_of(problem), one.scheduler_address), lambda made: made == 2 and one.scale(0))
    assert caught.value.hint == workers.GO_ON


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who takes calls and says nothing."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        found.listen()
        yield f"tcp://127.0.0.1:{found.getsockname()[1]}"


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:1", "127.0.0.1", "nonsense://x", "tls://127.0.0.1:1", "tcp://[::", "ucx://a:1", "inproc://1"],
)
def test_where_no_scheduler_answers(
    address: str, problem: Problem, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.4)
    with (
        pytest.raises(InputError, match="no Dask scheduler answers at") as caught,
        cluster.dask(work_of(problem), address),
    ):
        pass
    assert address in caught.value.message
    assert capfd.readouterr() == ("", "")


def test_somebody_else_is_no_scheduler(
    silent: str, two: Any, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="that is a Worker"):
        cluster.reach(next(iter(two.scheduler.workers)))
    cluster.reach(two.scheduler_address)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.4)
    with pytest.raises(InputError, match="no Dask scheduler answers at"):
        cluster.reach(silent)


def test_without_dask_it_says_what_to_install(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("distributed", "distributed.comm"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(MissingToolError) as caught, cluster.dask(work_of(problem), "tcp://127.0.0.1:1"):
        pass
    assert "posekit[dask]" in caught.value.hint


def test_one_bench_is_kept(problem: Problem) -> None:
    """A worker of a cluster lives long: what it keeps of one search is removed by the next."""
    from dataclasses import replace

    from posekit.compression.search import trial

    measure(problem, uniform("fp32"))
    first = trial._bench
    measure(problem, uniform("fp32"))
    assert trial._bench is first
    assert first is not None
    measure(replace(problem, sha256="other"), uniform("fp32"))
    assert trial._bench is not first
    assert not first._base.folder.exists()
