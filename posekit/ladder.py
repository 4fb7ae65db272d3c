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

from posekit.calibration import is_sample
from posekit.errors import MissingToolError, PosekitError, first_line
from posekit.inputs import Images
from posekit.parity.accuracy import Truth, accuracy, truth_of
from posekit.parity.cases import Case, cases_of, found_in
from posekit.parity.evaluate import Run
from posekit.parity.gate import Outcome, check_keypoints, gate_for
from posekit.parity.metrics import Found, compare_keypoints
from posekit.parity.quality import Quality, quality_of
from posekit.precisions import PRECISIONS, Precision, of_platform
from posekit.preparation import Prepared, calibrating, prepare
from posekit.recipe import uniform
from posekit.runtimes import Runtime, runtime_for, timed_run
from posekit.sources.reference import run_reference
from posekit.spec import PoseSpec
from posekit.steps import Step, announced, silent
from posekit.targets import TARGETS, Base, Calibration, Converted, file_bytes
from posekit.timing import medians

LONGEST = 240.0  # seconds for the keypoints of one precision
SLOWER = 1.05  # times fp32: closer is not told from it
LIKE = 1.10  # times the smallest file: as good as that small
MOST_LOST = 1.0  # points of AP, where annotations tell, beyond which a precision is not recommended


@dataclass(frozen=True, slots=True)
class Rung:
    """One precision. size: bytes; ratio: to fp32's. milliseconds: median of interleaved runs, time_ratio to fp32's, None
    where nothing here tells. layers: as read back. failed: gates that failed, or why there is no file. status: HOST,
    SIMULATED, SKIPPED or FAILED."""

    precision: Precision
    status: str
    size: int = 0
    ratio: float | None = None
    milliseconds: float | None = None
    time_ratio: float | None = None
    quality: Quality | None = None
    layers: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    minimum_system: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it was measured and no gate failed."""
        return self.quality is not None and not self.failed

    @property
    def is_slower(self) -> bool:
        """Whether it takes longer than fp32 here."""
        return self.time_ratio is not None and self.time_ratio > SLOWER

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "precision": self.precision, "status": self.status, "size": self.size, "ratio": self.ratio,
            "milliseconds": self.milliseconds, "time_ratio": self.time_ratio, "is_slower": self.is_slower,
            "quality": self.quality and self.quality.as_json(), "layers": list(self.layers), "notes": list(self.notes),
            "failed": list(self.failed), "minimum_system": self.minimum_system, "is_good": self.is_good,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of a platform. untimed: why there are no times, else empty. recommended: empty where none is good."""

    name: str
    platform: str
    runtime: str
    machine: str
    evaluated_on: str
    people: int
    reference: Quality
    rungs: tuple[Rung, ...]
    untimed: str
    calibration: dict[str, Any] | None
    recommended: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name, "platform": self.platform, "runtime": self.runtime, "machine": self.machine,
            "evaluated_on": self.evaluated_on, "people": self.people, "reference": self.reference.as_json(),
            "precisions": [rung.as_json() for rung in self.rungs], "untimed": self.untimed,
            "calibration": self.calibration, "recommended": self.recommended, "why": self.why,
        }  # fmt: skip


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
    step: Step = silent,
) -> list[Ladder]:
    """Make and measure every precision of the platforms; one that fails, or lacks calibration pictures, says so."""
    for name in platforms:
        TARGETS[name].require()
    prepared = prepare(model, spec, images, step, arch=arch, trust=trust)
    calibrated = None
    if calibration is not None or calibration_annotations is not None or is_sample(prepared.source.sha256):
        calibrated = calibrating(prepared, calibration, calibration_annotations, images, "w8a8", step)
    found = []
    for name in platforms:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "base").mkdir()
            target = TARGETS[name]
            with announced(step, f"convert for {name}"):
                base = target.base(prepared.lowered, folder / "base", folder / "log")
            read = Calibration()
            if calibrated is not None:
                with announced(step, f"read the ranges of activations for {name}"):
                    read = target.calibrate(base, calibrated.inputs)
            told = None if calibrated is None else calibrated.settled(read.by_input)
            found.append(_climb(name, prepared, images, base, read, folder, told, step))
    return found


