"""Which axes the outputs of each head may have: one reading for each shape, or a refusal, and never another order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.contract.outputs import packaged
from posekit.contract.presets import preset
from posekit.contract.spec import KeypointsSpec, PoseSpec
from posekit.decoders.heatmap import HeatmapSpec
from posekit.decoders.regression import RegressionSpec
from posekit.decoders.simcc import SimccSpec
from posekit.errors import InputError

WIDTH, HEIGHT = 64, 96
HEATMAP = HeatmapSpec(kind="heatmap", output="out", refinement="none", alignment="stride")
SIMCC = SimccSpec(kind="simcc", output_x="out", output_y="y", split_ratio=2.0, score_reduction="min")
MOVENET = RegressionSpec(kind="regression", output="out", fields=("y", "x", "score"), range="unit")
PLAIN = RegressionSpec(kind="regression", output="out", fields=("x", "y"), range="unit")


def spec_of(decoder: Any, count: int, size_wh: tuple[int, int] = (WIDTH, HEIGHT)) -> PoseSpec:
    base = preset("hrnet-coco17")
    names = tuple(f"p{index}" for index in range(count))
    keypoints = KeypointsSpec(names=names, oks_sigmas=(0.1,) * count)
    image = base.input.model_copy(update={"size_wh": size_wh})
    return base.model_copy(update={"input": image, "decoder": decoder, "keypoints": keypoints})


def numbered(shape: tuple[int, ...]) -> Any:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("fields", [PLAIN, MOVENET], ids=["xy", "yxs"])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize(
    "form", ["k f", "1 k f", "1 1 k f", "1 k 1 f", "1 k f 1", "1 1 k 1 f", "kf", "1 kf", "1 kf 1 1"]
)
def test_rows_with_any_axes_of_one_about_them(form: str, count: int, fields: RegressionSpec) -> None:
    width = len(fields.fields)
    sides = {"k": count, "f": width, "kf": count * width, "1": 1}
    rows = numbered((1, count, width))
    seen = packaged("out", rows.reshape([sides[side] for side in form.split()]), spec_of(fields, count))
    np.testing.assert_array_equal(seen, rows)


@pytest.mark.parametrize(
    ("decoder", "count", "shape", "hint"),
    [
        (PLAIN, 6, (1, 2, 6), "transpose"),
        (PLAIN, 6, (2, 6), "transpose"),
        (MOVENET, 6, (1, 3, 6, 1), "transpose"),
        (MOVENET, 6, (1, 3, 1, 6), "transpose"),
        (MOVENET, 6, (1, 2, 9), ""),  # as many numbers
        (MOVENET, 6, (1, 9, 2), ""),
        (MOVENET, 6, (2, 9), ""),
        (MOVENET, 6, (1, 6, 4), ""),
        (MOVENET, 6, (2, 6, 3), ""),
        (MOVENET, 6, (), ""),
        (SIMCC, 6, (1, 128, 6), "transpose"),
        (SIMCC, 6, (1, 6, 192), ""),
        (SIMCC, 6, (1, 6 * 128), ""),
        (SIMCC, 6, (1, 3, 2, 128), ""),
        (HEATMAP, 6, (1, 24, 16, 6), "channels last"),
        (HEATMAP, 6, (1, 6, 16, 24), "width and height exchanged"),
        (HEATMAP, 24, (1, 24, 16, 24), "channels last"),  # K is the map's height
        (HEATMAP, 6, (1, 7, 24, 16), "background"),
        (HEATMAP, 6, (1, 8, 24, 16), ""),
        (HEATMAP, 6, (1, 2, 6, 24, 16), "last stage"),
        (HEATMAP, 6, (2, 6, 24, 16), ""),
        (HEATMAP, 6, (1, 6, 384), ""),
        (HEATMAP, 6, (6,), ""),
        (HEATMAP.model_copy(update={"background": "last"}), 6, (1, 6, 24, 16), "decoder.background is 'last'"),
    ],
)  # fmt: skip
def test_what_has_other_axes_is_refused(decoder: Any, count: int, shape: tuple[int, ...], hint: str) -> None:
    with pytest.raises(InputError) as raised:
        packaged("out", numbered(shape), spec_of(decoder, count))
    assert f"output 'out' has shape {shape}" in raised.value.message
    assert f"{count} keypoints" in raised.value.message
    assert hint in raised.value.hint


def test_as_many_keypoints_as_fields_are_rows_by_contract() -> None:
    rows = numbered((1, 3, 3))
    np.testing.assert_array_equal(packaged("out", rows, spec_of(MOVENET, 3)), rows)


@pytest.mark.parametrize("shape", [(6, 128), (1, 6, 128), (1, 6, 128, 1), (1, 1, 6, 128), (1, 6, 1, 128)])
def test_bins_with_any_axes_of_one_about_them(shape: tuple[int, ...]) -> None:
    values = numbered(shape)
    np.testing.assert_array_equal(packaged("out", values, spec_of(SIMCC, 6)), values.reshape(1, 6, 128))


@pytest.mark.parametrize("background", ["none", "first", "last"])
@pytest.mark.parametrize("count", [1, 6, 24])
@pytest.mark.parametrize("map_wh", [(16, 24), (17, 25), (24, 24), (1, 1)])
@pytest.mark.parametrize("before", [(), (1,), (1, 1)])
def test_maps_become_channels_last(before: Any, map_wh: tuple[int, int], count: int, background: str) -> None:
    """Proportions that are neither the input's nor those exchanged are the network's own affair."""
    spare = 0 if background == "none" else 1
    maps = numbered((*before, count + spare, map_wh[1], map_wh[0]))
    seen = packaged("out", maps, spec_of(HEATMAP.model_copy(update={"background": background}), count))
    own = maps.reshape(maps.shape[-3:])
    own = own[1:] if background == "first" else own[:count]
    assert seen.shape == (1, map_wh[1], map_wh[0], count)
    for k in range(count):
        np.testing.assert_array_equal(seen[0, :, :, k], own[k])


def test_a_square_map_of_as_many_keypoints_is_channels_first_by_contract() -> None:
    maps = numbered((1, 16, 16, 16))
    seen = packaged("out", maps, spec_of(HEATMAP, 16, (64, 64)))
    np.testing.assert_array_equal(seen[..., 3], maps[:, 3])


@pytest.mark.parametrize("shape", [(), (7,), (2, 3), (1, 5, 24, 16), (1, 2, 3, 4, 5)])
def test_what_the_decoder_does_not_read_stays_as_it_is(shape: tuple[int, ...]) -> None:
    values = numbered(shape)
    assert packaged("other", values, spec_of(HEATMAP, 6)) is values


@pytest.mark.parametrize(
    ("decoder", "shape"), [(HEATMAP, (1, 6, 24, 16)), (SIMCC, (1, 1, 6, 128)), (MOVENET, (1, 18))], ids=str
)
def test_torch_is_packaged_as_numpy_is(decoder: Any, shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    values = numbered(shape)
    seen = packaged("out", torch.from_numpy(values), spec_of(decoder, 6))
    np.testing.assert_array_equal(seen.numpy(), packaged("out", values, spec_of(decoder, 6)))
