"""Where trials run: in this process, or in worker processes of this machine; cluster.py has a Dask cluster."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

import posekit
from posekit.errors import first_line
from posekit.recipe import Recipe
from posekit.search.trial import Bench, Problem, Trial, measure

# Recipes are taken as workers become free, so that whoever gives them can stop; trials come as they are done, in any order.
Run = Callable[[Iterable[Recipe]], Iterator[Trial]]
ATTEMPTS = 3  # of a trial whose worker died
KILLED = "the process that tried it was killed, again and again"  # the failure of such a trial
MOST = 4  # worker processes where nothing is said: each holds the converters
# -P: nothing is imported from the folder that the command runs in
_COMMAND = (sys.executable, "-P", "-c", "from posekit.search import workers; workers.serve()")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@contextlib.contextmanager
def here(problem: Problem) -> Iterator[Run]:
    """One after another in this process."""
    bench = Bench(problem)
    try:
        yield lambda recipes: map(bench.measure, recipes)
    finally:
        bench.close()


@contextlib.contextmanager
def processes(problem: Problem, count: int) -> Iterator[Run]:
    """In `count` worker processes; a trial whose worker was killed is made again by another, ATTEMPTS times in all.

    When the `with` ends, however it ends, so do the workers, and their files are removed.
    """
    content = pickle.dumps(problem)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(count) as threads:
        staff = [_Worker(content, scratch) for _ in range(count)]

        def run(recipes: Iterable[Recipe]) -> Iterator[Trial]:
            coming, again = iter(recipes), list[Recipe]()
            deaths: Counter[Recipe] = Counter()
            asked: dict[Future[Trial | None], tuple[_Worker, Recipe]] = {}
            idle = list(staff)
            while True:
                while idle and (recipe := again.pop() if again else next(coming, None)) is not None:
                    worker = idle.pop()
                    asked[threads.submit(worker.ask, recipe)] = worker, recipe
                if not asked:
                    return
                for future in wait(asked, return_when=FIRST_COMPLETED).done:
                    worker, recipe = asked.pop(future)
                    trial = future.result()
                    if trial is None:
                        worker.restart()
                        deaths[recipe] += 1
                        if deaths[recipe] < ATTEMPTS:
                            again.append(recipe)
                        else:
                            trial = Trial(recipe, failure=KILLED)
                    idle.append(worker)
                    if trial is not None:
                        yield trial

        try:
            yield run
        finally:
            for worker in staff:
                worker.process.kill()  # a thread that waits for its answer then ends
            threads.shutdown()
            for worker in staff:
                worker.close()


class _Worker:
    """A process that tries one recipe after another, with its temporary files in `scratch`."""

    process: subprocess.Popen[bytes]
    _is_new: bool

    def __init__(self, problem: bytes, scratch: str) -> None:
        self._problem, self._scratch = problem, scratch
        self._start()

    def ask(self, recipe: Recipe) -> Trial | None:
        """The trial of a recipe; None where the process died. What the trial raised is raised here."""
        questions, answers = self.process.stdin, self.process.stdout
        assert questions is not None
        assert answers is not None
        try:
            if self._is_new:
                self._is_new = False
                questions.write(self._problem)
            questions.write(pickle.dumps(recipe))
            questions.flush()
            answer = pickle.load(answers)  # of a process of ours, over a pipe of ours
        except (OSError, EOFError, pickle.UnpicklingError):
            return None
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Trial)
        return answer

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
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=_environment(self._scratch), start_new_session=True,
        )  # fmt: skip


def serve() -> None:
    """What a worker process does: read a problem from standard input, then recipes, and answer each with its trial."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what converters print goes where it is not taken for an answer
    questions = sys.stdin.buffer
    with contextlib.suppress(EOFError, BrokenPipeError):  # whoever asked is gone
        problem = pickle.load(questions)
        while True:
            recipe = pickle.load(questions)
            try:
                answer: Trial | Exception = measure(problem, recipe)
            except Exception as error:
                answer = _portable(error)
            pickle.dump(answer, answers)
            answers.flush()


def default_count() -> int:
    """Worker processes: one a core, at most MOST."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST)


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
