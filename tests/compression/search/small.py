"""A network of seven layers on which a trial takes a tenth of a second, as files and as a problem of the search."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from posekit.compression.search import Problem, Trial, problem_of
from posekit.compression.search.found import Searched
from posekit.compression.search.searching import search
from posekit.compression.search.workers import Run
from posekit.contract.recipe import Recipe
from posekit.contract.spec import PoseSpec, canonical_json
from posekit.parity.budget import parse_budget
from posekit.parity.cases import Case, cases_of
from posekit.poses.images import Photo
from tests import networks
from tests.targets.test_networks import spec_of

NAME = "hardswish_se"
BUDGET = "oks>=0.97"  # that w8 keeps, and w8a32 and w4 do not
PICTURES = 4
# for a process to run first: a trial of w4 throughout ends it
KILLING = """
import os
from posekit.compression.search import trial
measure = trial.Bench.measure
def deadly(self, recipe):
    return os.kill(os.getpid(), 9) if recipe.precision == "w4" else measure(self, recipe)
trial.Bench.measure = deadly
"""


@dataclass(frozen=True)
class Small:
    """small.pt2, spec.json and pictures/."""

    folder: Path
    spec: PoseSpec

    @property
    def model(self) -> Path:
        return self.folder / "small.pt2"

    @property
    def spec_file(self) -> Path:
        return self.folder / "spec.json"

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    def arguments(self, out: Path, *more: object) -> list[object]:
        """Of `posekit`, to package it within a budget."""
        known = ("package", self.model, "--platform", "android", "--spec", self.spec_file, "--images", self.pictures)
        return [*known, "--out", out, "--precision", "auto", *more]


def write_small(folder: Path) -> Small:
    import torch

    spec = spec_of(NAME)
    width, height = spec.input.size_wh
    small = Small(folder, spec)
    torch.export.save(torch.export.export(networks.build(NAME), (torch.rand(1, 3, height, width),)), small.model)
    small.spec_file.write_bytes(canonical_json(spec))
    small.pictures.mkdir()
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        coarse = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        Image.fromarray(np.kron(coarse, np.ones((8, 8, 1), np.uint8))).save(small.pictures / f"{number}.png")
    return small


def problem_of_small(small: Small) -> Problem:
    from posekit.sources import open_source
    from posekit.sources.reference import run_reference
    from posekit.targets import TARGETS
    from posekit.targets.graph.lowering import lower

    target, source = TARGETS["android"], open_source(small.model)
    photos = [Photo(path, number) for number, path in enumerate(sorted(small.pictures.iterdir()))]
    cases: list[Case] = [case for photo in photos for case in cases_of(photo, small.spec)]
    outputs = [run_reference(source, small.spec, case.pixels) for case in cases]
    with tempfile.TemporaryDirectory() as folder:
        lowered = lower(source, small.spec, cases[0].pixels, outputs[0])
        base = target.base(lowered, Path(folder), Path(folder).with_suffix(".log"))
        calibration = target.calibrate(base, [case.pixels for case in cases])
        return problem_of(target, base, calibration, zip(cases, outputs, strict=True), small.spec)


def timeless(trial: Trial) -> Trial:
    """Without the one thing that differs from run to run."""
    return replace(trial, seconds=0)


def searched(workers: AbstractContextManager[Run], disturb: object = None) -> Searched:
    """The search of BUDGET on these workers; disturb: called with the number of each trial as it comes."""
    made = 0

    with workers as run:

        def measure(recipes: Sequence[Recipe]) -> list[Trial]:
            nonlocal made
            known = {}
            for trial in run(iter(recipes)):
                known[trial.recipe] = timeless(trial)
                made += 1
                if callable(disturb):
                    disturb(made)
            assert len(known) == len(recipes)
            return [known[recipe] for recipe in recipes]

        return search("android", parse_budget(BUDGET), measure, calibrated=True)
