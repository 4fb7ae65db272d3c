"""What a run says while it works, which step failed, and what converters print kept away from the user."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from posekit.errors import InputError, PosekitError, full_disk

EVERY_SECONDS = 2.0

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """A Progress that says nothing."""


@contextlib.contextmanager
def announced(step: Progress, name: str) -> Iterator[None]:
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


def patient(step: Progress, clock: Callable[[], float] = time.monotonic) -> Progress:
    """The step, at most once in EVERY_SECONDS, and not before."""
    last = clock()

    def say(text: str) -> None:
        nonlocal last
        if clock() - last >= EVERY_SECONDS:
            last = clock()
            step(text)

    return say


# of what a file says of itself: which of several weights were taken, and what was changed to read them; told by the
# command that opens it as soon as it does
TOLD_AT_ONCE = ("weights", "device", "metadata", "arithmetic", "evaluated")
LOG = logging.getLogger("posekit")


@contextlib.contextmanager
def told_to(warn: Callable[[str], None], note: Callable[[str], None]) -> Iterator[None]:
    """Give `warn` the warnings that posekit logs, wherever in it that is, and `note` what else it tells, for the time
    of a `with`; what is told twice, because a command opens a file twice, is given once."""
    given: set[str] = set()

    class Saying(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if text not in given:
                given.add(text)
                (warn if record.levelno >= logging.WARNING else note)(text)

    handler, before = Saying(logging.INFO), (LOG.level, LOG.propagate)
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(before[0])
        LOG.propagate = before[1]


@contextlib.contextmanager
def captured(log: Path = Path(os.devnull)) -> Iterator[None]:
    """Send standard output and error, those of C++ libraries too, to the end of `log` for the time of a `with`."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    saved = [os.dup(fd) for fd in (1, 2)]
    handlers = logging.getLogger().handlers[:]
    with log.open("ab", buffering=0) as file:
        try:
            for fd in (1, 2):
                os.dup2(file.fileno(), fd)
            with (
                log.open("a", encoding="utf-8") as text,
                contextlib.redirect_stdout(text),
                contextlib.redirect_stderr(text),
            ):
                yield
        finally:
            logging.getLogger().handlers[:] = handlers  # converters add one that writes to what is closed now
            for fd, old in zip((1, 2), saved, strict=True):
                os.dup2(old, fd)
                os.close(old)
