"""Announcing the steps of a run, and naming the one that failed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from posekit.errors import InputError, PosekitError, full_disk

EVERY_SECONDS = 2.0

Step = Callable[[str], None]


def silent(_: str) -> None:
    """A Step that says nothing."""


@contextlib.contextmanager
def announced(step: Step, name: str) -> Iterator[None]:
    """Announce a step, and put its name on a failure."""
    step(name)
    try:
        yield
    except Exception as error:
        if (full := full_disk(error)) is not None:
            full.step = full.step or name
            raise full from error
        if isinstance(error, PosekitError):
            error.step = error.step or name
        elif isinstance(error, OSError):
            raise InputError(f"cannot {name}: {error.strerror or error}", "is there space, and permission?") from error
        raise


def patient(step: Step, clock: Callable[[], float] = time.monotonic) -> Step:
    """The step, at most once in EVERY_SECONDS, and not before."""
    last = clock()

    def say(text: str) -> None:
        nonlocal last
        if clock() - last >= EVERY_SECONDS:
            last = clock()
            step(text)

    return say
