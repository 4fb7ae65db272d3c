"""A small network of part affinity fields on both platforms, in two precisions: nobody, one, two and three people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")

from posekit.compression.settings import Compression
from posekit.contract.recipe import uniform
from posekit.pipelines import inputs, package
from posekit.pipelines.predict import open_for_prediction, predict
from posekit.poses.images import load_image
from tests import limbs

pytestmark = [pytest.mark.xdist_group("limbs"), pytest.mark.slow]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The network's file and the folder of pictures."""
    folder = tmp_path_factory.mktemp("limbs")
    return limbs.write_model(folder / "model"), limbs.write_pictures(folder / "images")


def check(model: Path, spec: Any, images: Path) -> None:
    """Everybody is found, every keypoint within a px of the larger map on each axis, and nobody else is."""
    spec, run = open_for_prediction(model, spec, (), "", False, "")
    for picture, heads in limbs.PLACES.items():
        path = images / f"{picture}.png"
        seen, expected = predict(run, spec, path, load_image(path)).poses, limbs.points(picture)
        assert len(seen.keypoints) == len(heads), picture
        if heads:
            away = np.abs(seen.keypoints[:, None] - expected[None]).max(axis=(2, 3))
            assert sorted(away.argmin(axis=0).tolist()) == list(range(len(heads)))
            assert (away.min(axis=0) <= 2).all(), picture


def test_the_network_itself_finds_everybody(world: tuple[Path, Path]) -> None:
    check(world[0], "", world[1])


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_packaged_it_finds_the_same_people(world: tuple[Path, Path], precision: str, tmp_path: Path) -> None:
    model, folder = world
    spec = inputs.find_spec(model, "")
    images = inputs.find_images(folder, None, spec)
    compression = Compression(uniform(precision))
    results = package.package(model, "all", spec, images, compression=compression, out=tmp_path)
    assert len(results) == 3
    for result in results:
        assert result.evaluation.is_good
        check(result.folder, "", folder)
