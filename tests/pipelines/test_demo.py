"""posekit demo: the command, on a bundle that was packaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posekit import bundle as bundles
from posekit.bundle import Bundle, demo_app, file_hash
from posekit.devices.format import RunRequest
from posekit.errors import InputError
from posekit.parity.gate import Outcome
from posekit.pipelines import demo as demonstration
from posekit.pipelines.doctor import diagnose
from tests.bundle.test_demo_app import bundle as rendered
from tests.heads import plain_spec

Run = Callable[..., Any]


def demo(run_posekit: Run, *arguments: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run_posekit("demo", *arguments, "--json").out)
    return document


def test_an_app_around_a_bundle(packaged: Path, tmp_path: Path, run_posekit: Run) -> None:
    app = tmp_path / "app"
    told = demo(run_posekit, packaged, "--out", app)
    assert told == {
        "folder": str(app), "platform": "android", "application_id": "posekit.demo.tiny", "models": ["fp32"],
        "warnings": [],
    }  # fmt: skip
    opened = bundles.open_bundle(packaged)
    request_folder = app / "app/src/main/assets/request"
    request = RunRequest.model_validate_json((request_folder / "request.json").read_text())
    assert request.model_sha256 == file_hash(opened.model_path)
    named = {"request.json", *(one.picture.file for one in request.cases), *(one.input.file for one in request.cases)}
    assert {path.name for path in request_folder.iterdir()} == named
    assert (app / "pose/src/main/assets/tiny.tflite").read_bytes() == opened.model_path.read_bytes()
    assert sorted(path.name for path in (app / "pose/golden").iterdir()) == sorted(
        path.name for path in (packaged / "golden").iterdir()
    )


def test_the_doctor_finds_nothing_in_it(packaged: Path, tmp_path: Path) -> None:
    demonstration.demo([packaged], tmp_path / "app")
    assert [one for one in diagnose(tmp_path / "app") if one.outcome is Outcome.FAIL] == []


def test_the_same_bundles_give_the_same_bytes(packaged: Path, tmp_path: Path) -> None:
    apps = [tmp_path / "a", tmp_path / "b"]
    for app in apps:
        demonstration.demo([packaged], app)
    assert len({file_hash(app) for app in apps}) == 1


def test_a_rejected_bundle_is_shown_with_a_warning(bundle: Path, tmp_path: Path, run_posekit: Run) -> None:
    rejected = bundle.rename(bundle.with_name(bundle.name + bundles.REJECTED))
    done = run_posekit("demo", rejected, "--out", tmp_path / "app")
    assert done.code == 0
    assert "warning: " in done.err
    assert "failed its gate" in done.err
    assert "Android Studio" in done.out


def test_code_of_somebody_else_is_told(bundle: Path, tmp_path: Path) -> None:
    build = bundle / "module" / "build.gradle.kts"
    build.write_text(build.read_text() + "// more\n")
    facts = json.loads((bundle / bundles.MANIFEST).read_text())
    bundles.write_manifest(bundle, {name: facts[name] for name in facts.keys() - {"schema", "files"}})
    (warning,) = demonstration.demo([bundle], tmp_path / "app").warnings
    assert "is not what this posekit renders" in warning
    assert "build.gradle.kts" in warning


def test_an_app_is_replaced_only_where_that_is_said(
    bundle: Path, tmp_path: Path, refused: Run, run_posekit: Run
) -> None:
    app = tmp_path / "app"
    demo(run_posekit, bundle, "--out", app, "--application-id", "com.example.one")
    refused(2, "demo", bundle, "--out", app, says=("exists", "--overwrite"))
    demo(run_posekit, bundle, "--out", app, "--application-id", "com.example.two", "--overwrite")
    assert "com.example.two" in (app / "app/build.gradle.kts").read_text()
    other = tmp_path / "other"
    other.mkdir()
    (other / "own.txt").write_text("mine")
    refused(2, "demo", bundle, "--out", other, "--overwrite", says=("is no demo app",))
    assert (other / "own.txt").read_text() == "mine"
    refused(2, "demo", bundle, "--out", bundle / "app", says=("is in the bundle",))
    inside = Path(shutil.copytree(bundle, app / "bundle"))
    refused(2, "demo", inside, "--out", app, "--overwrite", says=("would be replaced",))
    refused(2, "demo", bundle, "--out", tmp_path / "new", "--application-id", "one", says=("--application-id",))
    refused(2, "demo", tmp_path / "nothing", "--out", tmp_path / "new", says=("is no bundle",))
    assert not (tmp_path / "new").exists()


def test_a_damaged_bundle_leaves_nothing(bundle: Path, tmp_path: Path, refused: Run) -> None:
    (bundle / "module" / "README.md").write_text("edited")
    refused(2, "demo", bundle, "--out", tmp_path / "app", says=("was changed",))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize("name", ["LivePoses.kt", "ThisDevice.kt"])
def test_a_bundle_of_an_earlier_posekit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    older = rendered(plain_spec("older"), tmp_path / "older")
    (file,) = older.wrapper_path.rglob(name)
    file.unlink()
    monkeypatch.setattr(demonstration.bundle, "open_bundle", lambda path: older)
    with pytest.raises(InputError, match=f"no {name}"):
        demonstration.demo([tmp_path / "one"], tmp_path / "app")
    assert not (tmp_path / "app").exists()


def test_several_bundles_are_of_one_contract_and_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = (rendered(plain_spec(name), tmp_path / name) for name in ("one", "two"))
    ios = replace(first, manifest={**first.manifest, "platform": "ios"})
    linux = replace(first, manifest={**first.manifest, "platform": "linux"})

    def told(*opened: Bundle) -> str:
        left = list(opened)
        monkeypatch.setattr(demonstration.bundle, "open_bundle", lambda path: left.pop(0))
        with pytest.raises(InputError) as caught:
            demonstration.demo([tmp_path / str(number) for number in range(len(opened))], tmp_path / "app")
        return caught.value.message

    assert "another contract" in told(first, other)
    assert "is for ios" in told(first, ios)
    assert "is a linux bundle" in told(linux)
    assert not (tmp_path / "app").exists()


def test_the_same_precision_twice_is_told_apart(packaged: Path, tmp_path: Path, run_posekit: Run) -> None:
    again = Path(shutil.copytree(packaged, tmp_path / "again"))
    told = demo(run_posekit, packaged, again, "--out", tmp_path / "app")
    assert told["models"] == ["fp32", "fp32-2"]
    assert (tmp_path / "app/app/src/main/assets/models/tiny-fp32-2.tflite").is_file()
    assert demo_app.is_demo(tmp_path / "app")
