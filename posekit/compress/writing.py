"""The folder that a compression leaves: written beside its place, and put there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from posekit.errors import InputError

REPORT = "compress.json"


def check_place(folder: Path, *, overwrite: bool) -> None:
    """InputError where `folder` exists without `overwrite`, or is not what an earlier compression left."""
    if folder.exists() and not overwrite:
        raise InputError(f"{folder} exists", "pass --overwrite to replace it, or --out for another folder")
    if folder.exists() and not (folder / REPORT).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is no compressed model, so it is not replaced", "choose another --out")


@contextlib.contextmanager
def writing(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """A folder to write into, which takes the place of `folder` when the `with` ends well, and else is removed."""
    check_place(folder, overwrite=overwrite)
    partial, old = (folder.parent / f".{folder.name}.{os.getpid()}.{part}" for part in ("partial", "old"))
    try:
        partial.mkdir(parents=True)
        yield partial
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
    except OSError as error:
        raise InputError(
            f"cannot write {folder}: {error.strerror or error}", "is there space, and permission?"
        ) from error
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)
