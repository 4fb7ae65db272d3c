"""The bundle of one platform: its file made, wrapped, measured, reported."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from posekit import __version__, bundle
from posekit.bundle import golden
from posekit.bundle import wrapper as codegen
from posekit.compression.settings import Compression
from posekit.contract.outputs import Run
from posekit.contract.recipe import FILE as RECIPE
from posekit.contract.recipe import write as write_recipe
from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import canonical_json, contract_hash
from posekit.devices import desktop
from posekit.errors import MissingToolError, converting, version_of
from posekit.parity import trace
from posekit.parity.cases import MAX_RECORDED, Recorder, found_in
from posekit.parity.contract import ContractStep, QuickLook
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation, unverified
from posekit.parity.gate import Check
from posekit.parity.references import References
from posekit.pipelines.inputs import Images
from posekit.pipelines.making import Made, make
from posekit.pipelines.preparation import Calibrated, Prepared
from posekit.progress import Progress, announced
from posekit.report import document as report
from posekit.report import search, writing
from posekit.runtimes import runtime_for, time_ratio
from posekit.sources.reference import run_reference
from posekit.targets import file_bytes, lint, ranges
from posekit.targets.kept import trace_of

TOOLS = ("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert", "coremltools", "numpy")


@dataclass(frozen=True, slots=True)
class Packaged:
    """A written bundle and its evidence. time_ratio: of an inference to the same network's at fp32, None where nothing
    here tells; no part of the bundle, which holds no times."""

    folder: Path
    platform: str
    evaluation: Evaluation
    report: dict[str, Any]
    time_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What every platform's bundle is made from."""

    prepared: Prepared
    images: Images
    compression: Compression
    calibration: Calibrated | None
    overwrite: bool
    wrapper: bool
    contract: ContractStep | None
    look: QuickLook
    references: References
    step: Progress


def write_bundle(platform: str, final: Path, job: Job) -> Packaged:
    """The bundle of one platform at `final`, or beside it with the suffix `.rejected` where a gate failed."""
    spec, step = job.prepared.spec, job.step
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = stack.enter_context(bundle.writing(final, overwrite=job.overwrite))
        made = make(
            platform, job.prepared, job.compression, job.calibration, lambda: job.references, folder, Path(scratch),
            final, step,
        )  # fmt: skip
        with announced(step, f"write the {platform} wrapper"):
            _write_wrapper(platform, made, job, folder)
        model_hash = bundle.file_hash(made.converted.path)
        evaluation, run, shown = _evaluate(platform, made, job, folder, model_hash)
        if job.contract is not None:
            steps = (job.contract.step, *evaluation.steps)
            evaluation = replace(evaluation, steps=steps, checks=(*job.contract.checks, *evaluation.checks))
        ratio = _timed(platform, made, job)
        _write_trace(platform, folder, job)
        facts = _facts(platform, job, made, model_hash, bundle.file_hash(folder / bundle.EVALUATION))
        with announced(step, "write the report"):
            report_folder = folder / bundle.REPORT
            document = writing.write(report_folder, evaluation, spec, facts, job.references.named, run, shipped=shown)
            if made.tuned is not None:
                search.write(report_folder, made.tuned, spec)
        bundle.write_manifest(folder, _manifest(platform, job, made, evaluation))
        written = final
        if not evaluation.is_good:
            written = final.with_name(final.name + bundle.REJECTED)
            bundle.move_rejected(folder, written)
            stack.pop_all()  # the good bundle's place is left as it was
    return Packaged(written, platform, evaluation, document, ratio)


def _write_wrapper(platform: str, made: Made, job: Job, folder: Path) -> None:
    """The wrapper with the model among its resources, and beside it the contract, the recipe and golden vectors."""
    spec, converted = job.prepared.spec, made.converted
    shapes = dict(job.prepared.output_shapes)
    tree = folder / bundle.WRAPPER[platform]
    assets = codegen.render(platform, spec, converted.path.name, shapes, tree, converted.minimum_system)
    _copy(converted.path, assets / converted.path.name)
    (folder / CONTRACT).write_bytes(canonical_json(spec))
    write_recipe(made.recipe, folder / RECIPE)
    if made.recipe.calibrates:
        ranges.write(made.ranges, folder / ranges.FILE)
    golden.write(folder / bundle.GOLDEN, spec)


def _timed(platform: str, made: Made, job: Job) -> float | None:
    """How long an inference takes in parts of fp32's; None where both are one file or nothing here tells."""
    if made.baseline is None or made.recipe.name == "fp16":
        return None
    with announced(job.step, f"time the {platform} file beside fp32"):
        return time_ratio(platform, made.converted.path, made.baseline, next(job.references.cases()).pixels)


