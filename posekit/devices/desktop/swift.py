"""Run the generated Swift package on this machine: image to the model's input, and its outputs to keypoints.

There is no Core ML here, so the host runs the model in between, on the very inputs that Swift made. The package's core
and its runner are compiled as they are; what drives Core ML is left out.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from posekit.bundle import file_hash
from posekit.bundle.wrapper import template_root
from posekit.contract.outputs import Run
from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import read_spec
from posekit.decoders.decoder import Outputs
from posekit.devices import golden_run
from posekit.devices.format import MAX_CASES, REQUEST, RUN, DeviceRun, Mode, RequestedCase, RunRequest, StageName
from posekit.devices.record import read_run, results_of
from posekit.devices.request import RequestWriter, as_written, sha256_of
from posekit.errors import ConversionError, InputError, MissingToolError
from posekit.parity.case_files import RegionOfCase, TensorFile, read_tensor
from posekit.parity.cases import Case
from posekit.parity.shipped import Shipped, Wrapper
from posekit.runtimes.files import is_litter

PLACEHOLDER, PROGRAM = "TemplatePose", "Desktop"
BUILD_SECONDS, RUN_SECONDS = 540, 480
LIVE = ("Live.swift", "HostSession.swift", "Messages.swift")
PEOPLE, NEEDS_CORE_ML = "PeopleSession.swift", "#if canImport(CoreML)"
PACKAGE_AGAIN = "package the model again"


@dataclass(frozen=True, slots=True)
class SwiftWrapper:
    """A package compiled for this machine. model: the .mlpackage in it, whose hash the run records."""

    program: Path
    model: Path
    model_sha256: str
    contract_sha256: str

    def run(self, request: Path, out: Path, *, timeout: float = RUN_SECONDS) -> None:
        """Run the request in `request` and write run.json and its tensors into `out`.

        ConversionError where the program fails or takes too long. What the package itself refuses stands in run.json.
        """
        (out / RUN).unlink(missing_ok=True)
        command = [self.program, request, out, self.model, _processor()]
        code, said = _run([str(part) for part in command], "the generated Swift", timeout, SWIFT_BACKTRACE="enable=no")
        if code or not (out / RUN).is_file():
            raise ConversionError(f"the generated Swift ended with exit code {code}: {_last(said)}")

    @property
    def live(self) -> list[str]:
        """The command that looks at frames, as devices.desktop.live talks with it."""
        return [str(self.program), "live"]

    def golden(self, vectors: Path, stage: StageName = "pose", *, timeout: float = RUN_SECONDS) -> str:
        """What the package makes of golden vectors of a stage, as JSON; ConversionError where it fails."""
        command = [str(self.program), str(vectors), stage]
        code, said = _run(command, "the generated Swift", timeout, SWIFT_BACKTRACE="enable=no")
        if code:
            raise ConversionError(f"the generated Swift ended with exit code {code}: {_last(said)}")
        return said


def why_not() -> str:
    """Why the generated Swift cannot be run here, in one sentence that says how to change that; empty when it can."""
    if shutil.which("swift") is None:
        return "there is no Swift toolchain: `swift` is not on the PATH; install Swift 6 or newer from swift.org"
    return ""


def build(package: Path, work: Path) -> SwiftWrapper:
    """Compile the Swift package of a bundle into `work`; in a folder that was built before, only what changed.

    MissingToolError without Swift; InputError for a folder that is no such package; ConversionError where it does not
    compile.
    """
    if reason := why_not():
        raise MissingToolError(f"the generated Swift cannot be run here: {reason}")
    name, model = _named(package)
    places = {
        f"Sources/{PROGRAM}/main.swift": "main.swift",
        **{f"Sources/{PROGRAM}/{file}": file for file in ("GoldenReport.swift", *LIVE)},
        "Package.swift": "Package.swift",
    }
    files = {
        Path(place): (_templates() / source).read_text(encoding="utf-8").replace(PLACEHOLDER, name)
        for place, source in places.items()
    }
    people = package / "Sources" / name / PEOPLE  # of two stages, over Core ML's sessions; here over those of LIVE
    files[Path(f"Sources/{PROGRAM}/{PEOPLE}")] = people.read_text(encoding="utf-8").replace(NEEDS_CORE_ML, "#if true")
    spec = read_spec(package / "Sources" / name / CONTRACT)
    for file, text in golden_run.readers("ios", spec).items():
        files[Path(f"Sources/{PROGRAM}/{file}")] = text
    for module in (f"{name}Core", f"{name}Run"):
        folder = package / "Sources" / module
        found = [path.relative_to(folder) for path in sorted(folder.rglob("*.swift"))]
        own = [folder / path for path in found if path.parts[0] != "Apple" and not is_litter(path)]
        if not own:
            raise InputError(f"the package {package} holds no Sources/{module}", PACKAGE_AGAIN)
        files |= {path.relative_to(package): path.read_text(encoding="utf-8") for path in own}
    _lay_out(files, work)
    command = ["swift", "build", "-c", "release", "--package-path", str(work), "--product", PROGRAM]
    code, said = _run(command, "the Swift compiler", BUILD_SECONDS)
    if code:
        errors = [line for line in said.splitlines() if "error:" in line]
        raise ConversionError(
            f"the package {package} does not compile: {errors[0] if errors else _last(said)}", PACKAGE_AGAIN
        )
    contract = file_hash(package / "Sources" / name / CONTRACT)
    return SwiftWrapper(work / ".build" / "release" / PROGRAM, model.resolve(), file_hash(model), contract)


def results(
    wrapper: SwiftWrapper, cases: Iterable[Case], run_model: Run, work: Path, stage: StageName = "pose"
) -> Wrapper:
    """What a stage of Swift makes of `cases`, outputs from `run_model`: (H, W, 3) to outputs; all in mode `image`.

    work: a folder that is needed as long as the result is. Nothing but names is held in memory.
    """
    ran: dict[str, HostRun] = {}
    for number, some in enumerate(_in_parts(cases)):
        folder = work / f"part-{number}"
        writer = RequestWriter(folder / "request")
        for case in some:
            writer.add(case)
        done = run_request(wrapper, writer, run_model, folder, stage)
        ran |= dict.fromkeys(done.given, done)

    def result(case: Case) -> Mapping[str, Shipped]:
        asked = (case.name, sha256_of(case), as_written(case.region))
        return ran[case.name].result(*asked) if case.name in ran else {}

    return Wrapper(result, accelerator=False)


@dataclass(frozen=True, slots=True)
class HostRun:
    """Two runs of the same cases: the inputs that Swift made, and what it decoded of the model's outputs for them.

    given: those outputs, by case.
    """

    request: Path
    folder: Path
    inputs: DeviceRun
    keypoints: DeviceRun
    given: Mapping[str, Mapping[str, TensorFile]]

    def result(self, name: str, sha256: str, region: RegionOfCase | None) -> Mapping[str, Shipped]:
        """The result of one case as mode `image`, empty where it was not run; InputError where it was another's."""
        asked = (name, sha256, region)
        image = results_of(self.folder / "inputs", self.inputs.passes[0], *asked).get("image")
        decoded = results_of(self.folder / "keypoints", self.keypoints.passes[0], *asked).get("outputs")
        if image is None or decoded is None:
            return {}
        outputs = {key: read_tensor(self.request, file, "the request") for key, file in self.given[name].items()}
        return {"image": Shipped(image.input, outputs, decoded.people, decoded.dense)}


