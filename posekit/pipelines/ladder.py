"""Every precision of a platform beside each other: size, time, keypoints; and which one to take, and why."""

from __future__ import annotations

import platform as machine
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.compression.calibration import is_sample
from posekit.compression.ladder import Ladder, Rung, recommend
from posekit.contract.precisions import PRECISIONS, Precision, of_platform
from posekit.contract.recipe import uniform
from posekit.contract.spec import PoseSpec
from posekit.errors import MissingToolError, PosekitError, first_line, full_disk, note
from posekit.parity.accuracy import Accuracy, Truth, accuracy, accuracy_drop, truth_of
from posekit.parity.cases import Case, cases_of, found_in
from posekit.parity.gate import Outcome, check_accuracy, excused, gate_for
from posekit.parity.metrics import Found
from posekit.parity.quality import Quality, quality, quality_of
from posekit.parity.step_checks import total_checks
from posekit.parity.steps import Side
from posekit.pipelines.inputs import Images
from posekit.pipelines.preparation import Prepared, calibrating, prepare
from posekit.progress import Progress, announced, silent
from posekit.runtimes import Runtime, runtime_for, timed_run
from posekit.runtimes.timing import medians
from posekit.sources.reference import run_reference
from posekit.targets import TARGETS, Base, Calibration, file_bytes

LONGEST = 240.0  # seconds for the keypoints of one precision


# the files of a linux bundle are Android's, so that all is told of two
PLATFORMS = {"android": ("android",), "ios": ("ios",), "linux": ("linux",), "all": ("android", "ios")}


def ladder(
    model: Path,
    platforms: Sequence[str],
    spec: PoseSpec,
    images: Images,
    *,
    calibration: Path | None = None,
    calibration_annotations: Path | None = None,
    arch: str = "",
    trust: bool = False,
    weights: str = "",
    step: Progress = silent,
) -> list[Ladder]:
    """Make and measure every precision of the platforms; one that fails, or lacks calibration pictures, says so."""
    for name in platforms:
        TARGETS[name].require()
    prepared = prepare(model, spec, images, step, platforms=tuple(platforms), arch=arch, trust=trust, weights=weights)
    calibrated = None
    if calibration is not None or calibration_annotations is not None or is_sample(prepared.source.sha256):
        calibrated = calibrating(
            prepared.source, prepared.spec, calibration, calibration_annotations, images, "w8a8", step
        )
    found = []
    for name in platforms:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "base").mkdir()
            target = TARGETS[name]
            with announced(step, f"convert for {name}"):
                base = target.base(prepared.starts[name], folder / "base", folder / "log")
            read, told, why_not = Calibration(), None, "needs calibration pictures: --calibration"
            if calibrated is not None:
                try:
                    with announced(step, f"read the ranges of activations for {name}"):
                        read = target.calibrate(base, calibrated.inputs)
                    told = calibrated.settled(read.by_input)
                except PosekitError as error:  # says nothing of the precisions that need no ranges
                    why_not = error.message
            found.append(_climb(name, prepared, images, base, read, folder, told, why_not, step))
    return found


@dataclass(frozen=True, slots=True)
class _Made:
    """A rung so far, with its file and what runs it where there are any."""

    rung: Rung
    path: Path | None = None
    runtime: Runtime | None = None

    def dropped(self, status: str, why: str) -> _Made:
        """The rung without a file to measure, and the reason."""
        return _Made(replace(self.rung, status=status, failed=(why,)))


def _climb(
    name: str, prepared: Prepared, images: Images, base: Base, calibration: Calibration, folder: Path,
    told: dict[str, Any] | None, why_not: str, step: Progress,
) -> Ladder:  # fmt: skip
    made = _all_made(name, prepared.spec, base, calibration, folder, why_not, step)
    pixels = next(_cases(images, prepared.spec)).pixels
    made = _quick_enough(made, pixels, sum(max(len(photo.people), 1) for photo in images.photos))
    with announced(step, f"measure keypoints on {name}"):
        reference, made = _measured(prepared, images, made, step)
    with announced(step, f"measure time on {name}"):
        times, untimed = _times(name, {key: one.path for key, one in made.items() if one.path}, pixels)
    rungs = _with_ratios({key: one.rung for key, one in made.items()}, times)
    recommended, why = recommend(rungs)
    return Ladder(
        name=prepared.spec.name,
        platform=name,
        runtime=next((one.runtime.name for one in made.values() if one.runtime), "not run"),
        machine=f"{machine.system()} {machine.machine()}",
        evaluated_on=images.what,
        warnings=images.warnings,
        people=reference.people if reference else 0,
        reference=reference,
        rungs=rungs,
        untimed=untimed,
        calibration=told,
        recommended=recommended,
        why=why,
    )


def _all_made(
    name: str, spec: PoseSpec, base: Base, calibration: Calibration, folder: Path, why_not: str, step: Progress
) -> dict[Precision, _Made]:
    made: dict[Precision, _Made] = {}
    for precision in of_platform(name):
        if PRECISIONS[precision].calibrates and not calibration.inputs:
            made[precision] = _Made(Rung(precision, "SKIPPED", failed=(why_not,)))
            continue
        with announced(step, f"make {precision} for {name}"):
            made[precision] = _make(name, spec, precision, base, calibration, folder)
    return made


