"""Errors that a user can act on: one sentence, a hint, an exit code; and what libraries raise, told in such
sentences."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

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


@contextlib.contextmanager
def naming(network: str) -> Iterator[None]:
    """Say in a failure inside the `with` which of two networks it is of; empty where there is only one."""
    try:
        yield
    except PosekitError as error:
        if network and not error.message.startswith(f"{network}: "):
            error.message = f"{network}: {error.message}"
            error.args = (error.message,)
        raise


def full_disk(error: BaseException) -> InputError | None:
    """The refusal for a full disk, if that is what is behind an error, whichever library met it and whatever it made of
    it."""
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


MOST_BEHIND = 20  # errors that one is raised from
LONGEST = 240  # characters of a library's own sentence
# what the language says of a fault in code, which is no news of a model or a file
OF_PYTHON = re.compile(
    r"has no attribute|unsupported operand|out of range$|positional argument|keyword argument|not (?:callable|iterable|"
    r"subscriptable|hashable)|to unpack|is not defined|NoneType|<class |cannot access local|unhashable|not supported "
    r"between|recursion depth|dictionary changed"
)
PACKAGE = Path(__file__).resolve().parent
INSTALLED = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}
OUR_ROOTS = frozenset({"posekit", "contextlib"})


@contextlib.contextmanager
def told(
    sentence: str | Callable[[Exception], str],
    hint: str = "",
    *,
    kind: type[PosekitError] = ConversionError,
    explain: Callable[[Exception], str] | None = None,
    log: Path | None = None,
) -> Iterator[None]:
    """Turn what a library raises inside the `with` into `kind`: the sentence, then the library's own if it says
    something.

    sentence: the library, what it was to do and with which operation or file; or what makes the whole of it. hint: what
    to try; explain: the same from the error, put before it. log: file that gets the traceback. Refusals of posekit's
    own pass, and so do its own faults: errors that no code but posekit's took part in.
    """
    try:
        yield
    except PosekitError:
        raise
    except Exception as error:
        if full_disk(error) is not None or is_own(error.__traceback__):
            raise
        note(error, log)
        message = f"{sentence}{said(error)}" if isinstance(sentence, str) else sentence(error)
        why = explain(error) if explain is not None else ""
        raise kind(message, "; ".join(filter(None, [why, hint]))) from error


@contextlib.contextmanager
def converting() -> Iterator[None]:
    """Turn a refusal of the file inside the `with` into a ConversionError: a converter wrote it, not the user."""
    try:
        yield
    except InputError as error:
        raise ConversionError(f"the converter's file cannot be used: {error.message}", error.hint) from error


@contextlib.contextmanager
def reading(path: Path, what: str = "", hint: str = "package the model again") -> Iterator[None]:
    """Turn whatever reading a file from outside raises inside the `with` into an InputError; damage shows in many ways.

    what: the file that it was expected to be, as `no readable Core ML package`.
    """
    try:
        yield
    except PosekitError:
        raise
    except Exception as error:
        if full_disk(error) is not None:
            raise
        raise InputError(f"{path.name} is {what or 'damaged'}{said(error)}", hint) from error


def said(error: BaseException | str, of_user: bool = False) -> str:
    """`: ` and the first line in which a foreign error, or its text, says something; empty where that is a bare value
    or Python's own words, as `'NoneType' object has no attribute 'shape'`."""
    whole = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)  # of it str() is the repr
    for line in whole.splitlines():
        line = re.sub(r"\x1b\[[0-9;]*m", "", line)  # colours
        text = re.sub(r"^(?:\[Errno \d+\] |[\w.]*(?:Error|Exception|Warning):\s*)+", "", line.strip())
        if len(re.findall(r"[^\W\d_]{2,}", text)) < 2:  # a name or a number alone
            continue
        return "" if OF_PYTHON.search(text) and not of_user else f": {text[:LONGEST].rstrip(' .:;')}"
    return ""


def chain(error: BaseException) -> str:
    """The texts of an error and of those behind it, a line each: the operation is often named by the innermost
    alone."""
    texts: list[str] = []
    behind: BaseException | None = error
    while behind is not None and len(texts) < MOST_BEHIND:
        texts.append(str(behind))
        behind = behind.__cause__ or behind.__context__
    return "\n".join(texts)


def line_of_user(error: BaseException) -> str:
    """` (net.py, line 12: return x.shape[4])`: the last line of code in a traceback that is in no installed package."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if (
            path.is_file()
            and not path.is_relative_to(PACKAGE)
            and not any(path.is_relative_to(one) for one in INSTALLED)
        ):
            code = (frame.line or "").strip()
            shown = "" if code.startswith("raise ") else f": {code[:80]}"  # what is raised is told anyway
            return f" ({path.name}, line {frame.lineno}{shown})"
    return ""


def is_own(trace: TracebackType | None) -> bool:
    """Whether nothing but posekit's own code and Python's library stands in a traceback."""
    roots = {str(frame.f_globals.get("__name__", "")).partition(".")[0] for frame, _ in traceback.walk_tb(trace)}
    return not roots - OUR_ROOTS - sys.stdlib_module_names


def note(error: BaseException, log: Path | None) -> None:
    """Add the traceback of an error that is told in a sentence, or got around, to a log."""
    if log is not None:
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)))


def version_of(package: str) -> str:
    """The version of a package that is installed, empty where it is not."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""
