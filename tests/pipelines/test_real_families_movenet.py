"""A published state dict of MoveNet's raw heads, in a network written for it: packaged, it is the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Run
from tests.real_models import ANNOTATED, DATA, PHOTO, instances, needs, right_in_the_photo

pytest.importorskip("torch")
pytest.importorskip("litert_torch")

STATE_DICT = DATA / "movenet_mbv3" / "mbv3_e81_valacc0.78953.pth"
ARCH = ("--arch", "tests.movenet_raw:build")


def test_the_state_dict_loads_strictly_and_finds_the_skier(run_posekit: Callable[..., Run]) -> None:
    needs(STATE_DICT, PHOTO, ANNOTATED)
    (person,) = instances(run_posekit, STATE_DICT, PHOTO, "--spec", "movenet-raw", *ARCH)
    right, mean = right_in_the_photo(person["keypoints"])
    assert right == 17
    assert mean < 12  # of 640 x 425 px
    assert float(np.median(person["scores"])) > 0.3


@pytest.mark.slow
def test_packaged_it_is_the_network(run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    pytest.importorskip("coremltools")
    needs(STATE_DICT, PHOTO)
    (tmp_path / "pictures").mkdir()
    Image.open(PHOTO).save(picture := tmp_path / "pictures" / "photo.png")
    given = ("--spec", "movenet-raw", *ARCH)
    ran = run_posekit("package", STATE_DICT, "--platform", "all", *given, "--images", picture.parent, "--out",
                      tmp_path / "out", "--json")  # fmt: skip
    assert ran.code == 0, ran
    assert [one["verdict"] for one in json.loads(ran.out)["bundles"]] == ["passed"] * 3
    (eager,) = instances(run_posekit, STATE_DICT, picture, *given)
    for bundle in (one for one in (tmp_path / "out").iterdir() if one.is_dir()):
        (person,) = instances(run_posekit, bundle, picture)
        assert np.abs(np.array(person["keypoints"]) - np.array(eager["keypoints"])).max() < 0.05
        assert np.abs(np.array(person["scores"]) - np.array(eager["scores"])).max() < 0.001
