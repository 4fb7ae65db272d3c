"""Documents nested without end, once a converter has raised Python's recursion limit: refused, and no crash.

Each reader tries all of them in one process, as an import of onnx2tf or litert-torch leaves it; parsers that lean on
the limit then run off the end of the stack.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posekit import documents
from posekit.contract.spec import read_table
from tests.fuzz.readers import READERS, scratch, seed_of, tried

LIMIT = 2**31 - 1  # onnx2tf's
DEEP = 400_000
DOCUMENTS = {
    "lists": b"[" * DEEP, "closed lists": b"[" * DEEP + b"]" * DEEP, "tables": b'{"a":' * DEEP,
    "TOML": b"a = " + b"[" * DEEP, "sequences": b"- " * DEEP, "keys": b"? " * DEEP,
    "a sum": b"a = 1" + b"+1" * DEEP, "a bare sum": b"1" + b"+1" * DEEP, "a shorter sum": b"a = 1" + b"+1" * 1000,
    "attributes": b"a = b" + b".c" * DEEP, "signs": b"a = " + b"-" * DEEP + b"1", "calls": b"a = b" + b"()" * DEEP,
    "a property list": b"<plist><dict><key>MinimumOSVersion</key>" + b"<array>" * DEEP + b"</array>" * DEEP
    + b"</dict></plist>", "elements": b"<a>" * DEEP + b"</a>" * DEEP,
    "lambdas": b"a = " + b"lambda:" * 100_000 + b"0",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1000, LIMIT])
def test_no_reader_crashes_on_endless_nesting(limit: int) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.fuzz.test_nesting", str(limit)]
    ended = subprocess.run(command, check=False, cwd=root, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, f"{ended.stdout[-200:]} {ended.stderr[-2000:]}"
    assert ended.stdout.endswith("no crash\n")


def deep(frames: int, call: Callable[[], Any]) -> Any:
    return call() if frames == 0 else deep(frames - 1, call)


@pytest.mark.parametrize("limit", [1000, 3000, 100_000])
def test_whoever_calls_from_deep_down_reads_the_same(limit: int, tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text("a = [[[[[[[[1]]]]]]]]")
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        read = deep(min(limit - 400, 2000), lambda: read_table(tmp_path / "spec.toml"))
        assert sys.getrecursionlimit() == limit
    finally:
        sys.setrecursionlimit(before)
    assert read == {"a": [[[[[[[[1]]]]]]]]}


def test_the_limit_is_as_before_whoever_leaves_first() -> None:
    before, entered, leave = sys.getrecursionlimit(), threading.Event(), threading.Event()

    def first() -> None:
        with documents.shallow():
            entered.set()
            leave.wait(20)

    def second() -> None:
        with documents.shallow():
            pass

    sys.setrecursionlimit(20_000)
    try:
        threads = [threading.Thread(target=one) for one in (first, second)]
        threads[0].start()
        assert entered.wait(20)
        threads[1].start()
        leave.set()
        for one in threads:
            one.join(20)
        assert sys.getrecursionlimit() == 20_000
    finally:
        sys.setrecursionlimit(before)


def main() -> None:
    """Try all documents with all readers under a limit, naming each before it is tried."""
    folder = scratch()
    try:
        known = {number for number in range(len(READERS)) if seed_of(number)}
        sys.setrecursionlimit(int(sys.argv[1]))
        for number in known:
            for name, document in DOCUMENTS.items():
                print(READERS[number][0].__name__, name, flush=True)
                tried(folder, number, document)
        print("no crash")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
