"""posekit from a built wheel in an empty environment: templates and sample travel with it, missing extras are told."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[1]


def run(*command: object, code: int = 0, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=cwd, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of a fresh environment that holds the wheel and what it depends on, no extras."""
    work = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", work, ROOT, cwd=work)
    venv.create(work / "env", with_pip=True)
    programs = work / "env" / "bin"
    (wheel,) = work.glob("*.whl")
    run(programs / "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel, cwd=work)
    return programs


def test_the_sample_is_written_without_any_extra(installed: Path, tmp_path: Path) -> None:
    written = json.loads(run(installed / "posekit", "sample", tmp_path / "s", "--json", cwd=tmp_path).stdout)["files"]
    assert {"tinypose.pt2", "tinysimcc.pt2", "annotations.json", "walk.mp4"} <= {Path(name).name for name in written}


def test_templates_and_presets_are_inside(installed: Path, tmp_path: Path) -> None:
    code = (
        "from posekit.bundle.wrapper import template_root as r; print(sorted(p.name for p in r().iterdir()), "
        "'site-packages' in str(r()))"
    )
    assert run(installed / "python", "-c", code, cwd=tmp_path).stdout.split() == [
        "['android',",
        "'desktop',",
        "'ios',",
        "'linux',",
        "'report']",
        "True",
    ]
    for platform in ("android", "ios"):
        code = (
            f"from posekit.bundle.demo_app import tree_files; found = tree_files('{platform}'); "
            "print(len(found) > 25, 'site-packages' in str(found[0]))"
        )
        assert run(installed / "python", "-c", code, cwd=tmp_path).stdout.split() == ["True", "True"]
    assert len(json.loads(run(installed / "posekit", "presets", "--json", cwd=tmp_path).stdout)["presets"]) >= 5


def test_a_missing_extra_exits_3_and_names_it(installed: Path, tmp_path: Path) -> None:
    run(installed / "posekit", "sample", tmp_path / "s", cwd=tmp_path)
    done = run(
        installed / "posekit", "package", tmp_path / "s" / "tinypose.pt2", "--platform", "android", code=3, cwd=tmp_path
    )
    assert "posekit[" in done.stderr
    assert "Traceback" not in done.stderr
