"""The numpy code of posekit that a linux package runs: the definitions that it needs and what those need, file by file.

Decoding is posekit's own there, rather than a twin of it: only the imports are others, and what python_source.py cuts
out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from posekit.bundle.python_source import PART, Imported, Source, kept, source
from posekit.bundle.vendored_text import HEADER, module_text, place
from posekit.errors import InputError

# modules that the package has in its own words, for what they bring: templates/linux
STAND_INS = {"posekit.documents": {"Part"}, "posekit.errors": {"InputError", "ConversionError"}}
OF_PYDANTIC = ("model_", "__pydantic")


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A definition: the module that it is written in, and what it is called there."""

    module: str
    name: str


def of(value: object) -> Name:
    """Where a function or a class is defined; InputError for what has no name of its own."""
    module, name = str(getattr(value, "__module__", "")), str(getattr(value, "__qualname__", ""))
    if not module or not name.isidentifier():
        raise InputError(
            f"the decoder's {name or value!r} is no function of a module, so no linux package can be written of it",
            "define it with `def` at the top of its file",
        )
    return Name(module, name)


def files(roots: Iterable[Name]) -> dict[str, str]:
    """The text of each file by its path, with all that the roots need.

    InputError where that is more than numpy and Python's own library.
    """
    wanted = list(roots)
    called: frozenset[str] = frozenset()
    while True:
        needs = _closure(wanted, called)
        found = frozenset(attribute for _, attributes in needs.values() for attribute in attributes)
        if found <= called:
            break
        called |= found
    by_module: dict[str, list[str]] = {}
    for one in sorted(needs):
        by_module.setdefault(one.module, []).append(one.name)
    texts = {
        path: text
        for module, names in by_module.items()
        if module not in STAND_INS
        for path, text in [(_path(module), _text(module, names, needs, called))]
    }
    folders = {parent.as_posix() for path in texts for parent in list(Path(path).parents)[:-1]}
    return {f"{folder}/__init__.py": HEADER for folder in folders} | texts


Needs = Mapping[Name, tuple[dict[str, Imported], frozenset[str]]]


def _closure(roots: list[Name], called: frozenset[str]) -> dict[Name, tuple[dict[str, Imported], frozenset[str]]]:
    """What each definition needs: the names of its module that it has from elsewhere, and the attributes that it reads;
    called: methods that are known to be called."""
    needs: dict[Name, tuple[dict[str, Imported], frozenset[str]]] = {}
    waiting = list(roots)
    while waiting:
        one = waiting.pop()
        if one in needs:
            continue
        if one.module in STAND_INS:
            if one.name not in STAND_INS[one.module]:
                raise _refused(one, f"{one.module}.{one.name} checks contracts")
            needs[one] = ({}, frozenset())
            continue
        module = _source(one.module)
        if one.name in module.imported and one.name not in module.defined:  # handed on
            waiting.append(_definition(module.imported[one.name]))
            continue
        needs[one], more = _needs(module, one, called)
        waiting.extend(more)
    return needs


def _needs(
    module: Source, one: Name, called: frozenset[str]
) -> tuple[tuple[dict[str, Imported], frozenset[str]], list[Name]]:
    if one.name not in module.defined:
        raise _refused(one, f"{one.module} has no {one.name}")
    node = module.defined[one.name]
    imported: dict[str, Imported] = {}
    attributes: set[str] = set()
    more: list[Name] = []
    for found, of_module in _references(module, node, _is_part(one), called):
        if of_module is None:
            attributes.add(found)
        elif of_module == module.module:
            more.append(Name(module.module, found))
        else:
            given = module.imported[of_module]
            imported[of_module] = given
            more.extend(_internal(one, given, found))
    if bad := sorted(name for name in attributes if name.startswith(OF_PYDANTIC)):
        raise _refused(one, f"it reads {bad[0]}, which is pydantic's")
    return (imported, frozenset(attributes)), more


