"""Shared by the tests of compression: the sample's network as a graph, and rendered pictures without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from posekit.compression.network.graph import export_network  # noqa: E402
from posekit.contract.spec import PoseSpec, read_spec  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.sample import sample_images  # noqa: E402
from sample.render import render_scene  # noqa: E402
from tests import networks  # noqa: E402

SAMPLE = sample_images()[0].parent
PICTURES = 48


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tinypose() -> tuple[Any, PoseSpec]:
    """The sample's heatmap network as a graph, not to be changed, and its contract."""
    graph, _ = export_network(open_source(SAMPLE / "tinypose.pt2"), read_spec(SAMPLE / "tinypose.toml"))
    return graph, read_spec(SAMPLE / "tinypose.toml")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of renders, of other people than those the sample was trained or judged on."""
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(PICTURES):
        Image.fromarray(render_scene(20_000_000 + index, (256, 256)).image).save(
            folder / f"{index:03d}.jpg", quality=92
        )
    return folder


@pytest.fixture(scope="session")
def graphs() -> dict[str, Any]:
    """Every network of tests/networks.py as a graph, not to be changed."""
    from posekit.compression.network.graph import copied
    from posekit.targets.graph import passes

    width, height = networks.SIZE_WH
    found = {}
    for name in networks.NETWORKS:
        with torch.no_grad():
            exported = torch.export.export(networks.build(name), (torch.zeros(1, 3, height, width),))
        graph = copied(exported.module(check_guards=False))
        passes.fuse_batch_norm(graph)
        found[name] = graph
    return found


@pytest.fixture(scope="session")
def noise() -> list[Any]:
    """Inputs (1, 3, 96, 64) for the networks of tests/networks.py."""
    width, height = networks.SIZE_WH
    images = np.random.default_rng(0).normal(size=(6, 1, 3, height, width)).astype(np.float32)
    return list(torch.from_numpy(images))
