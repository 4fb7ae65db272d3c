"""posekit's own files of a network, made as `package` makes them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

from benchmarks.peers.cases import Case
from benchmarks.peers.environment import ROOT, digest, plain
from benchmarks.peers.kinds import Made, Precision
from posekit.contract.recipe import uniform
from posekit.errors import PosekitError
from posekit.sources.reference import run_reference
from posekit.targets import TARGETS
from posekit.targets.graph.lowering import lower

TOOL = "posekit"


def key() -> str:
    """What the files depend on beside the network: all of posekit's code."""
    return digest(*(path.read_bytes() for path in sorted((ROOT / "posekit").rglob("*.py"))))


def make(case: Case, folder: Path) -> list[Made]:
    """A file a precision in `folder`, or why there is none."""
    target, spec, log = TARGETS["android"], case.spec, folder / "log"
    scratch = folder / "base"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    wanted: tuple[Precision, ...] = get_args(Precision)
    try:
        pixels = case.inputs[0]
        lowered = lower(case.source, spec, pixels, run_reference(case.source, spec, pixels))
        base = target.base(lowered, scratch, log)
        calibration = target.calibrate(base, case.inputs)
    except PosekitError as error:
        return [Made(TOOL, precision, failed=plain(error.message)) for precision in wanted]
    found = []
    for precision in wanted:
        path = folder / f"{precision}.tflite"
        try:
            target.compress(base, spec, uniform("w8a8" if precision == "int8" else precision), calibration, path, log)
            found.append(Made(TOOL, precision, path.name))
        except PosekitError as error:
            found.append(Made(TOOL, precision, failed=plain(error.message)))
    return found
