"""package(): the order of the steps; the only room that knows them all."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from posekit import __version__, bundle
from posekit.bundle import golden
from posekit.bundle import wrapper as codegen
from posekit.compression.calibration import is_sample, needed
from posekit.compression.search import check_means
from posekit.compression.settings import FLOAT, Compression
from posekit.contract.outputs import Run
from posekit.contract.precisions import PRECISIONS
from posekit.contract.recipe import FILE as RECIPE
from posekit.contract.recipe import write as write_recipe
from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import PoseSpec, canonical_json, contract_hash
from posekit.devices import desktop
from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError, converting, version_of
from posekit.parity import trace
from posekit.parity.accuracy import can_be_told
from posekit.parity.cases import MAX_RECORDED, Recorder, found_in
from posekit.parity.contract import ContractStep, QuickLook, quick
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation, unverified
from posekit.parity.gate import Check
from posekit.parity.references import References
from posekit.pipelines.check import step_of
from posekit.pipelines.garbage import looked_for_seldom
from posekit.pipelines.inputs import Images
from posekit.pipelines.making import Made, make
from posekit.pipelines.preparation import Calibrated, Prepared, calibrating, prepare
from posekit.progress import Progress, announced, silent
from posekit.report import document as report
from posekit.report import search, writing
from posekit.runtimes import runtime_for, time_ratio, why_untimed
from posekit.sources.reference import run_reference
from posekit.targets import TARGETS, check_recipe, file_bytes, lint, ranges
from posekit.targets.graph import tracing

PLATFORMS = {"android": ("android",), "ios": ("ios",), "all": ("android", "ios")}
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


@looked_for_seldom()
def package(
    model: Path,
    platform: str,
    spec: PoseSpec,
    images: Images,
    *,
    compression: Compression = FLOAT,
    out: Path = Path(),
    overwrite: bool = False,
    arch: str = "",
    trust: bool = False,
    weights: str = "",
    wrapper: bool = False,
    reference: Path | None = None,
    step: Progress = silent,
) -> list[Packaged]:
    """Turn a trained model into one bundle a platform, each with its evidence.

    compression: one recipe for all files, or a search for one within a budget, which is then one of the bundle's gates.
    wrapper: run the generated code here too. reference: the training code's own predictions, which make `contract` the
    waterfall's first step. A bundle whose gate failed is written with the suffix `.rejected`. PosekitError names the
    step that failed.
    """
    if reference is not None and not images.are_given:
        raise InputError("--reference needs --images, the folder of the pictures that it is of")
    finals = {name: out / bundle.bundle_name(spec, name) for name in PLATFORMS[platform]}
    for final in finals.values():
        if final.exists() and not overwrite:
            raise InputError(f"{final} exists", "pass --overwrite to replace it, or --out for another folder")
    for name in finals:
        TARGETS[name].require()
        codegen.brought(name, spec)
        check_recipe(compression.recipe, name)
        if compression.tuning is not None and compression.tuning.fastest and (reason := why_untimed(name)):
            raise MissingToolError(
                f"the fastest {name} file cannot be told here: {reason}", "leave out --fastest, or run it on a Mac"
            )
        if wrapper:
            desktop.require(name)
    needs = _calibrates(model, spec, images, compression)
    prepared = prepare(model, spec, images, step, arch=arch, trust=trust, weights=weights)
    source, calibrated = prepared.source, None
    if needs:
        pictures, boxes = compression.calibration, compression.calibration_annotations
        calibrated = calibrating(source, spec, pictures, boxes, images, needs, step)
    with announced(step, "look at the contract"):
        contract = None if reference is None else step_of(source, spec, images.photos, reference)
        look = quick(source, spec, images.photos) if images.are_given else QuickLook()
    with tempfile.TemporaryDirectory() as kept:
        run = partial(run_reference, source, spec)
        references = References(images.photos, spec, run, Path(kept))
        job = _Job(prepared, images, compression, calibrated, overwrite, wrapper, contract, look, references, step)
        return _each(finals, job)


def _each(finals: Mapping[str, Path], job: _Job) -> list[Packaged]:
    """A bundle a platform; where one does not convert, the others are made before that is told."""
    results: list[Packaged] = []
    failed: list[PosekitError] = []
    for name, final in finals.items():
        try:
            results.append(_package_one(name, final, job))
        except (ConversionError, MissingToolError) as error:  # of one platform: the other may convert
            failed.append(error)
        except PosekitError as error:
            error.hint = _with_written(error.hint, results)
            raise
    if failed:
        first, *more = failed
        first.hint = "; ".join(filter(None, [first.hint, *(f"{one.step}: {one.message}" for one in more)]))
        first.hint = _with_written(first.hint, results)
        raise first
    return results


def _with_written(hint: str, results: list[Packaged]) -> str:
    """A hint that names the bundles of other platforms that are there."""
    folders = ", ".join(str(result.folder) for result in results)
    return "; ".join(filter(None, [hint, f"{folders} is written and whole" if folders else ""]))


def _calibrates(model: Path, spec: PoseSpec, images: Images, wanted: Compression) -> str:
    """The precision that wants calibration pictures, empty where none does; what can be refused before anything is
    opened is."""
    given = wanted.calibration is not None
    is_ours = False
    needs = next((name for name in sorted(wanted.recipe.precisions) if PRECISIONS[name].calibrates), "")
    with contextlib.suppress(OSError):  # told where the model is opened
        is_ours = model.is_file() and is_sample(bundle.file_hash(model))
    if wanted.tuning is not None:
        check_means(wanted.tuning, can_be_told(images.photos, spec))
        needs = "auto" if given or is_ours else ""
    elif given and not needs:
        raise InputError(
            f"precision {wanted.recipe.precision} needs no calibration pictures", "leave out --calibration"
        )
    elif needs and not given and not is_ours:
        raise needed(needs)
    if wanted.calibration is not None and not wanted.calibration.exists():
        raise InputError(f"there is no {wanted.calibration} to calibrate with", "give a folder of pictures, or a video")
    return needs


@dataclass(frozen=True, slots=True)
class _Job:
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


def _package_one(platform: str, final: Path, job: _Job) -> Packaged:
    spec, step, lowered = job.prepared.spec, job.step, job.prepared.lowered
    rejected = final.with_name(final.name + bundle.REJECTED)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = stack.enter_context(bundle.writing(final, overwrite=job.overwrite))
        made = make(
            platform, job.prepared, job.compression, job.calibration, lambda: job.references, folder, Path(scratch),
            final, step,
        )  # fmt: skip
        converted = made.converted
        with announced(step, f"write the {platform} wrapper"):
            tree = folder / bundle.WRAPPER[platform]
            assets = codegen.render(
                platform, spec, converted.path.name, lowered.output_shapes, tree, converted.minimum_system
            )
            _copy(converted.path, assets / converted.path.name)
            (folder / CONTRACT).write_bytes(canonical_json(spec))
            write_recipe(made.recipe, folder / RECIPE)
            if made.recipe.calibrates:
                ranges.write(made.ranges, folder / ranges.FILE)
            golden.write(folder / bundle.GOLDEN, spec)
        model_hash = bundle.file_hash(converted.path)
        evaluation, run, shown = _evaluate(platform, made, job, folder, model_hash)
        if job.contract is not None:
            evaluation = replace(
                evaluation,
                steps=(job.contract.step, *evaluation.steps),
                checks=(*job.contract.checks, *evaluation.checks),
            )
        ratio = None
        if made.baseline is not None and made.recipe.name != "fp16":
            with announced(step, f"time the {platform} file beside fp32"):
                ratio = time_ratio(platform, converted.path, made.baseline, next(job.references.cases()).pixels)
        steps = tracing.trace(lowered)
        trace.write(
            folder / bundle.EVALUATION,
            trace.Trace(next(job.references.cases()).name, job.prepared.source.sha256, contract_hash(spec), steps),
        )
        facts = _facts(platform, job, made, model_hash, bundle.file_hash(folder / bundle.EVALUATION))
        with announced(step, "write the report"):
            document = writing.write(
                folder / bundle.REPORT, evaluation, spec, facts, job.references.named, run, shipped=shown
            )
            if made.tuned is not None:
                search.write(folder / bundle.REPORT, made.tuned, spec)
        bundle.write_manifest(folder, _manifest(platform, job, made, evaluation))
        written = final
        if not evaluation.is_good:
            written = rejected
            bundle.move_rejected(folder, rejected)
            stack.pop_all()  # the good bundle's place is left as it was
    return Packaged(written, platform, evaluation, document, ratio)


def _evaluate(
    platform: str, made: Made, job: _Job, folder: Path, model_hash: str
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


def _facts(platform: str, job: _Job, made: Made, model_hash: str, evidence_hash: str) -> dict[str, Any]:
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


def _manifest(platform: str, job: _Job, made: Made, evaluation: Evaluation) -> dict[str, Any]:
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
