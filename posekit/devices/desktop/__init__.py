"""Run the generated wrapper on this machine, from picture to keypoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from posekit.bundle.wrapper import assets_folder
from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.devices import golden_run
from posekit.devices.desktop import kotlin, linux, swift
from posekit.devices.desktop.kotlin import KotlinWrapper
from posekit.devices.desktop.linux import LinuxPackage
from posekit.devices.desktop.swift import SwiftWrapper
from posekit.devices.evidence import wrapper_of
from posekit.devices.format import DeviceRun, StageName
from posekit.devices.record import read_run
from posekit.devices.request import RequestWriter
from posekit.errors import ConversionError, MissingToolError
from posekit.parity.cases import Case
from posekit.parity.gate import Check
from posekit.parity.shipped import Wrapper
from posekit.parity.written_poses import poses_of_written
from posekit.poses import Poses

NO_CORE_ML = "there is no Core ML here, so that the generated Swift ran each stage by itself"
NAMES = {
    "android": "generated Kotlin on desktop LiteRT (CPU)", "ios": "generated Swift core, model run by posekit",
    "linux": "generated Python package from its wheel (CPU)",
}  # fmt: skip
CODE = {"android": "Kotlin", "ios": "Swift", "linux": "linux package"}
BUILDERS = {"android": kotlin, "ios": swift, "linux": linux}


def require(platform: str) -> None:
    """MissingToolError unless a platform's wrapper can be compiled and run here."""
    reason = BUILDERS[platform].why_not()
    if reason:
        raise MissingToolError(f"the generated code cannot be run here: {reason}", "leave out --wrapper")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A wrapper compiled for this machine. assets: the folder in it that holds the models."""

    platform: str
    program: KotlinWrapper | LinuxPackage | SwiftWrapper
    assets: Path


def compiled(platform: str, tree: Path, spec: PoseSpec, work: Path) -> Compiled:
    """Compile the wrapper in `tree` into `work`, which is needed as long as the result is."""
    return Compiled(platform, BUILDERS[platform].build(tree, work), tree / assets_folder(platform, spec.whole))


def live_command(code: Compiled, model: Path) -> list[str]:
    """The command of a compiled app wrapper that looks at frames, as `live` talks with it; model: the pose network's
    file."""
    if isinstance(code.program, SwiftWrapper):
        return code.program.live
    assert isinstance(code.program, KotlinWrapper)
    several = sum(path.suffix == model.suffix for path in code.assets.iterdir()) > 1
    return code.program.live(code.assets if several else model)


def run_wrapper(
    code: Compiled, model: Path, cases: Callable[[], Iterable[Case]], run: Run, work: Path, *, model_sha256: str,
    spec: PoseSpec,
) -> tuple[Wrapper, Check]:  # fmt: skip
    """Run a stage of the wrapper on `cases`, and on posekit's own golden vectors, which makes the check.

    spec: of the stage; model: its file. work: a folder, needed as long as the result is. Kotlin runs `model` itself,
    the linux package its own copy; Swift, which has no Core ML here, has it run by `run`.
    """
    stage: StageName = "pose" if spec.whole is spec else "detector"
    work.mkdir(exist_ok=True)
    asked = frozenset(case.name for case in cases())
    contract_sha256, vectors = contract_hash(spec), golden_run.vectors(spec, work / "golden")
    if isinstance(code.program, SwiftWrapper):
        program = replace(code.program, model=model.resolve(), model_sha256=model_sha256)
        ran = replace(swift.results(program, cases(), run, work, stage), asked=asked)
        return ran, golden_run.judged(program.golden(vectors, stage), spec)
    request, out = work / "request", work / "run"
    writer = RequestWriter(request)
    for case in cases():
        writer.add(case)
    writer.close(model_sha256, contract_sha256, ("image", "tensor"), ("cpu",), repeats=0, stage=stage)
    record = _record(code, request, out, model, model_sha256, contract_sha256)
    ran = replace(wrapper_of(out, record.passes[0], accelerator=False), asked=asked)
    return ran, golden_run.judged(code.program.golden(vectors, stage), spec)


def run_both(code: Compiled, cases: Iterable[Case], spec: PoseSpec, work: Path, model_sha256: str) -> list[Poses]:
    """The people whom both stages of the generated code find in the pictures of `cases`, each looked at as a whole.

    spec: the whole contract; model_sha256: of the pose network's file.
    """
    writer = RequestWriter(work / "both-request")
    names = []
    for case in cases:
        writer.add(case)
        names.append(case.name)
    hashes = model_sha256, contract_hash(spec)
    writer.close(*hashes, ("image",), ("cpu",), repeats=0, stage="both")
    record = _record(code, work / "both-request", work / "both-run", code.assets, *hashes)
    found = {one.name: one.results[0].people for one in record.passes[0].cases}
    return [poses_of_written(found.get(name) or (), spec.keypoint_count, name) for name in names]


def _record(
    code: Compiled, request: Path, out: Path, model: Path, model_sha256: str, contract_sha256: str
) -> DeviceRun:
    cast(KotlinWrapper | LinuxPackage, code.program).run(request, out, model)
    record = read_run(out, model_sha256, contract_sha256)
    failure = record.error or (record.passes[0].failure if record.passes else "it ran nothing")
    if failure:
        raise ConversionError(f"the generated {CODE[code.platform]} failed on this machine: {failure}")
    return record
