"""Published networks of part affinity fields on photographs, against annotations and values that others measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.contract.presets import preset
from posekit.contract.skeletons import SKELETONS
from posekit.decoders.paf import paf
from tests.conftest import Run

pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

DATA = Path(__file__).parents[3] / "shared" / "data"
PHOTO, COUPLE = DATA / "photo" / "000000000785.jpg", DATA / "posenet" / "test_couple.jpg"
TFLITE = DATA / "paf_mobilenetv2" / "mobilenet_v2_pose_dm10_368_432_weight_quant.tflite"
GRAPH = DATA / "tfpose" / "mobilenet_v2_small_graph_opt.pb"
SPEC = ("--spec", "tf-pose-coco18")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.skipif(not (TFLITE.is_file() and GRAPH.is_file()), reason="the published models are not here"),
]


def people(run_posekit: Callable[..., Run], model: Path, picture: Path, *more: Any) -> list[np.ndarray[Any, Any]]:
    """x, y, score of each person's keypoints, source px."""
    ran = run_posekit("predict", model, picture, *more, "--json")
    assert ran.code == 0, ran
    found = json.loads(ran.out)["predictions"][0]["instances"]
    return [np.concatenate([np.array(one["keypoints"])[:, :2], np.array(one["scores"])[:, None]], 1) for one in found]


def joints(keypoints: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How far COCO's annotated keypoints of the photograph are, as fractions of the box's longer side and in px; a
    keypoint that was not found is infinitely far."""
    (annotation,) = json.loads((DATA / "photo" / "coco_785.json").read_text())["annotations"]
    names = SKELETONS["openpose18"].keypoints
    own = keypoints[[names.index(name) for name in SKELETONS["coco17"].keypoints]]
    truth = np.array(annotation["keypoints"], np.float64).reshape(17, 3)
    px = np.where(own[:, 2] > 0, np.linalg.norm(own[:, :2] - truth[:, :2], axis=1), np.inf)[truth[:, 2] > 0]
    return np.stack([px / max(annotation["bbox"][2:]), px])


def test_the_tflite_file_finds_every_joint_where_it_was_measured(run_posekit: Callable[..., Run]) -> None:
    (skier,) = people(run_posekit, TFLITE, PHOTO, *SPEC)
    fractions, px = joints(skier)
    assert (fractions < 0.1).sum() == 17
    assert px.mean() < 7
    # the reference is of maps made larger linearly, and counts from the middle of a px
    reference = json.loads((TFLITE.parent / "reference_photo.json").read_text())["persons"][0]
    changes = ("--set", "decoder.upsampling.method=linear", "--set", "decoder.alignment=half_pixel")
    (skier,) = people(run_posekit, TFLITE, PHOTO, *SPEC, *changes)
    expected = np.array(reference["coco18_xy_score"])
    away = np.linalg.norm(skier[:, :2] - expected[:, :2], axis=1)
    assert away.max() < 3.0  # one px of the larger map is 2.96 x 2.31 px of the photograph
    assert away.mean() < 0.5
    assert np.abs(skier[:, 2] - expected[:, 2]).max() < 0.02


def test_the_tflite_file_finds_two_people(run_posekit: Callable[..., Run]) -> None:
    found = people(run_posekit, TFLITE, COUPLE, *SPEC)
    assert len(found) == 2
    assert all((one[:, 2] > 0).sum() >= 12 for one in found)


def test_the_tensorflow_graph_finds_most_joints(run_posekit: Callable[..., Run]) -> None:
    pytest.importorskip("tensorflow")
    (skier,) = people(run_posekit, GRAPH, PHOTO, *SPEC)
    fractions, _ = joints(skier)
    assert (fractions < 0.1).sum() >= 15


@pytest.mark.parametrize("model", [TFLITE, GRAPH], ids=["tflite", "pb"])
def test_the_generated_kotlin_decodes_as_python_does(
    model: Path, run_posekit: Callable[..., Run], tmp_path: Path
) -> None:
    """From the picture to the people, and from the same outputs. The .tflite file computes in 8 bits with scales that
    follow the picture, so that the last digit of an input moves its outputs by a percent: it is told, and no gate fails
    for it."""
    from posekit.devices import desktop
    from posekit.errors import MissingToolError

    try:
        desktop.require("android")
    except MissingToolError as error:
        pytest.skip(error.message)
    (tmp_path / "pictures").mkdir()
    for picture in (PHOTO, COUPLE):
        shutil.copy(picture, tmp_path / "pictures")
    ran = run_posekit("package", model, "--platform", "android", *SPEC, "--images", tmp_path / "pictures",
                      "--out", tmp_path / "out", "--wrapper", "--json")  # fmt: skip
    assert ran.code == 0, ran
    (bundle,) = (one for one in (tmp_path / "out").iterdir() if one.is_dir())
    report = json.loads((bundle / "report" / "report.json").read_text())
    steps = {one["name"]: one for one in report["steps"]}
    assert steps["decoding"]["keypoints"]["max_px"] < 1e-4
    told = [one["detail"] for one in report["checks"] if one["name"] == "from the picture: last digits"]
    assert len(told) == (model == TFLITE)
    (skier,) = people(run_posekit, bundle, PHOTO)
    assert (joints(skier)[0] < 0.1).sum() >= (17 if model == TFLITE else 15)


def test_the_presets_say_the_published_rules() -> None:
    """Both read the same channels; what differs is data."""
    one, other = (preset(name).decoder for name in ("tf-pose-coco18", "lightweight-openpose-coco18"))
    assert isinstance(one, paf.PafSpec)
    assert isinstance(other, paf.PafSpec)
    assert (one.fields.pairs, one.fields.channels) == (other.fields.pairs, other.fields.channels)
    assert len(one.fields.pairs) == 38
    assert sorted(one.fields.channels) == list(range(38))
