"""Run the generated linux package on this machine: built as a wheel, and installed in an environment of its own.

The environment is new, and has the wheel, numpy, LiteRT and what these need, linked from where posekit itself has them,
so that nothing is downloaded; posekit is not among them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from posekit.bundle.wrapper import assets_folder
from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import read_spec
from posekit.devices import golden_run
from posekit.devices.format import RUN, StageName
from posekit.errors import ConversionError, InputError, MissingToolError

RUNTIME = ("numpy", "ai-edge-litert")
BUILDER = "hatchling"
TIMEOUT_SECONDS = 480
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class LinuxPackage:
    """A package installed from its wheel. python: of its environment; package: what is imported; wheel: the file."""

    package: str
    python: Path
    wheel: Path
    golden_reader: Path

    def run(self, request: Path, out: Path, model: Path, *, timeout: float = TIMEOUT_SECONDS) -> None:
        """Run the request in `request` and write run.json and its tensors into `out`.

        InputError without a model; ConversionError where Python fails or takes too long. What the package itself
        refuses stands in run.json.
        """
        if not model.exists():
            raise InputError(f"there is no model at {model}")
        (out / RUN).unlink(missing_ok=True)
        done = self._python(["-m", f"{self.package}.device_run", str(request), str(out)], timeout)
        if not (out / RUN).is_file():
            raise ConversionError(f"the linux package ended with exit code {done.returncode}: {_last(done.stderr)}")

    def golden(self, vectors: Path, stage: StageName = "pose", *, timeout: float = TIMEOUT_SECONDS) -> str:
        """What the package makes of golden vectors of a stage, as JSON; ConversionError where it fails."""
        done = self._python([str(self.golden_reader), str(vectors), stage], timeout)
        if done.returncode:
            raise ConversionError(f"the linux package ended with exit code {done.returncode}: {_last(done.stderr)}")
        return done.stdout

    def _python(self, arguments: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
        # isolated: neither this process's PYTHONPATH nor its working folder may lend the package anything
        return _run([str(self.python), "-I", *arguments], "the linux package", timeout)


def why_not() -> str:
    """Why the package cannot be run here, in one sentence that says how to change that; empty when it can."""
    missing = [name for name in RUNTIME if not _installed(name)]
    if missing:
        return f"{missing[0]} is not installed: pip install 'posekit[litert]'"
    return "" if find_spec(BUILDER) else f"{BUILDER} is not installed, which builds wheels: pip install {BUILDER}"


def build(tree: Path, work: Path) -> LinuxPackage:
    """Build the wheel of a bundle's package, and install it in a new environment in `work`.

    MissingToolError where something is missing on this machine; ConversionError where it does not build.
    """
    if reason := why_not():
        raise MissingToolError(f"the linux package cannot be run here: {reason}")
    work.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(tree, work / "wheel")
    python = _environment(work / "environment", wheel)
    found = sorted((tree / "src").glob(f"*/{CONTRACT}"))
    if len(found) != 1:
        raise InputError(f"{tree} is no linux package that posekit made", "give a bundle's own package folder")
    spec = read_spec(found[0])
    for file, text in golden_run.readers("linux", spec).items():
        (work / file).write_text(text, encoding="utf-8")
    return LinuxPackage(Path(assets_folder("linux", spec)).name, python, wheel, work / "golden_cases.py")


def build_wheel(tree: Path, folder: Path) -> Path:
    """The wheel of a package, built into a new folder; nothing is downloaded, and `tree` is as it was."""
    command = [sys.executable, "-m", BUILDER, "build", "--target", "wheel", "--directory", str(folder.resolve())]
    done = _run(command, BUILDER, TIMEOUT_SECONDS, tree)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise ConversionError(f"the package {tree} does not build: {_last(done.stderr)}", "package the model again")
    return wheels[0]


def _environment(folder: Path, wheel: Path) -> Path:
    """A new environment with the wheel, and with links to what it needs; its Python."""
    done = _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], "venv", TIMEOUT_SECONDS)
    places = sorted(folder.glob("lib/python*/site-packages"))
    if done.returncode or len(places) != 1:
        raise MissingToolError(f"no environment can be made: {_last(done.stderr)}", "Python's own venv makes it")
    for path in needed_paths(RUNTIME):
        (places[0] / path.name).symlink_to(path)
    with zipfile.ZipFile(wheel) as archive:  # of plain Python: unpacked is installed
        archive.extractall(places[0])
    return folder / "bin" / "python"


def needed_paths(names: Sequence[str]) -> list[Path]:
    """The files and folders at the top of site-packages of some distributions, and of all that these require."""
    found: dict[str, Path] = {}
    for one in _closure(names):
        for file in one.files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__"):
                found[top] = Path(str(one.locate_file(top)))
    return [path for path in found.values() if path.exists()]


def _closure(names: Sequence[str]) -> Iterator[Distribution]:
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen or (one := _installed(name)) is None:
            continue
        seen.add(name)
        yield one
        waiting += [found[0] for text in one.requires or () if "extra ==" not in text and (found := WORD.match(text))]


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _run(
    command: Sequence[str], what: str, timeout: float, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, cwd=folder)
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"{what} took more than {timeout:g} s") from error


def _last(text: str) -> str:
    """The last words of a program: of Python's errors the error itself."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
