"""`posekit validate` with a run of a device: what is believed, what fails, what is refused."""

from __future__ import annotations

import json
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.bundle import file_hash, open_bundle
from posekit.contract.spec import contract_hash
from posekit.devices.ios import xctestrun
from posekit.devices.request import RequestWriter
from posekit.parity.cases import recorded
from tests.devices.fakes import phone
from tests.devices.fakes.device import connected
from tests.devices.ios.test_xcrun import HOSTED, listed, of_version_1

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("device_runs")]
Posekit = Callable[..., Any]


@dataclass(frozen=True)
class Recorded:
    """A bundle for iOS and a run of it whose outputs are the evaluator's: what a phone would send."""

    bundle: Path
    request: Path
    run: Path


@pytest.fixture(scope="module")
def recording(sample_bundle: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    bundle, work = open_bundle(sample_bundle("tinypose", "ios")), tmp_path_factory.mktemp("recorded")
    writer = RequestWriter(work / "request")
    for case, _ in recorded(bundle.folder / "evaluation", bundle.spec):
        writer.add(case)
    hashes = file_hash(bundle.model_path), contract_hash(bundle.spec)
    writer.close(*hashes, ("image", "tensor"), ("cpu", "gpu", "npu"))
    phone.answer(bundle, work / "request", work / "run")
    return Recorded(bundle.folder, work / "request", work / "run")


@pytest.fixture
def changed(recording: Recorded, tmp_path: Path) -> Callable[[Callable[[Any], None]], Path]:
    """A copy of the run with its document changed by a function."""

    def change(by: Callable[[Any], None]) -> Path:
        folder = shutil.copytree(recording.run, tmp_path / "changed", symlinks=True)
        document = json.loads((folder / "run.json").read_text())
        by(document)
        (folder / "run.json").write_text(json.dumps(document))
        return Path(folder)

    return change


def checks(report: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {check["name"]: (check["outcome"], check["detail"]) for check in report["checks"]}


def test_a_run_recorded_elsewhere_is_evidence(recording: Recorded, run_posekit: Posekit) -> None:
    ran = run_posekit("validate", recording.bundle, "--device-run", recording.run, "--json")
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    assert report["status"] == "VERIFIED"
    assert report["runtime"] == "Core ML of iOS 26.1 on FakePhone1,1 (iOS 26.1), npu"
    assert report["device"]["name"] == "FakePhone1,1"
    found = checks(report)
    assert found["every case was run"] == ("pass", "15 of 15")
    assert found["the gpu ran the model"][0] == found["the npu ran the model"][0] == "pass"
    steps = {step["name"]: step for step in report["steps"]}
    assert steps["accelerator"]["keypoints"]["p95_px"] < 0.25
    assert steps["accelerator"]["keypoints"]["max_px"] > 0.05, "beyond the gate of fp32, which is not for 16 bits"
    assert {tensor["name"]: tensor["snr_db"] for tensor in report["total"]["tensors"]}["heatmaps"] < 60


def test_a_simulator_is_no_device(recording: Recorded, changed: Any, run_posekit: Posekit) -> None:
    folder = changed(lambda run: run["device"].update(simulated=True))
    report = json.loads(run_posekit("validate", recording.bundle, "--device-run", folder, "--json").out)
    assert report["status"] == "SIMULATED"


@pytest.mark.parametrize("what", ["model", "contract"])
def test_a_run_of_another_model_is_refused(what: str, recording: Recorded, changed: Any, refused: Any) -> None:
    folder = changed(lambda run: run.update({f"{what}_sha256": "0" * 64}))
    refused(2, "validate", recording.bundle, "--device-run", folder, says=(f"of another {what}", "000000000000"))


def test_a_run_of_another_picture_is_refused(recording: Recorded, changed: Any, refused: Any) -> None:
    folder = changed(lambda run: run["passes"][2]["cases"][3].update(sha256="0" * 64))
    refused(2, "validate", recording.bundle, "--device-run", folder, says=("run on another picture",))


@pytest.mark.parametrize(("number", "check"), [(2, "every case was run"), (0, "every case was run on the cpu")])
def test_a_missing_case_fails(
    number: int, check: str, recording: Recorded, changed: Any, run_posekit: Posekit
) -> None:  # fmt: skip
    folder = changed(lambda run: run["passes"][number]["cases"].pop(4))
    ran = run_posekit("validate", recording.bundle, "--device-run", folder, "--json")
    assert ran.code == 1
    outcome, detail = checks(json.loads(ran.out))[check]
    assert outcome == "fail"
    assert "14 of 15; missing: " in detail


def test_an_accelerator_with_the_bits_of_the_cpu_did_not_run(
    recording: Recorded, changed: Any, run_posekit: Posekit
) -> None:
    def copied(run: Any) -> None:
        cpu, npu = run["passes"][0], run["passes"][2]
        npu["cases"] = cpu["cases"]

    ran = run_posekit("validate", recording.bundle, "--device-run", changed(copied), "--json")
    assert ran.code == 1
    outcome, detail = checks(json.loads(ran.out))["the npu ran the model"]
    assert outcome == "fail"
    assert "did not run there" in detail


@pytest.mark.parametrize("fields", [("outputs",), ("outputs", "people")], ids=["outputs", "keypoints too"])
def test_an_accelerator_that_is_wrong_is_to_blame(
    fields: tuple[str, ...], recording: Recorded, changed: Any, run_posekit: Posekit, tmp_path: Path
) -> None:
    """The Neural Engine's outputs are those of the case after, with and without the keypoints that come of them."""

    def mixed(run: Any) -> None:
        cases = run["passes"][2]["cases"]
        results = [[dict(result) for result in case["results"]] for case in cases]
        for case, other in zip(cases, results[1:] + results[:1], strict=True):
            for mine, theirs in zip(case["results"], other, strict=True):
                mine.update({field: theirs[field] for field in fields})

    page = tmp_path / "page"
    ran = run_posekit("validate", recording.bundle, "--device-run", changed(mixed), "--report", page, "--json")
    assert ran.code == 1
    report = json.loads(ran.out)
    assert "accelerator" in report["blamed"]
    assert json.loads((page / "report.json").read_text())["pictured"] == "device"
    steps = {step["name"]: step for step in report["steps"]}
    assert steps["accelerator"]["keypoints"]["p95_px"] > 1
    assert steps["preprocessing"]["keypoints"]["p95_px"] < 0.01


def test_every_pass_is_held_to_the_gates(recording: Recorded, changed: Any, run_posekit: Posekit) -> None:
    """The Neural Engine is fine, and the CPU, which apps fall back to, puts every keypoint into a corner."""

    def cornered(run: Any) -> None:
        for case in run["passes"][0]["cases"]:
            for result in case["results"]:
                for person in result["people"]:
                    person["keypoints"] = [[0.0, 0.0]] * len(person["keypoints"])

    ran = run_posekit("validate", recording.bundle, "--device-run", changed(cornered), "--json")
    assert ran.code == 1
    failed = [name for name, (outcome, _) in checks(json.loads(ran.out)).items() if outcome == "fail"]
    assert failed
    assert all(name.startswith("from the picture on the cpu: ") for name in failed)


def test_a_pass_that_fell_back_is_not_told_of_the_accelerator(
    recording: Recorded, changed: Any, run_posekit: Posekit
) -> None:
    def fell_back(run: Any) -> None:
        run["passes"][1].update(used="cpu", fallback_reason="no Metal", cases=run["passes"][0]["cases"])

    ran = run_posekit("validate", recording.bundle, "--device-run", changed(fell_back), "--json")
    assert ran.code == 0, ran.err
    names = " ".join(checks(json.loads(ran.out)))
    assert "from the picture where the gpu was asked for: keypoints" in names
    assert "on the gpu: " not in names


def test_nothing_of_core_ml_imports_coremltools(recording: Recorded) -> None:
    """Its import takes five to ten seconds; a bundle is validated, inspected and bisected without it."""
    code = (
        "import sys\nfrom posekit.pipelines import inspect, validate\nfrom pathlib import Path\n"
        "bundle = Path(sys.argv[1])\nvalidate.validate(bundle)\ninspect.inspect(bundle, '', '', False, '')\n"
        "assert 'coremltools' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, recording.bundle], check=True)


def test_outputs_that_are_not_finite_are_not_the_decoders_fault(
    recording: Recorded, changed: Any, run_posekit: Posekit
) -> None:
    """An overflow of 16 bits on the Neural Engine: no number comes out, and no keypoint of it."""
    folder = changed(lambda run: None)

    def overflown(run: Any) -> None:
        for case in run["passes"][2]["cases"]:
            for result in case["results"]:
                result.update(people=None)
                for tensor in result["outputs"].values():
                    np.full(tensor["shape"], np.inf, "<f4").tofile(folder / tensor["file"])

    document = json.loads((folder / "run.json").read_text())
    overflown(document)
    (folder / "run.json").write_text(json.dumps(document))
    ran = run_posekit("validate", recording.bundle, "--device-run", folder, "--json")
    assert ran.code == 1
    report = json.loads(ran.out)
    assert report["blamed"] == ["accelerator"]
    assert {step["name"]: step for step in report["steps"]}["decoding"]["skipped"]


def test_a_run_of_no_model_is_no_evidence(recording: Recorded, changed: Any, refused: Any) -> None:
    def none(run: Any) -> None:
        run["passes"] = [{**run["passes"][0], "requested": "none", "used": "none"}]

    refused(2, "validate", recording.bundle, "--device-run", changed(none), says=("did not run the model",))


def test_a_devices_own_words_are_only_words(recording: Recorded, changed: Any, run_posekit: Posekit) -> None:
    folder = changed(lambda run: run["device"].update(name="Pixel [/x] 9\x1b[31m\npassed: everything"))
    ran = run_posekit("validate", recording.bundle, "--device-run", folder)
    assert ran.code == 0, ran.err
    assert "Pixel [/x] 9 [31m passed: everything" in " ".join(ran.out.split())
    assert "\x1b" not in ran.out
    assert not any(line.startswith("passed") for line in ran.out.splitlines())


def test_the_request_for_a_run_elsewhere_is_written(recording: Recorded, run_posekit: Posekit, tmp_path: Path) -> None:
    ran = run_posekit("validate", recording.bundle, "--write-request", tmp_path / "asked")
    assert ran.code == 0, ran.err
    assert f"for a device to run: {tmp_path / 'asked'}" in ran.out
    wrote, expected = (json.loads((at / "request.json").read_text()) for at in (tmp_path / "asked", recording.request))
    assert wrote == expected
    phone.answer(open_bundle(recording.bundle), tmp_path / "asked", tmp_path / "run")
    assert run_posekit("validate", recording.bundle, "--device-run", tmp_path / "run").code == 0


@pytest.mark.parametrize("option", ["--write-request", "--report"])
def test_a_file_is_no_place_for_a_folder(option: str, recording: Recorded, refused: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    refused(2, "validate", recording.bundle, option, tmp_path / "taken", says=("is a file", option))
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_folder_without_a_run_is_refused(recording: Recorded, refused: Any, tmp_path: Path) -> None:
    refused(2, "validate", recording.bundle, "--device-run", tmp_path, says=("holds no run.json",))


def test_the_command_line_runs_a_bundle_on_an_iphone(
    recording: Recorded, run_posekit: Posekit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = connected(tmp_path, monkeypatch)
    device.scenario(devices=[listed()], identifier="CORE-1", udid="0000-1", answer=str(recording.run))
    built = tmp_path / "a.xctestrun"
    built.write_bytes(plistlib.dumps(of_version_1({**HOSTED, "BlueprintName": "HostTests"})))
    monkeypatch.setenv(xctestrun.XCTESTRUN, str(built))
    ran = run_posekit("validate", recording.bundle, "--device", "ios", "--json")
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    assert report["status"] == "VERIFIED"
    assert "on FakePhone1,1 (iOS 26.1), npu" in report["runtime"]
    asked = json.loads((device.home / "app/Documents/posekit/request.json").read_text())
    assert asked == json.loads((recording.request / "request.json").read_text())


def test_a_driver_of_the_other_platform_is_refused(recording: Recorded, refused: Any) -> None:
    refused(2, "validate", recording.bundle, "--device", "adb", says=("expected ios or ios:ID",))
