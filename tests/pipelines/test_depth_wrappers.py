"""A network with a z in metres and a world, of which its root is taken, through the generated Kotlin and Swift."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")

import torch

from posekit.contract.spec import canonical_json
from posekit.devices import desktop
from posekit.errors import MissingToolError
from tests import depth_networks, several
from tests.conftest import Run
from tests.families import FAMILIES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("depth")]
NAME = "landmarks_3d"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network's file with its contract beside it."""
    folder = tmp_path_factory.mktemp("depth")
    family = FAMILIES[NAME]
    (folder / "deep.json").write_bytes(canonical_json(family.spec))
    width, height = depth_networks.SIZE_WH
    program = torch.export.export(family.network(), (torch.zeros(1, 3, height, width),))
    torch.export.save(program, folder / "deep.pt2")
    return folder / "deep.pt2"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of another size than the input's, so that px of the one are not those of the other."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, places in enumerate(([(20, 30)], [(150, 90)], [(90, 20), (30, 110)])):
        several.picture((230, 150), places, number).resize((345, 225)).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("platform", ["android", "ios", "linux"])
def test_both_wrappers_give_the_same_depth(
    platform: str, model: Path, pictures: Path, run_posekit: Callable[..., Run], tmp_path: Path
) -> None:
    try:
        desktop.require(platform)
    except MissingToolError as error:
        pytest.skip(error.message)
    ran = run_posekit("package", model, "--images", pictures, "--out", tmp_path, "--json", "--platform", platform,
                      "--wrapper")  # fmt: skip
    assert ran.code == 0, ran
    (bundle,) = json.loads(ran.out)["bundles"]
    assert bundle["verdict"] == "passed"
    (decoding,) = (step for step in bundle["steps"] if step["name"] == "decoding")
    assert decoding["drift"]["max_z_px"] is None
    assert decoding["drift"]["max_z_mm"] < 0.01
    assert decoding["drift"]["max_world_mm"] < 0.01
    checks = {check["name"]: check["outcome"] for check in bundle["checks"]}
    assert checks["contract, depth's root"] == checks["contract, depth's unit"] == "pass"
