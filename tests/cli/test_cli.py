"""The command line as a user meets it: fast to start, honest help, JSON alone on standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from posekit.cli.app import main

HEAVY = ("torch", "tensorflow", "coremltools", "litert_torch", "ai_edge_litert", "ai_edge_quantizer", "jax")
LIGHT = {"numpy", "PIL"}


def imported_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after `code`."""
    program = f"{code}\nimport sys\nprint('|'.join(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.strip().splitlines()[-1].split("|"))


def test_import_posekit_needs_numpy_and_pillow_alone() -> None:
    before = imported_by("")
    code = (
        "import posekit, posekit.poses, posekit.poses.images, posekit.poses.regions, posekit.poses.tracking, "
        "posekit.poses.transforms, posekit.poses.warp"
    )
    third_party = {name for name in imported_by(code) - before if is_third_party(name)}
    assert third_party <= LIGHT | {"posekit"}


def is_third_party(name: str) -> bool:
    return name not in sys.stdlib_module_names and not name.startswith("_")


def test_help_loads_nothing_heavy() -> None:
    loaded = imported_by(
        "import posekit.cli.app\ntry:\n    posekit.cli.app.main(['--help'])\nexcept SystemExit:\n    pass"
    )
    assert not loaded & {*HEAVY, "numpy", "PIL", "pydantic", "jinja2"}


@pytest.mark.parametrize("command", ["init", "package", "validate", "predict", "inspect", "presets", "sample"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_presets_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["presets", "--json"])
    presets = json.loads(capsys.readouterr().out)["presets"]
    assert presets["rtmpose-halpe26"]["keypoints"]["skeleton"] == "halpe26"


def test_sample_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as first:
        main(["sample", str(tmp_path / "s"), "--json"])
    assert first.value.code == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert all(Path(file).is_file() for file in files)
    with pytest.raises(SystemExit) as second:
        main(["sample", str(tmp_path / "s")])
    assert second.value.code == 2
    assert "exists" in capsys.readouterr().err


@pytest.mark.slow
def test_inspect_tells_a_source_model_from_a_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sample", str(tmp_path / "s")])
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["inspect", str(tmp_path / "s" / "tinypose.pt2"), "--json"])
    assert end.value.code == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["form"] == "exported program"
    assert facts["outputs"] == {"heatmaps": [1, 32, 24, 17]}
    assert facts["contract"]["name"] == "tinypose"
    (tmp_path / "s" / "tinypose.toml").unlink()
    with pytest.raises(SystemExit):
        main(["inspect", str(tmp_path / "s" / "tinypose.pt2"), "--json"])
    without = json.loads(capsys.readouterr().out)
    assert without["returns"] == {"output_0": "1 x 17 x 32 x 24, of 1 x 3 x 128 x 96"}
    assert without["contract"].startswith("none given")


def test_a_fault_of_posekit_is_not_taken_for_a_failed_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> list[str]:
        raise KeyError("planted")

    monkeypatch.setattr("posekit.contract.presets.preset_names", fail)
    with pytest.raises(SystemExit) as end:
        main(["presets", "--json"])
    captured = capsys.readouterr()
    assert end.value.code == 70
    assert json.loads(captured.out)["exit_code"] == 70
    assert "Traceback" in captured.err
    assert "planted" in captured.err
