"""posekit bisect: faults planted in a packaged model are named at the op that has them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit import bundle
from posekit.compression.settings import asked
from posekit.errors import InputError
from posekit.parity import trace
from posekit.pipelines import inputs, package
from posekit.pipelines.bisect import bisect
from tests.conftest import Run, Tiny
from tests.model_faults import replace_constant, scale_weight, with_model

pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")
pytestmark = pytest.mark.xdist_group("bisection")
LAYERS = {"body.0": 0, "body.3": 1, "head": 2}  # of the tiny network, in order


@pytest.fixture(scope="module")
def both(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny network's bundles."""
    return packaged(tiny, tiny.save("exported"), tiny.spec_file, tmp_path_factory.mktemp("both"))


def packaged(tiny: Tiny, model: Path, spec: Path, out: Path, platform: str = "all", **options: Any) -> dict[str, Path]:
    contract = inputs.find_spec(model, str(spec))
    pictures = inputs.find_images(tiny.images, None, contract)
    return {r.platform: r.folder for r in package.package(model, platform, contract, pictures, out=out, **options)}


@pytest.fixture(scope="module")
def searched(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles of a network that also returns where its heatmaps are largest, as integers."""

    class Searched(tiny.code.Tiny):  # type: ignore[name-defined, misc]
        def forward(self, x: Any) -> Any:
            maps = super().forward(x)
            return maps, maps.flatten(2).argmax(2)

    folder = tmp_path_factory.mktemp("searched")
    spec = folder / "tiny.toml"
    spec.write_text(tiny.spec.replace('outputs = ["heatmaps"]', 'outputs = ["heatmaps", "peaks"]'))
    return packaged(tiny, exported(tiny, Searched(), folder), spec, folder / "out")


def exported(tiny: Tiny, network: Any, folder: Path) -> Path:
    """The file of another network with the weights of the tiny one."""
    import torch

    network.eval().load_state_dict(tiny.network.state_dict())
    torch.export.save(torch.export.export(network, (torch.rand(1, 3, 48, 32),)), folder / "tiny.pt2")
    return folder / "tiny.pt2"


def rehashed(folder: Path) -> None:
    """Write the manifest anew, as a careful forger would."""
    facts = json.loads((folder / bundle.MANIFEST).read_text())
    bundle.write_manifest(folder, {key: value for key, value in facts.items() if key not in ("files", "schema")})


@pytest.mark.parametrize("network", ["both", "searched"])
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_nothing_is_found_in_a_sound_bundle(
    network: str, platform: str, request: pytest.FixtureRequest, run_posekit: Callable[..., Run]
) -> None:
    folder = request.getfixturevalue(network)[platform]
    found = bisect(folder)
    ops = found.comparison.ops
    assert found.comparison.parting is None
    assert all(op.verdict == "agrees" for op in ops if op.op.lower() != "pad")
    assert all(op.error < 1e-5 for op in ops if op.verdict == "agrees")
    assert any(op.is_index for op in ops) == (network == "searched")
    result = run_posekit("bisect", folder)
    assert result.code == 0
    assert f"no operation parts ways: {sum(op.verdict == 'agrees' for op in ops)} agree" in result.out
    assert "could not be judged" not in result.out


def scaled(folder: Path, tiny: Tiny, layer: str, factor: float = 1.1) -> None:
    """The weight of one layer, times `factor`, wherever the file keeps it."""
    if folder.name.endswith("android"):
        sizes = {name: dict(tiny.network.named_parameters())[f"{name}.weight"].numel() for name in LAYERS}
        sizes["the mean, over a row"] = 3 * 32
        position = sorted(sizes, key=lambda name: -sizes[name]).index(layer)
        with_model(folder, lambda content: scale_weight(content, factor, position))
        return
    weight = next(folder.glob("*.mlpackage")).rglob("weight.bin")
    path = next(weight)
    content = np.frombuffer(path.read_bytes(), "<f4").copy()
    # Core ML's converter keeps layers in order; the one to scale is found by its values
    wanted = folded(tiny, layer)
    starts = [
        i for i in range(len(content) - len(wanted) + 1) if np.allclose(content[i : i + len(wanted)], wanted, rtol=1e-5)
    ]
    (start,) = starts
    content[start : start + len(wanted)] *= np.float32(factor)
    path.write_bytes(content.tobytes())
    rehashed(folder)


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


@pytest.mark.parametrize("factor", [1.5, 4])
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_a_fault_is_named_though_indices_computed_from_it_agree(
    searched: dict[str, Path], tiny: Tiny, platform: str, layer: str, factor: float, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(searched[platform], tmp_path / searched[platform].name))
    scaled(copy, tiny, layer, factor)
    found = bisect(copy)
    assert found.comparison.parting is not None
    assert "conv" in found.comparison.parting.op.lower()
    assert layer in found.remedy  # also where the values are too far off to know the step by them


def test_wrong_normalisation_in_the_file_is_named_before_the_first_layer(both: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(both["android"], tmp_path / "copy"))
    with_model(copy, lambda model: replace_constant(model, (123.675, 116.28, 103.53) * 32, (127.5,) * 96))
    part = bisect(copy).comparison.parting
    assert part is not None
    assert part.op == "SUB"
    assert part.nearest is not None
    assert part.nearest.layer == ""


def test_a_value_beyond_float16_is_named_with_its_range(tiny: Tiny, tmp_path: Path) -> None:
    model = exported(tiny, tiny.code.Overflowing(), tmp_path)
    folders = packaged(tiny, model, tiny.spec_file, tmp_path / "out", compression=asked("fp16"))
    found = bisect(folders["ios"])
    part = found.comparison.parting
    assert folders["ios"].name.endswith(bundle.REJECTED)
    assert json.loads((folders["ios"] / "report" / "report.json").read_text())["blamed"] == ["precision"]
    assert part is not None
    assert part.not_finite > 0
    assert part.nearest is not None
    assert max(abs(part.nearest.lowest), abs(part.nearest.highest)) > 65504
    assert "float32" in found.remedy
    assert "65504" in found.remedy
    # LiteRT computes in float32 here, a GPU would not
    assert bisect(folders["android"]).beyond_fp16


def test_values_below_float16_are_named_with_their_layer(tiny: Tiny, tmp_path: Path) -> None:
    class Vanishing(tiny.code.Tiny):  # type: ignore[name-defined, misc]
        def forward(self, x: Any) -> Any:
            small = self.body(x) * 0.25
            return self.head(small / (small * 1e-9 + 1e-9) * 1e-9)

    model = exported(tiny, Vanishing(), tmp_path)
    folders = packaged(tiny, model, tiny.spec_file, tmp_path / "out", "ios", compression=asked("fp16"))
    found = bisect(folders["ios"])
    part = found.comparison.parting
    assert part is not None
    assert part.op == "mul"
    assert (part.lowest, part.highest) == (0, 0)
    assert part.nearest is not None
    assert part.nearest.layer == "body.3"
    assert 0 < part.nearest.highest < 6e-8
    assert "below what 16 bits hold (6e-08)" in found.remedy


@pytest.mark.parametrize("what", ["network", "contract", "case"])
def test_a_trace_of_something_else_is_refused(
    both: dict[str, Path], searched: dict[str, Path], tmp_path: Path, what: str
) -> None:
    copy = Path(shutil.copytree(both["android"], tmp_path / "copy"))
    index = copy / "evaluation" / "trace.json"
    if what == "network":
        for name in ("trace.json", "trace.f32"):
            shutil.copyfile(searched["android"] / "evaluation" / name, copy / "evaluation" / name)
    else:
        document = json.loads(index.read_text())
        index.write_text(json.dumps(document | {{"contract": "contract_sha256"}.get(what, what): "other#9"}))
    rehashed(copy)
    with pytest.raises(InputError, match=f"is of the {what} '"):
        bisect(copy)


def test_a_trace_that_shares_nothing_with_the_model_is_refused(both: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(both["android"], tmp_path / "copy"))
    there = trace.read(copy / "evaluation")
    step = trace.step_of("a", "relu", "", (), np.ones(7))
    trace.write(copy / "evaluation", replace(there, steps=(step,)))
    rehashed(copy)
    with pytest.raises(InputError, match="no operation of tiny.tflite can be compared"):
        bisect(copy)


@pytest.mark.parametrize("damage", [b"{}", b"", b'{"schema": 1, "case": "x", "steps": []}', b"[" * 10000, None])
def test_a_damaged_trace_is_refused(both: dict[str, Path], tmp_path: Path, damage: bytes | None) -> None:
    copy = Path(shutil.copytree(both["android"], tmp_path / "copy"))
    index = copy / "evaluation" / "trace.json"
    index.unlink() if damage is None else index.write_bytes(damage)
    rehashed(copy)
    with pytest.raises(InputError, match="trace"):
        bisect(copy)
