"""A folder that is written whole or not at all, and never over what is somebody else's."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from posekit.errors import InputError

TEMPORARY = "posekit-"  # how the names of temporary folders begin


def check_place(final: Path, what: str, is_such: Callable[[Path], bool], *, overwrite: bool) -> None:
    """InputError where `final` exists without `overwrite`, or holds something that is no such thing.

    what: the kind of folder, for the sentence; is_such: whether a folder that is there is of that kind.
    """
    if final.exists() and not overwrite:
        raise InputError(f"{final} exists", "pass --overwrite to replace it, or --out for another folder")
    if final.exists() and (not final.is_dir() or (any(final.iterdir()) and not is_such(final))):
        raise InputError(f"{final} exists and is no {what}, so it is not replaced", "choose another --out")


@contextlib.contextmanager
def writing(final: Path, what: str, is_such: Callable[[Path], bool], *, overwrite: bool) -> Iterator[Path]:
    """A folder beside `final` to write into, which takes its place when the `with` ends well, and else is removed.

    InputError as of check_place, also where another run put something there meanwhile, or the place cannot be written.
    """
    sweep(final)
    check_place(final, what, is_such, overwrite=overwrite)
    partial, old = beside(final, "partial"), beside(final, "old")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
        yield partial
        check_place(final, what, is_such, overwrite=overwrite)
        if final.exists():
            final.rename(old)
        partial.rename(final)
    except OSError as error:
        raise InputError(
            f"cannot write {final}: {error.strerror or error}", "is there space, and permission?"
        ) from error
    finally:
        _put_back(old, final)
        shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[None]:
    """For the time of a `with` every temporary file of this process, its libraries and its children lies in one folder.

    It is removed at the end; those of processes that were killed are removed at the start.
    """
    place, before = Path(tempfile.gettempdir()), (tempfile.tempdir, os.environ.get("TMPDIR"))
    _sweep_temporary(place)
    try:
        folder = tempfile.mkdtemp(prefix=f"{TEMPORARY}{_owner()}-")
    except OSError as error:
        raise InputError(
            f"cannot write to {place}: {error.strerror or error}", "TMPDIR names another folder"
        ) from error
    tempfile.tempdir = os.environ["TMPDIR"] = folder
    try:
        yield
    finally:
        tempfile.tempdir = before[0]
        if before[1] is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before[1]
        shutil.rmtree(folder, ignore_errors=True)


def beside(final: Path, ending: str) -> Path:
    """The hidden folder of this process beside `final`, which `sweep` finds if the process is killed."""
    return final.parent / f".{final.name}.{_owner()}.{ending}"


def sweep(final: Path) -> None:
    """Clear up what a killed run left beside `final`; another live run's folders stay."""
    for left in final.parent.glob(f".{final.name}.*"):
        owner, _, ending = left.name.removeprefix(f".{final.name}.").partition(".")
        if _is_gone(owner):
            if ending == "old":
                _put_back(left, final)
            elif ending == "partial":
                shutil.rmtree(left, ignore_errors=True)


def _sweep_temporary(place: Path) -> None:
    for left in place.glob(f"{TEMPORARY}*"):
        owner, _, _ = left.name.removeprefix(TEMPORARY).rpartition("-")
        with contextlib.suppress(OSError):
            if _is_gone(owner) and left.lstat().st_uid == os.getuid() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)


def _put_back(old: Path, final: Path) -> None:
    """End a replacement, however it ended: the old folder takes its place again unless the new one has it."""
    if old.exists() and not final.exists():
        old.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _owner() -> str:
    """This process: its number, and when it started, since numbers are given again."""
    return f"{os.getpid()}-{_started(os.getpid())}"


def _is_gone(owner: str) -> bool:
    """Whether a name is that of a process, and that process has ended."""
    pid, _, started = owner.partition("-")
    if not (pid.isdigit() and started.isdigit()):
        return False
    return not _is_alive(int(pid)) or _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process started, in the system's own count; 0 where that is not told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        pass
    return True
