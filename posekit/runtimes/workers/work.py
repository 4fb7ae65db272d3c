"""What workers are told: one problem, and tasks of it that can be done in any order."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeAlias, TypeVar

from posekit import __version__
from posekit.errors import version_of

Problem = TypeVar("Problem")
Task = TypeVar("Task")
Answer = TypeVar("Answer")

# Tasks are taken as workers become free, so that whoever gives them can stop; answers come as they are done, in any
# order.
Spread: TypeAlias = Callable[[Iterable[Task]], Iterator[Answer]]
ATTEMPTS = 3  # of a task whose worker died


@dataclass(frozen=True, slots=True)
class Work(Generic[Problem, Task, Answer]):
    """A problem, which is sent to each worker once, and what is done with it there.

    do: the answer of a task; a function at the top of a module, which keeps what it needs of the last problem. lost:
    the answer of a task whose worker was killed, again and again, or the error that it is. tools: versions of what
    decides an answer, which are the same wherever it is done. go_on: the hint where a scheduler goes away.
    """

    problem: Problem
    do: Callable[[Problem, Task], Answer]
    lost: Callable[[Task], Answer]
    tools: Callable[[Problem], Mapping[str, str]]
    go_on: str


@cache
def installed(*names: str) -> Mapping[str, str]:
    """Versions of posekit, the system and the packages `names`; empty where one is not installed."""
    kind = {"posekit": __version__, "system": f"{platform.system()} {platform.machine()}"}
    return kind | {name: version_of(name) for name in names}
