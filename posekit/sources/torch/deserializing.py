"""What torch does again for every object of an exported program is done once for every class of them."""

from __future__ import annotations

import contextlib
import importlib
import typing
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any


@contextlib.contextmanager
def known_types() -> Iterator[None]:
    """Keep the types of a class's fields, which torch.export.load evaluates from their text for each of its objects: a
    third of the time of opening a network of a thousand operations."""
    try:
        serialize: Any = importlib.import_module("torch._export.serde.serialize")
        before, schema = serialize.typing, vars(serialize.schema)
    except (AttributeError, ImportError):
        yield
        return

    @cache
    def hints(cls: Any) -> dict[str, Any]:
        return typing.get_type_hints(cls, globalns=schema)

    def get_type_hints(cls: Any, globalns: Any = None) -> dict[str, Any]:
        return hints(cls) if globalns is schema else typing.get_type_hints(cls, globalns)

    names = SimpleNamespace(**{**vars(typing), "get_type_hints": get_type_hints})
    serialize.typing = names
    try:
        yield
    finally:
        serialize.typing = before
