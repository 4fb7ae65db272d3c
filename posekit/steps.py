"""Announcing the steps of a run, and naming the one that failed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from posekit.errors import InputError, PosekitError

Step = Callable[[str], None]


def silent(_: str) -> None:
    """A Step that says nothing."""


@contextlib.contextmanager
def announced(step: Step, name: str) -> Iterator[None]:
    """Announce a step, and put its name on a failure."""
    step(name)
    try:
        yield
    except PosekitError as error:
        error.step = error.step or name
        raise
    except OSError as error:
        raise InputError(f"cannot {name}: {error.strerror or error}", "is there space, and permission?") from error
