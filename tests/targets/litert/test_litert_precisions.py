"""Every LiteRT precision on networks of the kinds that users bring: it loads, it runs, and it is what its name says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from posekit.contract.precisions import PRECISIONS, of_platform
from posekit.contract.recipe import Recipe, uniform
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError
from posekit.runtimes import eight_bits, litert
from posekit.sources.recognise import Form
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel
from posekit.targets import TARGETS, Base, Calibration, Converted, check_recipe
from posekit.targets.graph.lowering import lower, relative_rms
from posekit.targets.litert import plan as litert_plan
from posekit.targets.litert import tflite_file
from posekit.targets.litert.plan import NO_FAST_KERNEL, plan
from posekit.targets.litert.tflite_graph import nodes_of
from tests import networks
from tests.targets.test_networks import spec_of

TARGET = TARGETS["android"]
BITS = {"fp32": 32, "fp16": 16, "w8a32": 8, "w8a8": 8, "w8a16": 8, "w8": 8, "w4": 4}
ACTIVATIONS = {"w8a8": "int8", "w8a16": "int16", "w8a32": "float32, made int8 as it runs"}
# relative RMS error of an output, of random weights; a wrong scale, axis or order gives 1 and more
LIMITS = {"fp32": 1e-5, "fp16": 2e-3, "w8a32": 0.05, "w8a8": 0.07, "w8a16": 0.03, "w8": 0.03, "w4": 0.4}
NAMES = ("deconv_batchnorm", "large_kernels", "vit", "gated_attention_simcc", "hardswish_se", "yolo_pose")


@dataclass(frozen=True)
class Network:
    spec: PoseSpec
    base: Base
    inputs: tuple[np.ndarray, ...]
    reference: tuple[dict[str, np.ndarray], ...]
    calibration: Calibration


def pictures(spec: PoseSpec, count: int) -> tuple[np.ndarray, ...]:
    """Smooth noise: neighbouring pixels are alike, as in pictures."""
    width, height = spec.input.size_wh
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (count, height // 8 + 1, width // 8 + 1, 3))
    return tuple(np.kron(one, np.ones((8, 8, 1)))[:height, :width].astype(np.float32) for one in coarse)


def network_of(spec: PoseSpec, module: object, folder: Path) -> Network:
    inputs = pictures(spec, 8)
    source = SourceModel(Path("in-memory"), Form.MODULE, "", module)  # type: ignore[arg-type]
    reference = tuple(run_reference(source, spec, pixels) for pixels in inputs)
    base = TARGET.base(lower(source, spec, inputs[0], reference[0]), folder, folder.parent / "log")
    return Network(spec, base, inputs, reference, TARGET.calibrate(base, inputs))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Network]:
    known: dict[str, Network] = {}

    def build(name: str) -> Network:
        if name not in known:
            known[name] = network_of(spec_of(name), networks.build(name), tmp_path_factory.mktemp(name))
        return known[name]

    return build


def made(network: Network, recipe: Recipe, folder: Path) -> Converted:
    return TARGET.compress(network.base, network.spec, recipe, network.calibration, folder / "m.tflite", folder / "log")


def errors(network: Network, converted: Converted) -> dict[str, float]:
    """Relative RMS of each output over all inputs."""
    run = litert.open_model(converted.path)
    seen = [run(pixels) for pixels in network.inputs]
    return {
        name: relative_rms(np.stack([one[name] for one in seen]), np.stack([one[name] for one in network.reference]))
        for name in network.reference[0]
    }


@pytest.mark.slow
@pytest.mark.xdist_group("litert_precisions")
@pytest.mark.parametrize("name", NAMES)
def test_every_precision_runs_and_is_what_it_says(name: str, network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = network(name)
    for precision in of_platform("android"):
        converted = made(found, uniform(precision), tmp_path)
        assert max(errors(found, converted).values()) < LIMITS[precision], precision
        assert {layer.wanted for layer in converted.layers} == {precision}
        assert len(converted.layers) == len(found.base.layers)
        for layer in converted.layers:
            as_named = layer.bits == BITS[precision] and layer.activations == ACTIVATIONS.get(precision, "float32")
            assert as_named != bool(layer.why), f"{precision}: {layer}"


@pytest.mark.xdist_group("litert_precisions")
@pytest.mark.parametrize("precision", of_platform("android"))
def test_layers_take_the_bytes_that_they_are_said_to(precision, network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Told from the file's size alone: what is not weights is the same small rest at every precision."""
    found = network("deconv_batchnorm")
    converted = made(found, uniform(precision), tmp_path)
    stored = sum(layer.weights * layer.bits / 8 for layer in converted.layers)
    rest = converted.path.stat().st_size - stored
    assert 5_000 < rest < 22_000


