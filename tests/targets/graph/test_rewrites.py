"""Rewrites for speed on a packaged network: told, left out on demand, read back, bisected, caught where they are
wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("litert_torch")

from posekit import bundle, runtimes
from posekit.cli import verdicts
from posekit.compression.settings import asked
from posekit.contract import precisions, recipe
from posekit.pipelines import inputs, package
from posekit.pipelines.bisect import bisect
from posekit.pipelines.bundling import Packaged
from posekit.pipelines.consistency import model_file
from posekit.report.facts import read_facts
from posekit.runtimes import runtime_for
from posekit.sources import open_source
from posekit.sources.reference import run_reference
from posekit.targets import TARGETS
from posekit.targets.graph import bands, normalisation, phases, rewrites
from posekit.targets.graph.lowering import lower, relative_rms
from tests.conftest import Run, Tiny
from tests.model_faults import scale_weight, with_model

pytestmark = pytest.mark.xdist_group("rewrites")
MADE = {"phases": 1, "bands": 1, "input": 1}


@pytest.fixture(scope="module")
def model(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose every layer of a kind is rewritten: 3x48x32 to heatmaps 3x12x8."""
    import torch
    from torch import nn

    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 7, 1, 3, groups=8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 3, 1),
    ).eval()  # fmt: skip
    for layer in network:
        if hasattr(layer, "weight"):
            nn.init.normal_(layer.weight, std=0.3)
    path = tmp_path_factory.mktemp("rewritten") / "tiny.pt2"
    torch.export.save(torch.export.export(network, (torch.rand(1, 3, 48, 32),)), path)
    path.with_suffix(".toml").write_text(tiny.spec_file.read_text())
    return path


def packaged(tiny: Tiny, model: Path, out: Path, **options: Any) -> Packaged:
    contract = inputs.find_spec(model, "")
    pictures = inputs.find_images(tiny.images, None, contract)
    precision = options.pop("precision", None)
    (made,) = package.package(model, "android", contract, pictures, out=out, compression=asked(precision, **options))
    return made


@pytest.fixture(scope="module")
def made(tiny: Tiny, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    return packaged(tiny, model, tmp_path_factory.mktemp("out"))


def test_names_are_those_of_the_recipe() -> None:
    assert tuple(rewrites.FASTER) == precisions.REWRITES
    assert set(precisions.REWRITES) >= precisions.SLOW_ON_GPU


@pytest.mark.parametrize(("times_fp32", "says"), [(0.5, False), (1.2, True)])
def test_a_smaller_file_that_is_not_faster_is_told(
    tiny: Tiny, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    times_fp32: float, says: bool,
) -> None:  # fmt: skip
    def medians(runs: dict[Path, Any], pixels: Any, rounds: int) -> dict[Path, float]:
        return {path: 10.0 * (1 if "baseline" in path.parts else times_fp32) for path in runs}

    monkeypatch.setattr(runtimes, "medians", medians)
    made = packaged(tiny, model, tmp_path, precision="w8")
    assert made.time_ratio == pytest.approx(times_fp32)
    verdicts.show_packages([made], as_json=False)
    told = f"w8 is not faster than fp32 on this machine: {made.time_ratio:.2f} of its time"
    assert (told in capsys.readouterr().out) == says


def test_what_was_rewritten_is_told_and_runs_on_a_gpu(made: Packaged) -> None:
    assert made.evaluation.is_good
    assert made.report["rewrites"] == MADE
    for name in MADE:
        assert any(f"--no-rewrite {name}" in note for note in made.report["notes"])
    assert made.report["lint"]["findings"] == []
    assert "TRANSPOSE_CONV" not in made.report["op_counts"]
    assert {layer["name"] for layer in made.report["layers"]} == {"0", "2", "4", "6", "8", "10"}
    assert [layer["name"] for layer in made.report["layers"]].count("2") == 3  # bands


def test_they_are_left_out_on_demand(tiny: Tiny, model: Path, tmp_path: Path, run_posekit: Callable[..., Run]) -> None:
    made = packaged(tiny, model, tmp_path, processor="gpu")
    assert made.report["rewrites"] == {"input": 1}
    assert made.report["op_counts"]["TRANSPOSE_CONV"] == made.report["op_counts"]["DEPTHWISE_CONV_2D"] == 1
    assert recipe.read(made.folder / recipe.FILE).without == ("phases", "bands")
    result = run_posekit("validate", made.folder, "--source", model)  # made again without them, byte for byte
    assert result.code == 0, result.out


@pytest.mark.parametrize("processor", ["any", "cpu"])
def test_what_a_file_is_made_without(processor: str, tmp_path: Path) -> None:
    assert asked(None, processor=processor).recipe.without == ()
    assert asked("auto", processor="gpu").recipe.without == ("phases", "bands")
    found = asked(None, processor=processor, without=["phases"]).recipe
    assert found.without == ("phases",)
    recipe.write(found, tmp_path / "recipe.json")
    assert asked(None, recipe=tmp_path / "recipe.json").recipe == found  # made again by it, it is made without too


def test_validate_contradicts_what_was_not_rewritten(
    made: Packaged, model: Path, tmp_path: Path, run_posekit: Callable[..., Run]
) -> None:
    copy = Path(shutil.copytree(made.folder, tmp_path / made.folder.name))
    report = json.loads((copy / "report" / "report.json").read_text())
    (copy / "report" / "report.json").write_text(json.dumps(report | {"rewrites": {"phases": 2}}))
    with_model(copy, lambda content: content)  # the manifest is written anew
    result = run_posekit("validate", copy, "--source", model)
    assert result.code == 1
    assert "rewrites" in result.out


@pytest.mark.parametrize(("position", "layer"), [(2, "8"), (5, "2"), (4, "0")], ids=["phase", "band", "first layer"])
def test_a_fault_in_a_part_of_a_layer_is_named(position: int, layer: str, made: Packaged, tmp_path: Path) -> None:
    assert bisect(made.folder).comparison.parting is None
    copy = Path(shutil.copytree(made.folder, tmp_path / made.folder.name))
    with_model(
        copy, lambda content: scale_weight(content, 1.2, position)
    )  # of 576, 576, 512, 512, 216, 168 ... weights
    found = bisect(copy)
    assert found.comparison.parting is not None
    assert f"'{layer}'" in found.remedy


def wrong_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    turned = phases.turned
    monkeypatch.setattr(phases, "turned", lambda weight, groups: turned(weight, groups).flip(-1))


def a_band_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bands.bands_of
    monkeypatch.setattr(bands, "bands_of", lambda *size: whole(*size)[:-1])


def colours_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalisation, "_order", lambda node: [2, 1, 0])


