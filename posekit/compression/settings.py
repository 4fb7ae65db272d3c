"""How a model file is to be compressed, as it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from posekit.compression.search import Tuning
from posekit.contract.precisions import PRECISIONS, REWRITES, SLOW_ON_GPU, Precision, Rewrite
from posekit.contract.recipe import Recipe, read, uniform
from posekit.errors import InputError
from posekit.parity.budget import parse_budget

BUDGET = "oks>=0.98"
SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Compression:
    """recipe: of every file, unless tuning searches one. calibration: the folder of pictures, or the video, that some
    precisions need, with the COCO annotations of its people."""

    recipe: Recipe
    tuning: Tuning | None = None
    calibration: Path | None = None
    calibration_annotations: Path | None = None


FLOAT = Compression(uniform("fp32"))


def asked(
    precision: str | None,
    *,
    recipe: Path | None = None,
    budget: str = "",
    seconds: float = SECONDS,
    workers: int = 0,
    scheduler: str = "",
    fastest: bool = False,
    calibration: Path | None = None,
    calibration_annotations: Path | None = None,
    processor: str = "any",
    without: Sequence[str] = (),
) -> Compression:
    """Options as one value; InputError where they contradict each other.

    precision: None for fp32, or what a recipe or a budget implies. budget: of `auto`, BUDGET where it is empty.
    processor: any, cpu or gpu, what an Android file is meant for. without: rewrites for speed to leave out of it.
    """
    if calibration_annotations is not None and calibration is None:
        raise InputError("--calibration-annotations needs --calibration, the folder of its pictures")
    if recipe is not None and (precision is not None or budget):
        raise InputError("--recipe says the precision of every layer", "leave out --precision and --budget")
    if budget and precision not in (None, "auto"):
        raise InputError(f"--budget is for --precision auto, not {precision}", "leave out one of the two")
    if precision != "auto" and not budget:
        if scheduler or workers or fastest:
            raise InputError(
                "--scheduler, --workers and --fastest are for a search", "ask for one with --precision auto"
            )
        found = read(recipe) if recipe is not None else uniform(cast(Precision, precision or "fp32"))
        found = found.model_copy(update={"without": _left_out(processor, [*without, *found.without])})
        if found.budget:
            parse_budget(found.budget)  # refused now, not when all is made
        return Compression(found, None, calibration, calibration_annotations)
    tuning = Tuning(parse_budget(budget or BUDGET), seconds, workers, scheduler, fastest=fastest)
    start = uniform("fp32").model_copy(update={"without": _left_out(processor, without)})
    return Compression(start, tuning, calibration, calibration_annotations)


def of_detector(wanted: Compression, precision: str | None) -> Compression:
    """How the detector of two stages is compressed: by its own precision, else as the pose network where that is one
    precision throughout, else at fp16.

    InputError for auto: a budget is of the keypoints of one network.
    """
    if precision == "auto":
        raise InputError(
            "--detector-precision is auto, expected one precision", "take fp16, or w8a8 with --calibration"
        )
    plain = wanted.tuning is None and not wanted.recipe.layers
    name = precision or (wanted.recipe.precision if plain else "fp16")
    recipe = uniform(cast(Precision, name)).model_copy(update={"without": wanted.recipe.without})
    return Compression(recipe, None, wanted.calibration if PRECISIONS[recipe.precision].calibrates else None)


def _left_out(processor: str, without: Sequence[str]) -> tuple[Rewrite, ...]:
    """The rewrites that a file is made without, each once, in the order of REWRITES."""
    return tuple(name for name in REWRITES if name in without or (processor == "gpu" and name in SLOW_ON_GPU))
