"""JSON from outside never ends the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from posekit import documents


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "tables"])
def test_deep_nesting_is_a_value_error_even_where_a_library_raised_the_limit(opening: bytes) -> None:
    code = (
        "import sys; sys.setrecursionlimit(10**6)\nfrom posekit import documents\n"
        "try:\n    documents.parse(sys.stdin.buffer.read())\nexcept ValueError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=opening * 200_000, capture_output=True, check=True)
    assert done.stdout.startswith(b"recursion limit exceeded")


def test_plain_values_are_parsed() -> None:
    assert documents.parse(b'{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}


def test_what_is_written_anybody_can_parse() -> None:
    found = documents.plain({1: [float("nan"), float("inf"), (0.12345, 2)], "b": {"c": None, "d": True}})
    assert found == {"1": [None, None, [0.12345, 2]], "b": {"c": None, "d": True}}
    assert documents.plain([0.12345, float("nan")], 3) == [0.123, None]
