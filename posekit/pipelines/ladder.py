"""Every precision of a platform beside each other: size, time, keypoints; and which one to take, and why."""

from __future__ import annotations

import platform as machine
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.compression.calibration import is_sample
from posekit.compression.ladder import Ladder, Rung, recommend
from posekit.contract.outputs import Run
from posekit.contract.precisions import PRECISIONS, Precision, of_platform
from posekit.contract.recipe import uniform
from posekit.contract.spec import PoseSpec
from posekit.errors import MissingToolError, PosekitError, first_line, full_disk, note
from posekit.parity.accuracy import Truth, accuracy, accuracy_drop, truth_of
from posekit.parity.cases import Case, cases_of, found_in
from posekit.parity.gate import Outcome, check_accuracy, check_keypoints, check_tensors, excused, gate_for
from posekit.parity.metrics import Found
from posekit.parity.quality import Quality, quality, quality_of
from posekit.parity.stages import Side
from posekit.pipelines.inputs import Images
from posekit.pipelines.preparation import Prepared, calibrating, prepare
from posekit.progress import Step, announced, silent
from posekit.runtimes import Runtime, runtime_for, timed_run
from posekit.runtimes.timing import medians
from posekit.sources.reference import run_reference
from posekit.targets import TARGETS, Base, Calibration, Converted, file_bytes

LONGEST = 240.0  # seconds for the keypoints of one precision


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
    step: Step = silent,
) -> list[Ladder]:
    """Make and measure every precision of the platforms; one that fails, or lacks calibration pictures, says so."""
    for name in platforms:
        TARGETS[name].require()
    prepared = prepare(model, spec, images, step, arch=arch, trust=trust, weights=weights)
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
                base = target.base(prepared.lowered, folder / "base", folder / "log")
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


def _climb(
    name: str, prepared: Prepared, images: Images, base: Base, calibration: Calibration, folder: Path,
    told: dict[str, Any] | None, why_not: str, step: Step,
) -> Ladder:  # fmt: skip
    rungs: dict[Precision, Rung] = {}
    files: dict[Precision, Path] = {}
    runs: dict[Precision, Runtime] = {}
    for precision in of_platform(name):
        if PRECISIONS[precision].calibrates and not calibration.inputs:
            rungs[precision] = Rung(precision, "SKIPPED", failed=(why_not,))
            continue
        with announced(step, f"make {precision} for {name}"):
            made = _make(name, prepared.spec, precision, base, calibration, folder)
        if isinstance(made, Rung):
            rungs[precision] = made
            continue
        converted, runtime = made
        files[precision], runs[precision] = converted.path, runtime
        layers = tuple(layer.as_json() for layer in converted.layers)
        size = file_bytes(converted.path)
        rungs[precision] = Rung(
            precision,
            runtime.status,
            size,
            layers=layers,
            notes=converted.notes,
            minimum_system=converted.minimum_system,
        )
    cases = sum(max(len(photo.people), 1) for photo in images.photos)
    for precision, seconds in _first_runs(runs, next(_cases(images, prepared.spec)).pixels).items():
        if isinstance(seconds, PosekitError):  # says nothing of the others
            rungs[precision] = replace(rungs[precision], status="FAILED", failed=(seconds.message,))
            del runs[precision], files[precision]
        elif seconds * cases > LONGEST:
            why = f"one inference takes {seconds:.1f} s here, {cases} would take {seconds * cases / 60:.0f} min"
            rungs[precision] = replace(rungs[precision], status="SKIPPED", failed=(why,))
            del runs[precision], files[precision]
    with announced(step, f"measure keypoints on {name}"):
        reference, measured, broken = _measure(prepared, images, {key: one.run for key, one in runs.items()}, step)
    for precision, why in broken.items():
        rungs[precision] = replace(rungs[precision], status="FAILED", failed=(why,))
        del files[precision]
    for precision, (seen, failed) in measured.items():
        rungs[precision] = replace(rungs[precision], quality=seen, failed=failed)
    with announced(step, f"measure time on {name}"):
        times, untimed = _times(name, files, next(_cases(images, prepared.spec)).pixels)
    complete = _with_ratios(rungs, times)
    recommended, why = recommend(complete)
    runtime_name = next((one.name for one in runs.values()), "not run")
    here = f"{machine.system()} {machine.machine()}"
    return Ladder(
        prepared.spec.name,
        name,
        runtime_name,
        here,
        images.what,
        images.warnings,
        reference.people,
        reference,
        complete,
        untimed,
        told,
        recommended,
        why,
    )


