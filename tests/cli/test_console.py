"""Progress on a terminal: it moves whatever the process does, tells steps as they are, and leaves no process behind."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

HELD = """
import ctypes, sys
from posekit.cli import console
with console.progress() as step:
    step("hold [bold]the lock\\nof Python")
    ctypes.PyDLL(None).usleep(2_000_000)  # a PyDLL keeps the lock, as converters do
    {then}
"""


def seen_on_a_terminal(code: str, tmp_path: Path) -> tuple[int, str]:
    """The exit status of a program that runs on a terminal of its own, and all that it wrote there."""
    (tmp_path / "rich.py").write_text("raise SystemExit('a file of the current folder was imported')")
    terminal, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        start_new_session=True,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            more = os.read(terminal, 1 << 16)
        except OSError:  # the last one that held the terminal is gone
            break
        if not more:
            break
        written += more
    os.close(terminal)
    return done.wait(), written.decode()


@pytest.mark.parametrize(("then", "status"), [("", 0), ("raise SystemExit(3)", 3)])
def test_the_spinner_moves_while_the_lock_of_python_is_held(then: str, status: int, tmp_path: Path) -> None:
    """Frames in the time that the lock was held; the terminal is given back (its end is read) however posekit ends."""
    found, text = seen_on_a_terminal(HELD.format(then=then), tmp_path)
    assert found == status
    frames = re.findall(r"(\S)\S* hold \[bold\]the lock of Python", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text))
    assert len(set(frames)) >= 3, text
    assert text.rstrip().endswith("\x1b[2K"), "the line is not cleared"
    assert "\x1b[?25h" in text, "the cursor stays hidden"


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    code = "from posekit.cli import console\nwith console.progress() as step: step('x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
