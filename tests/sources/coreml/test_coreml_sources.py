"""Core ML files that coremltools made of known networks give what those networks give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("coremltools")

from posekit.contract.spec import PoseSpec, parse_spec, read_spec  # noqa: E402
from posekit.errors import ConversionError, InputError, PosekitError  # noqa: E402
from posekit.runtimes.mlpackage import coremltools, empty_specification  # noqa: E402
from posekit.sources import drafted, open_source  # noqa: E402
from posekit.sources.reference import network_input, run_reference  # noqa: E402
from posekit.targets.graph.lowering import lower  # noqa: E402
from tests import networks  # noqa: E402
from tests.targets.test_networks import spec_of  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("coreml_sources")]

SCALE, BIAS = 1 / 255, (-0.4, -0.3, -0.2)
# coremltools cannot trace the attention of `vit` as it is, nor can any user
NAMES = [name for name in networks.NETWORKS if name != "vit"]
FORMS = {"old": "neuralnetwork", "program": "mlprogram"}


def converted(network: Any, form: str, kind: str, size_wh: tuple[int, int], path: Path) -> Path:
    """A Core ML file of a network, of numbers or of an image that it scales itself."""
    ct = coremltools()
    shape = (1, 3, size_wh[1], size_wh[0])
    image = ct.ImageType(name="picture", shape=shape, scale=SCALE, bias=list(BIAS))
    more: dict[str, Any] = {"minimum_deployment_target": ct.target.iOS14}
    if form == "mlprogram":
        more = {"minimum_deployment_target": ct.target.iOS16, "compute_precision": ct.precision.FLOAT32}
    model = ct.convert(
        torch.jit.trace(network, torch.rand(shape)),  # type: ignore[no-untyped-call]
        inputs=[image if kind == "image" else ct.TensorType(name="picture", shape=shape)],
        convert_to=form, skip_model_load=True, **more,
    )  # fmt: skip
    model.save(str(path.with_suffix(".mlmodel" if form == "neuralnetwork" else ".mlpackage")))
    return path.with_suffix(".mlmodel" if form == "neuralnetwork" else ".mlpackage")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_networks_of_many_layers(name: str, form: str, tmp_path: Path) -> None:
    network, size_wh = networks.build(name), networks.SIZE_WH
    source = open_source(converted(network, form, "numbers", size_wh, tmp_path / name), spec_of(name))
    x = torch.rand(1, 3, size_wh[1], size_wh[0])
    with torch.no_grad():
        seen, expected = list(source.module(x).values()), network(x)
    for one, other in zip(seen, expected if isinstance(expected, tuple) else (expected,), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))


@pytest.fixture(scope="module")
def images(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny network of an image, in both forms."""
    folder = tmp_path_factory.mktemp("images")
    return {form: converted(tiny.network, form, "image", (32, 48), folder / form) for form in FORMS.values()}


def contract(tiny: Any, **changes: Any) -> PoseSpec:
    base = read_spec(tiny.spec_file).model_dump(by_alias=True)
    return parse_spec({**base, "input": {**base["input"], **changes}}, "tests")


