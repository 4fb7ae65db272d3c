"""Core ML itself, as far as it can be tested off a Mac: what is asked of it, and what is made of its answer."""

from __future__ import annotations

import enum
import platform
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from posekit import runtimes
from posekit.errors import InputError, MissingToolError
from posekit.runtimes import coreml


class ComputeUnit(enum.Enum):
    ALL = 1
    CPU_AND_GPU = 2
    CPU_ONLY = 3
    CPU_AND_NE = 4


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[ComputeUnit]:
    """A Mac whose Core ML doubles the pixels' mean, and adds 1 wherever more than the CPU may run the model."""
    units: list[ComputeUnit] = []

    class MLModel:
        def __init__(self, path: str, compute_units: ComputeUnit) -> None:
            units.append(compute_units)
            self.extra = float(compute_units is not ComputeUnit.CPU_ONLY)

        def predict(self, given: dict[str, Any]) -> dict[str, Any]:
            assert given["image"].dtype == np.float32
            return {"y": np.float32(given["image"].mean() * 2 + self.extra)}

    stand_in = SimpleNamespace(ComputeUnit=ComputeUnit, models=SimpleNamespace(MLModel=MLModel))
    monkeypatch.setitem(sys.modules, "coremltools", stand_in)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    return units


def test_on_a_mac_the_cpu_is_the_reference_and_all_units_the_accelerator(loaded: list[ComputeUnit]) -> None:
    pixels = np.full((2, 3, 3), 4, np.float32)
    runtime = runtimes.runtime_for("ios", Path("m.mlpackage"))
    assert (runtime.status, runtime.name) == ("HOST", "Core ML, macOS 15.1")
    assert runtime.run(pixels)["y"] == 8
    assert loaded == [ComputeUnit.CPU_ONLY]
    assert runtime.accelerated is not None
    assert [float(runtime.accelerated(pixels)["y"]) for _ in range(2)] == [9, 9]
    assert loaded == [ComputeUnit.CPU_ONLY, ComputeUnit.ALL], "loaded once, and only when it is asked for"


@pytest.mark.parametrize("units", coreml.UNITS)
def test_every_unit_has_a_name_of_core_mls(loaded: list[ComputeUnit], units: str) -> None:
    coreml.open_model(Path("m.mlpackage"), units)
    assert loaded == [ComputeUnit[coreml.UNITS[units]]]


def test_off_a_mac_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    with pytest.raises(MissingToolError, match="macOS only"):
        coreml.open_model(Path("m.mlpackage"))


def test_what_core_ml_refuses_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """coremltools itself, which off a Mac loads a package and refuses to run it."""
    if platform.system() == "Darwin":
        pytest.skip("Core ML runs the model here")
    pytest.importorskip("coremltools")
    monkeypatch.setattr(coreml, "is_available", lambda: True)
    with pytest.raises(InputError, match=r"^Core ML cannot load absent\.mlpackage: ") as raised:
        coreml.open_model(tmp_path / "absent.mlpackage")
    assert raised.value.hint
    from tests.runtimes.packages import built

    package = built(tmp_path / "m.mlpackage", lambda mb, image: mb.relu(x=image), {"image": (1, 2, 3, 3)})
    with pytest.raises(InputError, match=r"^Core ML cannot run .*\.mlpackage: .*macOS") as raised:
        coreml.open_model(package)(np.zeros((2, 3, 3), np.float32))
    assert "Error" not in raised.value.message
