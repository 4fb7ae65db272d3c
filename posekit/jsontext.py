"""Parse JSON that somebody else wrote."""

from __future__ import annotations

import json
import sys
from typing import Any

MAX_DEPTH = 2000  # of Python's stack, the caller's own frames included


def parse(raw: bytes | str) -> Any:
    """json.loads, but deep nesting is a ValueError whatever the process is.

    Converters raise Python's recursion limit as they are imported; json's C scanner then runs off the end of the
    stack on a deeply nested file, which ends the process instead of raising.
    """
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(min(limit, MAX_DEPTH))
        return json.loads(raw)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    finally:
        sys.setrecursionlimit(limit)
