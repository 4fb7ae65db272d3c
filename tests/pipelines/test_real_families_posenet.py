"""Published PoseNet and BodyPix files: what was published of a couple, a photograph, and the generated code."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Run
from tests.real_models import (
    ANNOTATED,
    COUPLE,
    DATA,
    PHOTO,
    instances,
    needs,
    ordered,
    packaged_for_android,
    right_in_the_photo,
)

pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

pytestmark = pytest.mark.xdist_group("tensorflow")
FILES = {
    "posenet-mobilenet-coco17": DATA / "posenet" / "posenet_mobilenet_v1_075_353_481_quant.tflite",
    "bodypix-coco17": DATA / "bodypix" / "bodypix_mobilenet_v1_075_512_512_16_quant_heads.tflite",
}
POSENET_SPEC = "posenet-mobilenet-coco17"
POSENET = FILES[POSENET_SPEC]
PUBLISHED = POSENET.with_name(f"{POSENET.stem}_decoder_reference.csv")
CLOSE_PX, CLOSE_SCORE = 2.4, 0.01  # on each axis, of what another runtime published
MEAN_PX = 8.0  # in the photograph, of 640 x 425
TFJS = ('grouping="nearest"', "min_root_score=0.5", "min_confidence=0.0", "refinements=2")


def published() -> list[tuple[float, np.ndarray]]:
    """Score and keypoints with scores (17, 3) of the two people, in px of 481 x 353, from left to right."""
    with PUBLISHED.open() as file:
        rows = list(csv.DictReader(file))
    found = []
    for person in ("0", "1"):
        own = [row for row in rows if row["pose_id"] == person]
        points = [[float(row[f"keypoint_{name}"]) for name in ("x", "y", "score")] for row in own]
        found.append((float(own[0]["pose_score"]), np.array(points)))
    return found


def test_the_couple_is_where_its_publisher_says(run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    """The publisher takes the nearest pixels: the picture is made so, and has the input's size."""
    needs(POSENET, COUPLE, PUBLISHED)
    picture = tmp_path / "couple.png"
    Image.open(COUPLE).convert("RGB").resize((481, 353), Image.Resampling.NEAREST).save(picture)
    found = instances(run_posekit, POSENET, picture, "--spec", POSENET_SPEC)
    assert len(found) == 2
    for one, (confidence, expected) in zip(sorted(found, key=lambda one: one["box_xyxy"][0]), published(), strict=True):
        sure = expected[:, 2] > 0.1
        away = np.abs(np.array(one["keypoints"])[:, :2] - expected[:, :2])
        assert away[sure].max() < CLOSE_PX
        assert abs(one["confidence"] - confidence) < CLOSE_SCORE


@pytest.mark.parametrize("changes", [(), TFJS], ids=["coral", "tfjs"])
def test_both_rules_find_the_couple(changes: tuple[str, ...], run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    needs(POSENET, COUPLE, PUBLISHED)
    settings = [part for change in changes for part in ("--set", f"decoder.{change}")]
    found = ordered(instances(run_posekit, POSENET, COUPLE, "--spec", POSENET_SPEC, *settings))
    width, height = Image.open(COUPLE).size
    assert len(found) == 2
    for points, (_, expected) in zip(found, published(), strict=True):
        away = np.linalg.norm(points * (481 / width, 353 / height) - expected[:, :2], axis=-1)
        assert away[expected[:, 2] > 0.1].max() < 4.0  # the publisher's own tolerance


@pytest.mark.parametrize("spec", FILES)
def test_the_photograph(spec: str, run_posekit: Callable[..., Run]) -> None:
    needs(FILES[spec], PHOTO, ANNOTATED)
    (person,) = instances(run_posekit, FILES[spec], PHOTO, "--spec", spec)
    right, mean = right_in_the_photo(person["keypoints"])
    assert right == 17
    assert mean < MEAN_PX
    assert person["confidence"] > 0.9


@pytest.mark.slow
def test_the_photograph_in_kotlin(run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    """The network's input is rounded to whole numbers, some of which fall one way here and the other there."""
    needs(POSENET, PHOTO, ANNOTATED)
    (tmp_path / "pictures").mkdir()
    shutil.copy(PHOTO, tmp_path / "pictures")
    bundle = packaged_for_android(
        run_posekit, POSENET, POSENET_SPEC, tmp_path / "pictures", tmp_path / "out", last_digits_px=0.5
    )
    (person,) = instances(run_posekit, bundle, PHOTO)
    right, mean = right_in_the_photo(np.array(person["keypoints"])[:, :2])
    assert right == 17
    assert mean < MEAN_PX
