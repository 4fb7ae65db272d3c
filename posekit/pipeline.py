"""package(): the order of the steps; the only room that knows them all."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from posekit import __version__, bundle, codegen, golden, linting, reporting
from posekit.checking import ContractStage, quick, stage_of
from posekit.decoders import check_outputs
from posekit.devices import desktop
from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError
from posekit.inputs import Images
from posekit.parity import report, trace
from posekit.parity.cases import MAX_RECORDED, Case, Recorder, cases_of, found_in
from posekit.parity.evaluate import Evaluation, ReferenceCase, Run, evaluate, unverified
from posekit.runtimes import runtime_for
from posekit.sources import SourceModel, open_source
from posekit.sources.reference import check_facts, run_reference
from posekit.spec import PoseSpec, Precision, canonical_json, contract_hash
from posekit.steps import Step, announced, silent
from posekit.targets import TARGETS, Converted, tracing
from posekit.targets.lowering import Lowered, lower

PLATFORMS = {"android": ("android",), "ios": ("ios",), "all": ("android", "ios")}
TOOLS = ("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert", "coremltools", "numpy")


@dataclass(frozen=True, slots=True)
class Packaged:
    """A written bundle and its evidence."""

    folder: Path
    platform: str
    evaluation: Evaluation
    report: dict[str, Any]


def package(
    model: Path,
    platform: str,
    spec: PoseSpec,
    images: Images,
    *,
    precision: Precision = "fp32",
    out: Path = Path(),
    overwrite: bool = False,
    arch: str = "",
    trust: bool = False,
    wrapper: bool = False,
    reference: Path | None = None,
    step: Step = silent,
) -> list[Packaged]:
    """Turn a trained model into one bundle a platform, each with its evidence.

    wrapper: run the generated code here too. reference: the training code's own predictions, which make `contract` the
    waterfall's first stage. A bundle whose gate failed is written with the suffix `.rejected`. PosekitError names the
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
        if wrapper:
            desktop.require(name)
    with announced(step, "open the model"):
        source = open_source(model, arch=arch, trust=trust)
        check_facts(source, spec)
    with announced(step, "run the reference"):
        lowered = _lowered(source, spec, images)
    with announced(step, "look at the contract"):
        contract = None if reference is None else stage_of(source, spec, images.photos, reference)
        doubt = quick(source, spec, images.photos) if images.are_given else None
    job = _Job(source, lowered, spec, images, precision, overwrite, wrapper, contract, doubt, step)
    results: list[Packaged] = []
    for name, final in finals.items():
        try:
            results.append(_package_one(name, final, job))
        except PosekitError as error:
            if results:
                error.hint += f"; {', '.join(str(result.folder) for result in results)} is written and whole"
            raise
    return results


@dataclass(frozen=True, slots=True)
class _Job:
    """What every platform's bundle is made from."""

    source: SourceModel
    lowered: Lowered
    spec: PoseSpec
    images: Images
    precision: Precision
    overwrite: bool
    wrapper: bool
    contract: ContractStage | None
    doubt: str | None
    step: Step


def _package_one(platform: str, final: Path, job: _Job) -> Packaged:
    spec, step = job.spec, job.step
    rejected = final.with_name(final.name + bundle.REJECTED)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(bundle.writing(final, overwrite=job.overwrite))
        with announced(step, f"convert for {platform}"):
            converted = _convert(TARGETS[platform].convert, job, folder, final)
        with announced(step, f"write the {platform} wrapper"):
            tree = folder / bundle.WRAPPER[platform]
            assets = codegen.render(platform, spec, converted.path.name, job.lowered.output_shapes, tree)
            _copy(converted.path, assets / converted.path.name)
            (folder / bundle.CONTRACT).write_bytes(canonical_json(spec))
            golden.write(folder / bundle.GOLDEN, spec)
        model_hash = bundle.file_hash(converted.path)
        evaluation, run, shown = _evaluate(platform, converted, job, folder, model_hash)
        if job.contract is not None:
            evaluation = replace(
                evaluation,
                stages=(job.contract.stage, *evaluation.stages),
                checks=(*job.contract.checks, *evaluation.checks),
            )
        steps = tracing.trace(job.lowered)
        trace.write(
            folder / bundle.EVALUATION,
            trace.Trace(next(_cases(job)).name, job.source.sha256, contract_hash(spec), steps),
        )
        facts = _facts(platform, job, converted, model_hash)
        with announced(step, "write the report"):
            document = reporting.write(
                folder / bundle.REPORT, evaluation, spec, facts, partial(_named, job), run, shipped=shown
            )
        if converted.baseline is not None:
            _remove(converted.baseline)
        bundle.write_manifest(folder, _manifest(platform, job, evaluation))
        written = final
        if not evaluation.is_good:
            written = rejected
            bundle.move_rejected(folder, rejected)
            stack.pop_all()  # the good bundle's place is left as it was
    return Packaged(written, platform, evaluation, document)


