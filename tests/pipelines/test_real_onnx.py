"""Published ONNX files on photographs, against what was measured of them in onnxruntime by other code."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")

from posekit.pipelines import inputs, package
from posekit.pipelines.predict import open_for_prediction, predict
from posekit.poses.images import load_image

DATA = Path(__file__).parents[3] / "shared" / "data"
COUPLE, PHOTO = DATA / "posenet" / "test_couple.jpg", DATA / "photo" / "000000000785.jpg"
YUNET = DATA / "yunet" / "yunet_n_320_320.onnx"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not YUNET.is_file(), reason="the published models are not here")]


RTMDET = DATA / "rtmdet" / "rtmdet_nano_person_640.onnx"
# boxes are taken inside the graph, before they are multiplied with the stride; what the file gives of them after that
# stands for a keypoint
OUTPUTS = "rtmdet_head.0.{}", "/bbox_head/rtm_reg.{}/Conv_output_0", "rtmdet_head.1.{}"
CORNERS: dict[str, Any] = {
    "schema": 1, "name": "rtmdet-person", "version": "1", "license": "Apache-2.0", "kind": "one_stage",
    "outputs": ["cls_8", "cls_16", "cls_32", "box_8", "box_16", "box_32", "px_8", "px_16", "px_32"],
    "file_outputs": [name.format(level) for name in OUTPUTS for level in range(3)],
    "input": {"size_wh": [640, 640], "color_order": "bgr", "mean": [103.53, 116.28, 123.675],
              "std": [57.375, 57.12, 58.395], "resize": "letterbox", "pad_value": 114, "alignment": "half_pixel",
              "anchor": "top_left", "rounding": "floor"},
    "decoder": {
        "kind": "detections", "axes": "maps", "strides": [8, 16, 32], "min_confidence": 0.3,
        "boxes": {"outputs": ["box_8", "box_16", "box_32"], "format": "ltrb", "unit": "cells"},
        "scores": {"outputs": ["cls_8", "cls_16", "cls_32"], "activation": "sigmoid"},
        "keypoints": {"outputs": ["px_8", "px_16", "px_32"], "fields": ["x", "y", "skip", "skip"]},
        "nms": {"kind": "iou", "threshold": 0.65},
    },
    "keypoints": {"names": ["corner"], "oks_sigmas": [0.1]},
}  # fmt: skip


@dataclass(frozen=True)
class Published:
    """A file, its contract, and how far its boxes and scores may be from those that were measured, px and 0-1."""

    file: Path
    contract: str | dict[str, Any]
    box_px: float
    score: float


PUBLISHED = {
    "yunet": Published(YUNET, "yunet-face5", 0.5, 0.01),
    "rtmdet": Published(RTMDET, "rtmdet-person", 0.5, 0.01),
    "rtmdet in cells": Published(RTMDET, CORNERS, 0.5, 0.01),
}


@pytest.fixture(scope="module", params=PUBLISHED)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Published, Any]:
    """A published file on both platforms, evaluated on both photographs."""
    published, folder = PUBLISHED[request.param], tmp_path_factory.mktemp(request.param.replace(" ", "-"))
    (folder / "images").mkdir()
    for one in (COUPLE, PHOTO):
        shutil.copy(one, folder / "images")
    contract = published.contract
    if not isinstance(contract, str):
        (folder / "contract.json").write_text(json.dumps(contract))
        contract = str(folder / "contract.json")
    spec = inputs.find_spec(published.file, contract)
    images = inputs.find_images(folder / "images", None, spec)
    results = package.package(published.file, "all", spec, images, out=folder)
    assert all(one.evaluation.is_good for one in results)
    contracts = {published.file: contract, **{one.folder: "" for one in results}}
    return published, {path: open_for_prediction(path, one, (), "", False, "") for path, one in contracts.items()}


@pytest.mark.parametrize(("picture", "reference"), [(COUPLE, "couple"), (PHOTO, "photo")], ids=["couple", "photo"])
def test_people_and_faces_are_where_they_were_measured(
    picture: Path, reference: str, made: tuple[Published, Any]
) -> None:
    published, forms = made
    expected: dict[str, Any] = json.loads((published.file.parent / f"reference_{reference}.json").read_text())
    assert len(forms) == 4  # the file itself, Android, iOS, Linux
    for spec, run in forms.values():
        seen = predict(run, spec, picture, load_image(picture)).poses
        assert len(seen.keypoints) == len(expected["scores"])
        assert np.abs(seen.boxes_xyxy - expected["boxes_xyxy"]).max() < published.box_px
        assert np.abs(seen.confidences - expected["scores"]).max() < published.score
        if "keypoints" in expected:
            assert np.abs(seen.keypoints - expected["keypoints"]).max() < published.box_px
