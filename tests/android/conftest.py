"""What the tests of Android's side share: one run of the compiler for all kinds of models."""

from __future__ import annotations

import pytest

from tests.android import compiled as building


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> building.Compiled:
    pytest.importorskip("ai_edge_litert")  # its flatbuffers make the apps' models
    return building.compile_all(tmp_path_factory.mktemp("android"))