RAW = {"mean": [0, 0, 0], "std": [1, 1, 1], "color_order": "rgb"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_image_is_scaled_once(
    form: str, tiny: Any, images: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    spec = contract(tiny, **RAW)
    pixels = np.random.default_rng(0).uniform(0, 255, (48, 32, 3)).astype(np.float32)
    source = open_source(images[form], spec)
    outputs = run_reference(source, spec, pixels)
    plain = torch.from_numpy(network_input(spec, pixels)) * SCALE + torch.tensor(BIAS).reshape(1, 3, 1, 1)
    with torch.no_grad():
        expected = tiny.network(plain).numpy().transpose(0, 2, 3, 1)
    assert np.allclose(outputs["heatmaps"], expected, atol=1e-5)
    assert "evaluated: by posekit" in caplog.text  # as every command tells
    lower(source, spec, pixels, outputs)


def test_a_contract_that_says_the_models_own_scaling(tiny: Any, images: dict[str, Path]) -> None:
    """What the old kind does to pixels is known, so training's mean and std may stand in the contract."""
    own = contract(tiny, mean=[-255 * one for one in BIAS], std=[255] * 3, color_order="rgb")
    raw = contract(tiny, **RAW)
    pixels = np.random.default_rng(0).uniform(0, 255, (48, 32, 3)).astype(np.float32)
    seen, expected = (run_reference(open_source(images["neuralnetwork"], one), one, pixels) for one in (own, raw))
    assert np.allclose(seen["heatmaps"], expected["heatmaps"], atol=1e-5)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_contract_that_would_scale_twice(form: str, tiny: Any, images: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="would scale them once more"):
        open_source(images[form], contract(tiny, mean=[120, 120, 120], std=[60, 60, 60], color_order="rgb"))
    with pytest.raises(InputError, match=r"takes a RGB image, but input.color_order is 'bgr'"):
        open_source(images[form], contract(tiny, **{**RAW, "color_order": "bgr"}))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_draft_of_an_image_is_a_contract_that_opens_it(form: str, tiny: Any, images: dict[str, Path]) -> None:
    draft = drafted(images[form])
    assert draft is not None
    said = {name.removeprefix("input."): one.value for name, one in draft.values.items()}
    assert said == {**RAW, "size_wh": [32, 48]}
    assert bool(draft.notes) == (form == "neuralnetwork")  # a program's scaling is among its operations
    open_source(images[form], contract(tiny, **said))


def _of(change: Callable[[Any], None], path: Path, folder: Path) -> Path:
    model = empty_specification()
    model.ParseFromString(path.read_bytes())
    change(model)
    (folder / "changed.mlmodel").write_bytes(model.SerializeToString())
    return folder / "changed.mlmodel"


def _fewer(model: Any) -> None:
    layer = next(one for one in model.neuralNetwork.layers if one.WhichOneof("layer") == "convolution")
    del layer.convolution.weights.floatValue[5:]


def _custom(model: Any) -> None:
    layer = model.neuralNetwork.layers[-1]
    layer.custom.className = "Mine"


def _classifier(model: Any) -> None:
    model.glmClassifier.SetInParent()


def _two(model: Any) -> None:
    model.description.input.add().name = "other"


REFUSED: dict[str, tuple[Callable[[Any], None], type[PosekitError], str]] = {
    "fewer weights": (_fewer, InputError, "has 5 weights, expected"),
    "custom layer": (_custom, ConversionError, "custom"),
    "another kind": (_classifier, InputError, "glmClassifier"),
    "two inputs": (_two, InputError, "has 2 inputs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tiny: Any, images: dict[str, Path], tmp_path: Path) -> None:
    change, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words):
        open_source(_of(change, images["neuralnetwork"], tmp_path), contract(tiny, **RAW))


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_in_few_bits(bits: int, tiny: Any, images: dict[str, Path], tmp_path: Path) -> None:
    """A table of numbers, whose codes are packed from the highest bit on."""

    def pack(model: Any) -> None:
        for layer in model.neuralNetwork.layers:
            if layer.WhichOneof("layer") != "convolution":
                continue
            weights = layer.convolution.weights
            values = np.array(weights.floatValue, np.float32)
            table = np.linspace(values.min(), values.max(), 1 << bits)
            codes = np.abs(values[:, None] - table).argmin(axis=1)
            lanes = (codes[:, None] >> np.arange(bits)[::-1]) & 1
            weights.ClearField("floatValue")
            weights.rawValue = np.packbits(lanes.reshape(-1).astype(np.uint8)).tobytes()
            weights.quantization.numberOfBits = bits
            weights.quantization.lookupTableQuantization.floatValue.extend(table)

    spec = contract(tiny, **RAW)
    pixels = np.random.default_rng(0).uniform(0, 255, (48, 32, 3)).astype(np.float32)
    whole = run_reference(open_source(images["neuralnetwork"], spec), spec, pixels)["heatmaps"]
    packed = _of(pack, images["neuralnetwork"], tmp_path)
    seen = run_reference(open_source(packed, spec), spec, pixels)["heatmaps"]
    off = float(np.abs(seen - whole).max() / np.ptp(whole))
    assert 0 < off < {4: 0.2, 8: 0.02}[bits]


def test_inspect_and_damage(
    run_posekit: Callable[..., Any], refused: Callable[..., Any], images: Any, tmp_path: Path
) -> None:
    told = json.loads(run_posekit("inspect", images["neuralnetwork"], "--json").out)
    assert told["form"] == "Core ML neural network"
    assert told["inputs"]["picture"].startswith("RGB 48 x 32")
    assert told["operations"]["convolution"] == 3
    assert "UNVERIFIED" in told["evaluated"]
    content = images["neuralnetwork"].read_bytes()
    for size in (20, 200, len(content) - 10):
        (tmp_path / "cut.mlmodel").write_bytes(content[:size])
        refused(2, "inspect", tmp_path / "cut.mlmodel")


def built(folder: Path, add: Callable[[Any], None], sides: tuple[int, int, int] = (3, 8, 6)) -> Any:
    """What a network of one layer, as coremltools' builder writes it, gives for numbers; the numbers."""
    coremltools()
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    builder = NeuralNetworkBuilder([("x", datatypes.Array(*sides))], [("y", datatypes.Array(1))])
    add(builder)
    (folder / "one.mlmodel").write_bytes(builder.spec.SerializeToString())
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, *sides)).astype(np.float32))
    with torch.no_grad():
        return open_source(folder / "one.mlmodel").module(x)["y"].numpy(), x.numpy()


