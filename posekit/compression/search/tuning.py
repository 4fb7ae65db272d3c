"""A search as it is run: bounded by time, its trials on workers and on disk, its progress told."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from posekit.compression.search import journal, workers
from posekit.compression.search.found import Searched, key_of, sensitivity
from posekit.compression.search.searching import search
from posekit.compression.search.trial import Bench, Problem, Trial
from posekit.contract.recipe import Recipe
from posekit.errors import ConversionError, InputError, MissingToolError
from posekit.parity.budget import Budget
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import Check, Outcome
from posekit.progress import Progress
from posekit.runtimes.workers import cluster, processes

EXPECTED_TRIALS = 90  # of a network of 24 groups or more, for the first guess of the time left


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is searched for and with what means. seconds: of search, the trial that runs is finished. workers:
    processes, 0 for one a core, 1 for none but this one. scheduler: of a Dask cluster, used instead. journal: the file
    of trials. fastest: of all within the budget, instead of the smallest."""

    budget: Budget
    seconds: float = 600.0
    workers: int = 0
    scheduler: str = ""
    journal: Path | None = None
    fastest: bool = False


@dataclass(frozen=True, slots=True)
class Tuned:
    """The outcome: the recipe, and all that was tried on the way."""

    budget: Budget
    found: Searched
    seconds: float
    made_on: str

    @property
    def recipe(self) -> Recipe:
        """The best recipe, within the budget or not."""
        return self.found.best.recipe

    def check(self, evaluation: Evaluation, size: int) -> Check:
        """The budget as a gate on the file's own evaluation."""
        name = f"budget {self.budget.text}"
        measured = evaluation.quality
        if measured is None:
            return Check(name, Outcome.SKIPPED, "nothing here runs the file")
        text = f"{self.budget.in_words(measured, size)}; {self.found.why}"
        return Check(name, Outcome.PASS if self.budget.is_met(measured, size) else Outcome.FAIL, text)

    def as_json(self) -> dict[str, Any]:
        """As plain values: the recipe, every trial, the places of the best, of the best single precision and of the
        Pareto front in them, and the sensitivity by layer group; no times."""
        found = self.found
        places = {key_of(trial.recipe): place for place, trial in enumerate(found.trials)}
        return {
            "budget": self.budget.text, "is_met": found.is_met, "why": found.why, "is_complete": found.is_complete,
            "recipe": self.recipe.model_dump(mode="json", by_alias=True),
            "best": places[key_of(self.recipe)],
            "uniform": found.uniform and places[key_of(found.uniform.recipe)],
            "trials": [_told(trial) for trial in found.trials],
            "pareto": [places[key_of(trial.recipe)] for trial in found.pareto], "sensitivity": sensitivity(found),
        }  # fmt: skip


def check_means(tuning: Tuning, is_annotated: bool) -> None:
    """What can be seen of a search before anything is converted; is_annotated: whether people with labelled keypoints
    are given, one a picture where the model looks at it as a whole.

    InputError for a budget that nothing here can measure, or a scheduler that is not there; MissingToolError for AP
    without pycocotools.
    """
    if tuning.budget.needs_annotations and not is_annotated:
        raise InputError(
            f"the budget {tuning.budget.text} is about accuracy, and nobody with labelled keypoints is given whom it "
            "could be of",
            "give --images and --annotations (for a model of whole pictures, with one person each), or a budget such "
            "as oks>=0.98",
        )
    if any(term.metric == "ap-drop" for term in tuning.budget.terms) and find_spec("pycocotools") is None:
        raise MissingToolError("pycocotools is not installed, which measures AP", "pip install 'posekit[eval]'")
    if tuning.scheduler:
        cluster.reach(tuning.scheduler)


def _told(trial: Trial) -> dict[str, Any]:
    """Without its time, and without its layers, which the recipe names."""
    known = trial.as_json()
    return {name: known[name] for name in ("recipe", "size", "quality", "failure")}