def _lowered(source: SourceModel, spec: PoseSpec, images: Images) -> Lowered:
    """The static graph, after the checks that need the eager network alone."""
    pixels = cases_of(images.photos[0], spec)[0].pixels
    outputs = run_reference(source, spec, pixels)
    check_outputs({name: values.shape for name, values in outputs.items()}, spec)
    again, other = run_reference(source, spec, pixels), run_reference(source, spec, 255 - pixels)
    for name in outputs:
        if not np.isfinite(outputs[name]).all():
            raise ConversionError(f"the network's own output {name!r} is not finite", "check mean, std and the weights")
        if not np.array_equal(outputs[name], again[name]):
            raise InputError(
                f"the network gives another {name!r} each time for the same picture",
                "are layers created inside forward(), or dropout left on? Make them in __init__ and call eval()",
            )
        if name in spec.decoder.outputs and (np.array_equal(outputs[name], other[name]) or np.ptp(outputs[name]) == 0):
            raise InputError(
                f"the network's output {name!r} is constant: it does not depend on the picture",
                "were the weights loaded, and do mean and std fit the training?",
            )
    return lower(source, spec, pixels, outputs)


def _convert(convert: Callable[..., Converted], job: _Job, folder: Path, final: Path) -> Converted:
    """Convert, keeping the converters' chatter: beside the bundle, since it holds times and a bundle must not."""
    log = folder / "convert.log"
    try:
        return convert(job.lowered, job.spec, job.precision, folder)
    finally:
        if log.exists():
            log.replace(final.with_name(f"{final.name}.convert.log"))


def _cases(job: _Job) -> Iterator[Case]:
    for photo in job.images.photos:
        yield from cases_of(photo, job.spec)


def _named(job: _Job, names: Collection[str]) -> Iterator[ReferenceCase]:
    """The cases of those names with their reference, run again rather than kept."""
    for photo in job.images.photos:
        if any(name.startswith(f"{photo.path.name}#") for name in names):
            for case in cases_of(photo, job.spec):
                if case.name in names:
                    yield case, run_reference(job.source, job.spec, case.pixels)


def _evaluate(
    platform: str, converted: Converted, job: _Job, folder: Path, model_hash: str
) -> tuple[Evaluation, Run, reporting.Drawn | None]:
    """Run the packaged model, and where it was asked for the generated wrapper, on the evaluation images.

    Where nothing here runs it, the reference alone is recorded: a device may run it later.
    """
    spec = job.spec
    recorder = Recorder(folder / bundle.EVALUATION)
    try:
        runtime = runtime_for(platform, converted.path)
        baseline = runtime_for(platform, converted.baseline).run if converted.baseline is not None else None
    except MissingToolError as error:
        for case in _cases(job):
            outputs = run_reference(job.source, spec, case.pixels)
            recorder.add(case, outputs, found_in(case, outputs, spec))
        recorder.close(model_hash)
        return unverified(error.message), partial(run_reference, job.source, spec), None
    except InputError as error:
        raise ConversionError(f"the converter's file cannot be run: {error.message}", error.hint) from error
    with tempfile.TemporaryDirectory() as scratch:
        wrapper, name = None, runtime.name
        if job.wrapper:
            with announced(job.step, f"run the {platform} wrapper on this machine"):
                wrapper = desktop.run_wrapper(
                    platform, folder / bundle.WRAPPER[platform], converted.path, lambda: islice(_cases(job), MAX_RECORDED),
                    runtime.run, Path(scratch), model_sha256=model_hash, contract_sha256=contract_hash(spec),
                )  # fmt: skip
            name = f"{name}; {desktop.NAMES[platform]}"
        with announced(job.step, f"measure parity on {platform}"):
            evaluation = evaluate(
                ((case, run_reference(job.source, spec, case.pixels)) for case in _cases(job)),
                spec, job.precision, runtime.run, status=runtime.status, runtime=name, baseline=baseline,
                accelerated=runtime.accelerated, wrapper=wrapper, recorder=recorder,
            )  # fmt: skip
        shown = reporting.drawn(evaluation, wrapper, islice(_cases(job), MAX_RECORDED), spec)
    recorder.close(model_hash)
    return evaluation, runtime.run, shown


def _facts(platform: str, job: _Job, converted: Converted, model_hash: str) -> dict[str, Any]:
    spec, path = job.spec, converted.path
    size = sum(p.stat().st_size for p in path.rglob("*")) if path.is_dir() else path.stat().st_size
    return {
        "name": spec.name, "version": spec.version, "platform": platform, "precision": job.precision,
        "contract_sha256": contract_hash(spec), "evaluated_on": job.images.what,
        "source": {"file": job.source.path.name, "form": str(job.source.form), "sha256": job.source.sha256, "facts": json.loads(json.dumps(job.source.facts, default=str))},
        "doubt": job.doubt, "contract_matched": job.contract and job.contract.how,
        "route": converted.route, "notes": converted.notes, "op_counts": converted.op_counts, "model_bytes": size,
        "model_file": path.name, "model_sha256": model_hash, "lint": linting.lint(platform, path), "tools": _tools(),
    }  # fmt: skip


def _manifest(platform: str, job: _Job, evaluation: Evaluation) -> dict[str, Any]:
    spec, source = job.spec, job.source
    return {
        "posekit": __version__, "name": spec.name, "version": spec.version, "license": spec.license,
        "platform": platform, "precision": job.precision, "status": evaluation.status, "verdict": report.verdict(evaluation),
        "contract_sha256": contract_hash(spec), "source": {"form": str(source.form), "sha256": source.sha256},
        "evaluated_on": job.images.what,
        "tools": _tools(),
    }  # fmt: skip


def _tools() -> dict[str, str]:
    """Versions of what the conversion and the figures rest on."""
    return {name: found for name in TOOLS if (found := _installed(name))}


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
