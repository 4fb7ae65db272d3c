"""Dense results: what is decoded comes back, where it lies, and what a contract may not say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.contract.outputs import decode_dense, expected_shapes, packaged
from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.decoders import dense
from posekit.decoders.dense import DenseSpec
from posekit.errors import ConversionError, InputError
from posekit.poses.dense import in_source, over_picture
from posekit.poses.input_spec import InputSpec
from posekit.poses.regions import Region
from posekit.poses.transforms import input_transform

RNG = np.random.default_rng(11)
MASK: dict[str, Any] = {"name": "person", "kind": "mask", "output": "mask", "stride": 8.0, "activation": "sigmoid"}
PARTS: dict[str, Any] = {"name": "parts", "kind": "parts", "output": "parts", "stride": 8.0,
                         "labels": ("hand", "foot", "head"), "within": "person"}  # fmt: skip


def specs(**more: Any) -> tuple[DenseSpec, ...]:
    return tuple(DenseSpec.model_validate({**one, **more}) for one in (PARTS, MASK))


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_labels_come_back(shift: float) -> None:
    labels = RNG.integers(0, 4, (6, 5))
    given = specs(shift=shift)
    outputs = dense.encode({"parts": labels, "person": labels}, given)
    parts, mask = dense.decode(outputs, given)
    assert (parts.numbers == labels).all()
    assert (mask.numbers == (labels > 0)).all()
    assert parts.matrix @ (2, 3, 1) == pytest.approx([(2 + shift) * 8, (3 + shift) * 8])
    assert parts.labels == ("hand", "foot", "head")


@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize("upsampling", [2, 3])
def test_finer_cells_are_those_of_torch(shift: float, upsampling: int) -> None:
    torch = pytest.importorskip("torch")
    given = specs(shift=shift, upsampling=upsampling)[1]
    maps = RNG.normal(0, 2, (5, 4, 1))
    (found,) = dense.decode({"mask": maps}, [given])
    size = [(n - 1) * upsampling + 1 if shift == 0 else n * upsampling for n in (5, 4)]
    scaled = torch.nn.functional.interpolate(
        torch.from_numpy(maps).permute(2, 0, 1)[None], size=size, mode="bilinear", align_corners=shift == 0
    )
    assert np.abs(found.values - torch.sigmoid(scaled)[0, 0].numpy()).max() < 1e-6
    # a finer cell lies where its place between the coarse ones does
    fine, coarse = found.matrix @ (upsampling, 0, 1), (1 + shift) * 8 if shift == 0 else None
    assert coarse is None or fine[0] == pytest.approx(coarse)


def test_of_equal_parts_the_first_counts_and_a_mask_is_on_at_its_threshold() -> None:
    given = specs(activation="none", threshold=0.25)
    mask = np.array([[0.25, 0.2499]])[..., None]
    parts, person = dense.decode({"mask": mask, "parts": np.ones((1, 2, 3))}, given)
    assert person.numbers.tolist() == [[1, 0]]
    assert parts.numbers.tolist() == [[1, 0]]


IUV: dict[str, Any] = {"name": "body", "kind": "iuv", "output": "fine", "stride": 8.0, "labels": ("hand", "foot"),
                       "coarse": {"output": "coarse"}, "u": {"output": "u"}, "v": {"output": "v"}}  # fmt: skip


def test_u_and_v_are_those_of_the_label() -> None:
    given = DenseSpec.model_validate(IUV)
    labels, surface = RNG.integers(0, 3, (4, 5)), RNG.uniform(0, 1, (4, 5, 2))
    outputs = dense.encode({"body": labels}, [given], surfaces={"body": surface})
    (found,) = dense.decode(outputs, [given])
    assert (found.numbers == labels).all()
    assert found.uv is not None
    assert np.abs(found.uv - np.where(labels[..., None] > 0, surface, 0)).max() < 1e-6
    (cut,) = dense.decode({**outputs, "u": outputs["u"] + 5}, [given])
    assert cut.uv is not None
    assert set(np.unique(cut.uv[..., 0])) == {0.0, 1.0}


def test_no_part_is_where_the_coarse_background_is() -> None:
    """Whatever the fine channels say; and the fine background is one too."""
    given = DenseSpec.model_validate(IUV)
    outputs = dense.encode({"body": np.array([[1, 2, 0]])}, [given], surfaces={"body": np.ones((1, 3, 2))})
    outputs["coarse"][0, 0] = (3.0, 1.0)
    (found,) = dense.decode(outputs, [given])
    assert found.numbers.tolist() == [[0, 2, 0]]
    assert found.uv is not None
    assert found.uv[0, :, 0].tolist() == [0, 1, 0]
    (bare,) = dense.decode(outputs, [given.model_copy(update={"coarse": None})])
    assert bare.numbers.tolist() == [[1, 2, 0]]


def test_it_lies_over_the_picture() -> None:
    """A mask whose left half is on, of a turned and enlarged region: on where the region's left half is."""
    spec = InputSpec(size_wh=(64, 64), color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                     alignment="half_pixel")  # fmt: skip
    given = DenseSpec.model_validate({**MASK, "activation": "none"})
    maps = np.zeros((8, 8, 1))
    maps[:, :4] = 1
    region = Region((60.0, 50.0), (40.0, 40.0), 90.0)
    (found,) = dense.decode({"mask": maps}, [given])
    over = over_picture(in_source(found, input_transform(region, spec)), (120, 100), 0.5)
    # turned clockwise by 90 degrees, its left is the picture's top
    assert over[32:48, 42:78].min() > 0.5
    assert over[53:69, 42:78].max() < 0.5
    outside = over.copy()
    outside[30:70, 40:80] = 0
    assert outside.max() == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([{**MASK, "labels": ["a"]}], "is a mask, which has no labels"),
        ([{**PARTS, "labels": []}], "has no labels"),
        ([{**PARTS, "labels": ["a", "a"]}], "a label twice"),
        ([{**MASK, "shift": 0.25}], "shift must be 0 or 0.5"),
        ([PARTS], "lies within 'person', which is no mask"),
        ([MASK, {**PARTS, "upsampling": 2}], "differ in stride, shift or upsampling"),
        ([{**IUV, "u": None}], "needs u and v"),
        ([{**MASK, "u": {"output": "x"}}], "of kind 'iuv' alone"),
        ([{**IUV, "labels": []}], "needs the names of its channels"),
        ([{**IUV, "v": {"output": "u"}}], "share channel 0"),
        ([IUV, {**MASK, "name": "body_uv"}], "two dense results have one name"),
        ([MASK, MASK], "two dense results have one name"),
        ([MASK, {**MASK, "name": "other"}], "share channel 0"),
        ([{**MASK, "name": "poses"}], "a word of Kotlin or Swift"),
    ],
)
def test_what_a_contract_may_not_say(changes: list[dict[str, Any]], told: str) -> None:
    data = bodypix().model_dump(mode="json", by_alias=True)
    rows = [{key: list(value) if isinstance(value, tuple) else value for key, value in one.items()} for one in changes]
    with pytest.raises(InputError, match=told):
        parse_spec({**data, "dense": rows}, "a test")


