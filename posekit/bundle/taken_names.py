"""Names that a generated class cannot have, since the wrapper or the platform has a type of that name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from posekit.bundle import linux_package
from posekit.errors import InputError

PLATFORM_TYPES = [
    "Any",
    "Array",
    "Bitmap",
    "Bool",
    "Boolean",
    "Byte",
    "Character",
    "Closeable",
    "Context",
    "Data",
    "Dictionary",
    "Double",
    "Enum",
    "Error",
    "Exception",
    "Float",
    "Int",
    "Iterable",
    "List",
    "Long",
    "Map",
    "Never",
    "Nothing",
    "Number",
    "Object",
    "Optional",
    "Pair",
    "Result",
    "Self",
    "Set",
    "Short",
    "String",
    "Task",
    "Throwable",
    "Type",
    "UInt",
    "URL",
    "Unit",
    "Void",
]
TYPE = re.compile(r"\b(?:class|object|interface|struct|enum|protocol|actor)\s+([A-Z]\w*)")
SOURCES = (".kt", ".swift", ".py")


def refuse_taken_name(type_name: str, decoders: Iterable[str], files: Iterable[Path]) -> None:
    """InputError where a type of that name is one of the platforms', of the decoders, or of a wrapper's files.

    files: of a template tree, with what they include.
    """
    taken = {*PLATFORM_TYPES, *decoders, *(name for _, names in linux_package.ALWAYS for name in names.split())}
    for path in files:
        if path.name.removesuffix(".j2").endswith(SOURCES):
            taken |= {path.name.split(".")[0], *TYPE.findall(path.read_text(encoding="utf-8"))}
    if type_name in taken - {"TemplatePose"}:
        raise InputError(
            f"type_name {type_name!r} is a type that the wrapper or the platform already has",
            f"name it otherwise, for example {type_name}Pose",
        )
