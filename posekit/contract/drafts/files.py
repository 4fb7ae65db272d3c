"""The text of a configuration file: bounded, and of it only data is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from posekit import documents
from posekit.errors import InputError, said

MOST_BYTES = 1 << 20  # a training configuration has some kilobytes, a DeepLabCut project with its videos some hundred
MOST_NODES = 200_000  # values of a file, those behind an alias or a name counted each time
LETTERS = 64  # of a text that count as one more value
DEEPEST = 60
MOST_BRACKETS = 1000  # those in texts counted


def read_text(path: Path) -> str:
    """The text of a file; InputError where there is none, or too much of it."""
    if not path.is_file():
        raise InputError(f"there is no file {path}", "check the path")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InputError(f"{path} has {size:,} bytes, at most {MOST_BYTES:,} of a configuration are read", "")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no text in UTF-8{said(error)}", "is it a configuration file?") from error


def read_json(path: Path) -> Any:
    """A JSON file; InputError for what is none."""
    try:
        return documents.parse(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} is no valid JSON{said(error)}", "save it again") from error


def read_yaml(path: Path) -> Any:
    """A YAML file as plain values; InputError for what is none, for tags that stand for code, and for aliases that
    make much of little."""
    import yaml

    text = read_text(path)
    try:
        _refuse_brackets(text, path)
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        refuse_bomb(root, _nodes_in, path)
        return None if root is None else loader.construct_document(root)
    except yaml.constructor.ConstructorError as error:
        raise InputError(
            f"{path} holds a YAML tag that is no plain value{_place(error)}", "posekit makes no objects of a file"
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise InputError(f"{path} is no valid YAML{_place(error)}", "save it again") from error


def mapping(value: Any) -> Mapping[Any, Any]:
    """A table as it is, anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    """A list as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []


def _refuse_brackets(text: str, path: Path) -> None:
    """InputError where very many values are opened at once: the scanner's time grows with the square of brackets, and
    where Python may recurse very deep a long line of dashes ends the process."""
    if re.search(rf"(?:[-?:][ \t]+){{{MOST_BRACKETS + 1}}}", text):
        raise InputError(f"{path} holds values that lie too deep in each other", "")
    depth = 0
    for one in re.finditer(r"[\[\]{}]", text):
        depth = max(depth + (1 if one[0] in "[{" else -1), 0)
        if depth > MOST_BRACKETS:
            raise InputError(f"{path} holds values that lie too deep in each other", "")


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark is not None else ""


def refuse_bomb(root: Any, inner: Callable[[Any], Iterable[Any]], path: Path) -> None:
    """InputError where the values of a document, each counted wherever it is used, are too many or too deep.

    inner: what a value holds; a text holds its letters.
    """
    counts: dict[int, int] = {}
    open_values: set[int] = set()

    def count(value: Any, depth: int) -> int:
        if id(value) in counts:
            return counts[id(value)]
        if depth > DEEPEST or id(value) in open_values:
            raise InputError(f"{path} holds values that lie too deep in each other, or in themselves", "")
        held = inner(value)
        if isinstance(held, str):
            return 1 + len(held) // LETTERS
        open_values.add(id(value))
        total = 1
        for one in held:
            total += count(one, depth + 1)
            if total > MOST_NODES:
                raise InputError(f"{path} holds more than {MOST_NODES:,} values, those used again counted", "")
        open_values.discard(id(value))
        counts[id(value)] = total
        return total

    count(root, 0)


def _nodes_in(node: Any) -> Iterable[Any]:
    """The nodes in a YAML node; of a scalar its text."""
    if node is None or isinstance(node.value, str):
        return () if node is None else str(node.value)
    return (part for one in node.value for part in (one if isinstance(one, tuple) else (one,)))
