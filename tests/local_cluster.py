"""A Dask cluster on this machine, for tests."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest


@contextlib.contextmanager
def local(count: int) -> Iterator[Any]:
    """A scheduler and `count` worker processes on this machine; the test is skipped without Dask."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'posekit[dask]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as found:
            yield found
