"""Parse JSON that somebody else wrote, and write what anybody can parse."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def parse(raw: bytes | str) -> Any:
    """json.loads by pydantic's parser: ValueError for what is no JSON, and for nesting beyond 200 levels.

    Bytes are UTF-8, or UTF-16 or UTF-32, with or without a byte order mark: editors on Windows write all of them.

    Converters raise Python's recursion limit as they are imported; json's own scanner then runs off the end of the
    stack on a deeply nested file, which ends the process instead of raising.
    """
    from pydantic_core import from_json

    if isinstance(raw, bytes) and (encoding := json.detect_encoding(raw)) != "utf-8":
        try:
            raw = raw.decode(encoding)
        except UnicodeDecodeError:
            raise ValueError(f"it begins like {encoding.upper()} and is not") from None
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