def bodypix() -> PoseSpec:
    return preset("bodypix-coco17")


def test_bodypix_is_packaged_with_its_maps() -> None:
    spec = bodypix()
    assert {name: shape[-1] for name, shape in expected_shapes(spec).items()} == {
        "heatmaps": 17, "offsets": 34, "displacements": 64, "segments": 1, "parts": 24}  # fmt: skip
    assert packaged("parts", np.zeros((1, 24, 33, 33)), spec).shape == (1, 33, 33, 24)
    with pytest.raises(InputError, match="dense results with input .* expect 1 x 24 x 32 x 32") as raised:
        packaged("parts", np.zeros((1, 24, 40, 40)), spec)
    assert "stride of the dense result is 16 px" in raised.value.hint


COARSE = {**MASK, "output": "heatmaps", "first": 16, "stride": 16.0}


def test_a_tensor_may_be_the_decoders_too() -> None:
    data = bodypix().model_dump(mode="json", by_alias=True)
    spec = parse_spec({**data, "dense": [COARSE], "outputs": [], "file_outputs": []}, "a test")
    assert expected_shapes(spec)["heatmaps"][-1] == 17
    assert spec.outputs_read == spec.decoder.outputs


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("bodypix-coco17", {"dense": [{**COARSE, "first": 17}]}, "read 18 channels of output 'heatmaps'.* with 17"),
        # its decoder would take the mask for a keypoint
        ("hrnet-coco17", {"dense": [{**COARSE, "first": 17}]}, "expected an output of their own"),
        ("rtmpose-coco17", {"dense": [{**COARSE, "output": "simcc_x"}]}, "expected an output of their own"),
        ("hrnet-coco17", {"dense": [COARSE], "flip_test": "plain"}, "flip_test is 'plain', but a dense result reads"),
    ],
)
def test_but_not_with_channels_that_it_does_not_know(name: str, changes: dict[str, Any], told: str) -> None:
    data = preset(name).model_dump(mode="json", by_alias=True)
    with pytest.raises(InputError, match=told) as raised:
        parse_spec({**data, **changes}, "a test")
    assert "{" not in raised.value.message  # a rule of several fields names them, and not the whole contract


def test_what_is_not_finite_is_refused() -> None:
    spec = bodypix()
    outputs = {
        name: np.zeros((1, 33, 33, int(shape[-1] or 0)), np.float32) for name, shape in expected_shapes(spec).items()
    }
    outputs["segments"][0, 3, 4, 0] = np.nan
    with pytest.raises(ConversionError, match="'segments' holds values that are not finite"):
        decode_dense(outputs, spec)
