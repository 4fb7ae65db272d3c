"""One network of a bundle: its model file run beside the trained network, and the evidence of that, on disk."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from posekit import bundle
from posekit.compression.settings import Compression
from posekit.contract.outputs import Run
from posekit.contract.spec import contract_hash
from posekit.devices import desktop
from posekit.devices.desktop import Compiled
from posekit.errors import MissingToolError, converting, naming, version_of
from posekit.parity import trace
from posekit.parity.cases import MAX_RECORDED, Recorder, found_in
from posekit.parity.contract import ContractStep, QuickLook
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation, unverified
from posekit.parity.gate import Check
from posekit.parity.halves import half_checks
from posekit.parity.references import References
from posekit.parity.shipped import no_device
from posekit.pipelines.inputs import Images
from posekit.pipelines.making import Made
from posekit.pipelines.preparation import Calibrated, Prepared
from posekit.progress import Progress, announced
from posekit.report import search, writing
from posekit.runtimes import runtime_for
from posekit.sources.reference import run_reference
from posekit.targets import file_bytes, lint
from posekit.targets.kept import trace_of

TOOLS = ("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert", "coremltools", "numpy")


@dataclass(frozen=True, slots=True)
class Job:
    """What every platform's file of a network is made from; detector: of two stages, the same of the first; network:
    which of the two this is, empty where there is one."""

    prepared: Prepared
    images: Images
    compression: Compression
    calibration: Calibrated | None
    wrapper: bool
    contract: ContractStep | None
    look: QuickLook
    references: References
    step: Progress
    detector: Job | None = None
    network: str = ""

    @property
    def reference(self) -> Run:
        """What runs the trained network."""
        return naming(self.network)(partial(run_reference, self.prepared.source, self.prepared.spec))


@dataclass(frozen=True, slots=True)
class Stage:
    """A model file with its evidence, which lies in a folder. run: what runs it here."""

    made: Made
    job: Job
    folder: Path
    evaluation: Evaluation
    run: Run
    shown: writing.Drawn | None


def measured(platform: str, made: Made, job: Job, folder: Path, code: Compiled | None) -> Stage:
    """A stage with its evidence, written into its folder; code: the wrapper, where it is to be run."""
    model_hash = bundle.file_hash(made.converted.path)
    with naming(job.network):
        evaluation, run, shown = _evaluate(platform, made, job, folder, code, model_hash)
    if job.contract is not None:
        steps = (job.contract.step, *evaluation.steps)
        evaluation = replace(evaluation, steps=steps, checks=(*job.contract.checks, *evaluation.checks))
    network = _write_trace(platform, folder, job)
    if evaluation.status != "UNVERIFIED":
        beyond = half_checks(network, platform, made.recipe.name)
        evaluation = replace(evaluation, checks=(*evaluation.checks, *beyond))
    return Stage(made, job, folder, evaluation, run, shown)


def written_report(platform: str, stage: Stage) -> dict[str, Any]:
    """The report of a stage, as it is written into its folder."""
    job, made = stage.job, stage.made
    facts = _facts(
        platform, job, made, bundle.file_hash(made.converted.path), bundle.file_hash(stage.folder / bundle.EVALUATION)
    )
    with announced(job.step, "write the report"):
        report_folder, spec = stage.folder / bundle.REPORT, job.prepared.spec
        document = writing.write(
            report_folder, stage.evaluation, spec, facts, job.references.named, stage.run, shipped=stage.shown
        )
        if made.tuned is not None:
            search.write(report_folder, made.tuned, spec)
    return document


def _write_trace(platform: str, folder: Path, job: Job) -> tuple[trace.TracedOp, ...]:
    """What the network computes on the first case, op by op."""
    source, spec = job.prepared.source, job.prepared.spec
    first, steps = next(job.references.cases()).name, trace_of(job.prepared.starts[platform])
    trace.write(folder / bundle.EVALUATION, trace.Trace(first, source.sha256, contract_hash(spec), steps))
    return steps


def _evaluate(
    platform: str, made: Made, job: Job, folder: Path, code: Compiled | None, model_hash: str
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
        if code is not None:
            with announced(job.step, f"run the {platform} wrapper on this machine"):
                wrapper, check = desktop.run_wrapper(
                    code, path, lambda: islice(job.references.cases(), MAX_RECORDED), runtime.run, Path(scratch),
                    model_sha256=model_hash, spec=spec,
                )  # fmt: skip
            golden_checks = (check,)
            name = f"{name}; {desktop.NAMES[platform]}"
        with announced(job.step, f"measure parity on {platform}"):
            evaluation = evaluate(
                job.references, spec,
                Runs(
                    runtime.run, runtime.status, name, baseline, runtime.accelerated, wrapper,
                    no_device=no_device(platform),
                ),
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
            "facts": json.loads(json.dumps(source.facts, default=str)),  # noqa: TID251
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
        "tools": tools(),
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


def tools() -> dict[str, str]:
    """Versions of what the conversion and the figures rest on."""
    return {name: found for name in TOOLS if (found := version_of(name))}
