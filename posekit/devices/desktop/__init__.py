"""Run the generated wrapper on this machine, from picture to keypoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.devices import golden_run
from posekit.devices.evidence import wrapper_of
from posekit.devices.record import read_run
from posekit.devices.request import RequestWriter
from posekit.errors import ConversionError, MissingToolError
from posekit.parity.cases import Case
from posekit.parity.gate import Check
from posekit.parity.shipped import Wrapper

NAMES = {"android": "generated Kotlin on desktop LiteRT (CPU)", "ios": "generated Swift core, model run by posekit"}


def require(platform: str) -> None:
    """MissingToolError unless a platform's wrapper can be compiled and run here."""
    if platform == "android":
        from posekit.devices.desktop import kotlin as desktop_kotlin

        reason = desktop_kotlin.why_not()
    else:
        from posekit.devices.desktop import swift as desktop_swift

        reason = desktop_swift.why_not()
    if reason:
        raise MissingToolError(f"the generated code cannot be run here: {reason}", "leave out --wrapper")


def run_wrapper(
    platform: str,
    tree: Path,
    model: Path,
    cases: Callable[[], Iterable[Case]],
    run: Run,
    work: Path,
    *,
    model_sha256: str,
    spec: PoseSpec,
) -> tuple[Wrapper, Check]:
    """Compile the wrapper in `tree`, run it on `cases`, and on posekit's own golden vectors, which makes the check.

    work: an empty folder, needed as long as the result is. Kotlin runs `model` itself; Swift, which has no Core ML
    here, has it run by `run`.
    """
    asked = frozenset(case.name for case in cases())
    contract_sha256, vectors = contract_hash(spec), golden_run.vectors(spec, work / "golden")
    if platform == "ios":
        from posekit.devices.desktop import swift as desktop_swift

        swift = desktop_swift.build(tree, work / "build")
        ran = replace(desktop_swift.results(swift, cases(), run, work), asked=asked)
        return ran, golden_run.judged(swift.golden(vectors), spec)
    from posekit.devices.desktop import kotlin as desktop_kotlin

    kotlin = desktop_kotlin.build(tree, work / "build")
    request, out = work / "request", work / "run"
    writer = RequestWriter(request)
    for case in cases():
        writer.add(case)
    writer.close(model_sha256, contract_sha256, ("image", "tensor"), ("cpu",), repeats=0)
    kotlin.run(request, out, model)
    record = read_run(out, model_sha256, contract_sha256)
    if record.error or not record.passes:
        raise ConversionError(f"the generated Kotlin failed on this machine: {record.error or 'it ran nothing'}")
    ran = replace(wrapper_of(out, record.passes[0], accelerator=False), asked=asked)
    return ran, golden_run.judged(kotlin.golden(vectors), spec)
