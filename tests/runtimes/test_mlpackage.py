"""coremltools as posekit imports it: without the frameworks that it does not convert from, which stay importable."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

IMPORTED = """
import sys
from posekit.runtimes.mlpackage import coremltools
ct = coremltools()
assert ct.convert and ct.models.MLModel
assert "torch" in sys.modules and "tensorflow" not in sys.modules, "its chain was imported"
import importlib.util
assert importlib.util.find_spec("tensorflow"), "what was hidden stays hidden"
assert coremltools() is ct
"""


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_tensorflow_is_not_imported_with_coremltools() -> None:
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
