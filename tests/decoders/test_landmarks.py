"""Landmarks as rows: fields, refinement by hand, nobody, the world, and BlazePose's own network on its photograph."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from posekit.contract.outputs import decode as decode_outputs
from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec
from posekit.decoders.cell_mean import Refinement, refined
from posekit.decoders.landmarks import DECODER, LandmarksSpec, decode, encode
from posekit.parity.cases import poses_of
from posekit.poses import concatenate
from posekit.poses.input_spec import InputSpec
from posekit.poses.regions import Region
from posekit.poses.transforms import input_transform
from posekit.poses.warp import crop
from tests.real_models import DATA, PHOTO, needs

K = 3
SIGMAS = (0.1,) * K
POINTS = np.array([[20.0, 30.0, -5.0], [70.5, 90.25, 12.0], [40.0, 64.0, 0.0]])
RAW = np.array([[2.0, -1.0], [0.0, 3.0], [-2.0, 0.5]])
MODEL = DATA / "blazepose" / "pose_landmark_full.tflite"


def image(alignment: str = "index") -> InputSpec:
    return InputSpec(size_wh=(96, 128), color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="affine_crop",
                     box_padding=1.0, alignment=alignment)  # fmt: skip


def spec(**more: Any) -> LandmarksSpec:
    data = {"kind": "landmarks", "output": "rows", "rows": 5, "fields": ["x", "y", "z", "visibility", "presence"],
            "range": "input_px", "activation": "sigmoid", "score": "visibility", "instance": "sure",
            "world": "metres"}  # fmt: skip
    return LandmarksSpec.model_validate(data | more)


def sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(values)))


@pytest.mark.parametrize("alignment", ["half_pixel", "index", "corners"])
@pytest.mark.parametrize("value_range", ["input_px", "unit"])
@pytest.mark.parametrize("fields", [["x", "y", "z", "visibility", "presence"],
                                    ["presence", "y", "skip", "z", "visibility", "x"]])  # fmt: skip
def test_what_is_encoded_is_decoded(fields: list[str], value_range: str, alignment: str) -> None:
    settings = spec(fields=fields, range=value_range, z_factor=2.5)
    found = decode(encode(POINTS, RAW, settings, image(alignment), sure=0.75), settings, image(alignment), SIGMAS)
    assert found.confidences is not None
    assert found.confidences.tolist() == [0.75]
    np.testing.assert_allclose(found.keypoints[0], POINTS)
    np.testing.assert_allclose(found.visibility, sigmoid(RAW[None, :, 0]))
    np.testing.assert_allclose(found.presence, sigmoid(RAW[None, :, 1]))
    assert np.array_equal(found.scores, found.visibility)
    assert found.world is not None
    np.testing.assert_allclose(found.world[0, :, 2], POINTS[:, 2] / 100)


def test_the_score_may_be_either_or_that_of_the_instance() -> None:
    outputs = encode(POINTS, RAW, spec(), image(), sure=1.0)
    of_presence = decode(outputs, spec(score="presence", activation="none"), image(), SIGMAS)
    assert of_presence.scores.tolist() == [RAW[:, 1].tolist()]
    of_nobody = decode(outputs, spec(score="none", instance_activation="sigmoid"), image(), SIGMAS)
    np.testing.assert_allclose(of_nobody.scores, np.full((1, K), sigmoid(1.0)))
    assert decode(outputs, spec(score="none", instance=None), image(), SIGMAS).scores.tolist() == [[1.0] * K]


@pytest.mark.parametrize(("sure", "activation", "count"), [(0.5, "none", 1), (0.4999, "none", 0), (0.0, "sigmoid", 1),
                                                          (-0.01, "sigmoid", 0)])  # fmt: skip
def test_below_the_least_presence_there_is_nobody(sure: float, activation: str, count: int) -> None:
    settings = spec(instance_activation=activation)
    outputs = encode(POINTS, RAW, settings, image(), sure=sure)
    found = decode(outputs, settings, image(), SIGMAS)
    assert found.count == count
    assert settings.may_find_nobody
    assert decode(outputs, DECODER.looser(settings, 0.05), image(), SIGMAS).count == 1
    somebody = decode(encode(POINTS, RAW, settings, image()), settings, image(), SIGMAS)
    both = concatenate([found, somebody], K)
    assert both.count == count + 1
    assert both.world is not None
    assert not spec(min_presence=0).may_find_nobody


def logits(weights: Any) -> Any:
    clipped = np.clip(weights, 1e-12, 1 - 1e-12)
    return np.log(clipped / (1 - clipped))[..., None]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((3.7, 2.2), (4.0, 2.0)),  # cell 3, 2: both heavy cells are near
        ((0.3, 2.2), (3.0, 2.0)),  # of kernel 7 the one at column 3 alone
        ((-0.9, 2.2), (3.0, 2.0)),  # cut towards 0 it is in the map
        ((-1.1, 2.2), (-1.1, 2.2)),
        ((10.0, 2.2), (10.0, 2.2)),
        ((3.7, 8.0), (3.7, 8.0)),
        ((9.9, 2.2), (9.9, 2.2)),  # no cell near it weighs enough
        ((3.7, 6.5), (3.7, 6.5)),
    ],
)
def test_refinement_by_hand(place: tuple[float, float], expected: tuple[float, float]) -> None:
    weights = np.zeros((8, 10))
    weights[2, 3], weights[2, 5] = 0.5, 0.5
    size = np.array([10, 8])
    found = refined(np.array([place]) / size, logits(weights), Refinement(output="maps"))
    np.testing.assert_allclose(found * size, [expected], atol=1e-6)


def test_refinement_counts_every_weight_of_its_square_and_none_beside() -> None:
    weights = np.random.default_rng(1).uniform(0.01, 0.9, (12, 12))
    found = refined(np.array([[5.5, 6.5]]) / 12, logits(weights), Refinement(output="maps", kernel=5)) * 12
    near = weights[4:9, 3:8]
    expected = [(near * np.arange(3, 8)).sum() / near.sum(), (near.T * np.arange(4, 9)).sum() / near.sum()]
    np.testing.assert_allclose(found, [expected])
    low = Refinement(output="maps", kernel=5, min_weight=float(near.max()) + 0.01)
    np.testing.assert_allclose(refined(np.array([[5.5, 6.5]]) / 12, logits(weights), low) * 12, [[5.5, 6.5]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fields": ["x", "z"]}, "fields must hold x and y once"),
        ({"fields": ["x", "y", "presence", "presence"]}, "presence at most once"),
        ({"fields": ["x", "y", "presence"]}, "score is 'visibility'"),
        ({"world": "sure"}, "outputs of their own"),
        ({"heatmaps": {"output": "maps", "kernel": 4}}, "kernel must be odd"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**change)


def test_there_are_as_many_rows_as_keypoints() -> None:
    with pytest.raises(ValueError, match="rows is 5, fewer than 6"):
        spec().check(6)


@pytest.mark.parametrize("degrees", [0.0, 90.0, -30.0])
def test_the_world_is_turned_with_the_region(degrees: float) -> None:
    contract = preset("blazepose-33")
    outputs = {name: values[None] for name, values in DECODER.examples(
        contract.decoder, contract.input, np.random.default_rng(2), 33).items()}  # fmt: skip
    own = decode_outputs(outputs, contract)
    found = poses_of(outputs, input_transform(Region((50.0, 60.0), (200.0, 200.0), degrees), contract.input), contract)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert own.world is not None
    assert found.world is not None
    np.testing.assert_allclose(found.world[..., :2], own.world[..., :2] @ turn.T, atol=1e-12)
    assert np.array_equal(found.world[..., 2], own.world[..., 2])
    np.testing.assert_allclose(found.keypoints[..., 2], own.keypoints[..., 2] * 200 / 256)


def exactly_sampled(spec: PoseSpec) -> PoseSpec:
    return spec.model_copy(update={"input": spec.input.model_copy(update={"sampling": "bilinear"})})


def test_blazepose_on_its_photograph() -> None:
    """Within 1 px of both references on average, visibility and presence within 0.01 of the numpy one, whose region and
    places are exact; MediaPipe's own visibility is 0.019 off, whose detector's input is sampled at 32nds of a px, so
    that its region is another (both stages: pipelines/test_landmarks.py)."""
    pytest.importorskip("ai_edge_litert")
    needs(MODEL, PHOTO)
    from posekit.sources import open_source
    from posekit.sources.reference import run_reference

    contract = exactly_sampled(preset("blazepose-33"))
    said = json.loads((MODEL.parent / "reference.json").read_text())
    where = said["region"]
    region = Region(tuple(where["center_xy"]), (where["side"],) * 2, where["rotation_degrees"])
    picture = np.asarray(Image.open(PHOTO).convert("RGB"))
    pixels, transform = crop(picture, region, contract.input)
    outputs = run_reference(open_source(MODEL, contract), contract, pixels)
    found = poses_of(outputs, transform, contract)
    assert found.count == 1
    assert found.confidences is not None
    assert found.visibility is not None
    assert found.presence is not None
    assert found.world is not None
    assert found.confidences[0] == pytest.approx(said["presence"], abs=1e-4)
    ours = np.array(said["numpy_landmarks_xyz_visibility_presence"])[:33]
    theirs = np.array(said["mediapipe_landmarks_xyz_visibility"])[:33]
    for expected, most in ((ours, 0.1), (theirs, 1.0)):
        away = np.linalg.norm(found.keypoints[0, :, :2] - expected[:, :2], axis=1)
        assert away.mean() <= most
        assert np.abs(found.keypoints[0, :, 2] - expected[:, 2]).max() <= 4
    assert np.abs(found.visibility[0] - ours[:, 3]).max() <= 0.01
    assert np.abs(found.presence[0] - ours[:, 4]).max() <= 0.01
    assert np.abs(found.visibility[0] - theirs[:, 3]).max() <= 0.022
    assert np.linalg.norm(found.world[0] - np.array(said["mediapipe_world_m"])[:33], axis=1).max() <= 0.008


@pytest.mark.parametrize(
    ("fault", "least_px"), [({"heatmaps": None}, 3.0), ({"range": "unit"}, 1e3), ({"z_factor": 2.5}, 0.0)]
)
def test_a_fault_of_the_contract_moves_the_landmarks(fault: dict[str, Any], least_px: float) -> None:
    contract = preset("blazepose-33")
    rng = np.random.default_rng(4)
    outputs = {k: v[None] for k, v in DECODER.examples(contract.decoder, contract.input, rng, 33).items()}
    outputs["landmarks"] = outputs["landmarks"] + rng.normal(0, 8, outputs["landmarks"].shape)
    right = decode_outputs(outputs, contract).keypoints
    wrong = decode_outputs(outputs, contract.decoding(contract.decoder.model_copy(update=fault))).keypoints
    assert np.abs(wrong - right).max() > max(least_px, 1.0)
