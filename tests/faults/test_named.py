"""A fault of the packaged side is found by the parity that ships, which names its step and its stage.

Each row is a slip that apps have been shipped with. The wrapper is numpy (wrappers.py), so that a row takes half a
second; that Kotlin and Swift do as numpy does is held by the golden vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("litert_torch")

import torch
from PIL import Image

from posekit.bundle import open_bundle
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.contract.stages import joined
from posekit.decoders.decoder import Outputs
from posekit.devices import desktop
from posekit.parity.cases import recorded
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.gate import Check, Outcome
from posekit.parity.stages import StageRuns
from posekit.pipelines import inputs
from posekit.pipelines import validate as validating
from posekit.pipelines.package import TrainedNetwork, package
from posekit.pipelines.validate import Validated, validate
from posekit.pipelines.validate_options import ValidateOptions
from posekit.poses.region_spec import PointsSpec, RegionSpec
from posekit.runtimes import runtime_for
from tests import charts, several, two_stage
from tests.families import FAMILIES
from tests.faults.wrappers import Fault, larger, of_decoder, of_dense, of_table, turned_back

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults_named")]
TURNED = RegionSpec(points=PointsSpec(first="right_eye", second="left_eye", about="box", scale=two_stage.PADDING,
                                      target_degrees=20.0))  # fmt: skip


def saved(network: torch.nn.Module, spec: PoseSpec, path: Path) -> Path:
    width, height = spec.input.size_wh
    torch.export.save(torch.export.export(network.eval(), (torch.zeros(1, 3, height, width),)), path)
    return path


def with_means(spec: dict[str, Any]) -> dict[str, Any]:
    """Weighted suppression of cells that lie close: several of them see each square."""
    decoder = {**spec["decoder"], "min_confidence": 0.3, "nms": {"kind": "weighted", "threshold": 0.2}}
    return {**spec, "decoder": decoder, "input": {**spec["input"], "outside": "value"}}


def make_squares(folder: Path) -> Path:
    """Two stages: a detector with weighted suppression, and a pose network that looks in turned regions."""
    first, pose = parse_spec(with_means(several.SPEC), "squares"), two_stage.pose_spec()
    second = pose.model_copy(update={"input": pose.input.model_copy(update={"outside": "value"})})
    detector, points = two_stage.networks()
    with torch.no_grad():  # cells about a square's middle take it for nearer than it is, each in its own way
        detector.levels[0].weight[5:] *= 0.8  # type: ignore[index, operator, union-attr]
    networks = [saved(one, spec, folder / f"{spec.name}.pt2")
                for one, spec in zip((detector, points), (first, second), strict=True)]  # fmt: skip
    several.write_pictures(folder / "images")
    picture = Image.open(folder / "images" / "one.png")
    picture.crop((20, 0, 140, 128)).save(folder / "images" / "padded.png")
    several.picture(several.SIZE_WH, [(75, 58)], 9).save(folder / "images" / "between.png")  # cells, so not symmetric
    spec = joined(second, first, TURNED)
    images = inputs.find_images(folder / "images", None, spec)
    (made,) = package(networks[1], "android", spec, images, out=folder, detector=TrainedNetwork(networks[0]))
    return sound(made)


def make_depth(folder: Path) -> Path:
    """One person with a depth whose root is taken, and a world."""
    family = FAMILIES["landmarks_3d"]
    model = saved(family.network(), family.spec, folder / "deep.pt2")
    several.write_pictures(folder / "images", ("one",))
    (made,) = package(model, "android", family.spec, inputs.find_images(folder / "images", None, family.spec),
                      out=folder)  # fmt: skip
    return sound(made)


def make_charts(folder: Path) -> Path:
    """One person with parts, U and V."""
    model = charts.write_model(folder / "model")
    dense = [{**charts.SPEC["dense"][0], "labels": ["head", "torso", "left_arm", "right_arm"]}]
    spec = parse_spec({**charts.SPEC, "dense": dense}, "charts")
    images = inputs.find_images(charts.write_pictures(folder / "images"), None, spec)
    (made,) = package(model, "android", spec, images, out=folder)
    return sound(made)


def sound(made: Any) -> Path:
    assert made.evaluation.is_good, [one for one in made.evaluation.checks if one.outcome is Outcome.FAIL]
    assert made.evaluation.blamed == ()
    folder: Path = made.folder
    return folder


MAKERS = {"squares": make_squares, "depth": make_depth, "charts": make_charts}


@pytest.fixture(scope="module")
def bundle_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A bundle by name, made when it is first asked for."""
    return cache(lambda name: MAKERS[name](tmp_path_factory.mktemp(name)))


