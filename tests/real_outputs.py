"""Outputs of the published models of shared/data for two pictures, as golden cases: what the generated decoders are
held to."""

from __future__ import annotations

from pathlib import Path

import pytest

from posekit.bundle import golden
from posekit.parity.cases import cases_in
from posekit.pipelines.predict import open_for_prediction
from posekit.poses.images import load_image
from posekit.poses.photos import Photo
from tests.real_models import COUPLE, DATA, PHOTO

# preset, file, --arch; and how many people Python finds in the photograph and in the couple
MODELS = (
    ("posenet-mobilenet-coco17", "posenet/posenet_mobilenet_v1_075_353_481_quant.tflite", "", (1, 2)),
    ("bodypix-coco17", "bodypix/bodypix_mobilenet_v1_075_512_512_16_quant_heads.tflite", "", (1, 2)),
    ("tf-pose-coco18", "paf_mobilenetv2/mobilenet_v2_pose_dm10_368_432_weight_quant.tflite", "", (1, 2)),
    ("tf-pose-coco18", "tfpose/mobilenet_v2_small_graph_opt.pb", "", (1, 2)),
    ("movenet-raw", "movenet_mbv3/mbv3_e81_valacc0.78953.pth", "tests.movenet_raw:build", (1, 1)),
    ("movenet-lightning", "movenet/movenet_single_pose_lightning_ptq.tflite", "", (1, 1)),
    ("cpm", "cpm/cpm.tflite", "", (1, 1)),
    ("yunet-face5", "yunet/yunet_n_320_320.onnx", "", (1, 2)),
    ("rtmdet-person", "rtmdet/rtmdet_nano_person_640.onnx", "", (1, 2)),
    ("blazepose-detector", "blazepose/pose_detection.tflite", "", (1, 1)),
    ("blazepose-33", "blazepose/pose_landmark_full.tflite", "", (1, 1)),
)
NEEDED = {".pb": "tensorflow", ".onnx": "onnx"}
KINDS = 7  # of their decoders


def cases_of(preset: str, file: str, arch: str, people: tuple[int, int]) -> list[golden.Case]:
    """The outputs of a model for both pictures, and what Python finds in them."""
    contract, run = open_for_prediction(DATA / file, preset, (), arch, False, "")
    found = []
    for picture, count in zip((PHOTO, COUPLE), people, strict=True):
        (case,) = cases_in(load_image(picture), Photo(picture, 0, ()), contract)
        outputs = run(case.pixels)
        own = {name: outputs[name][0] for name in contract.decoder.outputs}
        name = f"{Path(file).stem} {picture.stem}"
        made = golden.decoder_case(name, contract.decoder, contract.input, own, contract.keypoints.oks_sigmas)
        assert made["people"] == count, name
        found.append(made)
    return found


def cases_by_kind() -> dict[str, list[golden.Case]]:
    """Of every model, by the kind of its decoder."""
    by_kind: dict[str, list[golden.Case]] = {}
    for preset, file, arch, people in MODELS:
        if Path(file).suffix in NEEDED:
            pytest.importorskip(NEEDED[Path(file).suffix])
        for case in cases_of(preset, file, arch, people):
            by_kind.setdefault(case["kind"], []).append(case)
    assert len(by_kind) == KINDS
    return by_kind
