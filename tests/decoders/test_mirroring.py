"""Outputs for a mirrored picture, turned back: they are those of the picture itself, of numpy and of torch alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.decoders import DECODERS, heatmap, integral, location_maps, movenet, offset_map, regression, simcc
from posekit.decoders.centers import centers
from posekit.decoders.centers.encoding import encode as centers_of
from posekit.decoders.heatmap import HeatmapSpec
from posekit.decoders.integral import IntegralSpec
from posekit.decoders.mirroring import Mirror
from posekit.decoders.offset_map import Channels, OffsetMapSpec
from posekit.decoders.paf import paf
from posekit.decoders.posenet import mirroring as posenet_mirroring
from posekit.decoders.posenet import posenet
from posekit.decoders.regression import RegressionSpec
from posekit.decoders.simcc import SimccSpec
from posekit.errors import InputError
from posekit.poses import Poses
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


def person(points: Any) -> Poses:
    box = np.concatenate([points.min(axis=0) - 2, points.max(axis=0) + 2])
    return Poses(points[None], np.ones((1, 5)), np.array([0.9]), box[None])


def centers_spec(**more: Any) -> centers.CentersSpec:
    data = {"kind": "centers", "stride": 4, "centers": {"output": "maps", "threshold": 0.3},
            "displacements": {"output": "moves", "sign": "added"}, **more}  # fmt: skip
    return centers.CentersSpec.model_validate(data)


POSENET = posenet.PosenetSpec.model_validate({
    "kind": "posenet", "grouping": "nearest", "stride": 5, "heatmaps": {"output": "maps"},
    "offsets": {"output": "offsets"}, "forward": {"output": "moves"}, "backward": {"output": "moves", "first": 8},
    "parents": [0, 0, 1, 2], "children": [1, 2, 3, 4],
})  # fmt: skip
MOVENET = movenet.MovenetSpec.model_validate({
    "kind": "movenet", "stride": 4, "axes": "yx", "heatmaps": {"output": "maps"}, "centers": {"output": "centers"},
    "regressions": {"output": "moves"}, "offsets": {"output": "offsets"},
})  # fmt: skip
MAPS = {"output": "maps"}
LOCATIONS = location_maps.LocationMapsSpec.model_validate({
    "kind": "location_maps", "alignment": "half_pixel", "heat": MAPS, "x": {"output": "maps", "first": 5},
    "y": {"output": "places"}, "z": {"output": "places", "first": 5},
})  # fmt: skip
ROLES = {name: Channels(output="maps", first=at, step=3) for at, name in enumerate(("heat", "x", "y"))}
HEADS: dict[str, Any] = {
    "centers": (
        centers.DECODER,
        centers_spec(shift=0.5, boxes={"sizes": {"output": "boxes"}, "offsets": {"output": "boxes", "first": 2}}),
        "half_pixel",
        lambda points, spec: centers_of(person(points), spec, image("half_pixel")),
    ),
    "centers towards them": (
        centers.DECODER,
        centers_spec(
            displacements={"output": "moves", "sign": "subtracted"},
            scoring={"output": "maps", "first": 1, "read": "floor"},
        ),
        "half_pixel",
        lambda points, spec: centers_of(person(points), spec, image("half_pixel")),
    ),
    "posenet": (
        posenet.DECODER,
        POSENET,
        "index",
        lambda points, spec: posenet.encode(points[None], spec, SIZE_WH),
    ),
    "location_maps": (
        location_maps.DECODER,
        LOCATIONS,
        "half_pixel",
        lambda points, spec: location_maps.encode(
            points, (points[:, [0, 1, 1]] - (SIZE_WH[0] / 2, 0, 0)) / 100, spec, SIZE_WH, MAP_WH
        ),
    ),
    "movenet": (movenet.DECODER, MOVENET, "half_pixel", lambda points, spec: movenet.encode(points, spec, SIZE_WH)),
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


@pytest.mark.parametrize("alignment", ["half_pixel", "index", "corners"])
@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("axes", ["yx", "xy"])
def test_places_stay_where_they_are_under_every_alignment(axes: str, shift: bool, alignment: str) -> None:
    """Displacements and offsets lead to the keypoint itself, whichever cell a mirrored one lands on."""
    spec = centers_spec(
        centers={"output": "maps", "threshold": 0.3, "activation": "sigmoid"}, boxes={"sizes": {"output": "boxes"}},
        snapping={"output": "peaks", "offsets": {"output": "offsets"}, "threshold": 0.2, "distance": 1.0},
    )  # fmt: skip
    seen = centers_of(person(mirrored(POINTS, alignment)), spec, image(alignment))
    for one in (spec, spec.model_copy(update={"snapping": None})):
        batch = {name: seen[name][None] for name in one.outputs}
        back = centers.mirrored(batch, one, image(alignment), Mirror(ORDER, shift))
        found = centers.decode({name: values[0] for name, values in back.items()}, one, image(alignment), [0.05] * 5)
        np.testing.assert_allclose(found.keypoints[0], POINTS, atol=1e-9)
    for unit, grouping in (("input_px", "nearest"), ("cells", "one")):
        net = POSENET.model_copy(update={"axes": axes, "unit": unit, "grouping": grouping})
        batch = {name: values[None] for name, values in posenet.encode(mirrored(POINTS, alignment)[None], net,
                                                                       SIZE_WH).items()}  # fmt: skip
        back = posenet_mirroring.mirrored(batch, net, image(alignment), Mirror(ORDER, shift))
        own = posenet.decode({name: values[0] for name, values in back.items()}, net, image(alignment), [0.05] * 5)
        np.testing.assert_allclose(own.keypoints[0], POINTS, atol=1e-9)
    raw = MOVENET.model_copy(update={"axes": axes})
    batch = {name: values[None] for name, values in movenet.encode(mirrored(POINTS, alignment), raw, SIZE_WH).items()}
    back = movenet.mirrored(batch, raw, image(alignment), Mirror(ORDER, shift))
    own = movenet.decode({name: values[0] for name, values in back.items()}, raw, image(alignment), [0.05] * 5)
    np.testing.assert_allclose(own.keypoints[0], POINTS, atol=1e-9)


def test_an_edge_that_the_mirror_image_has_backwards() -> None:
    """Of 3 to 4 it has 4 to 3: what leads forwards there leads backwards here."""
    lame = POSENET.model_copy(update={"parents": (1, 0, 3, 0), "children": (0, 2, 4, 3)})
    with pytest.raises(InputError, match="keypoints 0 and 4 have none"):
        turned(lame, posenet.encode(POINTS[None], lame, SIZE_WH))
    spec = lame.model_copy(update={"parents": (1, 0, 3), "children": (0, 2, 4)})
    expected = posenet.encode(POINTS[None], spec, SIZE_WH)
    seen = posenet.encode(mirrored(POINTS, "index")[None], spec, SIZE_WH)
    np.testing.assert_allclose(turned(spec, seen)["moves"], expected["moves"], atol=1e-9)


def turned(spec: posenet.PosenetSpec, outputs: dict[str, Any]) -> dict[str, Any]:
    batch = {name: values[None] for name, values in outputs.items()}
    found = posenet_mirroring.mirrored(batch, spec, image("index"), Mirror(ORDER, False))
    return {name: values[0] for name, values in found.items()}


def test_a_limb_without_its_other_side_is_refused() -> None:
    decoder, spec, alignment, encode = HEADS["paf"]
    fields = spec.fields.model_copy(update={"pairs": (0, 1, 0, 2, 1, 3)})
    lame = spec.model_copy(update={"fields": fields})
    batch = {name: values[None] for name, values in encode(POINTS, lame).items()}
    with pytest.raises(InputError, match="keypoints 2 and 4 are no pair"):
        decoder.mirrored(batch, lame, image(alignment), Mirror(ORDER, False))
