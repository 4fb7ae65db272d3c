"""torch's retracing of a graph, which converters ask for again and again, without work that it does twice."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """For the time of a `with`, what torch copies or looks up anew in each retracing is shared. The graphs are the same.

    Where a node comes from: torch copies the whole history of each node for each node made of it, though nothing changes a
    history that is written. Which operations are made of others: torch asks its dispatcher again for each of its
    namespaces in each retracing, though they change by imports alone.
    """
    from torch._export import utils
    from torch.fx import traceback

    with _in_place_of(traceback, "copy", SimpleNamespace(deepcopy=list, copy=copy.copy)):
        found = getattr(utils, "_materialize_cpp_cia_ops", None)
        with _in_place_of(utils, "_materialize_cpp_cia_ops", functools.cache(found) if found else None):
            yield


@contextlib.contextmanager
def _in_place_of(module: Any, name: str, other: Any) -> Iterator[None]:
    """`other` under a name of a module, if it has that name."""
    before: Callable[..., Any] | None = getattr(module, name, None)
    if before is not None:
        setattr(module, name, other)
    try:
        yield
    finally:
        if before is not None:
            setattr(module, name, before)
