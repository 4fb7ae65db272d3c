"""Every command of the README runs, its spec is a spec, its files are there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from posekit.contract.spec import parse_spec
from posekit.devices.desktop import kotlin

COMMANDS = {
    "sample", "init", "package", "validate", "predict", "inspect", "check", "bisect", "ladder", "compress", "doctor",
    "demo",
}  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of that language, in order."""
    return [
        body
        for found, body in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
        if found == language
    ]


def test_the_spec_of_the_readme_is_a_spec() -> None:
    (text,) = blocks("toml")
    assert parse_spec(tomllib.loads(text), "README.md").type_name == "TinyPose"


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{one.name}" for one in (ROOT / "docs").glob("*.md"))]
)
def test_links_and_pictures_are_there(page: str) -> None:
    path = ROOT / page
    targets = [one for one in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()) if not one.startswith("http")]
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_paths_in_the_text_are_there(page: str) -> None:
    paths = re.findall(r"`((?:posekit|tests|docs|templates|sample|benchmarks)/[\w./-]+)`", (ROOT / page).read_text())
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"(?:^|`)make ([\w-]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_commands_of_the_way_to_the_phone_are_the_readmes() -> None:
    lines = re.findall(r"^posekit .*$", (ROOT / "docs" / "phone.md").read_text(), re.MULTILINE)
    readme = {line for block in blocks("") for line in block.splitlines()}
    assert len(lines) > 8
    assert [line for line in lines if line not in readme and "FOLDER" not in line] == []


@pytest.mark.slow
def test_every_posekit_command_runs(tmp_path: Path) -> None:
    commands = [line for block in blocks("") for line in block.splitlines() if line.startswith("posekit ")]
    assert {command.split()[1] for command in commands} == COMMANDS
    program = Path(sys.executable).parent / "posekit"
    for command in commands:
        done = subprocess.run(
            [program, *shlex.split(command)[1:]],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ,
            timeout=300,
        )
        if "android" in command and "--wrapper" in command and kotlin.why_not():
            assert done.returncode == 3
            continue
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "overlays" / "scene_4.overlay.png").is_file()