def _references(
    module: Source, node: ast.stmt, is_part: bool, called: frozenset[str]
) -> Iterator[tuple[str, str | None]]:
    """Names that a definition uses: (name, its own module), (what is used of it, the imported name), and attributes as
    (name, None)."""
    for one in kept(node, is_part, called):  # type: ignore[arg-type]
        if isinstance(one, ast.Attribute):
            base = one.value.id if isinstance(one.value, ast.Name) else ""
            given = module.imported.get(base)
            if given is not None and _is_module(given):
                yield one.attr, base
            else:
                yield one.attr, None
        elif isinstance(one, ast.Name | ast.Constant):
            name = one.id if isinstance(one, ast.Name) else _quoted(one, node)
            if name in module.defined:
                yield name, module.module
            elif name in module.imported and not _is_module(module.imported[name]):
                yield "", name


def _quoted(one: ast.Constant, node: ast.stmt) -> str:
    """A type by its name in quotes, as aliases have those that are defined below them."""
    is_alias = isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript)
    return one.value if is_alias and isinstance(one.value, str) else ""


def _internal(user: Name, given: Imported, used: str) -> list[Name]:
    """The definition behind an import, of modules that are taken along; InputError for other packages."""
    if given.module.partition(".")[0] in ("numpy", *sys.stdlib_module_names):
        return []
    if given.module.partition(".")[0] not in ("posekit", user.module.partition(".")[0]):
        raise _refused(user, f"it needs {given.module}")
    return [Name(_module_of(given), used) if _is_module(given) else _definition(given)]


def _definition(given: Imported) -> Name:
    return Name(given.module, given.name)


def _is_module(given: Imported) -> bool:
    return not given.name or _is_source(f"{given.module}.{given.name}")


def _module_of(given: Imported) -> str:
    return f"{given.module}.{given.name}" if given.name else given.module


def _is_source(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):
        return False


def _is_part(one: Name) -> bool:
    """Whether a definition is a class of a contract's pieces."""
    if (one.module, one.name) == PART:
        return True
    if one.module in STAND_INS or (not one.module.startswith("posekit") and not _is_source(one.module)):
        return False
    module = _source(one.module)
    if one.name not in module.defined:
        given = module.imported.get(one.name)
        return given is not None and bool(given.name) and _has_parts(given.module) and _is_part(_definition(given))
    node = module.defined[one.name]
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    return any(isinstance(base, ast.Name) and _is_part(Name(one.module, base.id)) for base in bases)


def _has_parts(module: str) -> bool:
    return module.partition(".")[0] not in ("numpy", "pydantic", *sys.stdlib_module_names)


def _source(module: str) -> Source:
    found = sys.modules.get(module)
    path = getattr(found, "__file__", None) or getattr(find_spec(module), "origin", None)
    if not path or not Path(path).is_file():
        raise InputError(f"the code of {module} is not there to be read, so no linux package can be written")
    try:
        return source(module, Path(path))
    except (ValueError, SyntaxError) as error:
        raise InputError(f"no linux package can be written of {Path(path).name}: {error}") from error


def _refused(one: Name, why: str) -> InputError:
    return InputError(
        f"{one.module}.{one.name} cannot go into a linux package: {why}",
        "a decoder there is numpy and Python's own library; take --platform android or ios",
    )


def _path(module: str) -> str:
    parts = place(module)
    is_package = Path(_origin(module)).name == "__init__.py"
    return "/".join((*parts, "__init__.py")) if is_package else f"{'/'.join(parts)}.py"


def _origin(module: str) -> str:
    return str(getattr(sys.modules.get(module), "__file__", None) or getattr(find_spec(module), "origin", ""))


def _text(module: str, names: list[str], needs: Needs, called: frozenset[str]) -> str:
    of_module = _source(module)
    nodes = {id(of_module.defined[name]): (of_module.defined[name], _is_part(Name(module, name))) for name in names}
    imported = {alias: given for name in names for alias, given in needs[Name(module, name)][0].items()}
    is_package = _path(module).endswith("__init__.py")
    return module_text(of_module, list(nodes.values()), imported, called, is_package=is_package)