def run_request(
    wrapper: SwiftWrapper, writer: RequestWriter, run_model: Run, folder: Path, stage: StageName = "pose"
) -> HostRun:
    """Run the cases of a request that is not closed yet: pictures to inputs, the model on this host, then to keypoints.

    ConversionError where Swift fails; InputError where its answer is damaged.
    """
    hashes = wrapper.model_sha256, wrapper.contract_sha256
    request = writer.close(*hashes, ("image",), ("none",), repeats=0, stage=stage)
    inputs = _round(wrapper, writer.folder, folder / "inputs")
    made = {case.name: result.input for case in inputs.passes[0].cases for result in case.results}
    asked = []
    for number, one in enumerate(request.cases):
        if tensor := made.get(one.name):
            outputs = run_model(read_tensor(folder / "inputs", tensor, "the run")[0])
            asked.append(one.model_copy(update={"outputs": _write(outputs, writer.folder, number)}))
    _ask_again(request, asked, ("outputs",), writer.folder)
    keypoints = _round(wrapper, writer.folder, folder / "keypoints")
    return HostRun(writer.folder, folder, inputs, keypoints, {case.name: case.outputs for case in asked})


def _round(wrapper: SwiftWrapper, request: Path, out: Path) -> DeviceRun:
    wrapper.run(request, out)
    run = read_run(out, wrapper.model_sha256, wrapper.contract_sha256)
    if run.error or not run.passes:
        raise ConversionError(f"the generated Swift failed on this machine: {run.error or 'it ran nothing'}")
    return run


