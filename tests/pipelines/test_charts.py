"""DensePose's head on both platforms, in two precisions: nobody and one person, labels and U and V of each cell; and
through the generated Kotlin and Swift."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")

from posekit.devices import desktop
from posekit.errors import MissingToolError
from tests import charts
from tests.conftest import Run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("charts")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The network's file and the folder of pictures."""
    folder = tmp_path_factory.mktemp("charts")
    return charts.write_model(folder / "model"), charts.write_pictures(folder / "pictures")


def packaged(run_posekit: Callable[..., Run], world: tuple[Path, Path], out: Path, *more: str) -> list[dict[str, Any]]:
    ran = run_posekit("package", world[0], "--images", world[1], "--out", out, "--json", *more)
    assert ran.code == 0, ran
    bundles: list[dict[str, Any]] = json.loads(ran.out)["bundles"]
    return bundles


@pytest.mark.parametrize(
    ("platform", "precision"), [("android", "fp32"), ("ios", "fp32"), ("linux", "fp32"), ("all", "fp16")]
)
def test_it_is_the_same_on_all_platforms(
    world: tuple[Path, Path], platform: str, precision: str, run_posekit: Callable[..., Run], tmp_path: Path
) -> None:
    """At fp32 through the generated code too, where it can be compiled here."""
    wrapper = ["--wrapper"] if precision == "fp32" and runs_here(platform) else []
    for one in packaged(run_posekit, world, tmp_path, "--platform", platform, "--precision", precision, *wrapper):
        assert one["verdict"] == "passed"
        steps = {step["name"]: step["dense"] for step in one["steps"]} | {"total": one["total"]["dense"]}
        (dense,) = steps["total"]
        assert dense["cells"] >= 4 * (charts.SQUARE - 4) ** 2
        assert dense["agreement"] > 0.995
        assert dense["mean_uv"] < 0.001
        if wrapper:
            (dense,) = steps["decoding"]
            assert dense["agreement"] == 1.0
            assert dense["max_abs"] < 1e-6


def runs_here(platform: str) -> bool:
    try:
        desktop.require(platform)
    except MissingToolError:
        return False
    return True


def test_predict_draws_labels_and_surface(
    world: tuple[Path, Path], run_posekit: Callable[..., Run], tmp_path: Path
) -> None:
    model, pictures = world
    ran = run_posekit("predict", model, pictures / "one.png", "--out", tmp_path, "--json")
    assert ran.code == 0, ran
    (row,) = json.loads(ran.out)["predictions"]
    assert set(row["dense"][0]["shares"]) == set(charts.LABELS)
    labels, surface = (np.asarray(Image.open(row["pictures"][name])) for name in ("body", "body_uv"))
    for x, y, label in charts.PLACES["one"]:
        middle = y + charts.SQUARE // 2, x + charts.SQUARE // 2
        assert labels[middle] == surface[middle][0] == label
        assert np.abs(surface[middle][1:] / 255 - np.array(middle[::-1]) / charts.SIDE).max() < 0.02
    assert labels[5, 5] == 0
    assert surface[5, 5].max() == 0
