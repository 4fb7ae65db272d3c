"""Is the evidence consistent with itself: pictures, inputs, outputs, keypoints, and the network's own trace?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import bundle
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.parity import both, trace
from posekit.parity.case_files import RegionOfCase, read_tensor
from posekit.parity.cases import INDEX, Case, Index, Recorded, found_in
from posekit.parity.gate import Check
from posekit.parity.trace import Trace, TracedOp
from posekit.parity.written_poses import written_poses
from posekit.pipelines.consistency.finding import differing, judged
from posekit.runtimes.files import is_litter
from posekit.sources.reference import network_input
from posekit.sources.source import ROUNDING
from posekit.targets.graph.lowering import relative_rms

CLOSE_GREY = 1e-3  # grey levels; processors differ in the last digit of a float32
CLOSE_PX = 1e-6
CLOSE_INPUT = 1e-5  # of the normalised input, relative to its largest value


@dataclass(frozen=True, slots=True)
class Recordings:
    """cases.json, and its cases made anew from pictures and people, with the recorded outputs."""

    index: Index
    cases: tuple[tuple[Case, Outputs], ...]

    def only_cases(self) -> Iterator[Case]:
        """The cases without their outputs."""
        return (case for case, _ in self.cases)


def checks(opened: bundle.Bundle, evidence: Recordings) -> tuple[Check, ...]:
    """Inputs, keypoints, files and trace; InputError where a tensor is damaged."""
    folder, spec = opened.folder / bundle.EVALUATION, opened.spec
    pairs = list(zip(evidence.index.cases, evidence.cases, strict=True))
    inputs = [one for entry, (case, _) in pairs for one in _input(folder, entry, case)]
    keypoints = [one for entry, (case, outputs) in pairs for one in _keypoints(entry, case, outputs, spec)]
    network = trace.read(folder)
    return (
        judged("the pictures give the recorded inputs", inputs, f"{len(pairs)} cases warped anew"),
        judged("the recorded outputs give the recorded keypoints", keypoints, f"{len(pairs)} cases decoded anew"),
        judged(
            "the files of the evidence are its cases'",
            list(_files(folder, evidence.index, opened)),
            "none more, none less",
        ),
        judged(
            "the trace is of the first case",
            [*_origin(network, opened), *_trace(network, evidence, spec)],
            f"{len(network.steps)} steps from its input to its outputs",
        ),
    )


def _input(folder: Path, entry: Recorded, case: Case) -> Iterator[str]:
    seen = read_tensor(folder, entry.input, f"case {entry.name!r}")
    region = case.region
    made = RegionOfCase(
        center_xy=region.center_xy, size_wh=region.size_wh, rotation_degrees=region.rotation_degrees
    )  # fmt: skip
    if not _near(_numbers(entry.region), _numbers(made), CLOSE_PX):
        yield f"the region of {entry.name} is {_in_words(entry.region)}, its person gives {_in_words(made)}"
    if seen.shape != (1, *case.pixels.shape):
        yield f"the input of {entry.name} has shape {seen.shape}, the contract makes {(1, *case.pixels.shape)}"
    elif not np.abs(seen[0] - case.pixels).max() <= CLOSE_GREY:
        yield f"the input of {entry.name} is off by {np.abs(seen[0] - case.pixels).max():.3g} grey levels"


def _numbers(region: RegionOfCase) -> NDArray[np.float64]:
    return np.array([*region.center_xy, *region.size_wh, region.rotation_degrees])


def _in_words(region: RegionOfCase) -> str:
    return (
        f"{region.size_wh[0]:.6g} x {region.size_wh[1]:.6g} px at {region.center_xy[0]:.6g}, {region.center_xy[1]:.6g}"
    )


def _near(seen: NDArray[Any], expected: NDArray[Any], close: float) -> bool:
    return seen.shape == expected.shape and bool(np.allclose(seen, expected, close, close, equal_nan=True))


def _keypoints(entry: Recorded, case: Case, outputs: Outputs, spec: PoseSpec) -> Iterator[str]:
    found = found_in(case, outputs, spec)
    if len(entry.poses) != len(found.keypoints):
        yield f"{entry.name} has {len(entry.poses)} people, its outputs give {len(found.keypoints)}"
    for number, (told, made) in enumerate(zip(entry.poses, written_poses(found), strict=False)):
        person = entry.name if len(entry.poses) == 1 else f"person {number} of {entry.name}"
        for what, seen in told.model_dump().items():
            given = made.get(what)
            if (seen is None) != (given is None):
                yield f"{person} {'lacks' if seen is None else 'has'} {what}, its outputs say otherwise"
            elif seen is not None:
                yield from _differing_values(person, what, np.array(seen, np.float64), np.array(given))
    for name, values in outputs.items():
        if not np.isfinite(values).all():
            yield f"{name} of {entry.name} is not finite"


def _differing_values(person: str, what: str, seen: NDArray[Any], made: NDArray[Any]) -> Iterator[str]:
    if seen.shape != made.shape:
        yield f"{person} has {what} of shape {seen.shape}, its outputs give {made.shape}"
    elif not _near(seen, made, CLOSE_PX):
        yield f"{what} of {person} are off by {np.nanmax(np.abs(seen - made)):.3g}"


def _files(folder: Path, index: Index, opened: bundle.Bundle) -> Iterator[str]:
    known = {INDEX, trace.INDEX, trace.VALUES, *([both.FILE] if opened.whole else [])}
    for case in index.cases:
        known |= {case.image, case.input.file, *(tensor.file for tensor in case.outputs.values())}
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    found_names = {path.as_posix() for path in found if not is_litter(path)}
    yield from (f"{name} belongs to no case" for name in sorted(found_names - known))
    yield from (f"{name} is missing" for name in sorted(known - found_names))


def _origin(network: Trace, opened: bundle.Bundle) -> Iterator[str]:
    source = opened.manifest.get("source")
    yield from differing(
        "its network", network.source_sha256, source.get("sha256") if isinstance(source, dict) else None
    )
    yield from differing("its contract", network.contract_sha256, opened.manifest["contract_sha256"])


def _trace(network: Trace, evidence: Recordings, spec: PoseSpec) -> Iterator[str]:
    case, outputs = evidence.cases[0]
    yield from differing("its case", network.case, case.name)
    known: set[str] = set()
    for step in network.steps:
        yield from (f"{step.name} reads {name}, which no step before it gives" for name in set(step.inputs) - known)
        known.add(step.name)
        yield from _range(step)
    if normalised(network, network_input(spec, case.pixels)) is None:
        yield "its normalised input is not the case's, as the contract normalises it"
    for name, values in outputs.items():
        if not any(
            _is_of(step, values, lambda seen, ours: relative_rms(seen, ours) <= ROUNDING) for step in network.steps
        ):
            yield f"no step is the recorded {name}"


def normalised(network: Trace, expected: NDArray[Any]) -> TracedOp | None:
    """The step in which targets/lowering.py ends the normalisation, the first product of a difference; None where it is
    not the `expected` input."""
    ops = {step.name: step.op for step in network.steps}
    first = next((one for one in network.steps if one.op == "mul" and "sub" in map(ops.get, one.inputs)), None)
    largest = max(float(np.abs(expected).max()), 1.0)
    is_close = first and _is_of(first, expected, lambda a, b: np.abs(a - b).max() <= CLOSE_INPUT * largest)
    return first if is_close else None


def _is_of(step: TracedOp, values: NDArray[Any], is_close: Any) -> bool:
    """Whether a step's samples are those of `values`."""
    if step.shape != values.shape:
        return False
    return bool(is_close(step.samples, values.ravel()[trace.positions_of(values.size)].astype(np.float32)))


def _range(step: TracedOp) -> Sequence[str]:
    low, high = float(step.samples.min()), float(step.samples.max())
    whole = step.samples.size == int(np.prod(step.shape))
    good = (low, high) == (step.lowest, step.highest) if whole else step.lowest <= low and high <= step.highest
    return [] if good else [f"the range of {step.name} is not that of its values"]