@pytest.mark.xdist_group("litert_precisions")
def test_a_recipe_is_followed_layer_by_layer(network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = network("hardswish_se")
    names = list(found.base.layers.values())
    recipe = Recipe(precision="w8", layers={names[0]: "fp32", names[1]: "w4", names[-1]: "fp16"})
    converted = made(found, recipe, tmp_path)
    bits = {layer.name: layer.bits for layer in converted.layers}
    assert bits == {**dict.fromkeys(names, 8), names[0]: 32, names[1]: 4, names[-1]: 16}
    assert max(errors(found, converted).values()) < 0.3


@pytest.mark.xdist_group("litert_precisions")
def test_one_static_layer_among_float_ones(network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = network("hardswish_se")
    name = list(found.base.layers.values())[2]
    converted = made(found, Recipe(precision="fp32", layers={name: "w8a8"}), tmp_path)
    computed = {layer.name: layer.activations for layer in converted.layers}
    assert computed.pop(name) == "int8"
    assert set(computed.values()) == {"float32"}


@pytest.mark.xdist_group("litert_precisions")
def test_the_same_recipe_gives_the_same_bytes(network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = network("hardswish_se")
    first = made(found, uniform("w8a8"), tmp_path).path.read_bytes()
    assert made(found, uniform("w8a8"), tmp_path).path.read_bytes() == first


@pytest.mark.xdist_group("litert_precisions")
def test_a_base_without_its_graph_is_enough(network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """As in a worker process."""
    from dataclasses import replace

    found = network("hardswish_se")
    bare = replace(found, base=replace(found.base, lowered=None))
    assert made(bare, uniform("w4"), tmp_path).path.stat().st_size > 0


@pytest.mark.xdist_group("litert_precisions")
def test_what_calibrates_needs_pictures(network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = network("hardswish_se")
    for precision, meaning in PRECISIONS.items():
        if meaning.calibrates and "android" in meaning.platforms:
            with pytest.raises(InputError, match="needs pictures"):
                TARGET.compress(
                    found.base, found.spec, uniform(precision), Calibration(), tmp_path / "m", tmp_path / "l"
                )


@pytest.mark.xdist_group("litert_precisions")
def test_operations_without_a_fast_kernel_stay_float(network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = network("hardswish_se")
    converted = made(found, uniform("w8a8"), tmp_path)
    assert any("HARD_SWISH" in note for note in converted.notes)
    unpacked = tflite_file.unpack(converted.path.read_bytes())
    tensors = unpacked.subgraphs[0].tensors
    slow = [node for node in nodes_of(unpacked, {}) if node.op in NO_FAST_KERNEL]
    assert slow
    assert {tensors[node.inputs[0]].type for node in slow} == {0}  # float32


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(precision="pal6"), "'pal6' is not one of android"),
        (Recipe(precision="auto"), "'auto' is not one of android"),
        (Recipe(precision="w8", layers={"nowhere": "w4"}), "names 1 layers that the network does not have: nowhere"),
    ],
)
@pytest.mark.xdist_group("litert_precisions")
def test_wrong_recipes_are_refused(recipe, message, network) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        check_recipe(recipe, "android", network("hardswish_se").base)


CLASS_SCORE = 4  # row of YOLO-pose's output: cx, cy, w, h, score, keypoints


@pytest.mark.slow
@pytest.mark.xdist_group("litert_precisions")
def test_yolo_keeps_its_class_scores_at_8_bits(network, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Coordinates and scores in one output: within 3 dB of a version whose decoder was left float by hand."""
    import torch

    found = network("yolo_pose")
    expected = np.stack([one["rows"][0, CLASS_SCORE] for one in found.reference])
    signal = expected - expected.mean()

    def snr(values: np.ndarray) -> float:
        return float(10 * np.log10((signal**2).sum() / ((values - expected) ** 2).sum()))

    def of_file(converted: Converted) -> float:
        run = litert.open_model(converted.path)
        return snr(np.stack([run(pixels)["rows"][0, CLASS_SCORE] for pixels in found.inputs]))

    converted = made(found, uniform("w8a8"), tmp_path)
    ours = of_file(converted)
    assert any("they join values of up to" in note for note in converted.notes)

    names = tuple(f"level_{level}_{part}" for level in range(3) for part in ("box", "score", "keypoints"))
    spec = found.spec.model_copy(update={"outputs": names})
    (tmp_path / "raw").mkdir()
    raw = network_of(spec, networks.build("yolo_pose", networks.YoloPoseUndecoded), tmp_path / "raw")
    run = litert.open_model(made(raw, uniform("w8a8"), tmp_path).path)
    by_hand = []
    for pixels in found.inputs:
        levels = [run(pixels)[f"level_{level}_score"] for level in range(3)]
        by_hand.append(torch.sigmoid(torch.from_numpy(np.concatenate([one.ravel() for one in levels]))).numpy())
    print(f"class score SNR: {ours:.1f} dB, decoder left float by hand: {snr(np.stack(by_hand)):.1f} dB")
    assert ours > snr(np.stack(by_hand)) - 3

    # the fault that this is for: one scale for pixels and scores
    monkeypatch.setattr(litert_plan, "after_layers", lambda _: (set(), set()))
    monkeypatch.setattr(eight_bits, "SEVERE", 1.0)
    naive = of_file(made(found, uniform("w8a8"), tmp_path))
    print(f"all in 8 bits: {naive:.1f} dB")
    assert naive < ours - 10


@pytest.mark.xdist_group("litert_precisions")
def test_parts_of_unlike_range_are_not_joined_in_8_bits(network) -> None:  # type: ignore[no-untyped-def]
    found = network("large_kernels")
    model = tflite_file.unpack((found.base.folder / "base.tflite").read_bytes())
    nodes = nodes_of(model, found.base.layers)
    join = max(index for index, node in enumerate(nodes) if node.op == "CONCATENATION")
    assert plan(nodes, uniform("w8a8"), found.calibration).done[join] == "w8a8"
    part = nodes[nodes[join].sources[0]].name
    wide = Calibration(ranges={**found.calibration.ranges, part: (-1e4, 1e4)})
    planned = plan(nodes, uniform("w8a8"), wide)
    assert planned.done[join] is None
    assert any("ranges are unlike" in note for note in planned.notes)
