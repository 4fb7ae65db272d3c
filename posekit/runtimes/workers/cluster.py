"""Work on the workers of a Dask cluster, with the same answers as on this machine."""

from __future__ import annotations

import contextlib
import logging
import platform
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from typing import Any, Generic

from posekit import __version__
from posekit.errors import InputError, MissingToolError, said
from posekit.runtimes.workers.work import ATTEMPTS, Answer, Problem, Spread, Task, Work

CONNECT_SECONDS = 8.0
PATIENCE_SECONDS = 30.0  # without any worker: a killed one is back by then
LOGGERS = ("distributed", "distributed.client", "distributed.core", "tornado", "tornado.application", "asyncio")


@contextlib.contextmanager
def dask(work: Work[Problem, Task, Answer], address: str) -> Iterator[Spread[Task, Answer]]:
    """On the workers of a Dask scheduler; a killed worker's tasks are done again by others.

    The problem is sent to each worker once. MissingToolError without Dask; InputError where no scheduler answers, it
    has no workers, or what they have installed is not what is installed here.
    """
    with _quiet():
        reach(address)
        client = _client(address, work.go_on)
        try:
            _check(client, address)
            yield _Cluster(client, address, work).run
        finally:
            with contextlib.suppress(Exception):  # of a scheduler that went away
                client.close(timeout=2)


