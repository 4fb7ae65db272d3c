"""What holds for every decoder: outputs are checked by name and shape, and values that are not finite are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.contract.outputs import check_outputs, decode
from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec
from posekit.decoders import DECODERS
from posekit.decoders.integral import IntegralSpec
from posekit.decoders.offset_map import Channels, OffsetMapSpec
from posekit.decoders.regression import RegressionSpec
from posekit.errors import ConversionError, InputError

KINDS = sorted(DECODERS)


def spec_of(kind: str) -> PoseSpec:
    if kind == "regression":
        rows = RegressionSpec(kind="regression", output="rows", fields=("y", "x", "score"), range="unit")
        return spec_of("heatmap").model_copy(update={"decoder": rows})
    if kind == "offset_map":
        roles = {name: Channels(output="maps", first=at, step=3) for at, name in enumerate(("heat", "x", "y"))}
        settings = OffsetMapSpec(kind="offset_map", **roles, unit="cells")
        return spec_of("heatmap").model_copy(update={"decoder": settings})
    if kind == "integral":
        settings = IntegralSpec(
            kind="integral", output="maps", normalisation="softmax", alignment="stride", score="share"
        )
        return spec_of("heatmap").model_copy(update={"decoder": settings})
    found = preset({"heatmap": "hrnet-coco17", "simcc": "rtmpose-coco17", "detections": "yolo-pose-coco17",
                   "paf": "tf-pose-coco18", "tags": "higherhrnet-coco17",
                   "centers": "centernet-pose-coco17", "landmarks": "blazepose-33",
                   "posenet": "posenet-mobilenet-coco17", "movenet": "movenet-raw",
                   "location_maps": "vnect-mpi21"}[kind])  # fmt: skip
    return found.model_copy(update={"dense": ()})  # which read outputs of their own


def outputs_of(kind: str) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(3)
    shapes = {"heatmap": {"heatmaps": (1, 64, 48, 17)}, "regression": {"rows": (1, 17, 3)},
              "simcc": {"simcc_x": (1, 17, 384), "simcc_y": (1, 17, 512)},
              "detections": {"rows": (1, 56, 8400)}, "paf": {"maps": (1, 12, 14, 57)},
              "offset_map": {"maps": (1, 64, 48, 51)}, "integral": {"maps": (1, 64, 48, 17)},
              "centers": {"hm": (1, 128, 128, 1), "wh": (1, 128, 128, 2), "hps": (1, 128, 128, 34),
                          "reg": (1, 128, 128, 2), "hm_hp": (1, 128, 128, 17), "hp_offset": (1, 128, 128, 2)},
              "movenet": {"heatmaps": (1, 48, 48, 17), "centers": (1, 48, 48, 1),
                          "regressions": (1, 48, 48, 34), "offsets": (1, 48, 48, 34)},
              "posenet": {"heatmaps": (1, 23, 31, 17), "offsets": (1, 23, 31, 34),
                          "displacements": (1, 23, 31, 64)},
              "landmarks": {"landmarks": (1, 39, 5), "presence": (1, 1, 1), "heatmaps": (1, 64, 64, 39),
                            "world": (1, 39, 3)},
              "location_maps": dict.fromkeys(("heat", "x", "y", "z"), (1, 46, 46, 21)),
              "tags": {"maps_4": (1, 24, 24, 34), "maps_2": (1, 48, 48, 17)}}  # fmt: skip
    found = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes[kind].items()}
    return found | ({"presence": np.ones((1, 1, 1), np.float32)} if kind == "landmarks" else {})


def test_every_kind_of_the_spec_has_a_decoder_and_a_row_here() -> None:
    assert sorted(DECODERS) == KINDS
    assert all(spec_of(kind).decoder.kind == kind for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_that_fit_are_decoded_to_one_instance_or_to_several(kind: str) -> None:
    spec, outputs = spec_of(kind), outputs_of(kind)
    check_outputs({name: values.shape for name, values in outputs.items()}, spec)
    poses = decode(outputs, spec)
    count = len(spec.keypoints.names)
    assert poses.keypoints.shape == (poses.count, count, 3 if spec.decoder.has_depth else 2)
    assert poses.scores.shape == (poses.count, count)
    assert poses.count > 1 if spec.has_several else poses.count == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", KINDS)
def test_one_value_that_is_not_finite_is_refused(kind: str, value: float) -> None:
    for name in outputs_of(kind):
        outputs = outputs_of(kind)
        outputs[name].flat[-1] = value
        with pytest.raises(ConversionError, match=f"output '{name}' holds values that are not finite"):
            decode(outputs, spec_of(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_shape_is_decoded(kind: str) -> None:
    outputs = outputs_of(kind)
    name, values = next(iter(outputs.items()))
    for wrong in (values[:, None], values.swapaxes(1, -1), values[0], np.concatenate([values, values])):
        with pytest.raises(InputError, match=f"output '{name}' has shape"):
            decode({**outputs, name: wrong}, spec_of(kind))


def test_an_output_that_the_decoder_does_not_read_may_hold_anything() -> None:
    decode(outputs_of("heatmap") | {"other": np.array([np.nan])}, spec_of("heatmap"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_output_is_told_with_those_that_exist(kind: str) -> None:
    with pytest.raises(InputError) as raised:
        check_outputs({"features": (1, 8, 6, 32), "logits": (1, 17)}, spec_of(kind))
    assert repr(spec_of(kind).decoder.outputs[0]) in raised.value.message
    assert "features (1, 8, 6, 32), logits (1, 17)" in raised.value.message
    assert "outputs = [...]" in raised.value.hint


@pytest.mark.parametrize(
    ("kind", "output", "shape", "expected"),
    [
        ("heatmap", "heatmaps", (1, 64, 48, 21), "1 x any x any x 17"),  # another K
        ("heatmap", "heatmaps", (1, 17, 64, 48), "1 x any x any x 17"),  # channels first
        ("heatmap", "heatmaps", (2, 64, 48, 17), "1 x any x any x 17"),
        ("heatmap", "heatmaps", (1, 64, 17), "1 x any x any x 17"),
        ("simcc", "simcc_x", (1, 17, 192), "1 x 17 x 384"),  # another split ratio
        ("simcc", "simcc_y", (1, 17, 384), "1 x 17 x 512"),
        ("simcc", "simcc_x", (1, 26, 384), "1 x 17 x 384"),
        ("regression", "rows", (1, 17, 2), "1 x 17 x 3"),
        ("regression", "rows", (1, 3, 17), "1 x 17 x 3"),
        ("regression", "rows", (1, 51), "1 x 17 x 3"),
        ("regression", "rows", (2, 51), "1 x 17 x 3"),
        ("centers", "hps", (1, 128, 128, 17), "1 x 128 x 128 x 34"),  # one number a keypoint
        ("centers", "hm", (1, 64, 64, 1), "1 x 128 x 128 x 1"),  # another stride
        ("tags", "maps_4", (1, 24, 24, 17), "1 x any x any x 34"),  # no tags
        ("tags", "maps_2", (1, 24, 24, 34), "1 x any x any x 17"),
        ("paf", "maps", (1, 46, 54, 19), "1 x any x any x 57"),  # no fields
        ("paf", "maps", (1, 57, 46, 54), "1 x any x any x 57"),
        ("detections", "rows", (1, 51, 8400), "1 x 56 x 8400"),  # two numbers a keypoint
        ("detections", "rows", (1, 56, 2100), "1 x 56 x 8400"),  # another input size
        ("posenet", "offsets", (1, 23, 31, 17), "1 x any x any x 34"),
        ("posenet", "displacements", (1, 23, 31, 32), "1 x any x any x 64"),  # of one way alone
        ("posenet", "heatmaps", (1, 17, 23, 31), "1 x any x any x 17"),
    ],
)
def test_a_wrong_shape_is_told_with_the_one_expected(kind: str, output: str, shape: Any, expected: str) -> None:
    shapes = {name: values.shape for name, values in outputs_of(kind).items()} | {output: shape}
    with pytest.raises(InputError) as raised:
        check_outputs(shapes, spec_of(kind))
    for text in (
        f"output {output!r} has shape {shape}",
        repr(kind),
        f"{len(spec_of(kind).keypoints.names)} keypoints",
        f"expects {expected}",
    ):
        assert text in raised.value.message
    assert "keypoints.skeleton" in raised.value.hint
