# SPDX-License-Identifier: Apache-2.0
"""What Python 3.9 does not have."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def pairwise(values: Iterable[T]) -> Iterator[tuple[T, T]]:
    """Each value with the next one."""
    one, other = itertools.tee(values)
    next(other, None)
    return zip(one, other)
