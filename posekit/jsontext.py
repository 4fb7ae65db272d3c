"""Parse JSON that somebody else wrote."""

from __future__ import annotations

from typing import Any


def parse(raw: bytes | str) -> Any:
    """json.loads for UTF-8, by pydantic's parser: ValueError for what is no JSON, and for nesting beyond 200 levels.

    Converters raise Python's recursion limit as they are imported; json's own scanner then runs off the end of the
    stack on a deeply nested file, which ends the process instead of raising.
    """
    from pydantic_core import from_json

    return from_json(raw)
