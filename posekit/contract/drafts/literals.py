"""A configuration written in Python, read as syntax: what it assigns, and nothing of it is run.

Read are literals, `dict(...)`, names assigned before, arithmetic of numbers, joined lists and texts, keys of tables,
`update`, and the files that `_base_` or `read_base()` name. What is computed in another way is Unread, and so is
whatever such code could have changed.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from posekit.contract.drafts.budget import Budget

MOST_ITEMS = 20_000  # of a list, letters of a text
LARGEST = 10**18
DEEPEST = 80
REST = "\0rest"  # key of a table that other code may have changed
BUILTINS: Mapping[str, Callable[..., Any]] = {
    "int": int, "float": float, "len": len, "min": min, "max": max, "round": round, "abs": abs, "list": list,
    "tuple": tuple,
}  # fmt: skip
COMPARING = ("min", "max")
HARMLESS = frozenset({
    "deepcopy", "copy", "dict", "print", "sorted", "sum", "str", "join", "range", "enumerate", "zip", "set", "get",
    "keys", "values", "items", "format",
})  # fmt: skip
MAKING = (ast.List, ast.Tuple, ast.Dict, ast.BinOp, ast.JoinedStr, ast.Call)  # what makes a value that was not there
OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Sub: operator.sub, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that is computed in a way that is not read; where: `line 3 of net.py: size()`."""

    where: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file that expressions are of: its name, its lines in UTF-8, and what they may still make."""

    name: str
    lines: list[bytes]
    budget: Budget

    def unread(self, node: ast.stmt | ast.expr) -> Unread:
        """That a node is not read, with the place and the beginning of its text."""
        end = node.end_col_offset if node.end_lineno == node.lineno else None
        shown = self.lines[node.lineno - 1][node.col_offset : end][:240].decode("utf-8", "ignore")
        return Unread(f"line {node.lineno} of {self.name}: {shown[:60].rstrip()}")


ABSENT: Any = object()  # of a place where nothing stands


def at(value: Any, *path: str | int) -> Any:
    """What stands at a place of nested tables and lists: ABSENT where nothing does, Unread where that is not known."""
    for key in path:
        if isinstance(value, Unread):
            return value
        if isinstance(value, Mapping):
            value = value.get(key, value.get(REST, ABSENT))
        elif isinstance(value, list | tuple) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return (
                next((one for one in value if isinstance(one, Unread)), ABSENT) if isinstance(value, list) else ABSENT
            )
    return value.get(REST, value) if isinstance(value, dict) and not value.keys() - {REST} and value else value


def spoil(value: Any, why: Unread, budget: Budget) -> None:
    """Forget what a table or list holds, wherever it is used: code that is not run may have changed it."""
    left, seen = [value], set()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list | tuple) else ()
        budget.spend(len(inner))
        left += inner
        if isinstance(one, dict):
            one.clear()
            one[REST] = why
        elif isinstance(one, list):
            one[:] = [why]


def evaluate(node: ast.expr, names: Mapping[str, Any], source: Source, depth: int = 0) -> Any:
    """The value of an expression, or Unread; InputError where the file's expressions make too much."""
    value = _evaluated(node, names, source, depth)
    if isinstance(node, MAKING) and isinstance(value, str | list | tuple | dict):
        source.budget.spend(len(value))
    return value


def _evaluated(node: ast.expr, names: Mapping[str, Any], source: Source, depth: int) -> Any:
    unread = source.unread(node)
    if depth > DEEPEST:
        _spoil_called(node, names, unread, source.budget)
        return unread

    def inner(part: ast.expr) -> Any:
        return evaluate(part, names, source, depth + 1)

    match node:
        case ast.Constant(value=value):
            return unread if isinstance(value, int) and abs(value) > LARGEST else value
        case ast.Name(id=name):
            return names.get(name, unread)
        case ast.List() | ast.Tuple():
            items = _items(node.elts, inner)
            return unread if items is None else items if isinstance(node, ast.List) else tuple(items)
        case ast.Set(elts=[ast.Set(elts=[part])]):  # {{_base_.name}}
            return inner(part)
        case ast.Dict():
            return _table(zip(node.keys, node.values, strict=True), inner, unread)
        case ast.Attribute(value=part, attr=key):
            return _key(inner(part), key, unread)
        case ast.Subscript(value=part, slice=place):
            return _key(inner(part), inner(place), unread)
        case ast.UnaryOp(op=ast.USub(), operand=part):
            number = inner(part)
            return -number if _is_number(number) else unread
        case ast.BinOp():
            return _binary(node.op, inner(node.left), inner(node.right), unread)
        case ast.JoinedStr():
            return _text(node, inner, unread)
        case ast.Call():
            return _call(node, inner, names, unread, source.budget)
    _spoil_called(node, names, unread, source.budget)
    return unread


