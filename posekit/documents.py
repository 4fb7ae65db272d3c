"""Strict documents: the base of every JSON and TOML that posekit reads, and what is wrong with one in one sentence."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class Part(BaseModel):
    """A frozen piece of the contract; unknown keys and numbers that are not finite are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def tuple_of_list(value: object) -> object:
    """TOML and JSON have arrays only; strict mode wants tuples."""
    return tuple(tuple_of_list(item) for item in value) if isinstance(value, list) else value


def written(pattern: str, expected: str) -> AfterValidator:
    """A text that must match `pattern`, with words for those who do not read patterns."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


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
    try:
        return from_json(raw)
    except TypeError:  # of a text with half a pair, which is none in UTF-8
        raise ValueError("it holds half of a UTF-16 pair") from None


FRAMES = 1000  # of Python's stack, as without a converter
ENOUGH_FRAMES = 500  # below the caller's
_one_at_a_time = threading.RLock()  # the limit is that of all threads


@contextlib.contextmanager
def shallow() -> Iterator[None]:
    """For parsers that nest as deeply as their text: RecursionError where it is too deep, and no crash, though a
    converter that was imported raised Python's recursion limit.

    The limit is lowered for that time, where it was raised: no other thread may convert meanwhile.
    """
    with _one_at_a_time:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(min(limit, max(FRAMES, _depth() + ENOUGH_FRAMES)))
        try:
            yield
        finally:
            sys.setrecursionlimit(limit)


def _depth() -> int:
    frame, count = sys._getframe(), 0
    while frame.f_back is not None:
        frame, count = frame.f_back, count + 1
    return count


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


SEEN_LENGTH = 80  # characters of a wrong value that are shown
EXPECTED = {
    "dict_type": "expected a table",
    "model_type": "expected a table",
    "model_attributes_type": "expected a table",
    "tuple_type": "expected a list",
    "string_type": "expected a text in quotes",
}


def sentence(error: ValidationError, where: str) -> tuple[str, str]:
    """(message, hint): the unknown keys, else the first wrong value, else all fields that are missing."""
    details = error.errors(include_url=False)
    unknown = [repr(_field(detail)) for detail in details if detail["type"] == "extra_forbidden"]
    if unknown:
        return f"{where} has an unknown key {', '.join(unknown)}", "see docs/spec.md for the known keys"
    missing = [_field(detail) for detail in details if _is_missing(detail)]
    if len(missing) == len(details):
        return (
            f"{where} lacks {', '.join(missing)}",
            "add them: docs/spec.md says what each means; nothing is guessed from a shape",
        )
    # of a list that is too short every missing place is told; the last one, kept here, says how long it should be
    wrong = {_field(detail): detail for detail in details if not _is_missing(detail)}
    field, first = next(iter(wrong.items()))
    if first["type"] == "value_error" and isinstance(first["input"], dict):  # of several fields, which it names itself
        return f"{where}: {f'{field}: ' if first['loc'] else ''}{_expected(first)}", ""
    return f"{where}: {field} is {_seen(first)}: {_expected(first)}", ""


def _is_missing(detail: ErrorDetails) -> bool:
    return detail["type"] == "union_tag_not_found" or (detail["type"] == "missing" and not _is_short(detail))


def _is_short(detail: ErrorDetails) -> bool:
    return detail["type"] == "missing" and isinstance(detail["loc"][-1], int)


def _field(detail: ErrorDetails) -> str:
    parts = list(detail["loc"])
    if detail["type"].startswith("union_tag"):
        parts.append("kind")
    if _is_short(detail):
        parts.pop()
    return ".".join(map(str, parts)) or "the spec"


def _seen(detail: ErrorDetails) -> str:
    value = detail["input"]
    if detail["type"] == "union_tag_invalid":
        value = value["kind"]
    text = repr(_as_written(value))
    return text if len(text) <= SEEN_LENGTH else text[: SEEN_LENGTH - 3] + "..."


def _as_written(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_written(item) for key, item in value.items()}
    return [_as_written(item) for item in value] if isinstance(value, tuple | list) else value


def _expected(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "union_tag_invalid":
        return f"expected one of {context['expected_tags']}"
    if _is_short(detail):
        return f"expected {int(detail['loc'][-1]) + 1} values"
    if kind == "too_long":
        return f"expected {context['max_length']} values"
    reason = EXPECTED.get(kind, detail["msg"]).removeprefix("Value error, ").replace("Input should be", "expected")
    if kind.startswith(("greater_than", "less_than")):
        reason = reason.replace("expected", "expected a number")
    return reason[:1].lower() + reason[1:]
