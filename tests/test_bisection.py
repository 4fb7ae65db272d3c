"""posekit bisect: faults planted in a packaged model are named at the op that has them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from posekit import bundle as bundles
from posekit import inputs, pipeline
from posekit.bisection import bisect
from posekit.errors import InputError
from tests.conftest import Run, Tiny
from tests.faults import replace_constant, scale_weight, with_model

pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")
pytestmark = pytest.mark.xdist_group("bisection")
LAYERS = {"body.0": 0, "body.3": 1, "head": 2}  # of the tiny network, in order


@pytest.fixture(scope="module")
def both(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny network's bundles."""
    return packaged(tiny, tiny.save("exported"), tiny.spec_file, tmp_path_factory.mktemp("both"))


def packaged(tiny: Tiny, model: Path, spec: Path, out: Path, **options: object) -> dict[str, Path]:
    contract = inputs.find_spec(model, str(spec))
    pictures = inputs.find_images(tiny.images, None, contract)
    return {r.platform: r.folder for r in pipeline.package(model, "all", contract, pictures, out=out, **options)}


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_nothing_is_found_in_a_sound_bundle(
    both: dict[str, Path], platform: str, run_posekit: Callable[..., Run]
) -> None:
    found = bisect(both[platform])
    assert found.comparison.parting is None
    assert max(op.error for op in found.comparison.ops if op.error <= found.tolerance) < 1e-5
    result = run_posekit("bisect", both[platform])
    assert result.code == 0
    assert "no operation parts ways" in result.out


def scaled(folder: Path, tiny: Tiny, layer: str) -> None:
    """The weight of one layer, times 1.1, wherever the file keeps it."""
    if folder.name.endswith("android"):
        sizes = {name: dict(tiny.network.named_parameters())[f"{name}.weight"].numel() for name in LAYERS}
        position = sorted(LAYERS, key=lambda name: -sizes[name]).index(layer)
        with_model(folder, lambda content: scale_weight(content, 1.1, position))
        return
    weight = next(folder.glob("*.mlpackage")).rglob("weight.bin")
    path = next(weight)
    content = np.frombuffer(path.read_bytes(), "<f4").copy()
    # Core ML's converter keeps layers in order; the one to scale is found by its values
    wanted = folded(tiny, layer)
    starts = [i for i in range(len(content) - len(wanted) + 1) if np.allclose(content[i : i + len(wanted)], wanted, rtol=1e-5)]  # fmt: skip
    (start,) = starts
    content[start : start + len(wanted)] *= np.float32(1.1)
    path.write_bytes(content.tobytes())
    facts = json.loads((folder / bundles.MANIFEST).read_text())
    bundles.write_manifest(folder, {k: v for k, v in facts.items() if k not in ("files", "schema")})


def folded(tiny: Tiny, layer: str) -> np.ndarray:
    """A layer's weight as the converters get it: BatchNorm folded in."""
    weights = {name: value.detach().double().numpy() for name, value in tiny.network.state_dict().items()}
    weight = weights[f"{layer}.weight"]
    if layer == "body.0":
        scale = weights["body.1.weight"] / np.sqrt(weights["body.1.running_var"] + 1e-5)
        weight = weight * scale[:, None, None, None]
    return weight.astype(np.float32).ravel()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_a_scaled_weight_is_named_by_its_layer(
    both: dict[str, Path], tiny: Tiny, platform: str, layer: str, tmp_path: Path, run_posekit: Callable[..., Run]
) -> None:
    copy = Path(shutil.copytree(both[platform], tmp_path / both[platform].name))
    scaled(copy, tiny, layer)
    result = run_posekit("bisect", copy, "--json")
    document = json.loads(result.out)
    assert result.code == 1
    assert document["parting"]["expected"]["layer"] == layer
    assert "conv" in document["parting"]["op"].lower()
    assert document["parting"]["error"] == pytest.approx(0.1, abs=0.05)
    assert layer in document["remedy"]
    assert document["parting"]["lowest"] < document["parting"]["highest"]


def test_wrong_normalisation_in_the_file_is_named_before_the_first_layer(both: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(both["android"], tmp_path / "copy"))
    with_model(copy, lambda model: replace_constant(model, (123.675, 116.28, 103.53), (127.5, 127.5, 127.5)))
    part = bisect(copy).comparison.parting
    assert part is not None
    assert part.op == "SUB"
    assert part.nearest is not None
    assert part.nearest.layer == ""


def test_a_value_beyond_float16_is_named_with_its_range(tiny: Tiny, tmp_path: Path) -> None:
    import torch

    network = tiny.code.Overflowing().eval()
    network.load_state_dict(tiny.network.state_dict())
    model = tmp_path / "tiny.pt2"
    torch.export.save(torch.export.export(network, (torch.rand(1, 3, 48, 32),)), model)
    folders = packaged(tiny, model, tiny.spec_file, tmp_path / "out", precision="fp16")
    found = bisect(folders["ios"])
    part = found.comparison.parting
    assert folders["ios"].name.endswith(bundles.REJECTED)
    assert json.loads((folders["ios"] / "report" / "report.json").read_text())["blamed"] == ["precision"]
    assert part is not None
    assert part.not_finite > 0
    assert part.nearest is not None
    assert max(abs(part.nearest.lowest), abs(part.nearest.highest)) > 65504
    assert "float32" in found.remedy
    assert "65504" in found.remedy
    # LiteRT computes in float32 here, a GPU would not
    assert bisect(folders["android"]).beyond_fp16


@pytest.mark.parametrize("damage", [b"{}", b"", b'{"schema": 1, "case": "x", "steps": []}', b"[" * 10000, None])
def test_a_damaged_trace_is_refused(both: dict[str, Path], tmp_path: Path, damage: bytes | None) -> None:
    copy = Path(shutil.copytree(both["android"], tmp_path / "copy"))
    index = copy / "evaluation" / "trace.json"
    index.unlink() if damage is None else index.write_bytes(damage)
    facts = json.loads((copy / bundles.MANIFEST).read_text())
    bundles.write_manifest(copy, {k: v for k, v in facts.items() if k not in ("files", "schema")})
    with pytest.raises(InputError, match="trace"):
        bisect(copy)
