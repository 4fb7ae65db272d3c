"""The reference: the network's own outputs on numpy's input, and the networks that have none to give."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posekit.contract.spec import PoseSpec, read_spec  # noqa: E402
from posekit.errors import InputError  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.reference import named_outputs, network_input, run_reference  # noqa: E402
from posekit.targets.graph.lowering import lower  # noqa: E402

Pair = namedtuple("Pair", ["x", "y"])
A, B = torch.zeros(1, 3, 8), torch.ones(1, 3, 9)


@dataclass
class Named:
    maps: Any
    hidden: Any
    tags: Any


@pytest.fixture
def spec(tiny: Any) -> PoseSpec:
    return read_spec(tiny.spec_file)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_network_input_is_the_contracts_arithmetic(order: str, spec: PoseSpec) -> None:
    spec = spec.model_copy(update={"input": spec.input.model_copy(update={"color_order": order})})
    pixels = np.random.default_rng(0).uniform(0, 255, (48, 32, 3)).astype(np.float32)
    seen = network_input(spec, pixels)
    assert seen.shape == (1, 3, 48, 32)
    assert seen.dtype == np.float32
    for channel in range(3):
        taken = pixels[5, 7, channel if order == "rgb" else 2 - channel]
        expected = (taken - spec.input.mean[channel]) / spec.input.std[channel]
        assert seen[0, channel, 5, 7] == pytest.approx(expected, abs=1e-6)


def test_reference_is_the_eager_network_channels_last(tiny: Any, spec: PoseSpec) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (48, 32, 3)).astype(np.float32)
    outputs = run_reference(open_source(tiny.save("module"), trust=True), spec, pixels)
    expected = tiny.network(torch.from_numpy(network_input(spec, pixels))).detach().numpy()
    assert list(outputs) == ["heatmaps"]
    assert np.array_equal(outputs["heatmaps"], expected.transpose(0, 2, 3, 1))
    assert not outputs["heatmaps"].base or outputs["heatmaps"].flags.c_contiguous


@pytest.mark.parametrize(
    ("result", "names", "expected"),
    [
        (A, (), ["output_0"]),
        (A, ("maps",), ["maps"]),
        ((A, B), (), ["output_0", "output_1"]),
        ([A, B], ("x", "y"), ["x", "y"]),
        ({"b": A, "a": B}, (), ["b", "a"]),
        ({"b": A, "a": B}, ("x", "y"), ["x", "y"]),
        (Pair(A, B), (), ["x", "y"]),
        (Named(A, None, B), (), ["maps", "tags"]),
        ({"maps": [A, B], "tags": A}, (), ["maps_0", "maps_1", "tags"]),
        ((A, None, (B,)), (), ["output_0", "output_2_0"]),
    ],
)
def test_outputs_are_named_in_order(result: Any, names: tuple[str, ...], expected: list[str]) -> None:
    named = named_outputs(result, names)
    assert list(named) == expected
    assert all(isinstance(value, torch.Tensor) for value in named.values())


def test_stages_of_one_shape_are_named_for_the_user() -> None:
    with pytest.raises(InputError) as raised:
        named_outputs([A, A * 2, A * 3], ("heatmaps",))
    assert raised.value.hint.endswith('outputs = ["stage_1", "stage_2", "heatmaps"]')


@pytest.mark.parametrize(("keyword", "batch"), [(True, 1), (False, 2)])
def test_an_exported_program_that_is_called_otherwise(keyword: bool, batch: int, tiny: Any, tmp_path: Path) -> None:
    example, path = torch.rand(batch, 3, 48, 32), tmp_path / "tiny.pt2"
    program = torch.export.export(tiny.network, () if keyword else (example,), {"x": example} if keyword else {})
    with path.open("wb") as file:
        torch.export.save(program, file)
    source, spec = open_source(path), read_spec(tiny.spec_file)
    pixels = np.random.default_rng(0).uniform(0, 255, (48, 32, 3)).astype(np.float32)
    if batch == 1:
        seen = run_reference(source, spec, pixels)
        assert lower(source, spec, pixels, seen).output_shapes == {"heatmaps": (1, 12, 8, 3)}
    else:
        with pytest.raises(InputError) as raised:
            run_reference(source, spec, pixels)
        assert "a batch of 1" in raised.value.hint


@pytest.mark.parametrize(
    ("result", "names", "says"),
    [
        ("text", (), "gives a str, expected tensors"),
        (None, ("a",), "gives a NoneType"),
        ([], (), "gives a list"),
        ((A, B), ("a",), r"names 1 outputs \(a\), but the network gives 2: output_0 \(1, 3, 8\), output_1 \(1, 3, 9\)"),
        (A, ("a", "b"), "names 2 outputs"),
    ],
)
def test_outputs_that_do_not_fit(result: Any, names: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        named_outputs(result, names)


@pytest.mark.parametrize(
    ("network", "code", "says"),
    [
        ("Branching", 4, ("decides by its data", "torch.where")),
        ("MakesLayers", 2, ("another 'heatmaps' each time", "layers created inside forward()")),
        (
            "MakesTheSameLayers",
            4,
            ("the exported graph's output 'heatmaps' is not the network's", "layers created inside"),
        ),
        ("Dropping", 2, ("another 'heatmaps' each time", "dropout left on")),
        ("Constant", 2, ("'heatmaps' is constant", "were the weights loaded")),
        ("Infinite", 4, ("'heatmaps' is not finite",)),
        ("NoTensor", 2, ("gives a str, expected tensors",)),
        ("TwoOutputs", 2, ("names 1 outputs (heatmaps), but the network gives 2", "output_1 (1, 3, 12, 8)")),
        ("Failing", 2, ("fails on an input of (1, 3, 48, 32)", "mat1 and mat2")),
    ],
)
def test_networks_that_are_never_shipped(
    network: str, code: int, says: tuple[str, ...], tiny: Any, not_packaged: Callable[..., Any]
) -> None:
    not_packaged(code, tiny.save("state_dict"), "--arch", f"tinynet:{network}", says=says)


def test_a_dictionary_is_taken_by_its_keys() -> None:
    """Two outputs of one shape in another order than the contract's would be exchanged without a word."""
    seen = named_outputs({"tags": A, "maps": A + 1}, ("maps", "tags"))
    assert list(seen) == ["maps", "tags"]
    assert float(seen["maps"].max()) == 1
    other = named_outputs({"left": A, "right": A + 1}, ("maps", "tags"))
    assert float(other["tags"].max()) == 1
