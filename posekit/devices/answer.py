"""The answer of a device, which comes from outside: put together beside its place, checked, then moved there whole."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from posekit import documents
from posekit.devices.format import REQUEST, RUN
from posekit.devices.record import MAX_DOCUMENT_BYTES
from posekit.errors import InputError, said

MAX_FILES = 1 << 14
MAX_BYTES = 1 << 32
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
TRUNCATED = "the answer of the device is cut off"
AGAIN = "is the cable sound? run it again"
END_OF_ARCHIVE = b"\0" * 1024


def run_name(request: Path) -> str:
    """Name of a request's folder on a device, from what it asks."""
    return hashlib.sha256((request / REQUEST).read_bytes()).hexdigest()[:16]


@contextlib.contextmanager
def coming_into(out: Path) -> Iterator[Path]:
    """A folder beside `out` to collect the answer in; it becomes `out` when the `with` ends well, else it is
    removed."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and is not empty", "give a folder that is new")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield partial
        partial.chmod(0o755)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def unpack(archive: IO[bytes], folder: Path) -> None:
    """Write the plain files of a tar archive into a folder.

    InputError, with nothing outside the folder touched, for anything but plain files with plain names, for more than
    MAX_FILES or MAX_BYTES of them, and for an archive without its end.
    """
    size = archive.seek(0, 2)
    archive.seek(max(0, size - len(END_OF_ARCHIVE)))
    has_end = archive.read() == END_OF_ARCHIVE
    archive.seek(0)
    left, seen = MAX_BYTES, set[str]()
    try:
        with tarfile.open(fileobj=archive, mode="r:") as tar:
            for member in tar:
                if member.isdir() and member.name in (".", "./"):
                    continue
                name = plain_name(member.name.removeprefix("./"))
                left -= member.size
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                    raise InputError(f"the answer of the device holds {name!r}, which is no plain file")
                if left < 0 or len(seen) >= MAX_FILES or name in seen:
                    raise InputError("the answer of the device holds more than a run can, or a file twice")
                seen.add(name)
                _copy(tar, member, folder / name)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise InputError(f"{TRUNCATED}{said(error)}", AGAIN) from error
    if not has_end:
        raise InputError(f"{TRUNCATED} after {len(seen)} files, {size} bytes", AGAIN)


def plain_name(name: str) -> str:
    """The name itself; InputError unless it is one of a file in the folder, with no path in it."""
    if PLAIN_NAME.fullmatch(name) is None:
        raise InputError(f"the answer of the device holds {name[:200]!r}, which is no plain file name")
    return name


def error_of(folder: Path) -> str | None:
    """What run.json of an answer says went wrong; InputError where it is damaged. It must be there."""
    path = folder / RUN
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise InputError(f"{RUN} of the device has more than {MAX_DOCUMENT_BYTES} bytes")
        document = documents.parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{RUN} of the device cannot be read{said(error)}") from error
    wrong = document.get("error") if isinstance(document, dict) else None
    return None if wrong is None else str(wrong)[:1000]


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    assert source is not None  # a plain file
    with target.open("xb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    if target.stat().st_size != member.size:
        raise InputError(f"{TRUNCATED} in {member.name}", AGAIN)
