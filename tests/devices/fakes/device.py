"""A fake device for a test: its folder, what is to happen on it, and what was asked of it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from posekit.bundle import Bundle
from posekit.contract.spec import contract_hash, parse_spec
from tests.fuzz.readers import SPEC

FAKES = Path(__file__).parent
PROGRAMS = {"adb": "adb", "xcrun": "xcrun", "xcodebuild": "xcrun"}
SPEC_OF_TINY = parse_spec(SPEC, "a test")


@dataclass(frozen=True)
class FakeDevice:
    """home: the folder that stands for the device."""

    home: Path

    def scenario(self, **values: Any) -> None:
        """Say what happens from now on."""
        (self.home / "scenario.json").write_text(json.dumps(values))

    @property
    def log(self) -> list[list[str]]:
        """The command lines that were given, oldest first."""
        path = self.home / "log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def left(self, below: str) -> list[str]:
        """Files on the device."""
        root = self.home / below
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def connected(work: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    """A fake device, with the programs that reach it first on the PATH."""
    programs, home = work / "bin", work / "device"
    home.mkdir(parents=True)
    programs.mkdir()
    for name, file in PROGRAMS.items():
        _, _, code = (FAKES / file).read_text().partition("\n")
        (programs / name).write_text(f"#!{sys.executable} -IS\n{code}")  # without the detour over env
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_DEVICE", str(home))
    for variable in ("POSEKIT_APK", "POSEKIT_XCTESTRUN"):
        monkeypatch.delenv(variable, raising=False)
    return FakeDevice(home)


def tiny_bundle(platform: str) -> Bundle:
    """A bundle of which a driver needs no more than its name."""
    return Bundle(Path("nowhere"), {"platform": platform}, SPEC_OF_TINY)


def tiny_request(folder: Path) -> Path:
    """A folder to hand over; drivers do not look into it."""
    folder.mkdir()
    (folder / "request.json").write_text('{"schema": 1}')
    (folder / "picture-000.rgb").write_bytes(b"\1\2\3" * 1000)
    return folder


def tiny_answer(folder: Path, error: str | None = None) -> Path:
    """A run folder as a runner writes it."""
    folder.mkdir()
    document = {"schema": 1, "device": {"name": "a", "os": "b"}, "runtime": "c", "model_sha256": "0" * 64,
                "contract_sha256": contract_hash(SPEC_OF_TINY), "error": error, "passes": []}  # fmt: skip
    (folder / "cpu-000-image-input.f32").write_bytes(b"\1\2\3\4" * 3000)
    (folder / "run.json").write_text(json.dumps(document))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def nothing_beside(out: Path) -> bool:
    """Whether neither `out` nor anything half-written is where it belongs."""
    return not out.parent.exists() or not list(out.parent.iterdir())