runtime_once = cache(runtime_for)


def validated(folder: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> Validated:
    """What `posekit validate --wrapper` makes of the bundle with the fault in its code or its model files."""
    opened = open_bundle(folder)
    stages = {opened.model_path: "pose"}
    if opened.detector is not None:
        stages[opened.detector.model_path] = "detector"

    def faulty(platform: str, path: Path) -> Any:
        runtime = runtime_once(platform, path)
        return replace(runtime, run=fault.run(stages[path], runtime.run), accelerated=None)

    def both(code: Any, cases: Any, spec: PoseSpec, work: Path, model_sha256: str) -> Any:
        pose, first = (faulty("android", path).run for path in stages)
        return fault.run_both(StageRuns(first, pose), cases, spec)

    monkeypatch.setattr(validating, "runtime_for", faulty)
    monkeypatch.setattr(validating, "compiled", lambda *_: desktop.Compiled("android", None, folder))  # type: ignore[arg-type]
    monkeypatch.setattr(desktop, "run_wrapper", fault.run_wrapper)
    monkeypatch.setattr(desktop, "run_both", both)
    return validate(folder, ValidateOptions(wrapper=True))


@dataclass(frozen=True)
class Row:
    """of: the bundle; blamed: step, with its stage where that is the detector; failed: checks that must be among those
    that fail."""

    of: str
    fault: Fault
    blamed: str
    failed: tuple[str, ...]


def moved(name: str, by: tuple[float, ...]) -> Callable[[Outputs], Outputs]:
    """An output with a number added to each channel of (1, C, A)."""
    return lambda outputs: {**outputs, name: outputs[name] + torch.tensor(by).reshape(1, -1, 1).numpy()}


def swapped(one: str, other: str) -> Callable[[Outputs], Outputs]:
    return lambda outputs: {**outputs, one: outputs[other], other: outputs[one]}


def mirrored(outputs: Outputs) -> Outputs:
    """Parts: the channels of the left and of the right arm exchanged."""
    return {**outputs, "fine": outputs["fine"][..., [0, 1, 2, 4, 3]]}


DECODING, OF_DETECTOR = "the wrapper's decoding", "detector: the wrapper's decoding"
TOGETHER = "both stages of the wrapper: "
HALF_CELL = {"boxes": {"shift": 0.0}, "keypoints": {"shift": 0.0}}
ROWS = {
    "anchors half a cell off, code": Row(
        "squares", Fault(detector=of_decoder(**HALF_CELL)), "detector: decoding", (OF_DETECTOR,)),
    "anchors half a cell off, file": Row(
        "squares", Fault(files={"detector": moved("boxes", (0.5, 0.5, -0.5, -0.5))}),
        "detector: conversion", ("detector: boxes signal to noise",)),
    "weighted suppression as plain": Row(
        "squares", Fault(detector=of_decoder(nms={"kind": "iou"})), "detector: decoding", (OF_DETECTOR,)),
    "no suppression": Row(
        "squares", Fault(detector=of_decoder(nms={"kind": "none"})), "detector: decoding", (OF_DETECTOR,)),
    "padding of the detector": Row(
        "squares", Fault(detector=of_table("input", pad_value=0.0)), "detector: preprocessing",
        ("detector: the wrapper's input",)),
    "edge for value": Row(
        "squares", Fault(pose=of_table("input", outside="edge")), "preprocessing", ("the wrapper's input",)),
    "rotation's sign in the crop": Row(
        "squares", Fault(crop=turned_back), "preprocessing", ("the wrapper's input", f"{TOGETHER}mean OKS")),
    "rotation's sign between the stages": Row(
        "squares", Fault(between=turned_back), "both stages", (f"{TOGETHER}mean OKS",)),
    "region's scale in the crop": Row(
        "squares", Fault(crop=larger(1.25)), "preprocessing", ("the wrapper's input",)),
    "region's scale between the stages": Row(
        "squares", Fault(between=larger(1.25)), "both stages", (f"{TOGETHER}mean OKS",)),
    "refinement left out": Row("squares", Fault(pose=of_decoder(refinement="none")), "decoding", (DECODING,)),
    "left and right keypoints swapped": Row(
        "squares", Fault(files={"pose": lambda one: {name: maps[..., [1, 0, 2]] for name, maps in one.items()}}),
        "conversion", ("keypoints, largest error",)),
    "root not taken": Row("depth", Fault(pose=of_table("depth", subtract_root=False)), "decoding", (DECODING,)),
    "another root": Row("depth", Fault(pose=of_table("depth", root=("nose",))), "decoding", (DECODING,)),
    "unit of depth": Row("depth", Fault(pose=of_decoder(z_factor=1.0)), "decoding", (DECODING,)),
    "depth in the file": Row(
        "depth", Fault(files={"pose": lambda one: {**one, "rows": one["rows"] * np.array([1, 1, 1.5], np.float32)}}),
        "conversion", ("keypoints, largest error of depth",)),
    "the world in the file": Row(
        "depth", Fault(files={"pose": lambda one: {**one, "world": 1.5 * one["world"]}}), "conversion",
        ("keypoints, largest error in the world",)),
    "U and V swapped, code": Row(
        "charts", Fault(pose=of_dense(lambda one: {"u": one.v, "v": one.u})), "decoding", (f"{DECODING}: body",)),
    "U and V swapped, file": Row(
        "charts", Fault(files={"pose": swapped("u", "v")}), "conversion", ("body, U and V",)),
    "left and right parts swapped, file": Row(
        "charts", Fault(files={"pose": mirrored}), "conversion", ("body, agreement",)),
}  # fmt: skip


def failures(result: Validated) -> list[Check]:
    return [one for one in result.evaluation.checks if one.outcome is Outcome.FAIL]


@pytest.mark.parametrize("name", MAKERS)
def test_a_sound_bundle_is_blamed_for_nothing(
    name: str, bundle_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = validated(bundle_of(name), Fault(), monkeypatch)
    assert failures(result) == []
    assert result.evaluation.blamed == ()


@pytest.mark.parametrize("name", ROWS)
def test_a_fault_is_named_by_step_and_stage(
    name: str, bundle_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ROWS[name]
    result = validated(bundle_of(row.of), row.fault, monkeypatch)
    failed = [one.name for one in failures(result)]
    assert result.evaluation.blamed == (row.blamed,), failed
    assert set(row.failed) <= set(failed), failed


@pytest.mark.parametrize(
    ("name", "change", "failed"),
    [
        ("depth", of_table("depth", root=("nose",), subtract_root=False), "contract, depth's root"),
        ("depth", of_decoder(z_factor=1.0), "contract, depth's unit"),
        ("depth", of_table("depth", unit="px"), "contract, depth's unit"),
    ],
)
def test_a_contract_that_the_network_contradicts_is_named(
    name: str, change: Callable[[PoseSpec], PoseSpec], failed: str, bundle_of: Callable[[str], Path]
) -> None:
    """As package measures it: the reference and the packaged model are both under the wrong contract."""
    opened = open_bundle(bundle_of(name))
    wrong, run = change(opened.spec), runtime_once("android", opened.model_path).run
    found = evaluate(recorded(opened.folder / "evaluation", wrong), wrong, Runs(run, "HOST", "LiteRT"), Terms("fp32"))
    assert [one.name for one in found.checks if one.outcome is Outcome.FAIL] == [failed]
    assert found.blamed == ("contract",)