def _write_trace(platform: str, folder: Path, job: Job) -> None:
    """What the network computes on the first case, op by op."""
    source, spec = job.prepared.source, job.prepared.spec
    first, steps = next(job.references.cases()).name, trace_of(job.prepared.starts[platform])
    trace.write(folder / bundle.EVALUATION, trace.Trace(first, source.sha256, contract_hash(spec), steps))


def _evaluate(
    platform: str, made: Made, job: Job, folder: Path, model_hash: str
) -> tuple[Evaluation, Run, writing.Drawn | None]:
    """Run the packaged model, and where it was asked for the generated wrapper, on the evaluation images.

    Where nothing here runs it, the reference alone is recorded: a device may run it later.
    """
    source, spec, path = job.prepared.source, job.prepared.spec, made.converted.path
    recorder = Recorder(folder / bundle.EVALUATION)
    try:
        with converting():
            runtime = runtime_for(platform, path)
            baseline = runtime_for(platform, made.baseline).run if made.baseline is not None else None
    except MissingToolError as error:
        for case, outputs in job.references:
            recorder.add(case, outputs, found_in(case, outputs, spec))
        recorder.close(model_hash)
        return unverified(error.message), partial(run_reference, source, spec), None
    fast = runtime.accelerated
    runtime = replace(runtime, run=converting()(runtime.run), accelerated=fast and converting()(fast))
    with tempfile.TemporaryDirectory() as scratch:
        wrapper, name, golden_checks = None, runtime.name, tuple[Check, ...]()
        if job.wrapper:
            with announced(job.step, f"run the {platform} wrapper on this machine"):
                wrapper, check = desktop.run_wrapper(
                    platform,
                    folder / bundle.WRAPPER[platform],
                    path,
                    lambda: islice(job.references.cases(), MAX_RECORDED),
                    runtime.run,
                    Path(scratch),
                    model_sha256=model_hash,
                    spec=spec,
                )
            golden_checks = (check,)
            name = f"{name}; {desktop.NAMES[platform]}"
        with announced(job.step, f"measure parity on {platform}"):
            evaluation = evaluate(
                job.references, spec,
                Runs(runtime.run, runtime.status, name, baseline, runtime.accelerated, wrapper),
                Terms(made.recipe.name, made.budget, file_bytes(path)),
                recorder,
            )  # fmt: skip
        evaluation = replace(evaluation, checks=(*golden_checks, *evaluation.checks))
        shown = writing.drawn(evaluation, wrapper, islice(job.references.cases(), MAX_RECORDED), spec)
    recorder.close(model_hash)
    return evaluation, runtime.run, shown


def _facts(platform: str, job: Job, made: Made, model_hash: str, evidence_hash: str) -> dict[str, Any]:
    source, spec, converted = job.prepared.source, job.prepared.spec, made.converted
    path = converted.path
    return {
        "name": spec.name,
        "version": spec.version,
        "platform": platform,
        "precision": made.recipe.name,
        "contract_sha256": contract_hash(spec),
        "evaluated_on": job.images.what,
        "warnings": job.images.warnings,
        "source": {
            "file": source.path.name,
            "form": str(source.form),
            "sha256": source.sha256,
            "facts": json.loads(json.dumps(source.facts, default=str)),
        },
        "doubt": job.look.doubt,
        "untried": _untried(job.look),
        "contract_matched": job.contract and job.contract.how,
        "route": converted.route,
        "notes": converted.notes,
        "op_counts": converted.op_counts,
        "model_bytes": file_bytes(path),
        "model_file": path.name,
        "model_sha256": model_hash,
        "evidence_sha256": evidence_hash,
        "lint": lint.lint(platform, path),
        "tools": _tools(),
        "minimum_system": converted.minimum_system,
        "layers": [layer.as_json() for layer in converted.layers],
        "calibration": made.calibration,
        "budget": made.recipe.budget or None,
        "rewrites": dict(converted.rewrites),
    }


def _untried(look: QuickLook) -> str:
    fields = " and ".join(look.untried)
    on_one = ", and on one person alone" if look.is_of_one else ""
    if fields:
        return f"not every value of {fields} was tried in the time for it{on_one}"
    return "it was tried on one person alone in the time for it" if on_one else ""


def _manifest(platform: str, job: Job, made: Made, evaluation: Evaluation) -> dict[str, Any]:
    source, spec = job.prepared.source, job.prepared.spec
    return {
        "posekit": __version__,
        "name": spec.name,
        "version": spec.version,
        "license": spec.license,
        "platform": platform,
        "precision": made.recipe.name,
        "status": evaluation.status,
        "verdict": report.verdict(evaluation),
        "contract_sha256": contract_hash(spec),
        "source": {"form": str(source.form), "sha256": source.sha256},
        "evaluated_on": job.images.what,
        "tools": _tools(),
    }


def _tools() -> dict[str, str]:
    """Versions of what the conversion and the figures rest on."""
    return {name: found for name in TOOLS if (found := version_of(name))}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