class _Cluster(Generic[Problem, Task, Answer]):
    """Work on the workers of a scheduler."""

    def __init__(self, client: Any, address: str, work: Work[Problem, Task, Answer]) -> None:
        self._client, self._address, self._work = client, address, work
        self._tools = work.tools(work.problem)
        self._send()

    def run(self, tasks: Iterable[Task]) -> Iterator[Answer]:
        """As Spread. Whatever was there when a worker died is suspected, and tried again alone."""
        suspects: list[Task] = []
        yield from self._tried(tasks, suspects)
        for suspect in suspects:
            killers: list[Task] = []
            yield from self._tried([suspect], killers)
            yield from map(self._work.lost, killers)

    def _tried(self, tasks: Iterable[Task], suspects: list[Task]) -> Iterator[Answer]:
        """The answers to tasks, as many at once as there are workers; those during which workers died are left over."""
        coming, again = enumerate(tasks), list[tuple[int, Task]]()
        losses: Counter[int] = Counter()
        asked: dict[Any, tuple[int, Task]] = {}
        while True:
            room = self._count() - len(asked)
            while room > 0 and (numbered := again.pop() if again else next(coming, None)) is not None:
                asked[self._ask(numbered[1])] = numbered
                room -= 1
            if not asked:
                return
            for future in self._ended(asked):
                number, task = asked.pop(future)
                if future.status == "finished":
                    yield self._answer(future)
                elif future.status == "error":
                    error = future.exception()
                    if type(error).__name__ != "KilledWorker":
                        raise error
                    suspects.append(task)
                else:  # every worker that held the problem died, or the scheduler
                    losses[number] += 1
                    if losses[number] >= ATTEMPTS:
                        raise InputError(
                            f"the Dask workers at {self._address!r} keep losing their data", self._work.go_on
                        )
                    self._send()
                    again.append((number, task))

    def _send(self) -> None:
        with self._reached():
            self._everywhere = self._client.scatter(self._work.problem, broadcast=True, hash=False)

    def _count(self) -> int:
        with self._reached():
            return max(len(self._client.nthreads()), 1)

    def _ask(self, task: Task) -> Any:
        with self._reached():
            return self._client.submit(
                do_there, self._work.do, self._work.tools, self._everywhere, self._tools, task, pure=False
            )

    def _answer(self, future: Any) -> Answer:
        with self._reached():
            answer: Answer = future.result()
        return answer

    def _ended(self, asked: Iterable[Any]) -> list[Any]:
        """Those that are over, one at least; InputError where no worker is left to do any."""
        from distributed import wait

        while True:
            with self._reached(), self._client.as_current(), contextlib.suppress(CancelledError):
                try:
                    wait(list(asked), timeout=PATIENCE_SECONDS, return_when="FIRST_COMPLETED")
                except TimeoutError:
                    if not self._client.nthreads():
                        raise InputError(
                            f"the Dask scheduler at {self._address!r} has no workers left", self._work.go_on
                        ) from None
            if over := [future for future in asked if future.status != "pending"]:
                return over

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Around all that needs the scheduler."""
        gone = InputError(f"the Dask scheduler at {self._address!r} went away", self._work.go_on)
        try:
            yield
        except (OSError, TimeoutError, CancelledError, RuntimeError) as error:
            raise gone from error
        if self._client.status != "running":
            raise gone


_alone = threading.Lock()


def do_there(
    do: Callable[[Problem, Task], Answer], tools: Callable[[Problem], Mapping[str, str]], problem: Problem,
    expected: Mapping[str, str], task: Task,
) -> Answer:  # fmt: skip
    """A task on a Dask worker, one at a time in a process; InputError where the worker has other tools than
    expected."""
    if (found := tools(problem)) != expected:
        [name, *_] = [name for name in expected if found.get(name) != expected[name]]
        raise _other(name, found.get(name, ""), expected[name])
    with _alone:
        return do(problem, task)


def reach(address: str) -> None:
    """That a Dask scheduler answers; MissingToolError without Dask, InputError where none does."""
    import asyncio  # takes a while, and few ask for a scheduler

    try:
        asyncio.run(asyncio.wait_for(_identity(address), CONNECT_SECONDS))
    except ImportError as error:
        raise MissingToolError("Dask is not installed", "pip install 'posekit[dask]'") from error
    except Exception as error:  # an address may be wrong in many ways
        raise InputError(
            f"no Dask scheduler answers at {address!r}{said(error)}",
            "start one with: dask scheduler; its address is as tcp://127.0.0.1:8786",
        ) from error


async def _identity(address: str) -> None:
    """Asked without a Client, which waits for long and complains as it is thrown away where there is nobody."""
    from distributed.comm import connect

    comm = await connect(address, timeout=CONNECT_SECONDS / 2)
    try:
        await comm.write({"op": "identity", "reply": True})
        if (kind := (await comm.read()).get("type")) != "Scheduler":
            raise ValueError(f"that is a {kind}")
    finally:
        comm.abort()


def _client(address: str, go_on: str) -> Any:
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(f"the Dask scheduler at {address!r} takes no client{said(error)}", go_on) from error


def _check(client: Any, address: str) -> None:
    """That there are workers, with posekit as it is here: what they are sent is made of its classes."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        hosts = client.get_versions()["workers"].values()
    except (OSError, TimeoutError) as error:
        raise InputError(
            f"the Dask scheduler at {address!r} has no workers", f"start some with: dask worker {address} --nthreads 1"
        ) from error
    ours = platform.python_version().rpartition(".")[0]
    for host in hosts:
        if not (found := host["host"]["python"]).startswith(f"{ours}."):  # pickled code is of one Python
            raise _other("Python", found, ours)
    for found in client.run(_looking()).values():
        if found != __version__:
            raise _other("posekit", found, __version__)


def _looking() -> Callable[[], str]:
    def look() -> str:  # sent as code, since a function inside another cannot be imported: posekit may not be there
        try:
            import posekit
        except ImportError:
            return ""
        return posekit.__version__

    return look


def _other(name: str, found: str, expected: str) -> InputError:
    return InputError(
        f"a Dask worker has {f'{name} {found}' if found else f'no {name}'}, expected {expected} as here",
        "install on each worker what is installed here",
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What Dask logs of lost connections is told as one error of ours."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    with contextlib.suppress(ImportError):
        import distributed  # noqa: F401  sets the levels as it is imported
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # a picture may have many bytes
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
