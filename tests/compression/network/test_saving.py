"""The heatmap sample with a third fewer multiply-adds: what is lost of PCK, on people nobody trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from posekit.compression.network import CompressOptions  # noqa: E402
from posekit.contract.spec import read_spec  # noqa: E402
from posekit.pipelines.compress import compress  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.sample import sample_images  # noqa: E402
from sample.crops import People, render_people  # noqa: E402
from sample.render import render_scene  # noqa: E402
from sample.train import HELD_OUT_SEEDS, RECIPES, pck, predict  # noqa: E402

SAMPLE = sample_images()[0].parent
PICTURES, SCENES, STEPS = 120, 60, 80
MOST_LOST = 0.025  # after 80 steps; benchmarks/compress.py has the figures of a real run


@pytest.fixture(scope="module")
def to_recover_on(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Renders without labels, of other people."""
    folder = tmp_path_factory.mktemp("recover")
    for index in range(PICTURES):
        Image.fromarray(render_scene(20_000_000 + index, (256, 256)).image).save(
            folder / f"{index:03d}.jpg", quality=92
        )
    return folder


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    """The first of those that the sample is judged by."""
    return render_people(HELD_OUT_SEEDS[:SCENES], tmp_path_factory.mktemp("held_out"), processes=1)


def score(model: Path, people: People) -> float:
    """PCK@0.1 as the sample's training measures it."""
    module = open_source(model).module

    def network(image: Any) -> Any:
        output = module(image)
        return output["heatmaps"] if isinstance(output, dict) else output

    return pck(predict(network, RECIPES["heatmap"], people), people)


@pytest.mark.slow
@pytest.mark.xdist_group("compress_budget")
@pytest.mark.parametrize("asked", [{"prune": 0.32}, {"low_rank": 0.2}], ids=["prune", "low_rank"])
def test_a_third_of_the_work_goes_and_the_keypoints_stay(
    asked: dict[str, float], to_recover_on: Path, people: People, tmp_path: Path
) -> None:
    spec = read_spec(SAMPLE / "tinypose.toml")
    found = compress(
        SAMPLE / "tinypose.pt2", spec, CompressOptions(**asked, recover=to_recover_on, steps=STEPS), tmp_path
    )
    assert found.ratio >= 1.5
    assert found.unrecovered is not None
    assert found.recovered is not None
    assert found.recovered.oks > max(found.unrecovered.oks, 0.96)
    lost = score(SAMPLE / "tinypose.pt2", people) - score(found.model, people)
    print(f"{asked}: {found.ratio:.2f} times fewer, {100 * lost:.2f} points of PCK lost, {found.recovered}")
    assert lost <= MOST_LOST
