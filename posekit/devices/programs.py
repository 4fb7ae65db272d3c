"""Run another program: with a time limit, its output bounded, its failures told in one sentence."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from posekit.errors import InputError, MissingToolError

BLOCK = 1 << 16
MAX_OUTPUT_BYTES = 1 << 24
MAX_MESSAGE_BYTES = 1 << 16
GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended. out: what it wrote, empty where it was handed on; err: the end of its messages."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """All that it said, its messages last."""
        return "\n".join(part for part in (self.out.decode(errors="replace").strip(), self.err.strip()) if part)


def require(name: str, hint: str) -> str:
    """The program of that name on the PATH; MissingToolError without one."""
    found = shutil.which(name)
    if found is None:
        raise MissingToolError(f"there is no {name} on the PATH", hint)
    return found


def run(
    command: Sequence[str],
    what: str,
    timeout_s: float,
    *,
    take: Callable[[bytes], object] | None = None,
    limit: int = MAX_OUTPUT_BYTES,
) -> Done:
    """Run a program to its end; it and what it started are killed when the time is over.

    take: is handed the output as it comes. limit: most bytes of output.
    MissingToolError where it cannot be started or does not end in time; InputError where it writes more than `limit`.
    """
    kept = bytearray()
    with tempfile.TemporaryFile() as messages:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise MissingToolError(f"{what} cannot be started: {error.strerror or error}") from error
        assert process.stdout is not None
        reader = _Reader(process.stdout, take or kept.extend, limit, lambda: _kill(process))
        try:
            in_time = _ended(process, timeout_s)
            if not in_time:
                _kill(process)
            reader.join(GRACE_SECONDS)  # what is still in the pipe
        finally:  # at a Ctrl-C too
            if process.poll() is None or reader.is_alive():
                _kill(process)
            process.wait()
            reader.join()
        if reader.failure is not None:
            raise reader.failure
        if not in_time:
            hint = "is the device awake and connected? if it is slow, --device-timeout gives it longer"
            raise MissingToolError(f"{what} did not end within {timeout_s:g} s", hint)
        messages.seek(max(0, messages.seek(0, os.SEEK_END) - MAX_MESSAGE_BYTES))
        return Done(process.returncode, bytes(kept), messages.read().decode(errors="replace"))


class _Reader(threading.Thread):
    """Hands on what a program writes; a failure of that ends the program."""

    def __init__(self, source: IO[bytes], take: Callable[[bytes], object], limit: int, end: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.failure: BaseException | None = None
        self._source, self._take, self._left, self._end = source, take, limit, end
        self.start()

    def run(self) -> None:
        """Read to the end of the output."""
        try:
            while block := os.read(self._source.fileno(), BLOCK):
                self._left -= len(block)
                if self._left < 0:
                    raise InputError("the device sent more than a run can hold", "is it a posekit module that runs?")
                self._take(block)
        except BaseException as failure:
            self.failure = failure
            self._end()


def _ended(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody of the group is left
        os.killpg(process.pid, signal.SIGKILL)
