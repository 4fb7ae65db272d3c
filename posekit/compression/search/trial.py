"""One trial of a search: a recipe made into a file, the file run on the cases, and what became of the keypoints."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posekit.contract.precisions import TFLITE
from posekit.contract.recipe import Recipe
from posekit.contract.spec import PoseSpec
from posekit.errors import MissingToolError, PosekitError, first_line
from posekit.parity.accuracy import Truth, truth_of
from posekit.parity.cases import Case, found_in
from posekit.parity.evaluate import ReferenceCase
from posekit.parity.metrics import Found
from posekit.parity.quality import Quality, quality
from posekit.runtimes import runtime_for, timed_run
from posekit.runtimes.files import contents, unpack
from posekit.runtimes.timing import medians
from posekit.runtimes.workers import installed
from posekit.targets import TARGETS, Base, Calibration, Target, file_bytes

MAX_CASES = 64  # that every trial is measured on; the bundle's own figures are of all
TOOLS = dict.fromkeys(TFLITE, ("ai-edge-quantizer", "ai-edge-litert", "numpy")) | {"ios": ("coremltools", "numpy")}


@dataclass(frozen=True, slots=True)
class Problem:
    """All that a trial needs, so that it can run in any process on any machine: the float base's files, the cases with
    the reference's keypoints, and the ranges of activations. sha256: of all that decides a trial's result."""

    platform: str
    spec: PoseSpec
    files: Mapping[str, bytes]
    route: str
    layers: Mapping[str, str]
    output_shapes: Mapping[str, tuple[int, ...]]
    calibration: Calibration
    cases: tuple[Case, ...]
    reference: tuple[Found, ...]
    truth: tuple[Truth | None, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A recipe's outcome. layers: (name, weights, bits of each) as read back; failure: why there is no file, else
    empty.

    quality is None where the recipe failed.
    """

    recipe: Recipe
    size: int = 0
    quality: Quality | None = None
    layers: tuple[tuple[str, int, float], ...] = ()
    failure: str = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "recipe": self.recipe.model_dump(mode="json", by_alias=True), "size": self.size, "failure": self.failure,
            "quality": self.quality and self.quality.as_json(), "layers": [list(one) for one in self.layers],
            "seconds": round(self.seconds, 3),
        }  # fmt: skip


def problem_of(
    target: Target, base: Base, calibration: Calibration, references: Iterable[ReferenceCase], spec: PoseSpec
) -> Problem:
    """The problem of a base: at most MAX_CASES cases, evenly taken from all."""
    kept: list[tuple[Case, Found]] = []
    every = 1
    for number, (case, outputs) in enumerate(references):
        if number % every == 0:
            kept.append((case, found_in(case, outputs, spec)))
        if len(kept) > MAX_CASES:  # of twice as many, every second
            kept, every = kept[::2], every * 2
    files = contents(base.folder)
    cases, found = tuple(case for case, _ in kept), tuple(found for _, found in kept)
    return Problem(
        target.platform, spec, files, base.route, dict(base.layers), dict(base.output_shapes), calibration, cases,
        found, tuple(truth_of(case, spec) for case in cases), _sha256(target.platform, spec, files, calibration, kept),
    )  # fmt: skip


def tools(platform: str) -> Mapping[str, str]:
    """Versions of what decides a trial's result, by name; empty where it is not installed."""
    return installed(*TOOLS[platform])


def _sha256(
    platform: str,
    spec: PoseSpec,
    files: Mapping[str, bytes],
    calibration: Calibration,
    kept: Sequence[tuple[Case, Found]],
) -> str:
    known = (platform, *tools(platform).items(), spec.model_dump_json(), sorted(calibration.ranges.items()))
    digest = hashlib.sha256(repr(known).encode())
    for name, content in sorted(files.items()):
        digest.update(name.encode() + hashlib.sha256(content).digest())
    for case, found in kept:
        digest.update(case.name.encode() + case.pixels.tobytes() + found.keypoints.tobytes())
        digest.update(repr((case.size, case.area)).encode())
        if (truth := truth_of(case, spec)) is not None:
            digest.update(truth.boxes_xyxy.tobytes() + truth.keypoints.tobytes())
    for pixels in calibration.inputs:
        digest.update(pixels.tobytes())
    return digest.hexdigest()


class Bench:
    """A problem's base on disk, on which recipes are tried one after another; close() removes it."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._scratch = tempfile.TemporaryDirectory()
        folder = Path(self._scratch.name) / "base"
        unpack(problem.files, folder)
        self._base = Base(folder, problem.route, problem.layers, problem.output_shapes)

    def measure(self, recipe: Recipe) -> Trial:
        """Make the file of a recipe and run it on every case; a failure is part of the answer, not raised.

        MissingToolError where nothing here makes it or runs it, which no other recipe would change.
        """
        started = time.perf_counter()
        problem, target = self.problem, TARGETS[self.problem.platform]
        with tempfile.TemporaryDirectory(dir=self._scratch.name) as scratch:
            path = Path(scratch) / target.model_file(problem.spec.name)
            log = Path(scratch) / "log"
            try:
                made = target.compress(self._base, problem.spec, recipe, problem.calibration, path, log)
                run = runtime_for(problem.platform, path).run
                found = [found_in(case, run(case.pixels), problem.spec) for case in problem.cases]
            except MissingToolError:
                raise
            except PosekitError as error:
                return Trial(recipe, failure=error.message, seconds=time.perf_counter() - started)
            except Exception as error:  # a fault with one recipe says nothing of the others
                why = f"a fault of posekit: {first_line(error)}"
                return Trial(recipe, failure=why, seconds=time.perf_counter() - started)
            size = file_bytes(path)
        layers = tuple((layer.name, layer.weights, layer.bits) for layer in made.layers)
        measured = quality(found, problem.reference, problem.truth, problem.spec)
        if measured is None:
            return Trial(recipe, size, None, layers, "nobody is in its pictures", time.perf_counter() - started)
        if not np.isfinite(measured.oks):
            return Trial(recipe, size, None, layers, "its keypoints are not finite", time.perf_counter() - started)
        return Trial(recipe, size, measured, layers, seconds=time.perf_counter() - started)

    def times(self, recipes: Sequence[Recipe]) -> list[float]:
        """Median milliseconds of one inference of each recipe's file, run in turn on one thread."""
        problem, target = self.problem, TARGETS[self.problem.platform]
        with tempfile.TemporaryDirectory(dir=self._scratch.name) as scratch:
            runs = {}
            for number, recipe in enumerate(recipes):
                folder = Path(scratch) / str(number)
                folder.mkdir()
                path = folder / target.model_file(problem.spec.name)
                target.compress(self._base, problem.spec, recipe, problem.calibration, path, folder / "log")
                runs[number] = timed_run(problem.platform, path)
            return list(medians(runs, problem.cases[0].pixels).values())

    def close(self) -> None:
        """Remove the files."""
        self._scratch.cleanup()


_bench: Bench | None = None


def measure(problem: Problem, recipe: Recipe) -> Trial:
    """Try a recipe in this process, which keeps the bench of the last problem until it ends."""
    global _bench
    if _bench is None or _bench.problem.sha256 != problem.sha256:
        if _bench is not None:
            _bench.close()
        _bench = Bench(problem)
    return _bench.measure(recipe)
