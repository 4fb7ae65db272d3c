"""A folder that is written whole or not at all, and never over what is somebody else's."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from posekit.errors import InputError

LITTER = frozenset([".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"])


def is_litter(path: PurePath) -> bool:
    """Whether Finder, Explorer or a zip program left it there: no build tool reads it, and it is no part of anything.

    path: relative to the folder that is looked at.
    """
    return any(part in LITTER or part.startswith("._") for part in path.parts)


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
    _sweep(final)
    check_place(final, what, is_such, overwrite=overwrite)
    partial = final.parent / f".{final.name}.{os.getpid()}.partial"
    old = final.parent / f".{final.name}.{os.getpid()}.old"
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


def _put_back(old: Path, final: Path) -> None:
    """End a replacement, however it ended: the old folder takes its place again unless the new one has it."""
    if old.exists() and not final.exists():
        old.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _sweep(final: Path) -> None:
    """Clear up what a killed run left beside `final`; another live run's folders stay."""
    for left in final.parent.glob(f".{final.name}.*"):
        pid, ending = left.name.split(".")[-2:]
        if pid.isdigit() and not _is_alive(int(pid)):
            if ending == "old":
                _put_back(left, final)
            elif ending == "partial":
                shutil.rmtree(left, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        pass
    return True