def _spoil_called(node: ast.expr, names: Mapping[str, Any], unread: Unread, budget: Budget) -> None:
    """Forget what an expression that is not read names, where it calls what may change it."""
    parts = list(ast.walk(node))
    if any(isinstance(part, ast.Call) and not _is_harmless(part.func) for part in parts):
        for part in parts:
            if isinstance(part, ast.Name):
                spoil(names.get(part.id), unread, budget)


def _items(parts: list[ast.expr], inner: Callable[[ast.expr], Any]) -> list[Any] | None:
    items: list[Any] = []
    for part in parts:
        if isinstance(part, ast.Starred):
            whole = inner(part.value)
            if not isinstance(whole, list | tuple) or len(items) + len(whole) > MOST_ITEMS:
                return None
            items += whole
        else:
            items.append(inner(part))
    return items


def _table(pairs: Any, inner: Callable[[ast.expr], Any], unread: Unread) -> Any:
    """Of keys and values; a key of None stands for `**`."""
    table: dict[Any, Any] = {}
    copied = 0
    for key, value in pairs:
        if key is None:
            whole = inner(value)
            copied += len(whole) if isinstance(whole, Mapping) else 0
            if not isinstance(whole, Mapping) or copied > MOST_ITEMS:
                return unread
            table.update(whole)
            continue
        name = key if isinstance(key, str) else inner(key)
        if not isinstance(name, str | int | float | bool | None):
            return unread
        table[name] = inner(value)
    return table


def _key(value: Any, key: Any, unread: Unread) -> Any:
    if isinstance(value, Unread):
        return value
    if isinstance(value, Mapping) and isinstance(key, str | int):
        return value.get(key, value.get(REST, unread))
    if isinstance(value, list | tuple) and type(key) is int and -len(value) <= key < len(value):
        return value[key]
    return unread


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _binary(kind: ast.operator, left: Any, right: Any, unread: Unread) -> Any:
    is_text = isinstance(left, str) and isinstance(right, str)
    is_list = type(left) is type(right) and isinstance(left, list | tuple)
    if isinstance(kind, ast.Add) and (is_text or is_list):
        return left + right if len(left) + len(right) <= MOST_ITEMS else unread
    if isinstance(kind, ast.Mult) and isinstance(left, list | tuple | str) and type(right) is int:
        return left * right if 0 <= len(left) * right <= MOST_ITEMS else unread
    if not (_is_number(left) and _is_number(right)):
        return unread
    if isinstance(kind, ast.Add | ast.Mult):
        value = left + right if isinstance(kind, ast.Add) else left * right
    elif isinstance(kind, ast.Pow) and abs(left) <= 1e6 and 0 <= right <= 64:
        value = left**right
    elif type(kind) in OPERATORS and right != 0:
        value = OPERATORS[type(kind)](left, right)
    elif isinstance(kind, ast.Sub):
        value = left
    else:
        return unread
    return value if _is_number(value) else unread


def _text(node: ast.JoinedStr, inner: Callable[[ast.expr], Any], unread: Unread) -> Any:
    text = ""
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = inner(part.value)
            if part.format_spec is not None or part.conversion != -1 or not isinstance(value, str | int | float):
                return unread
            text += str(value)
        elif isinstance(part, ast.Constant):
            text += str(part.value)
        if len(text) > MOST_ITEMS:
            return unread
    return text


def _call(
    node: ast.Call, inner: Callable[[ast.expr], Any], names: Mapping[str, Any], unread: Unread, budget: Budget
) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name == "dict" and "dict" not in names and len(node.args) <= 1:
        pairs = [(None, part) for part in node.args] + [(one.arg, one.value) for one in node.keywords]
        return _table(pairs, inner, unread)
    values = [inner(part) for part in node.args]
    if name in BUILTINS and name not in names and not node.keywords and all(map(_is_plain, values)):
        budget.spend(sum(len(value) for value in values if isinstance(value, str | list | tuple)))
        if name in COMPARING and not all(_is_flat(value) for value in values):
            return unread
        try:
            return BUILTINS[name](*values)
        except (TypeError, ValueError, OverflowError):
            return unread
    given = [*values, *(inner(one.value) for one in node.keywords)]
    if isinstance(node.func, ast.Attribute):
        given.append(inner(node.func.value))
    if not _is_harmless(node.func):
        for value in given:
            spoil(value, unread, budget)
    return unread


def _is_plain(value: Any) -> bool:
    return _is_number(value) or isinstance(value, str | list | tuple)


def _is_flat(value: Any) -> bool:
    """Whether it is compared at once; lists in lists may be without end."""
    return not isinstance(value, list | tuple) or all(_is_number(one) or isinstance(one, str) for one in value)


def _is_harmless(function: ast.expr) -> bool:
    """Whether a call changes nothing of what it is given, by its name."""
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    return name in HARMLESS or (isinstance(function, ast.Name) and name in BUILTINS)
