"""What a bundle alone cannot tell: is it of this network? Reference, trace and model file are made again from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from posekit import bundle
from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.parity import trace
from posekit.parity.gate import Check, Outcome
from posekit.parity.trace import Trace, TracedOp
from posekit.pipelines.consistency import made_again
from posekit.pipelines.consistency.bundle_report import BundleReport
from posekit.pipelines.consistency.evidence import Recordings
from posekit.pipelines.consistency.finding import differing, judged
from posekit.pipelines.preparation import Calibrated
from posekit.sources import SourceModel
from posekit.sources.reference import run_reference
from posekit.sources.source import ROUNDING
from posekit.targets.graph.lowering import relative_rms
from posekit.targets.kept import Start, start_of, trace_of

UNKNOWN = Check(
    "it is the network's",
    Outcome.SKIPPED,
    "that reference, trace and weights are of the trained network is known with --source MODEL alone",
)


def checks(
    opened: bundle.Bundle, told: BundleReport, evidence: Recordings, source: SourceModel,
    wanted: PoseSpec | None, run: Run, calibrated: Calibrated | None = None,
) -> tuple[Check, ...]:  # fmt: skip
    """The bundle against the network that it says it was made of; wanted: the contract that is meant to be in it; run:
    of the bundle's model; calibrated: the calibration pictures, chosen again.

    PosekitError where the network does not run.
    """
    spec = opened.spec
    reference = [run_reference(source, spec, case.pixels) for case, _ in evidence.cases]
    outputs = [
        one for (case, recorded), seen in zip(evidence.cases, reference, strict=True)
        for one in _outputs(case.name, recorded, seen)
    ]  # fmt: skip
    file = differing("the SHA-256 of the network's file", source.sha256, opened.manifest["source"].get("sha256"))
    file += differing("the form of the network's file", str(source.form), opened.manifest["source"].get("form"))
    if outputs:  # of another network nothing else could fit
        return (_contract(spec, wanted), judged("the reference is the network's", [*file, *outputs], ""))
    start = start_of(opened.platform, source, spec, evidence.cases[0][0].pixels, reference[0])
    network = trace.read(opened.folder / bundle.EVALUATION)
    return (
        _contract(spec, wanted),
        judged("the reference is the network's", file, f"{len(reference)} cases run anew"),
        judged("the trace is the network's", list(_steps(network, start)), f"{len(network.steps)} steps computed anew"),
        *made_again.checks(opened, told, evidence, start, run, calibrated),
    )


def _contract(spec: PoseSpec, wanted: PoseSpec | None) -> Check:
    name = "the contract is the one given"
    if wanted is None:
        return Check(name, Outcome.SKIPPED, "no spec is beside the network's file; give it with --spec")
    if spec.detector is not None and wanted.detector is None:  # what is said of the pose network alone
        spec = spec.model_copy(update={"kind": "top_down", "detector": None, "region": None})
        name = f"{name}, but for its detector"
    same = contract_hash(spec) == contract_hash(wanted)
    fields = [key for key in type(spec).model_fields if getattr(spec, key) != getattr(wanted, key)]
    return judged(name, [] if same else [f"pose.json differs from the spec in {', '.join(fields)}"], "field for field")


def _outputs(case: str, recorded: Any, seen: Any) -> Iterator[str]:
    yield from differing(f"the list of outputs of {case}", sorted(recorded), sorted(seen))
    for name in sorted(recorded.keys() & seen.keys()):
        if recorded[name].shape != seen[name].shape:
            yield from differing(f"the shape of {name} of {case}", recorded[name].shape, seen[name].shape)
        elif not relative_rms(recorded[name], seen[name]) <= ROUNDING:
            error = relative_rms(recorded[name], seen[name])
            yield f"the recorded {name} of {case} is not the network's: relative RMS error {error:.2g}"


def _steps(network: Trace, start: Start) -> Iterator[str]:
    expected = trace_of(start)
    yield from differing("the number of steps", len(network.steps), len(expected))
    for seen, ours in zip(network.steps, expected, strict=False):
        for key in ("name", "op", "layer", "inputs", "shape"):
            yield from differing(f"the {key} of step {ours.name}", getattr(seen, key), getattr(ours, key))
        if seen.shape == ours.shape and not _is_alike(seen, ours):
            yield f"the values of step {ours.name} are not the network's"


def _is_alike(seen: TracedOp, ours: TracedOp) -> bool:
    largest = max(abs(ours.lowest), abs(ours.highest), 1e-6)
    pairs = ((seen.samples, ours.samples), (seen.lowest, ours.lowest), (seen.highest, ours.highest))
    return all(float(np.abs(np.asarray(a) - b).max()) <= ROUNDING * largest for a, b in pairs)
