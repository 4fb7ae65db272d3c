"""Published models of shared/data: how their keypoints are held against what was published and annotated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.devices import desktop
from posekit.errors import MissingToolError
from posekit.poses import Floats
from tests.conftest import Run

DATA = Path(__file__).parents[2] / "shared" / "data"
PHOTO, ANNOTATED = DATA / "photo" / "000000000785.jpg", DATA / "photo" / "coco_785.json"
COUPLE = DATA / "posenet" / "test_couple.jpg"


def needs(*paths: Path) -> None:
    if not all(path.is_file() for path in paths):
        pytest.skip("shared/data is not beside this checkout")


def instances(run_posekit: Callable[..., Run], model: Path, picture: Path, *more: str) -> list[dict[str, Any]]:
    """What `predict` says of the people in a picture."""
    ran = run_posekit("predict", model, picture, *more, "--json")
    assert ran.code == 0, ran
    found: list[dict[str, Any]] = json.loads(ran.out)["predictions"][0]["instances"]
    return found


def right_in_the_photo(keypoints: Any) -> tuple[int, float]:
    """How many of the 17 annotated keypoints are within 0.1 of the longer side of the person's box, and the mean
    distance, px."""
    (person,) = json.loads(ANNOTATED.read_text())["annotations"]
    expected = np.array(person["keypoints"], float).reshape(17, 3)
    away = np.linalg.norm(np.array(keypoints)[:, :2] - expected[:, :2], axis=-1)[expected[:, 2] > 0]
    return int((away < 0.1 * max(person["bbox"][2:])).sum()), float(away.mean())


def packaged_for_android(
    run_posekit: Callable[..., Run], model: Path, spec: str, pictures: Path, out: Path, *more: Any,
    last_digits_px: float = 0.01,
) -> Path:  # fmt: skip
    """A bundle whose generated Kotlin ran on the pictures: its decoding is Python's within 0.01 px; last_digits_px: how
    far the network may move keypoints for the last digits of its input; more: of the command."""
    try:
        desktop.require("android")
    except MissingToolError as error:
        pytest.skip(error.message)
    ran = run_posekit("package", model, "--platform", "android", "--spec", spec, "--images", pictures, "--out", out,
                      "--wrapper", "--json", *more)  # fmt: skip
    failed = (
        []
        if ran.code == 0
        else [one for made in json.loads(ran.out)["bundles"] for one in made["checks"] if one["outcome"] == "fail"]
    )
    assert ran.code == 0, failed or ran
    (bundle,) = (one for one in out.iterdir() if one.is_dir())  # beside the log
    report = json.loads((bundle / "report" / "report.json").read_text())
    steps = {one["name"]: one for one in report["steps"]}
    for name, most in (("preprocessing", last_digits_px), ("decoding", 0.01)):
        assert steps[name]["keypoints"]["max_px"] < most
    return bundle


def ordered(people: list[dict[str, Any]]) -> list[Floats]:
    """Keypoints of the people from left to right."""
    points = [np.array(one["keypoints"], np.float64)[:, :2] for one in people]
    return sorted(points, key=lambda one: float(one[:, 0].mean()))