C = np.array([1.0, 2.0, 3.0], np.float32)
LAYERS: dict[str, tuple[Callable[[Any], None], Callable[[Any], Any]]] = {
    "slice to the last": (lambda b: b.add_slice("s", "x", "y", "width", 1, -1, 2), lambda x: x[..., 1:-1:2]),
    "slice": (lambda b: b.add_slice("s", "x", "y", "height", 2, 5, 1), lambda x: x[:, :, 2:5]),
    "slice of channels": (lambda b: b.add_slice("s", "x", "y", "channel", 1, 3, 1), lambda x: x[:, 1:3]),
    "bias": (lambda b: b.add_bias("b", C, "x", "y", [3]), lambda x: x + C[:, None, None]),
    "bias of all": (lambda b: b.add_bias("b", C[:1], "x", "y", [1]), lambda x: x + 1),
    "scale": (
        lambda b: b.add_scale("s", C, C, True, "x", "y", [3], [3]),
        lambda x: x * C[:, None, None] + C[:, None, None],
    ),
    "scale alone": (lambda b: b.add_scale("s", C, None, False, "x", "y", [3, 1, 1]), lambda x: x * C[:, None, None]),
    "log": (
        lambda b: b.add_unary("u", "x", "y", "log", epsilon=0.01),
        lambda x: np.log(np.maximum(x, 0.01)),
    ),
    "rsqrt": (
        lambda b: b.add_unary("u", "x", "y", "rsqrt", scale=0.0001, shift=5.0, epsilon=0.01),
        lambda x: 1 / np.sqrt(x * 0.0001 + 5 + 0.01),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_what_their_format_says(name: str, tmp_path: Path) -> None:
    add, expected = LAYERS[name]
    seen, x = built(tmp_path, add)
    assert np.allclose(seen, expected(x), rtol=1e-5, atol=1e-5)


def test_pools_and_sizes_that_are_not_done_are_refused(tmp_path: Path) -> None:
    def pool(builder: Any) -> None:
        builder.add_pooling("p", 2, 2, 2, 2, "L2", "VALID", "x", "y", is_global=True)

    with pytest.raises(ConversionError, match="sum of squares"):
        built(tmp_path, pool)

    def deconvolution(builder: Any) -> None:
        weights = np.ones((4, 4, 3, 2), np.float32)
        builder.add_convolution("d", 3, 2, 4, 4, 2, 2, "same", 1, weights, None, False, True, (17, 13), "x", "y")

    with pytest.raises(ConversionError, match=r"outputShape of \[17, 13\]"):
        built(tmp_path, deconvolution)
