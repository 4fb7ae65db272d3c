"""The network as a graph: the same values, over batches too, its cost, and back through a file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posekit.compression.network import graph as network  # noqa: E402
from posekit.contract.spec import PoseSpec, read_spec  # noqa: E402
from posekit.errors import ConversionError  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.reference import run_reference  # noqa: E402
from posekit.sources.sample import sample_images  # noqa: E402
from tests import networks  # noqa: E402


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_many_at_once_give_what_each_gives_alone(name: str, graphs: dict[str, Any], noise: list[Any]) -> None:
    many = network.batched(graphs[name], networks.SIZE_WH)(torch.cat(noise))
    eager = networks.build(name)
    with torch.no_grad():
        alone = [eager(one) for one in noise]
    for index, seen in enumerate(many):
        parts = [one[index] if isinstance(one, tuple) else one for one in alone]
        torch.testing.assert_close(seen.detach(), torch.cat(parts), rtol=1e-3, atol=1e-4)


def test_a_shape_with_its_batch_written_down_is_mapped_and_still_learns(
    graphs: dict[str, Any], noise: list[Any]
) -> None:
    graph = network.cloned(graphs["vit"])
    with pytest.raises(RuntimeError):
        graph(torch.cat(noise))  # what mapping is for
    for parameter in graph.parameters():
        parameter.requires_grad_(True)
    (out,) = network.batched(graph, networks.SIZE_WH)(torch.cat(noise))
    out.square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in graph.parameters())


def test_the_cost_is_what_the_sample_says(tinypose: tuple[Any, PoseSpec]) -> None:
    graph, spec = tinypose
    facts = json.loads((sample_images()[0].parent / "training.json").read_text())
    assert network.multiply_adds(graph, spec.input.size_wh) / 1e6 == pytest.approx(
        facts["networks"]["tinypose"]["mmacs"], abs=0.05
    )


@pytest.mark.parametrize("form", ["exported", "torchscript", "module", "state_dict"])
def test_every_form_of_a_source_becomes_a_graph_and_a_file(form: str, tiny: Any, tmp_path: Path) -> None:
    spec = read_spec(tiny.spec_file)
    source = open_source(tiny.save(form), arch="tinynet:build", trust=form == "module")
    graph, names = network.export_network(source, spec)
    network.save(graph, names, spec.input.size_wh, tmp_path / "saved.pt2")
    pixels = np.random.default_rng(0).uniform(0, 255, (48, 32, 3)).astype(np.float32)
    again = run_reference(open_source(tmp_path / "saved.pt2"), spec, pixels)
    for name, expected in run_reference(source, spec, pixels).items():
        np.testing.assert_allclose(again[name], expected, atol=1e-5)
    assert len(list(graph.parameters())) == 6  # three layers, the BatchNorm folded


def test_a_saved_file_holds_no_path_of_this_machine(tinypose: tuple[Any, PoseSpec], tmp_path: Path) -> None:
    graph, spec = tinypose
    network.save(graph, ("heatmaps",), spec.input.size_wh, tmp_path / "saved.pt2")
    with zipfile.ZipFile(tmp_path / "saved.pt2") as archive:
        held = b"".join(archive.read(name) for name in archive.namelist())
    here = Path(network.__file__).resolve()
    assert not any(
        str(path).encode() in held for path in (here.parents[3], Path(torch.__file__).parents[1], Path.home())
    )
    assert b"aten.conv2d" in held


def test_a_network_that_cannot_be_exported_is_said(tiny: Any) -> None:
    source = open_source(tiny.save("exported"))
    object.__setattr__(source, "module", tiny.code.Branching().eval())
    with pytest.raises(ConversionError, match="decides by its data"):
        network.export_network(source, read_spec(tiny.spec_file))


def test_a_mutation_becomes_a_value() -> None:
    class Mutating(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.relu_(x * 2) + 1

    exported = torch.export.export(Mutating(), (torch.zeros(1, 3, 4, 4),)).module(check_guards=False)
    graph = network.copied(exported)
    network._without_mutation(graph)
    targets = [str(node.target) for node in graph.graph.nodes]
    assert "aten.relu.default" in targets
    assert "aten.relu_.default" not in targets
    image = torch.randn(1, 3, 4, 4)
    torch.testing.assert_close(graph(image)[0], torch.relu(image * 2) + 1)
