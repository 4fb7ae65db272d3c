"""Base, calibration and file in one go, for tests that look at the file alone."""

from __future__ import annotations

from pathlib import Path

from posekit.contract.recipe import Recipe
from posekit.contract.spec import PoseSpec
from posekit.targets import TARGETS, Calibration, Converted
from posekit.targets.graph.lowering import Lowered


def converted(platform: str, lowered: Lowered, spec: PoseSpec, recipe: Recipe, folder: Path) -> Converted:
    """The model file of a recipe that needs no pictures, in `folder`; its base stays in `folder`/base."""
    target, log = TARGETS[platform], folder / "convert.log"
    (folder / "base").mkdir()
    base = target.base(lowered, folder / "base", log)
    return target.compress(base, spec, recipe, Calibration(), folder / target.model_file(spec.name), log)