def _make(
    name: str, spec: PoseSpec, precision: Precision, base: Base, calibration: Calibration, folder: Path
) -> tuple[Converted, Runtime] | Rung:
    """The file and what runs it, or a rung that says why there is none."""
    target = TARGETS[name]
    (folder / precision).mkdir()
    path = folder / precision / target.model_file(spec.name)
    try:
        made = target.compress(base, spec, uniform(precision), calibration, path, folder / "log")
        return made, runtime_for(name, path)
    except PosekitError as error:
        return Rung(precision, "FAILED", failed=(error.message,))
    except Exception as error:  # a fault with one precision says nothing of the others
        if full_disk(error) is not None:
            raise
        note(error, folder / "log")
        return Rung(precision, "FAILED", failed=(f"a fault of posekit, please report it: {first_line(error)}",))


def _cases(images: Images, spec: PoseSpec) -> Iterator[Case]:
    for photo in images.photos:
        yield from cases_of(photo, spec)


def _measure(
    prepared: Prepared, images: Images, runs: dict[Precision, Run], step: Step
) -> tuple[Quality, dict[Precision, tuple[Quality, tuple[str, ...]]], dict[Precision, str]]:
    """What every model makes of every case, a case at a time, what `package`'s gates would say of it, and why one failed."""
    spec = prepared.spec
    reference: list[Found] = []
    truth: list[Truth | None] = []
    sides = {precision: Side(gate_for(precision, spec)) for precision in runs}
    broken: dict[Precision, str] = {}
    for number, case in enumerate(_cases(images, spec), 1):
        expected = run_reference(prepared.source, spec, case.pixels)
        reference.append(found_in(case, expected, spec))
        truth.append(truth_of(case))
        for precision in list(sides):
            try:
                seen = runs[precision](case.pixels)
            except PosekitError as error:
                broken[precision] = f"{error.message} ({case.name})"
                del sides[precision]
                continue
            sides[precision].add(case, seen, expected, spec)
        step(f"measure keypoints, {number} inputs")
    before = accuracy(reference, truth, spec)
    measured = {}
    for precision, side in sides.items():
        stage = side.stage(precision, reference, spec)
        assert stage.keypoints is not None
        assert stage.drift is not None
        held = check_accuracy(side.gate, accuracy_drop(reference, side.found, truth, spec))
        checks = excused(
            (
                *check_tensors(side.gate, stage.tensors, spec.decoder.outputs),
                *check_keypoints(side.gate, stage.keypoints, stage.drift),
                *held,
            ),
            bool(held) and all(one.outcome is Outcome.PASS for one in held),
        )
        failed = tuple(f"{one.name}: {one.detail}" for one in checks if one.outcome is Outcome.FAIL)
        measured[precision] = (quality_of(stage.keypoints, before, accuracy(side.found, truth, spec)), failed)
    return quality(reference, reference, truth, spec), measured, broken


def _first_runs(runs: dict[Precision, Runtime], pixels: NDArray[np.float32]) -> dict[Precision, float | PosekitError]:
    """Seconds of one run of each, or why there is none."""
    taken: dict[Precision, float | PosekitError] = {}
    for precision, runtime in runs.items():
        begin = time.perf_counter()
        try:
            runtime.run(pixels)
            taken[precision] = time.perf_counter() - begin
        except PosekitError as error:
            taken[precision] = error
    return taken


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
