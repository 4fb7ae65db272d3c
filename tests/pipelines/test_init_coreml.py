"""`posekit init` of a Core ML file: what its input says is said, and nothing else is asked of who has no contract."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("coremltools")

from posekit.contract.outputs import decode
from posekit.errors import InputError
from posekit.pipelines.init import Drafted, init
from posekit.pipelines.inputs import find_spec
from posekit.runtimes.mlpackage import empty_specification
from posekit.sources import open_source, says_contract
from posekit.sources.reference import run_reference
from tests.contract.drafts.test_configs import DATA, HRNET

SPACES = {"gray": 10, "rgb": 20, "bgr": 30}
ANSWERS = (
    "license=MIT", "kind=one_stage", "input.resize=stretch", "input.alignment=half_pixel", "decoder.kind=heatmap",
    "decoder.refinement=none", "decoder.alignment=stride", "keypoints.skeleton=coco17",
)  # fmt: skip


def image_model(folder: Path, color_order: str, *, is_open: bool = False, scale: float = 1.0) -> Path:
    """One convolution, from an image of 48 x 64 px to 17 maps of a quarter."""
    model = empty_specification()
    model.specificationVersion = 4
    one = model.description.input.add(name="picture")
    image = one.type.imageType
    image.width, image.height, image.colorSpace = 48, 64, SPACES[color_order]
    if is_open:
        image.imageSizeRange.widthRange.lowerBound = image.imageSizeRange.heightRange.lowerBound = 16
        image.imageSizeRange.widthRange.upperBound = image.imageSizeRange.heightRange.upperBound = -1
    model.description.output.add(name="maps").type.multiArrayType.dataType = 65568
    scaler = model.neuralNetwork.preprocessing.add(featureName="picture").scaler
    scaler.channelScale, scaler.redBias, scaler.grayBias = scale, -0.5, -0.5
    layer = model.neuralNetwork.layers.add(name="conv", input=["picture"], output=["maps"])
    channels = 1 if color_order == "gray" else 3
    weights = np.random.default_rng(0).normal(size=(17, channels, 4, 4)).astype(np.float32)
    conv: Any = layer.convolution
    conv.outputChannels, conv.kernelChannels, conv.nGroups = 17, channels, 1
    conv.kernelSize.extend([4, 4])
    conv.stride.extend([4, 4])
    conv.valid.SetInParent()
    conv.weights.floatValue.extend(weights.ravel().tolist())
    path = folder / "net.mlmodel"
    path.write_bytes(model.SerializeToString())
    return path


def drafted(path: Path, *changes: str, config: Path | None = None) -> Drafted:
    return init(path, config, changes, None, overwrite=True)


@pytest.mark.parametrize("color_order", SPACES)
def test_an_image_says_its_size_colours_and_scaling(tmp_path: Path, color_order: str) -> None:
    path = image_model(tmp_path, color_order, scale=1 / 127.5)
    found = drafted(path)
    assert found.outputs == {"maps": (1, 17, 16, 12)}
    assert any("scaling of its image is x 0.00784" in note for note in found.draft.notes)
    count = 1 if color_order == "gray" else 3
    said = tomllib.loads(found.path.read_text())["input"]
    assert (said["size_wh"], said["color_order"]) == ([48, 64], color_order)
    assert (said["mean"], said["std"]) == ([0] * count, [1] * count)
    assert {name for name in found.draft.gaps if name.startswith("input.")} == {"input.resize", "input.alignment"}
    assert not drafted(path, *ANSWERS).draft.gaps
    spec = find_spec(path, "")
    outputs = run_reference(open_source(path, spec), spec, np.ones((64, 48, 3), np.float32))
    assert decode(outputs, spec).keypoints.shape == (1, 17, 2)


def test_an_image_of_an_open_size_says_the_rest(tmp_path: Path) -> None:
    path = image_model(tmp_path, "bgr", is_open=True)
    found = drafted(path)
    assert {name for name in found.draft.gaps if name.startswith("input.")} == {
        "input.size_wh", "input.resize", "input.alignment",
    }  # fmt: skip
    set_too = ("input.size_wh=[96, 128]", "input.std=[1, 1, 1]")
    assert drafted(path, *set_too).outputs == {"maps": (1, 17, 32, 24)}


def test_what_the_image_is_counts_before_the_configuration_of_training(tmp_path: Path) -> None:
    """Training's mean would be taken from pixels that the file scales itself."""
    path = image_model(tmp_path, "rgb", is_open=True, scale=1 / 57)
    found = drafted(path, "license=MIT", config=DATA / HRNET)
    assert not found.draft.gaps
    assert found.draft.values["input.mean"].value == [0, 0, 0]
    assert found.draft.values["input.size_wh"].value == [192, 256]
    assert any(note.startswith("input.mean: ") and note.endswith("the second is taken") for note in found.draft.notes)
    open_source(path, find_spec(path, ""))


def test_what_an_image_says_is_no_contract(tmp_path: Path) -> None:
    path = image_model(tmp_path, "rgb")
    assert not says_contract(path)
    with pytest.raises(InputError, match="has no spec"):
        find_spec(path, "")
