"""Look for what keeps a model from running in an app: the order of the checks, and the tools of this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from posekit import bundle
from posekit.devices.apps import App, Finding, android, ios, models, open_app
from posekit.errors import InputError, version_of
from posekit.parity.gate import Outcome

OF_ANDROID: tuple[Callable[[App], Iterator[Finding]], ...] = (
    models.contracts, models.operations, android.stored_models, android.libraries, android.gpu, android.permissions,
)  # fmt: skip
OF_IOS: tuple[Callable[[App], Iterator[Finding]], ...] = (models.contracts, ios.minimum_system)
# command, how it tells its version, what it is needed for
TOOLS = (
    ("java", ("-version",), "Android builds, and the generated Kotlin on this machine; 17 or newer"),
    ("swift", ("--version",), "the generated Swift on this machine"),
    ("adb", ("version",), "validate --device adb"),
    ("xcrun", ("--version",), "validate --device ios"),
)
PACKAGES = (("ai-edge-litert", "litert"), ("torch", "torch"), ("coremltools", "coreml"))
OLDEST_JAVA = 17
SECONDS = 20


def diagnose(path: Path | None, step: Callable[[str], None] = lambda name: None) -> list[Finding]:
    """What was found at `path`, an app's project, a built app or a bundle (its module or package); without
    one, of this machine's tools alone.

    InputError for what is no app, and for an app without any model.
    """
    if path is None:
        return list(toolchain())
    app = open_app(_wrapper_of(path) if bundle.is_bundle(path) else path)
    if not models.models_of(app):
        raise InputError(
            f"{path} holds no model: there is no {'.tflite' if app.is_android else '.mlmodelc or .mlpackage'} in it",
            "package a model, and put its module or package into the app",
        )
    found: list[Finding] = []
    for check in OF_ANDROID if app.is_android else OF_IOS:
        step(check.__name__.replace("_", " "))
        found += check(app)
    return found


def _wrapper_of(folder: Path) -> Path:
    """The module or package of a bundle; InputError where it is for no app."""
    inside = [folder / name for name in sorted(set(bundle.WRAPPER.values())) if (folder / name).is_dir()]
    if not inside or (inside[0] / "pyproject.toml").is_file():
        raise InputError(
            f"{folder} is a bundle for no app, so there is nothing to look into",
            f"posekit validate {folder} --wrapper runs the code of it",
        )
    return inside[0]


def toolchain() -> Iterator[Finding]:
    """The programs and packages that posekit may need, and their versions."""
    for command, asked, purpose in TOOLS:
        is_well, said = _said(command, asked)
        if not said:
            yield Finding(command, Outcome.SKIPPED, f"not on PATH; needed for {purpose}")
        elif not is_well:
            yield Finding(command, Outcome.SKIPPED, f"it fails: {said}; needed for {purpose}")
        elif command == "java" and (java := _java(said)) is not None and java < OLDEST_JAVA:
            yield Finding(command, Outcome.FAIL, said, f"install JDK {OLDEST_JAVA} or newer")
        else:
            yield Finding(command, Outcome.PASS, said)
    for package, extra in PACKAGES:
        if version := version_of(package):
            yield Finding(package, Outcome.PASS, version)
        else:
            yield Finding(package, Outcome.SKIPPED, "not installed", f"pip install 'posekit[{extra}]'")


def _said(command: str, asked: tuple[str, ...]) -> tuple[bool, str]:
    """Whether a program answers well, as macOS' stand-ins for what is not installed do not, and the first line of what
    it says of its version; nothing where there is no such program."""
    program = shutil.which(command)
    if program is None:
        return False, ""
    try:
        done = subprocess.run([program, *asked], capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False, "no answer"
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return done.returncode == 0, lines[0] if lines else "it says nothing"


def _java(said: str) -> int | None:
    found = re.search(r'"(\d+)', said)
    return int(found.group(1)) if found else None