@pytest.mark.parametrize("plant", [wrong_phases, a_band_too_few, colours_in_another_order])
def test_an_error_in_a_rewrite_fails_the_gates(
    plant: Callable[[pytest.MonkeyPatch], None],
    tiny: Tiny,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch)
    assert not packaged(tiny, model, tmp_path).evaluation.is_good


def test_a_rewrite_that_does_not_convert_is_left_out(
    tiny: Tiny, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    woven = phases._woven

    def strange(lines: list[list[Any]], stride: int) -> Any:
        return woven(lines, stride).roll(1, 1).roll(-1, 1).to(dtype=__import__("torch").complex64).real

    monkeypatch.setattr(phases, "_woven", strange)
    made = packaged(tiny, model, tmp_path)
    assert made.evaluation.is_good
    assert made.report["rewrites"] == {}
    assert made.report["route"] == "litert-torch"
    assert any(
        note.startswith("not rewritten for speed (phases, bands, input), since") for note in made.report["notes"]
    )


NORMALISATION = "mean, std and colour order are the model file's"


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_a_folded_normalisation_is_still_checked(
    order: str, made: Packaged, tiny: Tiny, model: Path, tmp_path: Path
) -> None:
    if order == "rgb":
        folder = Path(shutil.copytree(made.folder, tmp_path / made.folder.name))
    else:
        copy = Path(shutil.copy(model, tmp_path / "tiny.pt2"))
        spec = model.with_suffix(".toml").read_text().replace('color_order = "rgb"', f'color_order = "{order}"')
        copy.with_suffix(".toml").write_text(spec)
        folder = packaged(tiny, copy, tmp_path / "out").folder
    assert normalisation_of(folder) == "pass"
    with_model(folder, lambda content: scale_weight(content, 1.01, 4))  # the first layer's, which holds 1/std
    assert normalisation_of(folder) == "fail"


def normalisation_of(folder: Path) -> str:
    facts = read_facts(json.loads((folder / "report" / "report.json").read_text()))
    (check,) = (one for one in model_file.checks(bundle.open_bundle(folder), facts) if one.name == NORMALISATION)
    return str(check.outcome)


@pytest.fixture(scope="module")
def bases(tiny: Tiny, model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The network as it is and rewritten, calibrated, with what it computes of each picture."""
    spec, source = inputs.find_spec(model, ""), open_source(model)
    pictures = [np.random.default_rng(seed).uniform(0, 255, (48, 32, 3)).astype(np.float32) for seed in range(4)]
    references = [run_reference(source, spec, picture) for picture in pictures]
    lowered = lower(source, spec, pictures[0], references[0])
    made = {}
    for name, without in (("plain", precisions.REWRITES), ("rewritten", ())):
        folder = tmp_path_factory.mktemp(name)
        base = TARGETS["android"].base(replace(lowered, without=without), folder, folder / "log")
        made[name] = (base, TARGETS["android"].calibrate(base, pictures))
    return {"spec": spec, "pictures": pictures, "references": references, "made": made}


@pytest.mark.parametrize("precision", ["fp32", "fp16", "w8", "w4", "w8a32", "w8a16", "w8a8"])
def test_no_precision_is_worse_for_it_but_by_the_sum_of_bands(
    precision: Any, bases: dict[str, Any], tmp_path: Path
) -> None:
    errors = {}
    for name, (base, calibration) in bases["made"].items():
        wanted = recipe.uniform(precision)
        path = tmp_path / f"{name}.tflite"
        made = TARGETS["android"].compress(base, bases["spec"], wanted, calibration, path, tmp_path / "log")
        assert {layer.name for layer in made.layers} == {"0", "2", "4", "6", "8", "10"}
        run = runtime_for("android", path).run
        pairs = zip(bases["pictures"], bases["references"], strict=True)
        errors[name] = np.mean([relative_rms(run(one)["heatmaps"], expected["heatmaps"]) for one, expected in pairs])
    limit = 1.5 if precision == "w8a8" else 1.1  # each band is rounded to 8 bits before it is added
    assert errors["rewritten"] <= limit * errors["plain"] + 1e-5
