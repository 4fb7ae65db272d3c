"""The Android driver against a fake adb: every way that a phone fails is one sentence, and leaves nothing behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posekit.devices import answer
from posekit.devices.android import adb
from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError
from tests.devices.fakes.device import (
    FakeDevice,
    connected,
    content,
    nothing_beside,
    tiny_answer,
    tiny_bundle,
    tiny_request,
)

PHONE = "emulator-5554          device product:sdk model:Pixel_9 device:emu64 transport_id:1"
OTHER = "39V4C19114005803       device usb:1-4 product:caiman model:Pixel_9_Pro transport_id:2"
PACKAGE = "posekit.tiny.test"


class Phone:
    """The fake phone, and a request to run on it."""

    def __init__(self, work: Path, device: FakeDevice) -> None:
        self.device, self.out = device, work / "out" / "run"
        self.request = tiny_request(work / "request")
        self.answer = tiny_answer(work / "answer")
        self.steps: list[str] = []
        self.scenario()

    def scenario(self, **values: Any) -> None:
        usual = {"devices": [PHONE], "target": PACKAGE, "instrumentation": True, "answer": str(self.answer)}
        self.device.scenario(**(usual | values))

    def run(self, serial: str = "", timeout_s: float = 30) -> None:
        adb.run(tiny_bundle("android"), self.request, self.out, serial, self.steps.append, timeout_s)

    def refused(self, kind: type[PosekitError], *says: str, serial: str = "", timeout_s: float = 30) -> PosekitError:
        """Run, which must fail in one sentence that says all of `says`, with nothing left here."""
        with pytest.raises(kind) as caught:
            self.run(serial, timeout_s)
        error = caught.value
        assert type(error) is kind
        for text in says:
            assert text in f"{error.message}\n{error.hint}"
        assert "\n" not in error.message
        assert "Traceback" not in error.message
        assert nothing_beside(self.out)
        return error

    @property
    def commands(self) -> list[str]:
        """What was asked of the device, without the choice of device."""
        return [" ".join(one[2:]) for one in self.device.log if one[0] == "-s"]


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phone:
    return Phone(tmp_path, connected(tmp_path, monkeypatch))


def test_a_run_is_brought_back_whole_and_nothing_stays_on_the_phone(phone: Phone) -> None:
    phone.run()
    assert content(phone.out) == content(phone.answer)
    assert phone.device.left("root") == []
    assert [path.name for path in phone.out.parent.iterdir()] == ["run"]
    assert "run on Pixel 9 (emulator-5554): runsTheRequest" in phone.steps
    (instrument,) = [one for one in phone.commands if "am instrument" in one]
    assert f"-e runDir {adb.ROOT}/{answer.run_name(phone.request)} -e class posekit.tiny.ParityRunTest" in instrument
    assert f"{PACKAGE}/androidx.test.runner.AndroidJUnitRunner" in instrument


def test_an_earlier_answer_is_not_taken_for_this_one(phone: Phone) -> None:
    stale = phone.device.home / "root/data" / PACKAGE / "files/posekit" / answer.run_name(phone.request)
    stale.mkdir(parents=True)
    (stale / "run.json").write_bytes((phone.answer / "run.json").read_bytes())
    phone.scenario(faults={"instrument": "no answer"})
    phone.refused(ConversionError, "wrote no run.json")


# devices that adb lists, the serial that is asked for, the error, and what it says
CHOICES: dict[str, tuple[list[str], str, type[PosekitError], tuple[str, ...]]] = {
    "none": ([], "", MissingToolError, ("no Android device is connected", "USB debugging")),
    "two": ([PHONE, OTHER], "", InputError, ("2 Android devices", "39V4C19114005803", "--device adb:emulator-5554")),
    "two unauthorised": (
        ["A unauthorized", "B unauthorized"],
        "",
        MissingToolError,
        ("A does not trust this computer",),
    ),
    "unauthorised": (["A  unauthorized usb:1"], "", MissingToolError, ("A does not trust this computer", "screen")),
    "offline": (["A  offline"], "", MissingToolError, ("the device A is offline", "connect it again")),
    "no permissions": (["A  no permissions (udev rules)"], "", MissingToolError, ("A is not open to this user",)),
    "another": ([PHONE], "XYZ", MissingToolError, ("no device XYZ is connected", "emulator-5554")),
    "asked and offline": ([PHONE, "A  offline"], "A", MissingToolError, ("the device A is offline",)),
}


@pytest.mark.parametrize("case", CHOICES)
def test_a_device_that_cannot_be_chosen(case: str, phone: Phone) -> None:
    devices, serial, kind, says = CHOICES[case]
    phone.scenario(devices=devices)
    phone.refused(kind, *says, serial=serial)
    assert phone.commands == []


@pytest.mark.parametrize(
    ("devices", "serial", "used"),
    [
        ([PHONE, "A  offline"], "", "emulator-5554"),
        ([PHONE, OTHER], "39V4C19114005803", "39V4C19114005803"),
        (["* a note of the server", PHONE], "", "emulator-5554"),
    ],
)
def test_the_only_usable_device_or_the_one_asked_for(devices: list[str], serial: str, used: str, phone: Phone) -> None:
    phone.scenario(devices=devices, serial=used)
    phone.run(serial)
    assert content(phone.out) == content(phone.answer)


def test_without_adb_there_is_no_device(phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    phone.refused(MissingToolError, "there is no adb on the PATH", "platform tools")


def test_a_server_that_does_not_start(phone: Phone) -> None:
    phone.scenario(faults={"devices": "server"})
    phone.refused(MissingToolError, "cannot connect to daemon", "adb kill-server")


# where it goes wrong, what goes wrong there, the error, and what it says
FAULTS: dict[str, tuple[str, str, type[PosekitError], tuple[str, ...]]] = {
    "offline before the push": ("pm", "offline", MissingToolError, ("Pixel 9", "was disconnected")),
    "offline in the push": ("push", "offline", MissingToolError, ("adb push", "was disconnected")),
    "offline in the run": ("instrument", "offline", MissingToolError, ("the run failed", "was disconnected")),
    "offline in the pull": ("pull", "offline", MissingToolError, ("the pull failed", "was disconnected")),
    "full in the push": ("push", "full", MissingToolError, ("adb push", "it is full", "free some space")),
    "not debuggable": ("run-as", "not debuggable", MissingToolError, ("no debug build", "assembleDebugAndroidTest")),
    "crash": ("instrument", "crash", ConversionError, ("Process crashed", "logcat")),
    "the system crashed": ("instrument", "failed", ConversionError, ("INSTRUMENTATION_FAILED", "logcat")),
    "broke off": ("instrument", "broke off", ConversionError, ("it broke off",)),
    "no answer": ("instrument", "no answer", ConversionError, ("wrote no run.json",)),
    "no test ran": ("instrument", "no test", ConversionError, ("it ran no test",)),
    "exit 0 but failure": ("instrument", "test fails", ConversionError, ("AssertionError: the model is broken",)),
    "cut in a file": ("pull", "cut in a file", InputError, ("cut off", "run it again")),
    "cut after the files": ("pull", "cut after the files", InputError, ("cut off after 2 files",)),
    "nothing came": ("pull", "nothing", InputError, ("cut off: nothing came",)),
    "upwards": ("pull", "upwards", InputError, ("'../outside.f32', which is no plain file name",)),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_failure_is_one_sentence_and_leaves_nothing(case: str, phone: Phone, tmp_path: Path) -> None:
    step, fault, kind, says = FAULTS[case]
    phone.scenario(faults={step: fault})
    phone.refused(kind, *says)
    assert not list(tmp_path.rglob("outside*"))
    if fault not in ("offline", "not debuggable"):  # what cannot be reached cannot be cleaned
        assert phone.device.left("root") == []


def test_a_device_without_room_is_told_before_the_push(phone: Phone) -> None:
    phone.scenario(free_kb=1000)
    phone.refused(MissingToolError, "Pixel 9 (emulator-5554) has 0 MB free", "free some space")
    assert not any(one.startswith("push") for one in phone.commands)


def test_a_failure_that_the_module_tells_of_comes_back_in_the_run(phone: Phone, tmp_path: Path) -> None:
    told = tiny_answer(tmp_path / "told", error="IllegalStateException: the model is broken")
    phone.scenario(answer=str(told), faults={"instrument": "test fails"})
    phone.run()
    assert content(phone.out) == content(told)


def test_an_answer_without_end_is_cut_off(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "MAX_BYTES", 1 << 20)
    phone.scenario(faults={"pull": "endless"})
    phone.refused(InputError, "more than a run can hold")


@pytest.mark.parametrize("step", ["devices", "push", "instrument", "pull"])
def test_what_hangs_is_killed_with_what_it_started(step: str, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adb, "SHORT_SECONDS", 5.0 if step != "devices" else 0.5)
    phone.scenario(faults={step: "hang"})
    phone.refused(MissingToolError, "did not end within", timeout_s=0.5)
    child = int((phone.device.home / "child").read_text())
    assert is_gone(child)
    assert phone.device.left("root") == []


def is_gone(process: int) -> bool:
    """Whether a process has ended; a killed one may lie a moment until somebody looks after it."""
    for _ in range(100):
        try:
            os.kill(process, 0)
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_test_app_that_is_not_installed(phone: Phone) -> None:
    phone.scenario(instrumentation=False)
    error = phone.refused(MissingToolError, "the test app of posekit.tiny is not installed on Pixel 9")
    assert "./gradlew :tiny:assembleDebugAndroidTest" in error.hint
    assert adb.APK in error.hint


def test_the_apk_that_is_named_is_installed(phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apk = tmp_path / "tiny-debug-androidTest.apk"
    apk.write_bytes(b"an APK")
    monkeypatch.setenv(adb.APK, str(apk))
    phone.scenario(instrumentation=False)
    phone.run()
    assert f"install -r -t {apk}" in phone.commands
    assert content(phone.out) == content(phone.answer)


HOSTILE = [
    f"instrumentation:{PACKAGE}/x;touch${{IFS}}/sdcard/pwned; (target={PACKAGE})",
    f"instrumentation:{PACKAGE}/$(reboot) (target={PACKAGE})",
    f"instrumentation:{PACKAGE}/a.Runner (target={PACKAGE};reboot)",
    "instrumentation:posekitxtiny.test/a.Runner (target=x)",
]


def test_an_app_that_is_listed_by_a_command_is_no_test_app(phone: Phone) -> None:
    phone.scenario(listed=HOSTILE)
    phone.run()
    (instrument,) = [one for one in phone.commands if "am instrument" in one]
    assert instrument.endswith(f"{PACKAGE}/androidx.test.runner.AndroidJUnitRunner")
    assert not any(word in one for one in phone.commands for word in ("touch", "reboot"))


@pytest.mark.parametrize("line", HOSTILE)
def test_without_any_other_the_test_app_is_not_installed(line: str, phone: Phone) -> None:
    phone.scenario(listed=[line], instrumentation=False)
    phone.refused(MissingToolError, "the test app of posekit.tiny is not installed")


def test_a_class_within_another_is_named_to_the_shell_as_it_is(phone: Phone) -> None:
    phone.scenario(test_runner="a.Tests$Runner")
    phone.run()
    (instrument,) = [one for one in phone.commands if "am instrument" in one]
    assert instrument.endswith(f" '{PACKAGE}/a.Tests$Runner'")


@pytest.mark.parametrize(
    ("fault", "says"),
    [("INSTALL_FAILED_INSUFFICIENT_STORAGE", "it is full"), ("INSTALL_FAILED_UPDATE_INCOMPATIBLE", "adb uninstall"),
     ("INSTALL_FAILED_INVALID_APK", "INSTALL_FAILED_INVALID_APK")],
)  # fmt: skip
def test_an_apk_that_does_not_install(
    fault: str, says: str, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.apk").write_bytes(b"an APK")
    monkeypatch.setenv(adb.APK, str(tmp_path / "a.apk"))
    phone.scenario(faults={"install": fault})
    phone.refused(MissingToolError, "adb install failed on Pixel 9", says)


def test_an_apk_that_is_no_file(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(adb.APK, "/no/such.apk")
    phone.refused(InputError, "/no/such.apk, which is no file")


def test_a_run_does_not_write_over_another(phone: Phone) -> None:
    phone.out.mkdir(parents=True)
    (phone.out / "run.json").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        phone.run()
    assert content(phone.out) == {"run.json": b"mine"}
    assert not any("instrument " in one for one in phone.commands)


@pytest.mark.slow
def test_the_command_line_runs_a_bundle_on_a_phone(
    sample_bundle: Callable[[str, str], Path],
    run_posekit: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import json
    import sys

    bundle = sample_bundle("tinypose", "android")
    device = connected(tmp_path, monkeypatch)
    root = Path(__file__).resolve().parents[3]
    runner = ["env", f"PYTHONPATH={root}", sys.executable, str(root / "tests/devices/fakes/phone.py"), str(bundle)]
    device.scenario(devices=[PHONE], target="com.acme.pose.test", instrumentation=True, runner=runner)
    ran = run_posekit("validate", bundle, "--device", "adb", "--json")
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    assert report["status"] == "VERIFIED"
    assert "LiteRT (built against 2.3.0) on Fake Phone 1 (Android 16 (API 36)), gpu" in report["runtime"]
    assert device.left("root") == []


def test_the_command_line_says_how_long_a_phone_may_take(
    bundle: Path, refused: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = connected(tmp_path / "phone", monkeypatch)
    device.scenario(devices=[PHONE], target="posekit.tiny.test", instrumentation=True, faults={"instrument": "hang"})
    told = refused(3, "validate", bundle, "--device", "adb", "--device-timeout", 1, says=("did not end within 1 s",))
    assert "--device-timeout" in told["hint"]
