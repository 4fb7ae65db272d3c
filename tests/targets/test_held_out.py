"""8 bits keep the accuracy of the sample on people who neither trained nor calibrated it: 15 are too few to tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")

from posekit.compression.calibration import choose
from posekit.contract.outputs import Run, decode
from posekit.contract.recipe import uniform
from posekit.contract.spec import PoseSpec, read_spec
from posekit.poses.regions import region_from_box
from posekit.poses.warp import crop
from posekit.runtimes import runtime_for
from posekit.sources import open_source
from posekit.sources.reference import run_reference
from posekit.sources.sample import sample_images
from posekit.targets import TARGETS
from posekit.targets.graph.lowering import lower
from sample.crops import People, render_people
from sample.train import HELD_OUT_SEEDS, pck

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("held_out")]
SCENES = 60  # 92 people with 1309 visible keypoints
PICTURES, ANNOTATIONS = sample_images()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return render_people(HELD_OUT_SEEDS[:SCENES], tmp_path_factory.mktemp("held_out"), processes=1)


def accuracy(run: Run, people: People, spec: PoseSpec) -> float:
    found = []
    for scene, box in zip(people.scene, people.boxes_xyxy, strict=True):
        x1, y1, x2, y2 = map(float, box)
        region = region_from_box((x1, y1, x2, y2), spec.input.size_wh, spec.input.box_padding)
        pixels, transform = crop(people.images[scene], region, spec.input)
        found.append(transform.to_source(decode(run(pixels), spec).keypoints[0, :, :2]))
    return pck(np.array(found), people)


@pytest.fixture(scope="module")
def measured(people: People, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[float, float]]:
    """PCK of the eager network and of its w8a8 file."""
    before: dict[str, float] = {}

    def measure(name: str, platform: str) -> tuple[float, float]:
        folder, model = tmp_path_factory.mktemp("made"), PICTURES.parent / f"{name}.pt2"
        spec, source, target = read_spec(model.with_suffix(".toml")), open_source(model), TARGETS[platform]

        def reference(pixels: Any) -> Any:
            return run_reference(source, spec, pixels)

        if name not in before:
            before[name] = accuracy(reference, people, spec)
        chosen = choose(PICTURES, spec, annotations=ANNOTATIONS, limit=15).inputs
        (folder / "base").mkdir()
        base = target.base(lower(source, spec, chosen[0], reference(chosen[0])), folder / "base", folder / "log")
        file: Path = folder / target.model_file(name)
        target.compress(base, spec, uniform("w8a8"), target.calibrate(base, chosen), file, folder / "log")
        return before[name], accuracy(runtime_for(platform, file).run, people, spec)

    return measure


@pytest.mark.parametrize("platform", ["android", "ios"])
@pytest.mark.parametrize("name", ["tinypose", "tinysimcc"])
def test_8_bits_keep_the_accuracy(
    measured: Callable[[str, str], tuple[float, float]], name: str, platform: str
) -> None:
    whole, small = measured(name, platform)
    assert whole > 0.96
    assert abs(small - whole) <= 0.005
