"""The bundle of one platform: its file made, wrapped, measured, reported."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from posekit import __version__, bundle
from posekit.bundle import golden
from posekit.bundle import wrapper as codegen
from posekit.contract.recipe import FILE as RECIPE
from posekit.contract.recipe import write as write_recipe
from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import canonical_json, contract_hash
from posekit.devices import desktop
from posekit.devices.desktop import Compiled
from posekit.errors import naming
from posekit.parity.cases import MAX_RECORDED
from posekit.parity.evaluate import Terms
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import Check
from posekit.parity.stages import StageGates, StageRuns
from posekit.pipelines import both_stages
from posekit.pipelines.both_stages import named
from posekit.pipelines.making import Made, SameFiles, make
from posekit.pipelines.stage import Job, Stage, measured, tools, written_report
from posekit.progress import announced
from posekit.report import document as report
from posekit.runtimes import time_ratio
from posekit.targets import ranges


@dataclass(frozen=True, slots=True)
class Packaged:
    """A written bundle and its evidence, of two stages with the detector's checks among its own.

    time_ratio: of an inference to the same network's at fp32, None where nothing here tells; no part of the bundle,
    which holds no times.
    """

    folder: Path
    platform: str
    evaluation: Evaluation
    report: dict[str, Any]
    time_ratio: float | None = None


def write_bundle(platform: str, final: Path, job: Job, same: SameFiles, *, overwrite: bool) -> Packaged:
    """The bundle of one platform at `final`, or beside it with the suffix `.rejected` where a gate failed.

    same: model files of an earlier platform of this run, and those of this one for a later.
    """
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = stack.enter_context(bundle.writing(final, overwrite=overwrite))
        jobs = {folder: job} | ({} if job.detector is None else {folder / bundle.DETECTOR: job.detector})
        made = {
            place: _made(platform, one, place, Path(scratch) / place.name, final, same) for place, one in jobs.items()
        }
        with announced(job.step, f"write the {platform} wrapper"):
            _write_wrapper(platform, [(one, made[place]) for place, one in jobs.items()], folder)
            for place, one in jobs.items():
                _write_evidence(one, made[place], place)
        code = None
        if job.wrapper:
            with announced(job.step, f"compile the {platform} wrapper"):
                tree = folder / bundle.WRAPPER[platform]
                code = desktop.compiled(platform, tree, job.prepared.spec, Path(scratch) / "code")
        stage, *others = (measured(platform, made[place], one, place, code) for place, one in jobs.items())
        for detector in others:
            both = _both_stages(stage, detector, code, Path(scratch))
            checks = (*stage.evaluation.checks, *both, *named(bundle.DETECTOR, detector.evaluation.checks))
            evidence = replace(stage.evaluation, checks=checks, of_detector=detector.evaluation.blamed)
            stage = replace(stage, evaluation=evidence)
            written_report(platform, detector)
            bundle.write_manifest(detector.folder, _manifest(platform, detector))
        ratio = _timed(platform, made[folder], job)
        document = written_report(platform, stage)
        bundle.write_manifest(folder, _manifest(platform, stage))
        written = final
        if not stage.evaluation.is_good:
            written = final.with_name(final.name + bundle.REJECTED)
            bundle.move_rejected(folder, written)
            stack.pop_all()  # the good bundle's place is left as it was
    return Packaged(written, platform, stage.evaluation, document, ratio)


def _made(platform: str, job: Job, folder: Path, scratch: Path, final: Path, same: SameFiles) -> Made:
    """The model file of a stage, written into its folder."""
    folder.mkdir(exist_ok=True)
    name = job.prepared.spec.name
    if (earlier := same(platform, name, folder)) is not None:
        return earlier
    scratch.mkdir()
    with naming(job.network):
        made = make(
            platform, job.prepared, job.compression, job.calibration, lambda: job.references, folder, scratch, final,
            job.step,
        )  # fmt: skip
    same.keep(platform, name, made)
    return made


def _both_stages(pose: Stage, detector: Stage, code: Compiled | None, scratch: Path) -> tuple[Check, ...]:
    """Both packaged stages on whole pictures against both trained networks, which is recorded beside the detector's
    evidence; code: the wrapper, where it is to be run."""
    job, spec = pose.job, pose.job.prepared.spec
    if "UNVERIFIED" in (pose.evaluation.status, detector.evaluation.status):
        return both_stages.skipped("nothing here runs the model files")
    with announced(job.step, "run both stages"):
        gates = StageGates(*(Terms(one.made.recipe.name).gate(one.job.prepared.spec) for one in (detector, pose)))
        reference = StageRuns(detector.job.reference, job.reference)
        folder, photos = detector.folder / bundle.EVALUATION, detector.job.images.photos
        runs = StageRuns(detector.run, pose.run)
        checks = both_stages.packaged(folder, photos, spec, reference, runs, gates, job.step)
        if code is None:
            return checks
        cases = list(islice(detector.job.references.cases(), MAX_RECORDED))
        path = pose.made.converted.path
        return (*checks, *both_stages.of_wrapper(code, folder, cases, spec, runs, gates, scratch, path))


def _write_wrapper(platform: str, stages: Sequence[tuple[Job, Made]], folder: Path) -> None:
    """The wrapper with the models among its resources and the contract; stages: the pose network, then its detector."""
    networks = [
        codegen.Network(made.converted.path.name, dict(job.prepared.output_shapes), made.converted.minimum_system)
        for job, made in stages
    ]
    spec, tree = stages[0][0].prepared.spec, folder / bundle.WRAPPER[platform]
    assets = codegen.render(platform, spec, networks[0], tree, *networks[1:])
    for _, made in stages:
        _copy(made.converted.path, assets / made.converted.path.name)
    (folder / CONTRACT).write_bytes(canonical_json(spec))


def _write_evidence(job: Job, made: Made, folder: Path) -> None:
    """The recipe of a stage, its ranges and its golden vectors."""
    write_recipe(made.recipe, folder / RECIPE)
    if made.recipe.calibrates:
        ranges.write(made.ranges, folder / ranges.FILE)
    golden.write(folder / bundle.GOLDEN, job.prepared.spec)


def _timed(platform: str, made: Made, job: Job) -> float | None:
    """How long an inference takes in parts of fp32's; None where both are one file or nothing here tells."""
    if made.baseline is None or made.recipe.name == "fp16":
        return None
    with announced(job.step, f"time the {platform} file beside fp32"):
        return time_ratio(platform, made.converted.path, made.baseline, next(job.references.cases()).pixels)


def _manifest(platform: str, stage: Stage) -> dict[str, Any]:
    source, spec, evaluation = stage.job.prepared.source, stage.job.prepared.spec, stage.evaluation
    return {
        "posekit": __version__,
        "name": spec.name,
        "version": spec.version,
        "license": spec.license,
        "platform": platform,
        "precision": stage.made.recipe.name,
        "status": evaluation.status,
        "verdict": report.verdict(evaluation),
        "contract_sha256": contract_hash(spec),
        "source": {"form": str(source.form), "sha256": source.sha256},
        "evaluated_on": stage.job.images.what,
        "tools": tools(),
    }


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
