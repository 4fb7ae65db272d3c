"""The spinner of console.progress, as a process of its own: each line that it reads is the name of the next step.

Converters hold Python's lock for many seconds, in which a spinner in a thread of the same process stands still.
"""

from __future__ import annotations

import signal
import sys

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


def main() -> None:
    """Turn on standard error until standard input ends, as it does when posekit ends in whatever way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for posekit, which closes the input as it ends
    text = TextColumn("{task.description}", markup=False)
    with Progress(SpinnerColumn(), text, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("start")
        for line in sys.stdin:
            bar.reset(task, description=line.rstrip("\n"))


if __name__ == "__main__":
    main()
