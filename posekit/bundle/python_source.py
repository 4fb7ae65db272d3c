"""posekit's own numpy code as the linux package has it: what is needed of a module, without pydantic, for Python 3.9.

A definition is taken out of its file as it is written there, comments and all; only what older Pythons do not know and
what checks a contract, which is checked long before, are cut out of it.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

PART = ("posekit.documents", "Part")
VALIDATING = ("field_validator", "model_validator")
NEWER = {"zip": "strict", "dataclass": "slots"}  # keywords that Python 3.9 does not know, by the function
PAIRWISE = "pairwise"  # of itertools since Python 3.10; in the package's python39.py
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True, slots=True)
class Imported:
    """What a name of a module is: a module, or something in it; for_types: in the eyes of a type checker alone."""

    module: str
    name: str = ""
    for_types: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A module's file, read. defined: its top level by name; imported: what it has from elsewhere."""

    module: str
    text: bytes
    defined: dict[str, Definition]
    imported: dict[str, Imported]
    docstring: str

    def starts(self) -> list[int]:
        """Where each line begins, in bytes."""
        found = [0]
        for line in self.text.splitlines(keepends=True):
            found.append(found[-1] + len(line))
        return found


@cache
def source(module: str, path: Path) -> Source:
    """A module by its name and file; ValueError where it imports relatively or a whole module's names."""
    text = path.read_bytes()
    tree = ast.parse(text)
    defined: dict[str, Definition] = {}
    imported: dict[str, Imported] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [one for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
            defined |= {one.id: node for one in names}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for inner in node.body:
                imported |= _imports(inner, for_types=True)
        else:
            imported |= _imports(node, for_types=False)
    return Source(module, text, defined, imported, ast.get_docstring(tree, clean=False) or "")


def _imports(node: ast.stmt, *, for_types: bool) -> dict[str, Imported]:
    if isinstance(node, ast.Import):
        return {one.asname or one.name: Imported(one.name, for_types=for_types) for one in node.names}
    if not isinstance(node, ast.ImportFrom):
        return {}
    if node.level or any(one.name == "*" for one in node.names):
        raise ValueError("it imports relatively, or all names of a module")
    return {one.asname or one.name: Imported(str(node.module), one.name, for_types) for one in node.names}


def kept(node: Definition, is_part: bool, called: Container[str]) -> Iterator[ast.AST]:
    """Every node of a definition that is left of it; called: names of methods that are, of a Part's."""
    gone = {id(one) for one in removed(node, is_part, called)}
    waiting: list[ast.AST] = [node]
    while waiting:
        one = waiting.pop()
        if id(one) in gone:
            continue
        yield one
        waiting.extend(_children(one))


def _children(node: ast.AST) -> list[ast.AST]:
    if _is_annotated(node):
        return [_first_of(cast(ast.Subscript, node))]
    if isinstance(node, ast.AnnAssign):
        is_alias = isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias"
        value = [] if node.value is None or _is_field(node.value) else [node.value]
        return [node.target, *([] if is_alias else [node.annotation]), *value]
    return list(ast.iter_child_nodes(node))


def removed(node: Definition, is_part: bool, called: Container[str]) -> list[ast.stmt]:
    """Of a Part's class what checks its fields, and the methods that nothing calls."""
    if not is_part or not isinstance(node, ast.ClassDef):
        return []
    return [one for one in node.body if _is_check(one) or (isinstance(one, ast.FunctionDef) and one.name not in called)]


def _is_check(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return any(_names(one) & {*VALIDATING} for one in node.decorator_list)
    return isinstance(node, ast.Assign) and bool(_names(node.value) & {*VALIDATING})


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _is_annotated(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Annotated"


def _is_field(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Field", "PrivateAttr")


def _first_of(node: ast.Subscript) -> ast.expr:
    return node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice


def written(of: Source, node: Definition, is_part: bool, called: Container[str]) -> str:
    """The text of a definition with its decorators and the comments above it, as Python 3.9 takes it."""
    starts = of.starts()

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    begin, end = starts[_first_line(of, node) - 1], at(node.end_lineno or 0, node.end_col_offset or 0)
    cuts = list(_cuts(of, node, is_part, called, starts))
    text, place = b"", begin
    for start, stop, new in sorted(cuts):
        if start < place:  # within what is cut already
            continue
        text += of.text[place:start] + new
        place = stop
    return (text + of.text[place:end]).decode()


def _cuts(
    of: Source, node: Definition, is_part: bool, called: Container[str], starts: list[int]
) -> Iterator[tuple[int, int, bytes]]:
    """Where the text changes: from, to, and what is there instead."""
    for gone in removed(node, is_part, called):
        yield starts[_first_line(of, gone, blanks=True) - 1], starts[gone.end_lineno or 0], b""
    for one in kept(node, is_part, called):
        if _is_annotated(one):
            first = _first_of(cast(ast.Subscript, one))
            yield (*_span(one, first, starts), b"")
            yield (*_span_after(first, one, starts), b"")
        elif isinstance(one, ast.AnnAssign):
            yield from _field_cuts(one, starts)
        elif isinstance(one, ast.Call):
            yield from _call_cuts(of, one, starts)


def _field_cuts(node: ast.AnnAssign, starts: list[int]) -> Iterator[tuple[int, int, bytes]]:
    if isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias":
        yield (*_span_after(node.target, node.annotation, starts), b"")
    if node.value is not None and _is_field(node.value):
        yield (*_span_after(node.annotation, node, starts), b"")


def _call_cuts(of: Source, node: ast.Call, starts: list[int]) -> Iterator[tuple[int, int, bytes]]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name == PAIRWISE and isinstance(node.func, ast.Attribute):
        begin = starts[node.func.lineno - 1] + node.func.col_offset
        yield begin, starts[(node.func.end_lineno or 0) - 1] + (node.func.end_col_offset or 0), PAIRWISE.encode()
    for keyword in node.keywords:
        if keyword.arg is not None and NEWER.get(name) == keyword.arg:
            begin = starts[keyword.lineno - 1] + keyword.col_offset
            before = of.text[:begin].rstrip()
            yield (
                len(before) - 1 if before.endswith(b",") else begin,
                starts[(keyword.end_lineno or 0) - 1] + (keyword.end_col_offset or 0),
                b"",
            )


def _span(outer: ast.AST, inner: ast.AST, starts: list[int]) -> tuple[int, int]:
    """From the beginning of a node to that of one inside."""
    begin, end = cast(ast.expr, outer), cast(ast.expr, inner)
    return starts[begin.lineno - 1] + begin.col_offset, starts[end.lineno - 1] + end.col_offset


def _span_after(inner: ast.AST, outer: ast.AST, starts: list[int]) -> tuple[int, int]:
    """From the end of a node to that of the one about it, or after it."""
    begin, end = cast(ast.expr, inner), cast(ast.expr, outer)
    return (
        starts[(begin.end_lineno or 0) - 1] + (begin.end_col_offset or 0),
        starts[(end.end_lineno or 0) - 1] + (end.end_col_offset or 0),
    )


def _first_line(of: Source, node: ast.stmt, *, blanks: bool = False) -> int:
    """The line that a statement begins in, its decorators and the comments above it among them; blanks: the empty lines
    above those too."""
    first: int = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
    lines = of.text.splitlines()
    while first > 1 and lines[first - 2].lstrip().startswith(b"#"):
        first -= 1
    while blanks and first > 1 and not lines[first - 2].strip():
        first -= 1
    return first
