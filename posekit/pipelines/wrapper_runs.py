"""The generated wrapper on the cases of a bundle: run on this machine, or recorded on a device."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posekit import bundle
from posekit.contract.spec import contract_hash
from posekit.devices import desktop
from posekit.devices import evidence as device_evidence
from posekit.devices.desktop import Compiled
from posekit.devices.format import Pass
from posekit.devices.record import read_run
from posekit.errors import InputError
from posekit.parity.gate import Check
from posekit.parity.shipped import Wrapper
from posekit.pipelines import consistency
from posekit.pipelines.consistency import Edits, Recordings
from posekit.runtimes import Runtime


@dataclass(frozen=True, slots=True)
class WrapperRun:
    """Where a bundle's figures are obtained, and the wrapper that was run there, if one was.

    checks: of the run itself; facts: what the report says of it; beside: other passes of a device, by what they show.
    """

    status: str
    name: str
    wrapper: Wrapper | None = None
    checks: tuple[Check, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Wrapper] = field(default_factory=dict)


def compiled(opened: bundle.Bundle, edits: Edits, scratch: Path) -> Compiled:
    """The wrapper of a bundle, compiled into `scratch`."""
    return desktop.compiled(opened.platform, _code(opened, edits, scratch), opened.spec, scratch / "build")


def on_this_machine(
    opened: bundle.Bundle, evidence: Recordings, code: Compiled, runtime: Runtime, scratch: Path
) -> WrapperRun:
    """Run a stage of the compiled wrapper, with the model as `runtime` runs it."""
    wrapper, check = desktop.run_wrapper(
        code, opened.model_path, evidence.only_cases, runtime.run, scratch,
        model_sha256=bundle.file_hash(opened.model_path), spec=opened.spec,
    )  # fmt: skip
    return WrapperRun(runtime.status, f"{runtime.name}; {desktop.NAMES[opened.platform]}", wrapper, (check,))


def on_a_device(folder: Path, opened: bundle.Bundle, evidence: Recordings) -> WrapperRun:
    """What a device made of the cases, whose run is in `folder`; InputError (exit 2) where it is not the bundle's."""
    run = read_run(folder, bundle.file_hash(opened.model_path), contract_hash(opened.spec))
    passes = device_evidence.passes_of(run)
    if not passes:
        raise InputError(f"the device run did not run the model: {run.error or 'no pass has a case'}")
    status = "SIMULATED" if run.device.simulated else "VERIFIED"
    what = f"{run.runtime} on {run.device.name} ({run.device.os}), {device_evidence.in_words(passes[0])}"
    wrapper, *others = (device_evidence.wrapper_of(folder, one, accelerator=True) for one in passes)
    beside = {f"from the picture {_where(one)}": other for one, other in zip(passes[1:], others, strict=True)}
    checks = device_evidence.checks_of(folder, run, evidence.only_cases())
    return WrapperRun(status, what, wrapper, checks, device_evidence.facts(run), beside)


def _where(one: Pass) -> str:
    """`on the gpu`, or that it was only asked for: what ran instead is told of the pass itself."""
    return f"on the {one.requested}" if one.used == one.requested else f"where the {one.requested} was asked for"


def _code(opened: bundle.Bundle, edits: Edits, scratch: Path) -> Path:
    """The code to compile: posekit's own rendering where the bundle's is the same, so that nothing else is run."""
    if edits:
        return opened.wrapper_path
    tree = consistency.render(opened, scratch / "wrapper")
    for stage in (opened, opened.detector):
        if stage is None:
            continue
        shipped = tree / stage.shipped_model_path.relative_to(opened.wrapper_path)
        if stage.shipped_model_path.is_dir():
            shutil.copytree(stage.shipped_model_path, shipped)
        else:
            shutil.copyfile(stage.shipped_model_path, shipped)
    return tree
