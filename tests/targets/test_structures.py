"""Structures that users of converters report give eager torch's values on both platforms, by the default route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posekit.contract.spec import PoseSpec  # noqa: E402
from posekit.pipelines.consistency import leftovers  # noqa: E402
from posekit.runtimes import litert as litert_runtime  # noqa: E402
from posekit.runtimes import mil  # noqa: E402
from posekit.sources.recognise import Form  # noqa: E402
from posekit.sources.reference import run_reference  # noqa: E402
from posekit.sources.source import SourceModel, settled  # noqa: E402
from posekit.targets import TARGETS  # noqa: E402
from posekit.targets.coreml.target import BASE_FILE as PACKAGE  # noqa: E402
from posekit.targets.graph.lowering import Lowered, lower, relative_rms  # noqa: E402
from posekit.targets.litert import fallback  # noqa: E402
from posekit.targets.litert import target as litert  # noqa: E402
from posekit.targets.litert.target import BASE_FILE as FILE  # noqa: E402
from tests import structures  # noqa: E402
from tests.targets.test_networks import spec_of  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("structures")]
LIMIT = 1e-4
IN_HALF = 1e-3  # where a network itself computes in half: coremltools does so in float32


def spec_for(names: tuple[str, ...]) -> PoseSpec:
    spec = spec_of("structures")
    size = spec.input.model_copy(update={"size_wh": structures.SIZE_WH})
    return spec.model_copy(update={"outputs": names, "input": size})


@pytest.fixture(scope="module", params=structures.GROUPS)
def group(request: pytest.FixtureRequest) -> tuple[PoseSpec, Lowered, list[np.ndarray], list[dict[str, Any]]]:
    network = structures.build(request.param)
    spec = spec_for(tuple(network.heads))
    width, height = structures.SIZE_WH
    pictures = [np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32) for seed in (0, 1)]
    source = SourceModel(Path("in-memory"), Form.MODULE, "", settled(network))
    references = [run_reference(source, spec, picture) for picture in pictures]
    return spec, lower(source, spec, pictures[0], references[0]), pictures, references


def differences(seen: dict[str, Any], expected: dict[str, Any]) -> dict[str, float]:
    """The heads that are not eager torch's, with their relative errors."""
    errors = {name: relative_rms(np.asarray(seen[name]), values) for name, values in expected.items()}
    return {name: error for name, error in errors.items() if not error < (IN_HALF if name == "in_half" else LIMIT)}


def test_litert_gives_eager_values(group: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec, lowered, pictures, references = group

    def refuse(*_: object) -> bytes:
        raise AssertionError("the second route was taken")

    monkeypatch.setattr(fallback, "convert", refuse)
    base = litert.base(lowered, tmp_path, tmp_path / "log")
    assert base.route == "litert-torch"
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / "named.tflite").write_bytes(litert.tflite_file.with_contract(content, spec, dict(base.output_shapes)))
    assert leftovers.check("android", tmp_path / "named.tflite", spec).outcome == "pass"
    run = litert_runtime.open_model(tmp_path / "named.tflite")
    for picture, expected in zip(pictures, references, strict=True):
        assert differences(run(picture), expected) == {}


def test_core_ml_gives_eager_values(group: Any, tmp_path: Path) -> None:
    spec, lowered, pictures, references = group
    base = TARGETS["ios"].base(lowered, tmp_path, tmp_path / "log")
    assert base.notes == ()
    assert leftovers.check("ios", tmp_path / PACKAGE, spec).outcome == "pass"
    program = mil.open_program(tmp_path / PACKAGE)
    for picture, expected in zip(pictures, references, strict=True):
        assert differences(mil.run(program, {"image": picture[None]}, "fp32"), expected) == {}
