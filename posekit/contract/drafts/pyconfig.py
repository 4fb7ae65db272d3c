"""The statements of a configuration written in Python, and the files that it is based on; nothing of them is run."""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posekit import documents
from posekit.contract.drafts.budget import Budget
from posekit.contract.drafts.files import read_text, refuse_bomb
from posekit.contract.drafts.literals import REST, Source, Unread, evaluate, spoil
from posekit.errors import InputError

MOST_FILES = 64
MOST_MERGED = 200_000  # keys
DEEPEST = 100  # tables in tables
# what makes other code of texts, or reaches names without naming them
DYNAMIC = frozenset({"exec", "eval", "globals", "locals", "vars", "setattr", "compile", "builtins", "__builtins__"})
CHANGING = ("update", "merge")


@dataclass(slots=True)
class _Reading:
    """Of a whole configuration: what it may still make, files that are being read, how many were, and what was not
    there."""

    budget: Budget
    chain: list[Path] = field(default_factory=list)
    count: int = 0
    keys: int = 0
    missing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _File:
    """Of one file: its names so far, what `_base_` gave, and the names that its functions may change."""

    path: Path
    source: Source
    reading: _Reading
    names: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Unread] = field(default_factory=dict)


def read_config(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(what the configuration assigns, the bases that are not there); InputError for what is no Python, for cycles,
    for code that makes code, and for values that are more, or lie deeper, than a configuration has."""
    reading = _Reading(Budget(path.name))
    names = _read(path, reading)
    refuse_bomb(names, _inner, path)
    return names, tuple(reading.missing)


def _inner(value: Any) -> Iterable[Any]:
    """What a value holds; of a text its letters."""
    if isinstance(value, dict):
        return (one for pair in value.items() for one in pair)
    return value if isinstance(value, list | tuple | str) else ()


def _read(path: Path, reading: _Reading) -> dict[str, Any]:
    place = path.resolve()
    if place in reading.chain:
        listed = " -> ".join(one.name for one in [*reading.chain[reading.chain.index(place) :], place])
        raise InputError(f"{path.name} is based on itself: {listed}", "take the cycle out of _base_")
    reading.count += 1
    if reading.count > MOST_FILES:
        raise InputError(f"{reading.chain[0].name} is based on more than {MOST_FILES} files", "")
    text = read_text(path)
    tree = _parsed(text, path)
    reading.chain.append(place)
    lines = re.split(rb"\r\n|\r|\n", text.encode("utf-8"))
    file = _File(path, Source(path.name, lines, reading.budget), reading)
    for statement in tree.body:
        _statement(statement, file)
    reading.chain.pop()
    names = {name: value for name, value in file.names.items() if name != "_base_"}
    return _merge(file.base, names, reading)


def _parsed(text: str, path: Path) -> ast.Module:
    try:
        with documents.shallow():
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise InputError(f"{path} is no valid Python{line}", "is it the whole configuration file?") from error
    used = _dynamic(tree)
    if used:
        raise InputError(
            f"{path.name} uses {', '.join(sorted(used))}, so what it assigns is known to those who run it alone",
            "posekit runs no configuration; write its values plainly, as `Config.fromfile(...).dump(...)` does",
        )
    return tree


def _dynamic(tree: ast.Module) -> frozenset[str]:
    """The functions of DYNAMIC that a file calls, or hands on to be called; `compile = False` is a key of MMEngine."""
    nodes = list(ast.walk(tree))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {one.asname or one.name for node in nodes if isinstance(node, ast.ImportFrom) for one in node.names}
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    return DYNAMIC & (called | modules | (read - own))


def _statement(node: ast.stmt, file: _File) -> None:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            pass
        case ast.Assign(targets=targets, value=value):
            found = _value(value, file)
            for target in targets:
                _assign(target, found, file)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            _assign(target, _value(value, file), file)
        case ast.AugAssign(target=ast.Name(id=name) as target, op=kind, value=value):
            joined = ast.copy_location(
                ast.BinOp(ast.copy_location(ast.Name(name, ast.Load()), node), kind, value), node
            )
            before, found = file.names.get(name), _value(joined, file)
            if isinstance(before, list) and isinstance(found, list):
                before[:] = found  # the list itself grows, whoever else holds it
            elif isinstance(found, Unread):
                spoil(before, found, file.reading.budget)
            _assign(target, found, file)
        case ast.Import() | ast.ImportFrom():
            _imports(node, file)
        case ast.With(items=[ast.withitem(context_expr=ast.Call(func=ast.Name(id="read_base")))], body=body):
            for one in body:
                if isinstance(one, ast.ImportFrom):
                    _import_base(one, file)
        case ast.Expr(value=ast.Call() as call):
            _called(call, file)
        case ast.Delete(targets=[ast.Name(id=name)]):
            file.names.pop(name, None)
        case _:
            _unread_statement(node, file)
    for part in ast.walk(node):  # `:=` names something wherever it stands
        if isinstance(part, ast.NamedExpr):
            file.names[part.target.id] = file.source.unread(part)


def _value(node: ast.expr, file: _File) -> Any:
    return evaluate(node, ChainMap({"_base_": file.base}, file.names), file.source)


def _assign(target: ast.expr, value: Any, file: _File) -> None:
    if isinstance(target, ast.Name):
        if target.id == "_base_":
            _load_bases(value, file)
        file.names[target.id] = file.changed.get(target.id, value)
        return
    if isinstance(target, ast.Subscript | ast.Attribute):
        holder = _value(target.value, file)
        key = target.attr if isinstance(target, ast.Attribute) else _value(target.slice, file)
        is_index = isinstance(holder, list) and type(key) is int and -len(holder) <= key < len(holder)
        if is_index or (isinstance(holder, dict) and isinstance(key, str | int)):
            holder[key] = value
        else:
            spoil(holder, file.source.unread(target), file.reading.budget)
        return
    if isinstance(target, ast.Tuple | ast.List):
        fits = isinstance(value, list | tuple) and len(value) == len(target.elts)
        for number, part in enumerate(target.elts):
            inner = part.value if isinstance(part, ast.Starred) else part
            _assign(inner, value[number] if fits and inner is part else file.source.unread(target), file)


def _called(call: ast.Call, file: _File) -> None:
    """A call whose value nobody takes: `update` is followed, and others may change what they are given."""
    if isinstance(call.func, ast.Attribute):
        holder = _value(call.func.value, file)
        given = _value(ast.copy_location(ast.Call(ast.Name("dict", ast.Load()), call.args, call.keywords), call), file)
        if call.func.attr in CHANGING and isinstance(holder, dict) and isinstance(given, dict):
            if call.func.attr == "merge":
                given = _merge(holder, given, file.reading)
                holder.clear()
            holder.update(given)
            return
        spoil(holder, file.source.unread(call), file.reading.budget)
    _value(call, file)


def _imports(node: ast.Import | ast.ImportFrom, file: _File) -> None:
    """What is imported stands for itself: a class by its name."""
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        if name != "*" and name != "read_base":
            file.names[name] = (
                alias.name.rpartition(".")[2] if isinstance(node, ast.ImportFrom) else file.source.unread(node)
            )


def _unread_statement(node: ast.stmt, file: _File) -> None:
    """Whatever a statement names may be something else after it; what a function names, after every call of it."""
    why = file.source.unread(node)
    mentioned = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
        stored = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        shared = {name for part in ast.walk(node) if isinstance(part, ast.Global) for name in part.names}
        mentioned = (mentioned - own - stored) | shared
        file.names[node.name] = why
        file.changed |= dict.fromkeys(mentioned, why)
    for name in mentioned:
        spoil(file.names.get(name), why, file.reading.budget)
        if not is_function or name in file.names:
            file.names[name] = why


def _load_bases(value: Any, file: _File) -> None:
    for one in [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]:
        if not isinstance(one, str):
            file.reading.missing.append(f"a base of {file.path.name} that is computed")
            continue
        _merge_base(file.path.parent / one, one, file)


def _import_base(node: ast.ImportFrom, file: _File) -> None:
    """`from ..._base_.runtime import *` inside `with read_base()`: names of another file, as they are."""
    parts = (node.module or "").split(".")
    folder = file.path.resolve().parent
    if node.level:
        places = [folder.joinpath(*[".."] * (node.level - 1), *parts).with_suffix(".py")]
    else:
        places = [up.joinpath(*parts).with_suffix(".py") for up in folder.parents]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        file.reading.missing.append(f"{'.' * node.level}{node.module}")
        return
    names = _read(found, file.reading)
    for alias in node.names:
        if alias.name == "*":
            file.names |= names
        elif alias.name in names:
            file.names[alias.asname or alias.name] = names[alias.name]


def _merge_base(path: Path, name: str, file: _File) -> None:
    if path.suffix != ".py" or not path.is_file():
        file.reading.missing.append(name)
        return
    file.base = _merge(file.base, _read(path, file.reading), file.reading)


def _merge(base: Mapping[Any, Any], own: Mapping[Any, Any], reading: _Reading, depth: int = 0) -> dict[Any, Any]:
    """A table over another, as MMEngine merges them: tables key by key, `_delete_` starts anew, all else replaces."""
    if own.get("_delete_") is True:
        return {key: value for key, value in own.items() if key != "_delete_"}
    reading.keys += len(base) + len(own)
    if reading.keys > MOST_MERGED or depth > DEEPEST:
        raise InputError(f"{reading.chain[0].name if reading.chain else 'the configuration'} is based on too much", "")
    whole = dict(base)
    for key, value in own.items():
        below = base.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            whole[key] = _merge(below, value, reading, depth + 1)
        elif isinstance(value, Mapping) and isinstance(below, list) and value and all(str(k).isdigit() for k in value):
            whole[key] = Unread(f"entries {', '.join(map(str, value))} of the list {key} are replaced")
        else:
            whole[key] = value
    return {REST: own[REST]} if REST in own else whole