def _make(name: str, spec: PoseSpec, precision: Precision, base: Base, calibration: Calibration, folder: Path) -> _Made:
    """The file and what runs it, or a rung that says why there is none."""
    target = TARGETS[name]
    (folder / precision).mkdir()
    path = folder / precision / target.model_file(spec.name)
    try:
        converted = target.compress(base, spec, uniform(precision), calibration, path, folder / "log")
        runtime = runtime_for(name, path)
    except PosekitError as error:
        return _Made(Rung(precision, "FAILED", failed=(error.message,)))
    except Exception as error:  # a fault with one precision says nothing of the others
        if full_disk(error) is not None:
            raise
        note(error, folder / "log")
        why = f"a fault of posekit, please report it: {first_line(error)}"
        return _Made(Rung(precision, "FAILED", failed=(why,)))
    rung = Rung(
        precision, runtime.status, file_bytes(path), layers=tuple(layer.as_json() for layer in converted.layers),
        notes=converted.notes, minimum_system=converted.minimum_system,
    )  # fmt: skip
    return _Made(rung, path, runtime)


def _quick_enough(made: dict[Precision, _Made], pixels: NDArray[np.float32], cases: int) -> dict[Precision, _Made]:
    """All rungs, of which those keep their file that run, and would not take LONGEST for all cases."""
    kept = {}
    for precision, one in made.items():
        kept[precision] = one
        if one.runtime is None:
            continue
        begin = time.perf_counter()
        try:
            one.runtime.run(pixels)
        except PosekitError as error:  # says nothing of the others
            kept[precision] = one.dropped("FAILED", error.message)
            continue
        seconds = time.perf_counter() - begin
        if seconds * cases > LONGEST:
            why = f"one inference takes {seconds:.1f} s here, {cases} would take {seconds * cases / 60:.0f} min"
            kept[precision] = one.dropped("SKIPPED", why)
    return kept


def _cases(images: Images, spec: PoseSpec) -> Iterator[Case]:
    for photo in images.photos:
        yield from cases_of(photo, spec)


def _measured(
    prepared: Prepared, images: Images, made: dict[Precision, _Made], step: Progress
) -> tuple[Quality | None, dict[Precision, _Made]]:
    """The reference, and every rung with what its model makes of all cases, a case at a time, and what `package`'s
    gates would say of it; or why it failed."""
    spec, made = prepared.spec, dict(made)
    reference: list[Found] = []
    truth: list[Truth | None] = []
    sides = {key: Side(gate_for(key, spec)) for key, one in made.items() if one.runtime is not None}
    for number, case in enumerate(_cases(images, spec), 1):
        expected = run_reference(prepared.source, spec, case.pixels)
        reference.append(found_in(case, expected, spec))
        truth.append(truth_of(case, spec))
        for precision in list(sides):
            runtime = made[precision].runtime
            assert runtime is not None
            try:
                seen = runtime.run(case.pixels)
            except PosekitError as error:
                made[precision] = made[precision].dropped("FAILED", f"{error.message} ({case.name})")
                del sides[precision]
                continue
            sides[precision].add(case, seen, expected, spec)
        step(f"measure keypoints, {number} inputs")
    before = accuracy(reference, truth, spec)
    for precision, side in sides.items():
        seen_quality, failed = _judged(precision, side, reference, truth, before, spec)
        made[precision] = replace(
            made[precision], rung=replace(made[precision].rung, quality=seen_quality, failed=failed)
        )
    return quality(reference, reference, truth, spec), made


def _judged(
    precision: Precision,
    side: Side,
    reference: list[Found],
    truth: list[Truth | None],
    before: Accuracy | None,
    spec: PoseSpec,
) -> tuple[Quality | None, tuple[str, ...]]:
    """What a model's keypoints are worth, and the gates that they fail."""
    step = side.step(precision, reference, spec)
    held = check_accuracy(side.gate, accuracy_drop(reference, side.found, truth, spec))
    checks = excused(
        (*total_checks(step, spec, side.gate), *held),
        bool(held) and all(one.outcome is Outcome.PASS for one in held),
    )
    failed = tuple(f"{one.name}: {one.detail}" for one in checks if one.outcome is Outcome.FAIL)
    return quality_of(step.keypoints, before, accuracy(side.found, truth, spec), step.people), failed


def _times(name: str, files: dict[Precision, Path], pixels: NDArray[np.float32]) -> tuple[dict[Precision, float], str]:
    """Median milliseconds of each file, or why there are none."""
    try:
        runs = {precision: timed_run(name, path) for precision, path in files.items()}
    except MissingToolError as error:
        return {}, error.message
    return medians(runs, pixels), ""


def _with_ratios(rungs: dict[Precision, Rung], times: dict[Precision, float]) -> tuple[Rung, ...]:
    whole = rungs["fp32"]
    complete = []
    for precision, rung in rungs.items():
        spent, base = times.get(precision), times.get("fp32")
        complete.append(
            replace(
                rung,
                ratio=rung.size / whole.size if rung.size and whole.size else None,
                milliseconds=spent,
                time_ratio=spent / base if spent is not None and base else None,
            )
        )
    return tuple(complete)
