"""Networks of the kinds that users bring convert on both targets, to the same values, without needless TRANSPOSEs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posekit.contract.precisions import REWRITES
from posekit.contract.recipe import uniform
from posekit.contract.spec import PoseSpec, canonical_json, parse_spec
from posekit.errors import InputError
from posekit.runtimes import litert as litert_runtime
from posekit.sources.recognise import Form
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel
from posekit.targets import TARGETS
from posekit.targets.graph.lowering import Lowered, lower, relative_rms
from tests import networks
from tests.targets import conversion

pytestmark = pytest.mark.slow

# what litert.md measured where a network has no attention: none is needed
NO_TRANSPOSE = ("deconv_batchnorm", "elu", "hardswish_se")


def spec_of(name: str) -> PoseSpec:
    simcc = name.endswith("simcc")
    head = {"kind": "simcc", "output_x": "simcc_x", "output_y": "simcc_y", "split_ratio": 2, "score_reduction": "min"}
    maps = {"kind": "heatmap", "output": "heatmaps", "refinement": "none", "alignment": "stride"}
    return parse_spec({
        "schema": 1, "name": name.replace("_", "-"), "version": "1", "license": "MIT", "kind": "top_down",
        # no decoder of one person reads YOLO's rows: an output that is not read ships as the network gives it
        "outputs": ["simcc_x", "simcc_y"] if simcc else ["rows"] if name == "yolo_pose" else ["heatmaps"],
        "input": {"size_wh": list(networks.SIZE_WH), "color_order": "bgr", "mean": [103.5, 116.3, 123.7],
                  "std": [57.4, 57.1, 58.4], "resize": "stretch", "alignment": "half_pixel"},
        "decoder": head if simcc else maps,
        "keypoints": {"names": [f"k{i}" for i in range(networks.K)], "oks_sigmas": [0.05] * networks.K},
    }, name)  # fmt: skip


@pytest.fixture(scope="module", params=networks.NETWORKS)
def network(request: pytest.FixtureRequest) -> tuple[str, PoseSpec, Lowered, dict[str, np.ndarray]]:
    spec = spec_of(request.param)
    width, height = spec.input.size_wh
    pixels = np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)
    source = SourceModel(Path("in-memory"), Form.MODULE, "", networks.build(request.param))
    reference = run_reference(source, spec, pixels)
    return request.param, spec, lower(source, spec, pixels, reference), reference


@pytest.mark.parametrize(("precision", "limit"), [("fp32", 1e-5), ("fp16", 2e-3)])
def test_litert_gives_the_eager_values(network, precision, limit, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    name, spec, lowered, reference = network
    converted = conversion.converted("android", lowered, spec, uniform(precision), tmp_path)
    outputs = litert_runtime.open_model(converted.path)(lowered.pixels)
    assert list(outputs) == list(reference) or set(outputs) == set(reference)
    for output, expected in reference.items():
        assert relative_rms(outputs[output], expected) < limit
    assert converted.route == "litert-torch"
    assert TARGETS["android"].contract_of(converted.path) == canonical_json(spec)
    if name in NO_TRANSPOSE:
        assert "TRANSPOSE" not in converted.op_counts


def test_fp16_stores_weights_in_half(network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, spec, lowered, _ = network
    converted = conversion.converted("android", lowered, spec, uniform("fp16"), tmp_path)
    assert converted.op_counts["DEQUANTIZE"] > 0
    assert converted.path.stat().st_size < 0.9 * (tmp_path / "base" / "base.tflite").stat().st_size


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_core_ml_converts_with_float32_borders_and_the_contract(network, precision, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from posekit.runtimes.mlpackage import read_specification

    _, spec, lowered, reference = network
    converted = conversion.converted("ios", lowered, spec, uniform(precision), tmp_path)
    program = read_specification(converted.path)
    float32 = 65568
    assert [i.name for i in program.description.input] == ["image"]
    assert {o.name for o in program.description.output} == set(reference)
    for feature in (*program.description.input, *program.description.output):
        assert feature.type.multiArrayType.dataType == float32
    assert program.specificationVersion == 7, "iOS 16"
    assert TARGETS["ios"].contract_of(converted.path) == canonical_json(spec)
    assert not any(key.startswith("com.github.apple") for key in program.description.metadata.userDefined)


@pytest.mark.parametrize("step", ["convert", "load"])
def test_the_fallback_converts_what_litert_torch_does_not(
    step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("onnx2tf", reason="the [tf] extra is not installed")
    from posekit.targets.litert import target as litert

    spec = spec_of("hardswish_se")
    pixels = np.random.default_rng(0).uniform(0, 255, (96, 64, 3)).astype(np.float32)
    source = SourceModel(Path("in-memory"), Form.MODULE, "", networks.build("hardswish_se"))
    reference = run_reference(source, spec, pixels)

    def refuse(*_: object) -> bytes:
        raise RuntimeError("planted: no lowering for this op")

    def refuse_once(path: Path) -> None:
        monkeypatch.setattr(litert_runtime, "check_loads", loads)
        raise InputError("planted: no kernel for this op")

    loads = litert_runtime.check_loads
    if step == "convert":
        monkeypatch.setattr(litert, "_litert_torch", refuse)
    else:
        monkeypatch.setattr(litert_runtime, "check_loads", refuse_once)
    monkeypatch.chdir(tmp_path)  # --out is relative unless the user says otherwise
    Path("out").mkdir()
    lowered = replace(lower(source, spec, pixels, reference), without=REWRITES)  # else it is tried twice
    converted = conversion.converted("android", lowered, spec, uniform("fp32"), Path("out"))
    assert converted.route == "onnx2tf"
    assert "planted" in converted.notes[0]
    outputs = litert_runtime.open_model(converted.path)(pixels)
    assert relative_rms(outputs["heatmaps"], reference["heatmaps"]) < 1e-5


def test_tflite_metadata_is_readable_by_its_schema(tmp_path: Path) -> None:
    import zipfile

    from ai_edge_litert import schema_py_generated as schema

    spec = spec_of("elu")
    pixels = np.random.default_rng(0).uniform(0, 255, (96, 64, 3)).astype(np.float32)
    source = SourceModel(Path("in-memory"), Form.MODULE, "", networks.build("elu"))
    converted = conversion.converted(
        "android", lower(source, spec, pixels, run_reference(source, spec, pixels)), spec, uniform("fp32"), tmp_path
    )
    content = converted.path.read_bytes()
    model = schema.Model.GetRootAs(content, 0)
    entries = {model.Metadata(i).Name(): model.Metadata(i).Buffer() for i in range(model.MetadataLength())}
    metadata = model.Buffers(entries[b"TFLITE_METADATA"]).DataAsNumpy().tobytes()
    assert metadata[4:8] == b"M001"
    for text in (spec.name.encode(), b"keypoints.txt", b"pose.json", b"image", b"heatmaps"):
        assert text in metadata
    with zipfile.ZipFile(converted.path) as archive:
        assert archive.read("keypoints.txt").decode().split() == list(spec.keypoints.names)
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
