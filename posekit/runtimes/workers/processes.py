"""Work in this process, or in worker processes of this machine."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import posekit
from posekit.errors import first_line
from posekit.runtimes.workers.work import ATTEMPTS, Answer, Problem, Spread, Task, Work

MOST = 4  # worker processes where nothing is said and each holds the converters
# -P: nothing is imported from the folder that the command runs in
_COMMAND = (sys.executable, "-P", "-c", "from posekit.runtimes.workers import processes; processes.serve()")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@contextlib.contextmanager
def hired(count: int, module: str = "") -> Iterator[Staff]:
    """`count` worker processes that wait for work, none for fewer than two; module: what each imports meanwhile.

    When the `with` ends, however it ends, so do the workers, and their files are removed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        staff = [_Worker(scratch, module) for _ in range(count)]
        try:
            yield staff
        finally:
            for worker in staff:
                worker.close()


@contextlib.contextmanager
def processes(work: Work[Problem, Task, Answer], count: int) -> Iterator[Spread[Task, Answer]]:
    """In `count` worker processes, which end with the `with`; as `at_work`."""
    with hired(count) as staff, at_work(work, staff) as spread:
        yield spread


@contextlib.contextmanager
def at_work(work: Work[Problem, Task, Answer], staff: Staff) -> Iterator[Spread[Task, Answer]]:
    """In worker processes that wait; a task whose worker was killed is done again by another, ATTEMPTS times in all."""
    content = pickle.dumps((work.do, work.problem))
    for worker in staff:
        worker.work = content
    with ThreadPoolExecutor(len(staff)) as threads:
        try:
            yield partial(_run, work, staff, threads)
        finally:
            for worker in staff:
                worker.process.kill()  # a thread that waits for its answer then ends


def _run(
    work: Work[Problem, Task, Answer], staff: list[_Worker], threads: ThreadPoolExecutor, tasks: Iterable[Task]
) -> Iterator[Answer]:
    coming, again = enumerate(tasks), list[tuple[int, Task]]()
    deaths: Counter[int] = Counter()
    asked: dict[Future[list[Answer]], tuple[_Worker, int, Task]] = {}
    idle = list(staff)
    while True:
        while idle and (numbered := again.pop() if again else next(coming, None)) is not None:
            worker = idle.pop()
            asked[threads.submit(worker.ask, numbered[1])] = worker, *numbered
        if not asked:
            return
        for future in wait(asked, return_when=FIRST_COMPLETED).done:
            worker, number, task = asked.pop(future)
            answers = future.result()
            if not answers:
                worker.restart()
                deaths[number] += 1
                if deaths[number] < ATTEMPTS:
                    again.append((number, task))
                else:
                    answers = [work.lost(task)]
            idle.append(worker)
            yield from answers


class _Worker:
    """A process that does one task of `work` after another, with its temporary files in `scratch`."""

    process: subprocess.Popen[bytes]
    work: bytes
    _is_new: bool

    def __init__(self, scratch: str, module: str) -> None:
        self._scratch, self._module = scratch, module
        self._start()

    def ask(self, task: Any) -> list[Any]:
        """The answer to a task; none where the process died. What the task raised is raised here."""
        questions, answers = self.process.stdin, self.process.stdout
        assert questions is not None
        assert answers is not None
        try:
            if self._is_new:
                self._is_new = False
                questions.write(self.work)
            questions.write(pickle.dumps(task))
            questions.flush()
            answer = pickle.load(answers)  # of a process of ours, over a pipe of ours
        except (OSError, EOFError, pickle.UnpicklingError):
            return []
        if isinstance(answer, Exception):
            raise answer
        return [answer]

    def restart(self) -> None:
        """Another process in the place of the one that died."""
        self.close()
        self._start()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # what was not sent to the dead
                pipe.close()

    def _start(self) -> None:
        self._is_new = True
        # a session of its own: Ctrl-C is for us, who then end it
        self.process = subprocess.Popen(
            [*_COMMAND, self._module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=_environment(self._scratch), start_new_session=True,
        )  # fmt: skip


Staff: TypeAlias = list[_Worker]


def serve() -> None:
    """What a worker process does: read work from standard input, then tasks, and answer each."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what converters print goes where it is not taken for an answer
    questions = sys.stdin.buffer
    if module := sys.argv[1]:
        with contextlib.suppress(Exception):  # the work that needs it says so
            importlib.import_module(module)
    with contextlib.suppress(EOFError, BrokenPipeError):  # whoever asked is gone
        do, problem = pickle.load(questions)
        while True:
            task = pickle.load(questions)
            try:
                answer = do(problem, task)
            except Exception as error:
                answer = _portable(error)
            pickle.dump(answer, answers)
            answers.flush()


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_count(most: int = MOST) -> int:
    """Worker processes: one a core, at most `most`."""
    return min(cores(), most)


def _environment(scratch: str) -> dict[str, str]:
    """One thread each, since there are as many processes as cores; temporary files where we remove them."""
    path = os.pathsep.join(filter(None, (str(Path(posekit.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    return {**os.environ, **_ONE_THREAD, "PYTHONPATH": path, "TMPDIR": scratch, "TEMP": scratch, "TMP": scratch}


def _portable(error: Exception) -> Exception:
    """The error as it can be sent, with where it happened."""
    error.add_note(f"in a worker process:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(first_line(error), *error.__notes__)
    return error
