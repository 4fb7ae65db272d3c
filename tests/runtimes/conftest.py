"""Packages that the evaluator's tests share; the tests that use them run in one worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.runtimes.packages import Packaged, packaged


@pytest.fixture(scope="session")
def package_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Packaged]:
    """A network of tests/networks.py or a sample by name and precision, converted once."""

    @cache
    def convert(name: str, precision: str) -> Packaged:
        return packaged(name, precision, tmp_path_factory.mktemp(f"{name}-{precision}"))

    return convert
