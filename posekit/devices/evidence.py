"""What a device run proves: which pass to believe, and whether the accelerator ran at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from posekit.devices.format import Accelerator, DeviceRun, Mode, Pass
from posekit.devices.record import results_of
from posekit.devices.request import as_written, sha256_of
from posekit.errors import InputError
from posekit.parity.cases import Case
from posekit.parity.gate import Check, Outcome
from posekit.parity.shipped import Shipped, Wrapper

PREFERRED: tuple[Accelerator, ...] = ("npu", "gpu", "cpu")


def wrapper_of(folder: Path, one: Pass, *, accelerator: bool) -> Wrapper:
    """The results of one pass, case by case, for parity/evaluate.py.

    GPUs and neural engines compute in about 16 bits whatever the file holds, unless they are told otherwise.
    """

    def results(case: Case) -> Mapping[str, Shipped]:
        found = results_of(folder, one, case.name, sha256_of(case), as_written(case.region))
        return {str(mode): result for mode, result in found.items()}

    return Wrapper(results, accelerator, precision="fp16" if place_of(one) in ("gpu", "npu") else None)


def passes_of(run: DeviceRun) -> list[Pass]:
    """The passes that ran the model, the one that the waterfall is of first: where an app runs by default, the Neural
    Engine before the GPU before the CPU."""
    ran = [one for one in run.passes if one.cases and place_of(one) in PREFERRED]
    return sorted(ran, key=lambda one: PREFERRED.index(place_of(one)))


def place_of(one: Pass) -> Accelerator:
    """What ran a pass, or what was asked for where the device does not say."""
    return one.used or one.requested


def in_words(one: Pass) -> str:
    """`gpu`, or that it is not known what ran the model."""
    return one.used or f"{one.requested} asked for, the device does not say what ran the model"


def checks_of(folder: Path, run: DeviceRun, cases: Iterable[Case]) -> tuple[Check, ...]:
    """Whether the run came to its end with every case in every pass, and of each accelerator whether it was what
    ran."""
    ended = Check(
        "the run came to its end", Outcome.FAIL if run.error else Outcome.PASS, run.error or "no error recorded"
    )
    asked = next((one for one in run.passes if one.requested == "cpu"), None)
    cpu = asked if asked is not None and asked.cases and place_of(asked) == "cpu" else None
    known = [case.name for case in cases]
    failure = (asked and asked.failure) or (
        "" if cpu else "the run has no case of a CPU pass, and apps fall back to it"
    )
    compared = Check("the CPU ran the model", Outcome.FAIL if failure else Outcome.PASS, failure or "to compare with")
    others = [one for one in run.passes if one.requested not in ("cpu", "none")]
    return (ended, compared, *_missing(run, known), *(_ran_there(folder, one, cpu, known) for one in others))


def _missing(run: DeviceRun, names: list[str]) -> Iterator[Check]:
    """The passes that stopped half-way; parity/shipped.py tells of the first of `passes_of`."""
    for one in passes_of(run)[1:]:
        missing = [name for name in names if name not in {case.name for case in one.cases}]
        if missing:
            text = f"{len(names) - len(missing)} of {len(names)}; missing: {', '.join(missing[:5])}"
            yield Check(f"every case was run on the {one.requested}", Outcome.FAIL, text)


def _ran_there(folder: Path, one: Pass, cpu: Pass | None, names: list[str]) -> Check:
    name = f"the {one.requested} ran the model"
    if one.failure:
        return Check(name, Outcome.FAIL, one.failure)
    if one.used is None and one.cases:
        return Check(name, Outcome.SKIPPED, "the device does not say what ran it")
    if one.used != one.requested:
        reason = one.fallback_reason or "no reason is given"
        if not one.fallback_reason and not one.cases:
            return Check(name, Outcome.FAIL, "it ran nothing, and no reason is given")
        return Check(name, Outcome.SKIPPED, f"the {one.used} ran it: {reason}" if one.used else reason)
    if not one.cases:
        return Check(name, Outcome.FAIL, one.fallback_reason or "it ran nothing, and no reason is given")
    if cpu is None:
        return Check(name, Outcome.SKIPPED, "there is no CPU pass to compare with")
    same = [same for case in names for same in _same_outputs(folder, one, cpu, case)]
    if not same:
        return Check(name, Outcome.SKIPPED, "no case was run on both")
    if all(same):
        return Check(name, Outcome.FAIL, "its outputs are bit for bit the CPU's: it did not run there")
    return Check(name, Outcome.PASS, "its outputs differ from the CPU's")


def _same_outputs(folder: Path, one: Pass, other: Pass, name: str) -> Iterator[bool]:
    """Of every mode of a case that both ran, whether the outputs are bit for bit the same."""
    found, others = _results(folder, one, name), _results(folder, other, name)
    for mode in found.keys() & others.keys():
        a, b = found[mode].outputs, others[mode].outputs
        if a.keys() != b.keys():
            raise InputError(
                f"case {name!r} of the device run has the outputs {', '.join(sorted(a)) or 'none'} on the "
                f"{one.requested} and {', '.join(sorted(b)) or 'none'} on the {other.requested}"
            )
        if a:
            yield all(a[key].tobytes() == b[key].tobytes() for key in a)


def _results(folder: Path, one: Pass, name: str) -> Mapping[Mode, Shipped]:
    found = next((case for case in one.cases if case.name == name), None)
    return {} if found is None else results_of(folder, one, name, found.sha256, found.region)


def facts(run: DeviceRun) -> dict[str, Any]:
    """What the report tells of the run: device, runtime, and of each pass what ran it, how warm and how fast."""
    passes = [one.model_dump(mode="json", exclude={"cases"}) for one in run.passes]
    return {
        "device": run.device.model_dump(mode="json"), "runtime": run.runtime, "build": run.build, "passes": passes,
    }  # fmt: skip
