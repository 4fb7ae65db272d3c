"""A platform's model file: converted in float, calibrated, its recipe searched where that was asked for, compressed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posekit.compression.search import Tuned, Tuning, problem_of, tune
from posekit.compression.settings import FLOAT, Compression
from posekit.contract.precisions import TFLITE
from posekit.contract.recipe import Recipe
from posekit.parity.budget import Budget, parse_budget
from posekit.parity.evaluate import ReferenceCase
from posekit.pipelines.preparation import Calibrated, Prepared
from posekit.progress import Progress, announced
from posekit.targets import TARGETS, Base, Calibration, Converted, Target, check_recipe

UNCALIBRATED = "the search had no calibration pictures (--calibration), so precisions that need them were left out"


@dataclass(frozen=True, slots=True)
class Made:
    """A model file and how it was made. baseline: the same at fp32, where it is something else; tuned: the search that
    found the recipe; ranges: of activations, which a precision that calibrates was made with; calibration: what the
    report says of the pictures."""

    converted: Converted
    recipe: Recipe
    baseline: Path | None
    tuned: Tuned | None
    ranges: Calibration
    calibration: dict[str, Any] | None

    @property
    def budget(self) -> Budget | None:
        """What the recipe was found within, in this run or an earlier one."""
        return parse_budget(self.recipe.budget) if self.recipe.budget else None


@dataclass(frozen=True, slots=True)
class SameFiles:
    """Model files of one run, which serve a second platform that has the same: `folder` for their copies."""

    folder: Path
    made: dict[tuple[str, str], Made]

    def __call__(self, platform: str, name: str, folder: Path) -> Made | None:
        """What was made of network `name` for another platform, its file copied into `folder`; None if nothing was."""
        found = self.made.get((TARGETS[platform].suffix, name))
        if found is None:
            return None
        path = shutil.copyfile(found.converted.path, folder / found.converted.path.name)
        return replace(found, converted=replace(found.converted, path=path))

    def keep(self, platform: str, name: str, made: Made) -> None:
        """Copy what was made, which lies in a bundle and in a folder that are soon gone."""
        if platform not in TFLITE:
            return
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        path = shutil.copyfile(made.converted.path, folder / made.converted.path.name)
        baseline = made.baseline and shutil.copyfile(made.baseline, folder / f"fp32-{made.baseline.name}")
        kept = replace(made, converted=replace(made.converted, path=path), baseline=baseline)
        self.made[TARGETS[platform].suffix, name] = kept


def make(
    platform: str, prepared: Prepared, wanted: Compression, calibrated: Calibrated | None,
    references: Callable[[], Iterable[ReferenceCase]], folder: Path, scratch: Path, final: Path, step: Progress,
) -> Made:  # fmt: skip
    """Write the model file into `folder`, with `scratch` for what is needed on the way.

    references: the cases that a search measures on. final: the bundle, beside which the journal of a search and the
    converters' chatter lie; that holds times, which a bundle must not.
    """
    target, spec, log = TARGETS[platform], prepared.spec, folder / "convert.log"
    try:
        with announced(step, f"convert for {platform}"):
            start = replace(prepared.starts[platform], without=wanted.recipe.without)
            base = target.base(start, _new(scratch / "base"), log)
            check_recipe(wanted.recipe, platform, base)
        calibration, told = Calibration(), None
        if calibrated is not None:
            with announced(step, f"read the ranges of activations for {platform}"):
                calibration = target.calibrate(base, calibrated.inputs)
            told = calibrated.settled(calibration.by_input)
        recipe, tuned = wanted.recipe, None
        if wanted.tuning is not None:
            with announced(step, f"search within {wanted.tuning.budget.text}"):
                tuning = _with_journal(wanted.tuning, final)
                tuned = tune(problem_of(target, base, calibration, references(), spec), tuning, step)
            found = {"budget": wanted.tuning.budget.text, "without": wanted.recipe.without}
            recipe = tuned.recipe.model_copy(update=found)
        with announced(step, f"write the model file for {platform}"):
            path = folder / target.model_file(spec.name)
            converted = target.compress(base, spec, recipe, calibration, path, log)
            baseline = _baseline(target, base, prepared, scratch, log) if recipe.name != "fp32" else None
    finally:
        if log.exists():
            stage = "" if spec.whole is spec else ".detector"
            log.replace(final.with_name(f"{final.name}{stage}.convert.log"))
    notes = converted.notes
    if tuned is not None:
        notes = (*notes, tuned.found.why, *([] if calibrated else [UNCALIBRATED]))
    converted = replace(converted, seconds=converted.seconds + base.seconds, notes=notes)
    return Made(converted, recipe, baseline, tuned, calibration, told)


def _baseline(target: Target, base: Base, prepared: Prepared, scratch: Path, log: Path) -> Path:
    """The same conversion at fp32: it tells conversion error from precision error."""
    path = _new(scratch / "baseline") / target.model_file(prepared.spec.name)
    return target.compress(base, prepared.spec, FLOAT.recipe, Calibration(), path, log).path


def _with_journal(tuning: Tuning, final: Path) -> Tuning:
    """With the journal beside the bundle, where an interrupted search is found again."""
    return tuning if tuning.journal else replace(tuning, journal=final.with_name(f"{final.name}.search.json"))


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
