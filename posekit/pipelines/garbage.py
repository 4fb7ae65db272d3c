"""How often Python looks for objects that only each other refer to."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

# converters make millions of small objects that stay: at Python's own 700 it looks thousands of times, a tenth of the
# time of a small network
OBJECTS = 50_000


@contextlib.contextmanager
def looked_for_seldom() -> Iterator[None]:
    """Look for garbage after OBJECTS new objects, for the time of a `with`."""
    before = gc.get_threshold()
    gc.set_threshold(max(OBJECTS, before[0]) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