def tune(problem: Problem, tuning: Tuning, step: Progress) -> Tuned:
    """Search a recipe within the budget and the time; trials of an interrupted run of the same search are used again.

    InputError for a budget that nothing here can measure, a damaged journal, or a scheduler that is not there.
    """
    check_means(tuning, any(truth is not None for truth in problem.truth))
    started, is_over = time.monotonic(), False
    earlier = _earlier(problem, tuning, step)
    done = {key_of(trial.recipe): trial for trial in earlier}
    with contextlib.ExitStack() as stack:
        keep = stack.enter_context(_keeping(problem, tuning, earlier))
        run, where = _workers(problem, tuning, stack)

        def measured(recipes: Sequence[Recipe]) -> list[Trial]:
            wanted = [recipe for recipe in recipes if key_of(recipe) not in done]
            in_time = itertools.takewhile(lambda _: time.monotonic() - started <= tuning.seconds, wanted)
            for made, trial in enumerate(run(in_time), 1):
                done[key_of(trial.recipe)] = trial
                if trial.failure != workers.KILLED:  # another time there may be more memory
                    keep(trial)
                seconds = time.monotonic() - started
                step(_progress(done.values(), tuning, seconds, len(done) - len(earlier), len(wanted) - made))
            return [done[key_of(recipe)] for recipe in recipes if key_of(recipe) in done]

        try:
            clock = partial(_clocked, problem) if tuning.fastest else None
            calibrated = bool(problem.calibration.inputs)
            found = search(problem.platform, tuning.budget, measured, calibrated=calibrated, clock=clock)
            is_over = found.is_complete
        except ConversionError:  # nothing was measured: nothing to go on from
            is_over = True
            raise
        finally:
            if tuning.journal is not None and is_over:
                tuning.journal.unlink(missing_ok=True)
    return Tuned(tuning.budget, found, time.monotonic() - started, where)


def _clocked(problem: Problem, recipes: Sequence[Recipe]) -> list[float]:
    """Milliseconds of each recipe in this process, after the workers are done."""
    bench = Bench(problem)
    try:
        return bench.times(recipes)
    finally:
        bench.close()


def _earlier(problem: Problem, tuning: Tuning, step: Progress) -> list[Trial]:
    if tuning.journal is None or not tuning.journal.exists():
        return []
    earlier = journal.read(tuning.journal, problem.sha256)
    step(f"search: {len(earlier)} trials are known" if earlier else "search: what was kept is of another problem")
    return earlier


def _keeping(
    problem: Problem, tuning: Tuning, earlier: Sequence[Trial]
) -> contextlib.AbstractContextManager[journal.Keep]:
    if tuning.journal is None:
        return contextlib.nullcontext(lambda _: None)
    return journal.writing(tuning.journal, problem.sha256, earlier)


def _workers(problem: Problem, tuning: Tuning, stack: contextlib.ExitStack) -> tuple[workers.Run, str]:
    """What runs trials until the stack is left, in words too."""
    count = tuning.workers or processes.default_count()
    if tuning.scheduler:
        return stack.enter_context(cluster.dask(workers.work_of(problem), tuning.scheduler)), "a Dask cluster"
    if count == 1:
        return stack.enter_context(workers.here(problem)), "this process"
    return stack.enter_context(processes.processes(workers.work_of(problem), count)), f"{count} worker processes"


def _progress(done: Collection[Trial], tuning: Tuning, seconds: float, made: int, asked: int) -> str:
    """`search: 34 trials, best 212 kB at OKS 0.9831, about 40 s left`; made: in these seconds; asked: still to be made
    before the search can look at them."""
    within = [
        (t.size, t.quality.oks) for t in done if t.quality is not None and tuning.budget.is_met(t.quality, t.size)
    ]
    size, oks = min(within, default=(0, 0.0))
    told = f"best {size / 1000:.0f} kB at OKS {oks:.4f}" if within else "none within the budget yet"
    guess = seconds / max(made, 1) * max(EXPECTED_TRIALS - len(done), asked)
    return f"search: {len(done)} trials, {told}, about {max(min(guess, tuning.seconds - seconds), 0):.0f} s left"