def _climb(
    name: str, prepared: Prepared, images: Images, base: Base, calibration: Calibration, folder: Path,
    told: dict[str, Any] | None, step: Step,
) -> Ladder:  # fmt: skip
    rungs: dict[Precision, Rung] = {}
    files: dict[Precision, Path] = {}
    runs: dict[Precision, Runtime] = {}
    for precision in of_platform(name):
        if PRECISIONS[precision].calibrates and not calibration.inputs:
            rungs[precision] = Rung(precision, "SKIPPED", failed=("needs calibration pictures: --calibration",))
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
        if seconds * cases > LONGEST:
            why = f"one inference takes {seconds:.1f} s here, {cases} would take {seconds * cases / 60:.0f} min"
            rungs[precision] = replace(rungs[precision], status="SKIPPED", failed=(why,))
            del runs[precision], files[precision]
    with announced(step, f"measure keypoints on {name}"):
        reference, measured = _measure(prepared, images, {key: one.run for key, one in runs.items()}, step)
    for precision, (quality, failed) in measured.items():
        rungs[precision] = replace(rungs[precision], quality=quality, failed=failed)
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
    except Exception as error:  # a converter's fault with one precision says nothing of the others
        return Rung(precision, "FAILED", failed=(f"a fault of the converter or of posekit: {first_line(error)}",))


def _cases(images: Images, spec: PoseSpec) -> Iterator[Case]:
    for photo in images.photos:
        yield from cases_of(photo, spec)


def _measure(
    prepared: Prepared, images: Images, runs: dict[Precision, Run], step: Step
) -> tuple[Quality, dict[Precision, tuple[Quality, tuple[str, ...]]]]:
    """Keypoints of every model on every case, a case at a time, and what the gates say of them."""
    spec = prepared.spec
    reference: list[Found] = []
    truth: list[Truth | None] = []
    found: dict[Precision, list[Found]] = {precision: [] for precision in runs}
    for number, case in enumerate(_cases(images, spec), 1):
        reference.append(found_in(case, run_reference(prepared.source, spec, case.pixels), spec))
        truth.append(truth_of(case))
        for precision, run in runs.items():
            found[precision].append(found_in(case, run(case.pixels), spec))
        step(f"measure keypoints, {number} inputs")
    names, sigmas = spec.keypoints.names, spec.keypoints.oks_sigmas
    before = accuracy(reference, truth, spec)
    measured = {}
    for precision, some in found.items():
        gate = gate_for(precision, spec.gate)
        least = -np.inf if gate.min_score is None else gate.min_score
        error = compare_keypoints(some, reference, names, sigmas, least)
        failed = tuple(
            f"{one.name}: {one.detail}" for one in check_keypoints(gate, error) if one.outcome is Outcome.FAIL
        )
        measured[precision] = (quality_of(error, before, accuracy(some, truth, spec)), failed)
    own = compare_keypoints(reference, reference, names, sigmas, -np.inf)
    return quality_of(own, before, before), measured


def _first_runs(runs: dict[Precision, Runtime], pixels: NDArray[np.float32]) -> dict[Precision, float]:
    """Seconds of one run of each."""
    taken = {}
    for precision, runtime in runs.items():
        begin = time.perf_counter()
        runtime.run(pixels)
        taken[precision] = time.perf_counter() - begin
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


def recommend(rungs: Sequence[Rung]) -> tuple[str, str]:
    """The precision to take, empty where none is good, and why.

    Of those whose gates hold, which lose at most MOST_LOST points of AP and are not slower than fp32 here, the fastest of
    those within LIKE of the smallest.
    """
    good = [rung for rung in rungs if rung.is_good]
    if not good:
        return "", "no precision was measured with its gates holding"
    quick = [rung for rung in good if not rung.is_slower and not _loses(rung)] or good
    smallest = min(rung.size for rung in quick)
    like = [rung for rung in quick if rung.size <= LIKE * smallest]
    best = min(like, key=lambda rung: (rung.time_ratio or 1.0, -(rung.quality.oks if rung.quality else 0), rung.size))
    reasons = []
    if best.ratio is not None:
        reasons.append(f"{best.ratio:.2f} of fp32's size")
    if best.time_ratio is not None:
        reasons.append(f"{best.time_ratio:.2f} of its time here")
    if best.quality is not None:
        lost = "" if best.quality.ap_drop is None else f", AP {-best.quality.ap_drop:+.1f} points"
        reasons.append(f"OKS {best.quality.oks:.4f}{lost}")
    reasons += [
        f"{rung.precision} is smaller but {_why_not(rung, like)}" for rung in rungs if 0 < rung.size < best.size
    ]
    return best.precision, "; ".join(reasons)


def _loses(rung: Rung) -> bool:
    return rung.quality is not None and (rung.quality.ap_drop or 0.0) > MOST_LOST


def _why_not(rung: Rung, like: Sequence[Rung]) -> str:
    if rung.failed or rung.quality is None:
        return "fails its gate" if rung.quality is not None else "was not measured"
    if rung in like:
        return f"by less than {LIKE - 1:.0%}, and {'takes ' + format(rung.time_ratio, '.2f') + ' of the time' if rung.time_ratio else 'moves keypoints further'}"  # fmt: skip
    if rung.is_slower:
        return f"takes {rung.time_ratio:.2f} of fp32's time"
    return f"loses {rung.quality.ap_drop:.1f} points of AP"
