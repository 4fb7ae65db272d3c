"""A check of consistency: passed, or failed with what contradicts what."""

from __future__ import annotations

from collections.abc import Sequence

from posekit.parity.gate import Check, Outcome

MOST_NAMED = 5


def judged(name: str, problems: Sequence[str], good: str) -> Check:
    """FAIL with the first of the problems, else PASS with `good`."""
    if not problems:
        return Check(name, Outcome.PASS, good)
    return Check(name, Outcome.FAIL, listed(problems, "; "))


def listed(names: Sequence[str], between: str = ", ") -> str:
    """The first few, and how many more there are."""
    more = f"{between}and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return between.join(names[:MOST_NAMED]) + more


def differing(what: str, seen: object, expected: object) -> list[str]:
    """A problem where two values differ, with both."""
    return [] if seen == expected else [f"{what} is {_short(seen)}, expected {_short(expected)}"]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