def _write(outputs: Outputs, folder: Path, number: int) -> dict[str, TensorFile]:
    files = {}
    for name, values in outputs.items():
        array = np.asarray(values, "<f4")
        file = f"case-{number:03d}.given.{name}.f32"
        array.tofile(folder / file)
        files[name] = TensorFile(file=file, shape=array.shape)
    return files


def _ask_again(request: RunRequest, cases: Sequence[RequestedCase], modes: tuple[Mode, ...], folder: Path) -> None:
    again = request.model_copy(update={"cases": tuple(cases), "modes": modes})
    (folder / REQUEST).write_text(json.dumps(again.model_dump(mode="json", by_alias=True)) + "\n")


def _in_parts(cases: Iterable[Case]) -> Iterator[Iterator[Case]]:
    """As many cases at a time as one request holds."""
    rest = iter(cases)
    while (first := next(rest, None)) is not None:
        yield _chained(first, islice(rest, MAX_CASES - 1))


def _chained(first: Case, others: Iterator[Case]) -> Iterator[Case]:
    yield first
    yield from others


def _named(package: Path) -> tuple[str, Path]:
    """The package's name, and the model in it."""
    contracts = sorted(package.glob("Sources/*Core/*Contract.swift"))
    if len(contracts) != 1:
        raise InputError(f"{package} is no Swift package that posekit made", "give a bundle's own package folder")
    name = contracts[0].parent.name.removesuffix("Core")
    folder = package / "Sources" / name
    models = sorted(folder.glob("*.mlpackage"), key=lambda path: len(path.name))  # a detector is called after the other
    expected = 1 if read_spec(folder / CONTRACT).detector is None else 2
    if len(models) != expected:
        raise InputError(
            f"the package {package} holds {len(models)} models, expected {expected} .mlpackage", PACKAGE_AGAIN
        )
    return name, models[0]


def _lay_out(files: Mapping[Path, str], work: Path) -> None:
    """Make `work` hold these sources and no others; an unchanged file is not compiled again."""
    for path in (work / "Sources").rglob("*.swift"):
        if path.relative_to(work) not in files:
            path.unlink()
    for relative, text in files.items():
        path = work / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _run(command: Sequence[str], what: str, timeout: float, **environment: str) -> tuple[int, str]:
    """Exit code and all output; ConversionError where it takes longer than `timeout` seconds."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"{what} did not end within {timeout:g} s") from error
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return process.returncode, said


def _last(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _templates() -> Path:
    return template_root() / "desktop" / "swift"


def _processor() -> str:
    return platform.processor() or platform.machine() or "unknown"
