"""What pydantic found wrong with a contract, told in one sentence."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

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
    return f"{where}: {field} is {_seen(first)}: {_expected(first)}", ""


def _is_missing(detail: ErrorDetails) -> bool:
    return detail["type"] == "union_tag_not_found" or (detail["type"] == "missing" and not _is_short(detail))


def _is_short(detail: ErrorDetails) -> bool:
    return detail["type"] == "missing" and isinstance(detail["loc"][-1], int)


def _field(detail: ErrorDetails) -> str:
    parts = list(detail["loc"])
    if parts[:1] == ["decoder"] and len(parts) > 2:
        del parts[1]  # the name of the chosen decoder, which the user did not write there
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
