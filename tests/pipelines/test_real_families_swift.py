"""Every Swift decoder that a published model of shared/data has outputs for finds in them what Python finds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from posekit.bundle import golden
from tests.real_models import COUPLE, DATA, PHOTO

pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

from posekit.parity.cases import cases_in
from posekit.pipelines.predict import open_for_prediction
from posekit.poses.images import load_image
from posekit.poses.photos import Photo

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
)
NEEDED = {".pb": "tensorflow", ".onnx": "onnx"}
LIMITS = {"px": 0.001, "box": 0.001, "score": 1e-6, "count": 0}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("swift"),
    pytest.mark.skipif(not (DATA / "photo").is_dir(), reason="shared/data is not beside this checkout"),
]


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


def test_the_swift_core_finds_in_their_outputs_what_python_finds(swift_harness: Path, tmp_path: Path) -> None:
    by_kind: dict[str, list[golden.Case]] = {}
    for preset, file, arch, people in MODELS:
        if Path(file).suffix in NEEDED:
            pytest.importorskip(NEEDED[Path(file).suffix])
        for case in cases_of(preset, file, arch, people):
            by_kind.setdefault(case["kind"], []).append(case)
    for kind, cases in by_kind.items():
        golden.write_cases(tmp_path / f"{kind}.json", cases)
    assert len(by_kind) == 6
    errors = checked(swift_harness, tmp_path)
    assert {kind: one["cases"] for kind, one in errors.items()} == {kind: len(one) for kind, one in by_kind.items()}
    for kind, one in errors.items():
        assert all(float(one[name]) <= limit for name, limit in LIMITS.items()), (kind, one)
    # a case that says otherwise is seen
    for kind, cases in by_kind.items():
        cases[0]["keypoints"][0] += 0.01
        golden.write_cases(tmp_path / f"{kind}.json", cases)
    assert min(float(one["px"]) for one in checked(swift_harness, tmp_path).values()) > LIMITS["px"]


def checked(harness: Path, folder: Path) -> dict[str, Any]:
    """How far the Swift decoders are from the cases of a folder."""
    ran = subprocess.run([str(harness), str(folder), "decoders"], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(ran.stdout)["decoders"]
    return found
