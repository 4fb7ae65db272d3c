"""Parse JSON that somebody else wrote, and write what anybody can parse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def parse(raw: bytes | str) -> Any:
    """json.loads for UTF-8, by pydantic's parser: ValueError for what is no JSON, and for nesting beyond 200 levels.

    Converters raise Python's recursion limit as they are imported; json's own scanner then runs off the end of the
    stack on a deeply nested file, which ends the process instead of raising.
    """
    from pydantic_core import from_json

    return from_json(raw)


def plain(value: Any, digits: int | None = None) -> Any:
    """A value as JSON has it: keys are texts, and a number that is not finite is null; floats rounded to `digits`."""
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return value if digits is None else round(value, digits)
    return value
