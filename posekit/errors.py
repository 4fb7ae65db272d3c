"""Errors that a user can act on: one sentence, a hint, an exit code."""

from __future__ import annotations

import errno
import os
import shutil

FULL = os.strerror(errno.ENOSPC)  # what libraries in C++ make a text of


class PosekitError(Exception):
    """A failure that is told in one sentence, with what to do about it.

    `message` says what failed, the value seen and what was expected; `hint` says what to try; `exit_code` is the
    command line's exit code. `step` is filled in by the pipeline.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.step = ""


class InputError(PosekitError):
    """The input is wrong: a spec, a file, an argument."""

    exit_code = 2


class MissingToolError(PosekitError):
    """Something is missing on this machine: an extra, a tool, a platform."""

    exit_code = 3


class ConversionError(PosekitError):
    """A model could not be converted to the target."""

    exit_code = 4


def full_disk(error: BaseException) -> InputError | None:
    """The refusal for a full disk, if that is what is behind an error, whichever library met it and whatever it made of it."""
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        full = isinstance(behind, OSError) and behind.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or FULL in str(behind) or (isinstance(behind, shutil.Error) and FULL in repr(behind.args)):
            place = getattr(behind, "filename", None)
            found = InputError(
                f"the disk is full{f': {place} could not be written' if place else ''}",
                "make room, or choose another --out; TMPDIR names the folder of temporary files",
            )
            found.step = error.step if isinstance(error, PosekitError) else ""
            return found
        behind = behind.__cause__ or behind.__context__
    return None


def first_line(error: BaseException) -> str:
    """Kind and first line of a foreign error, short enough for a sentence of ours."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
