"""Packages that the evaluator's tests share; the tests that use them run in one worker."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from posekit.progress import captured
from tests.runtimes.packages import Packaged, packaged


@pytest.fixture(scope="session")
def package_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Packaged]:
    """A network of tests/networks.py or a sample by name and precision, converted once."""

    @cache
    def convert(name: str, precision: str) -> Packaged:
        return packaged(name, precision, tmp_path_factory.mktemp(f"{name}-{precision}"))

    return convert


@pytest.fixture(scope="session", autouse=True)
def quick_collections() -> Iterator[None]:
    """Each conversion collects garbage for 0.4 s, nearly all of it in looking at libraries that stay loaded."""
    with captured():
        import coremltools  # noqa: F401

    gc.freeze()
    yield
    gc.unfreeze()
