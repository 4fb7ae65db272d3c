"""Where trials run: in this process, in worker processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from posekit.compression.search.trial import Bench, Problem, Trial, measure, tools
from posekit.contract.recipe import Recipe
from posekit.runtimes.workers import Spread, Work

Run: TypeAlias = Spread[Recipe, Trial]
KILLED = "the process that tried it was killed, again and again"  # the failure of such a trial
GO_ON = "the trials so far are kept: run the same again when it is back"


def work_of(problem: Problem) -> Work[Problem, Recipe, Trial]:
    """The trials of a problem as work."""
    return Work(problem, measure, _lost, _tools, GO_ON)


@contextlib.contextmanager
def here(problem: Problem) -> Iterator[Run]:
    """One after another in this process."""
    bench = Bench(problem)
    try:
        yield lambda recipes: map(bench.measure, recipes)
    finally:
        bench.close()


def _lost(recipe: Recipe) -> Trial:
    return Trial(recipe, failure=KILLED)


def _tools(problem: Problem) -> Mapping[str, str]:
    return tools(problem.platform)
