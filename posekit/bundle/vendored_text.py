"""Definitions of a module as a file of the linux package: its imports, then what is taken out of it, in order."""

from __future__ import annotations

import ast
import sys
from collections.abc import Container, Iterator, Mapping, Sequence

from posekit.bundle.python_source import PAIRWISE, Definition, Imported, Source, written

HEADER = "# SPDX-License-Identifier: Apache-2.0\n"
PYTHON39 = "python39"  # the module of the package for what Python 3.9 lacks
OUTSIDE = "outside"  # where code lies that is not posekit's own
ERASED = ("Annotated", "TypeAlias")  # of typing: only pydantic and checkers read them


def place(module: str) -> tuple[str, ...]:
    """Where a module lies in the package, as the parts of its path."""
    first, *rest = module.split(".")
    return tuple(rest) if first == "posekit" else (OUTSIDE, "_".join([first, *rest]))


def module_text(
    of: Source,
    definitions: Sequence[tuple[Definition, bool]],
    imported: Mapping[str, Imported],
    called: Container[str],
    *,
    is_package: bool,
) -> str:
    """A file with some definitions of a module, each with whether it is a Part's class, as written() takes them.

    imported: what they have from elsewhere, by the name that they call it. is_package: whether it is an __init__.py.
    """
    ordered = sorted(definitions, key=lambda pair: pair[0].lineno)
    texts = [written(of, node, is_part, called) for node, is_part in ordered]
    needed = {
        alias: given
        for alias, given in imported.items()
        if alias != "itertools" or any("itertools." in text for text in texts)
    }
    depth = len(place(of.module)) if is_package else len(place(of.module)) - 1
    lines = list(_import_lines(needed, depth, any(f"{PAIRWISE}(" in text for text in texts)))
    docstring = f'"""{of.docstring}"""\n\n' if of.docstring else ""
    body = _joined([(node, text) for (node, _), text in zip(ordered, texts, strict=True)])
    return f"{HEADER}{docstring}from __future__ import annotations\n{''.join(lines)}{body}"


def _joined(definitions: list[tuple[ast.stmt, str]]) -> str:
    """Definitions under one another, two lines apart, values that follow each other none."""
    text, earlier = "", None
    for node, own in definitions:
        is_value = isinstance(node, ast.Assign | ast.AnnAssign)
        text += "" if earlier and is_value else ("\n" if is_value and not text else "\n\n")
        text += own.rstrip() + "\n"
        earlier = is_value
    return text


def _import_lines(imported: Mapping[str, Imported], depth: int, has_pairs: bool) -> Iterator[str]:
    """Import statements: of Python's library, of numpy, and from the package's own folder, `depth` levels up."""
    groups: dict[int, dict[str, list[str]]] = {0: {}, 1: {}, 2: {}, 3: {}}
    for alias, given in imported.items():
        root = given.module.partition(".")[0]
        if root == "numpy" or root in sys.stdlib_module_names:
            group, module, name = (1 if root == "numpy" else 0), given.module, given.name
        else:
            parts = place(given.module)
            group, module, name = (3 if given.for_types else 2), "." * (depth + 1) + ".".join(parts), given.name
        if given.module == "typing" and name in ERASED:
            continue
        own = name if name == alias else f"{name or given.module} as {alias}"
        if not name:
            groups[group][f"import {given.module}" + ("" if alias == given.module else f" as {alias}")] = []
        else:
            groups[group].setdefault(f"from {module} import", []).append(own)
    if has_pairs:
        groups[2][f"from {'.' * (depth + 1)}{PYTHON39} import"] = [PAIRWISE]
    if groups[3]:
        groups[0].setdefault("from typing import", []).append("TYPE_CHECKING")
    for number, group_of in groups.items():
        if not group_of:
            continue
        yield "\n" if number < 3 else "\nif TYPE_CHECKING:\n"
        for start in sorted(group_of, key=lambda start: (not start.startswith("import"), start)):
            line = f"{start} {', '.join(sorted(group_of[start], key=_as_sorted))}".rstrip()
            indent = "    " if number == 3 else ""
            if len(indent + line) > 120:
                inner = "".join(f"{indent}    {name},\n" for name in sorted(group_of[start], key=_as_sorted))
                yield f"{indent}{start} (\n{inner}{indent})\n"
            else:
                yield f"{indent}{line}\n"


def _as_sorted(name: str) -> tuple[int, str, str]:
    """Constants, then types, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name.lower(), name)
