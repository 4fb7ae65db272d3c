"""What a device run proves: which pass to believe, and whether the accelerator ran at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posekit.devices.format import DeviceRun, Pass
from posekit.devices.record import results_of
from posekit.devices.request import as_written, sha256_of
from posekit.parity.cases import Case
from posekit.parity.gate import Check, Outcome
from posekit.parity.shipped import Shipped, Wrapper


def wrapper_of(folder: Path, one: Pass, *, accelerator: bool) -> Wrapper:
    """The results of one pass, case by case, for parity/evaluate.py."""

    def results(case: Case) -> Mapping[str, Shipped]:
        found = results_of(folder, one, case.name, sha256_of(case), as_written(case.region))
        return {str(mode): result for mode, result in found.items()}

    return Wrapper(results, accelerator)


def chosen_pass(run: DeviceRun) -> Pass | None:
    """The pass that the waterfall is of: the first accelerator that ran, else the CPU."""
    ran = [one for one in run.passes if one.cases]
    return next((one for one in ran if one.used not in ("cpu", None)), ran[0] if ran else None)


def checks_of(folder: Path, run: DeviceRun, cases: Iterable[Case]) -> tuple[Check, ...]:
    """Whether the run came to its end, and of each accelerator whether it was the one that ran."""
    ended = Check(
        "the run came to its end", Outcome.FAIL if run.error else Outcome.PASS, run.error or "no error recorded"
    )
    cpu = next((one for one in run.passes if one.requested == "cpu" and one.cases), None)
    known = [case.name for case in cases]
    others = [one for one in run.passes if one.requested not in ("cpu", "none")]
    return (ended, *(_ran_there(folder, one, cpu, known) for one in others))


def _ran_there(folder: Path, one: Pass, cpu: Pass | None, names: list[str]) -> Check:
    name = f"the {one.requested} ran the model"
    if one.fallback_reason or one.used in (None, "cpu"):
        return Check(name, Outcome.SKIPPED, one.fallback_reason or "the device does not say what ran it")
    if cpu is None:
        return Check(name, Outcome.SKIPPED, "there is no CPU pass to compare with")
    pairs = [
        (a, b) for case in names if (a := _tensors(folder, one, case)) and (b := _tensors(folder, cpu, case))
    ]  # fmt: skip
    if not pairs:
        return Check(name, Outcome.SKIPPED, "no case was run on both")
    same = all(np.array_equal(a[key], b.get(key), equal_nan=True) for a, b in pairs for key in a)  # type: ignore[arg-type]
    text = (
        "its outputs are bit for bit the CPU's: it did not run there" if same else "its outputs differ from the CPU's"
    )
    return Check(name, Outcome.FAIL if same else Outcome.PASS, text)


def _tensors(folder: Path, one: Pass, name: str) -> dict[str, Any]:
    found = next((case for case in one.cases if case.name == name), None)
    if found is None:
        return {}
    results = results_of(folder, one, name, found.sha256, found.region)
    result = results.get("tensor") or results.get("image")
    return dict(result.outputs) if result else {}


def facts(run: DeviceRun) -> dict[str, Any]:
    """What the report tells of the run: device, runtime, and of each pass what ran it, how warm and how fast."""
    passes = [one.model_dump(mode="json", exclude={"cases"}) for one in run.passes]
    return {"device": run.device.model_dump(mode="json"), "runtime": run.runtime, "passes": passes}
