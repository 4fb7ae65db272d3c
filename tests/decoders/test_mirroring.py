"""Outputs for a mirrored picture, turned back: they are those of the picture itself, of numpy and of torch alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.decoders import DECODERS, heatmap, integral, offset_map, regression, simcc
from posekit.decoders.heatmap import HeatmapSpec
from posekit.decoders.integral import IntegralSpec
from posekit.decoders.mirroring import Mirror
from posekit.decoders.offset_map import Channels, OffsetMapSpec
from posekit.decoders.paf import paf
from posekit.decoders.regression import RegressionSpec
from posekit.decoders.simcc import SimccSpec
from posekit.errors import InputError
from posekit.poses.input_spec import InputSpec

SIZE_WH, MAP_WH = (96, 64), (24, 16)
ORDER = (0, 2, 1, 4, 3)  # a nose, and two pairs
POINTS = np.random.default_rng(3).uniform(0.2, 0.8, (5, 2)) * SIZE_WH


def image(alignment: str) -> InputSpec:
    return InputSpec(size_wh=SIZE_WH, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                     alignment=alignment)  # fmt: skip


def mirrored(points: Any, alignment: str) -> Any:
    """Where a mirror image has each keypoint: pixel i is pixel W - 1 - i there."""
    width = SIZE_WH[0] - (0 if alignment == "half_pixel" else 1)
    return np.stack([width - points[list(ORDER), 0], points[list(ORDER), 1]], axis=-1)


def regressed(points: Any, spec: RegressionSpec, alignment: str) -> dict[str, Any]:
    return regression.encode(points, np.arange(5)[list(ORDER) if points is not POINTS else slice(None)] / 5.0, spec,
                             image(alignment))  # fmt: skip


MAPS = {"output": "maps"}
ROLES = {name: Channels(output="maps", first=at, step=3) for at, name in enumerate(("heat", "x", "y"))}
HEADS: dict[str, Any] = {
    "heatmap": (
        heatmap.DECODER,
        HeatmapSpec(kind="heatmap", **MAPS, refinement="none", alignment="corners"),
        "corners",
        lambda points, spec: heatmap.encode(points, spec, SIZE_WH, MAP_WH),
    ),
    "integral": (
        integral.DECODER,
        IntegralSpec(kind="integral", **MAPS, normalisation="softmax", alignment="half_pixel", score="share"),
        "half_pixel",
        lambda points, spec: integral.encode(points, spec, SIZE_WH, MAP_WH),
    ),
    "offset_map": (
        offset_map.DECODER,
        OffsetMapSpec(kind="offset_map", **ROLES, unit="input_px", factor=2.0, shift=0.5),
        "half_pixel",
        lambda points, spec: offset_map.encode(points, spec, SIZE_WH, MAP_WH),
    ),
    "simcc": (
        simcc.DECODER,
        SimccSpec(kind="simcc", output_x="x", output_y="y", split_ratio=1.0, score_reduction="min"),
        "index",
        lambda points, spec: simcc.encode(points, spec, SIZE_WH),
    ),
    "paf": (
        paf.DECODER,
        paf.PafSpec.model_validate(
            {
                "kind": "paf",
                "heatmaps": {"output": "maps", "background": "first"},
                "alignment": "half_pixel",
                "fields": {"output": "maps", "first": 6, "pairs": [0, 1, 0, 2, 1, 3, 4, 2]},
            }
        ),
        "half_pixel",
        lambda points, spec: paf.encode(points[None], np.ones((1, 5), bool), spec, SIZE_WH, MAP_WH),
    ),
    "regression": (
        regression.DECODER,
        RegressionSpec(kind="regression", output="rows", fields=("y", "x", "score"), range="unit"),
        "half_pixel",
        lambda points, spec: regressed(points, spec, "half_pixel"),
    ),
    "signed regression": (
        regression.DECODER,
        RegressionSpec(kind="regression", output="rows", fields=("x", "y", "score"), range="signed_unit"),
        "corners",
        lambda points, spec: regressed(points, spec, "corners"),
    ),
}


@pytest.mark.parametrize("head", HEADS)
def test_turned_back_they_are_those_of_the_picture(head: str) -> None:
    decoder, spec, alignment, encode = HEADS[head]
    expected = encode(POINTS, spec)
    seen = encode(mirrored(POINTS, alignment), spec)
    batch = {name: values[None] for name, values in seen.items()}
    found = decoder.mirrored(batch, spec, image(alignment), Mirror(ORDER, False))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name][0], values, atol=1e-9)
        assert not np.allclose(seen[name], values, atol=1e-3)


@pytest.mark.parametrize("value_range", ["unit", "signed_unit", "input_px"])
def test_a_shift_is_of_one_px(value_range: str) -> None:
    """Under `index` the mirror image of x is W - 1 - x."""
    spec = RegressionSpec(kind="regression", output="rows", fields=("x", "y", "score"), range=value_range)
    seen = regressed(mirrored(POINTS, "index"), spec, "index")["rows"][None]
    found = regression.mirrored({"rows": seen}, spec, image("index"), Mirror(ORDER, True))["rows"]
    np.testing.assert_allclose(found[0], regressed(POINTS, spec, "index")["rows"], atol=1e-9)


def test_a_map_that_is_shifted_keeps_its_first_column_twice() -> None:
    np.testing.assert_array_equal(Mirror((), False).turned(np.array([[1, 2, 3, 4]]), -1), [[4, 3, 2, 1]])
    np.testing.assert_array_equal(Mirror((), True).turned(np.array([[1, 2, 3, 4]]), -1), [[4, 4, 3, 2]])


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("kind", [kind for kind, decoder in DECODERS.items() if decoder.mirrored is not None])
def test_torch_does_the_same(kind: str, shift: bool) -> None:
    torch = pytest.importorskip("torch")
    decoder, spec, alignment, encode = HEADS[kind]
    batch = {name: values[None] for name, values in encode(POINTS, spec).items()}
    expected = decoder.mirrored(batch, spec, image(alignment), Mirror(ORDER, shift))
    tensors = {name: torch.from_numpy(values.copy()) for name, values in batch.items()}
    found = decoder.mirrored(tensors, spec, image(alignment), Mirror(ORDER, shift, torch.cat))
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name].numpy(), values)


def test_a_limb_without_its_other_side_is_refused() -> None:
    decoder, spec, alignment, encode = HEADS["paf"]
    fields = spec.fields.model_copy(update={"pairs": (0, 1, 0, 2, 1, 3)})
    lame = spec.model_copy(update={"fields": fields})
    batch = {name: values[None] for name, values in encode(POINTS, lame).items()}
    with pytest.raises(InputError, match="keypoints 2 and 4 are no pair"):
        decoder.mirrored(batch, lame, image(alignment), Mirror(ORDER, False))
