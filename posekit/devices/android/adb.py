"""Run a request on a connected Android device or emulator, through adb and the module's own instrumented test."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posekit.bundle import Bundle
from posekit.bundle.wrapper import kotlin_package
from posekit.devices import answer, programs
from posekit.devices.android.instrument import Instrument
from posekit.devices.format import RUN
from posekit.devices.programs import Done
from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError
from posekit.progress import Progress, silent

APK = "POSEKIT_APK"
INSTALL_ADB = "install Android's platform tools and put adb on the PATH"
ROOT = "/data/local/tmp/posekit"
RUNNER = "androidx.test.runner.AndroidJUnitRunner"
SHORT_SECONDS = 60.0
NO_PERMISSIONS = "not open to this user"
SPARE_BYTES = 64 << 20
LOGCAT = "adb logcat -s posekit shows what the module said last"
# what adb and the device's own tools say, and what to do; the first that fits is told
TOLD = (
    (r"no space left|not enough space|INSUFFICIENT_STORAGE", "it is full", "free some space on it"),
    (r"device unauthorized|unauthorized", "it does not trust this computer", "accept the question on its screen"),
    (
        r"device offline|device '?[^']*'? not found|no devices|error: closed|protocol fault|connection reset|"
        r"device still",
        "it was disconnected",
        "connect it again, keep its screen on, and run it again",
    ),
    (
        r"INSTALL_FAILED_UPDATE_INCOMPATIBLE",
        "another build of the test app is installed",
        "uninstall it: adb uninstall PACKAGE",
    ),
    (r"not debuggable", "its test app is no debug build", "build it with assembleDebugAndroidTest"),
)


def run(
    bundle: Bundle, request: Path, out: Path, serial: str = "", step: Progress = silent, timeout_s: float = 600
) -> None:
    """Push the request, have the bundle's module run it, and bring the run folder into `out`, whole or not at all.

    What was pushed and written is removed from the device, however this ends. MissingToolError (exit 3) where adb or
    a usable device is missing; InputError (2) for an ambiguous device or a damaged answer; ConversionError (4) where
    the module itself fails. A failure that the module could tell of stands in run.json.
    """
    adb = programs.require("adb", INSTALL_ADB)
    step("choose the device")
    device = choose(adb, serial)
    name = answer.run_name(request)
    test = _test_app(device, kotlin_package(bundle.spec), bundle.spec.name, step)
    with answer.coming_into(out) as partial, _cleaned(device, test, name):
        _check_space(device, request)
        step(f"push the pictures to {device.name}")
        device.adb("push", str(request), f"{ROOT}/{name}", timeout_s=timeout_s)
        device.shell(f"chmod -R a+rX {ROOT}/{name}")  # the test app is another user
        step(f"run on {device.name}")
        said = _instrument(device, test, name, step, timeout_s)
        step(f"pull the answer from {device.name}")
        _pull(device, test, name, partial, said, timeout_s)


@dataclass(frozen=True, slots=True)
class Connected:
    """A device that adb can use. name: as a person knows it."""

    program: str
    serial: str
    name: str

    def adb(self, *arguments: str, timeout_s: float = SHORT_SECONDS) -> Done:
        """Run an adb command on it; MissingToolError where that fails."""
        done = self.tried(*arguments, timeout_s=timeout_s)
        if done.code:
            raise self.failure(f"adb {arguments[0]}", done.text)
        return done

    def tried(self, *arguments: str, timeout_s: float = SHORT_SECONDS) -> Done:
        """Run an adb command on it, however it ends."""
        return programs.run(self.command(*arguments), f"adb {arguments[0]}", timeout_s)

    def shell(self, command: str) -> Done:
        """Run a command in its shell."""
        return self.adb("shell", command)

    def command(self, *arguments: str) -> list[str]:
        """The command line of an adb command on it."""
        return [self.program, "-s", self.serial, *arguments]

    def failure(self, what: str, text: str) -> MissingToolError:
        """What to tell of a command that failed."""
        for pattern, told, hint in TOLD:
            if re.search(pattern, text, re.IGNORECASE):
                return MissingToolError(f"{what} failed on {self.name}: {told}", hint)
        return MissingToolError(f"{what} failed on {self.name}: {_last_line(text)}", "try the command by hand")


@dataclass(frozen=True, slots=True)
class TestApp:
    """The installed test app. component: what `am instrument` is given; package: whose files the answer lies in."""

    component: str
    package: str
    test_class: str


def choose(adb: str, serial: str) -> Connected:
    """The device to use: the one of that serial, else the only one.

    MissingToolError where it is not connected, unauthorised or offline; InputError where there are several.
    """
    done = programs.run([adb, "devices", "-l"], "adb devices", SHORT_SECONDS)
    if done.code:
        raise MissingToolError(f"adb devices failed: {_last_line(done.text)}", "adb kill-server, then try again")
    found = dict(_devices(done.out.decode(errors="replace")))
    if serial and serial not in found:
        seen = ", ".join(found) or "none"
        raise MissingToolError(f"no device {serial} is connected; connected: {seen}", "adb devices -l lists them")
    if not found:
        raise MissingToolError("no Android device is connected", "switch on USB debugging on it, or start an emulator")
    usable = [key for key, (state, _) in found.items() if state == "device"]
    if not serial and len(usable) > 1:
        raise InputError(
            f"{len(usable)} Android devices are connected: {', '.join(usable)}", f"choose one: --device adb:{usable[0]}"
        )
    chosen = serial or (usable or list(found))[0]
    state, model = found[chosen]
    if state == "unauthorized":
        raise MissingToolError(
            f"the device {chosen} does not trust this computer", "unlock it and accept the question on its screen"
        )
    if state != "device":
        raise MissingToolError(f"the device {chosen} is {state}", "connect it again, or: adb reconnect")
    return Connected(adb, chosen, f"{model} ({chosen})" if model else chosen)


def _devices(listing: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Serial, state and model of each line; what the server says of its own start is no device."""
    _, _, listed = listing.partition("List of devices attached")
    for line in listed.splitlines():
        words = line.split()
        if len(words) < 2 or line.startswith("*"):
            continue
        model = next((word.removeprefix("model:") for word in words if word.startswith("model:")), "")
        yield words[0], (NO_PERMISSIONS if words[1] == "no" else words[1], model.replace("_", " "))


def _test_app(device: Connected, package: str, module: str, step: Progress) -> TestApp:
    """The module's test app on the device, installed first where $POSEKIT_APK names one."""
    if named := os.environ.get(APK):
        apk = Path(named)
        if not apk.is_file():
            raise InputError(f"${APK} names {named}, which is no file", "give the test APK that Gradle built")
        step(f"install {apk.name} on {device.name}")
        done = device.tried("install", "-r", "-t", str(apk), timeout_s=5 * SHORT_SECONDS)
        if done.code or re.search(r"^Failure \[", done.text, re.MULTILINE):  # old versions of adb end with 0
            raise device.failure("adb install", done.text)
    # another app chooses the names it is listed by, and they are handed to a shell
    listed = device.shell("pm list instrumentation").out.decode(errors="replace")
    pattern = rf"^instrumentation:({re.escape(package)}(?:\.test)?/[A-Za-z0-9_.$]+) \(target=([A-Za-z0-9_.]+)\)\s*$"
    found = re.search(pattern, listed, re.MULTILINE)
    if found is None:
        build = f"./gradlew :{module}:assembleDebugAndroidTest"
        raise MissingToolError(
            f"the test app of {package} is not installed on {device.name}",
            f"build it in the app's project with {build}, and name the APK in ${APK}",
        )
    return TestApp(found[1], found[2], f"{package}.ParityRunTest")


@contextlib.contextmanager
def _cleaned(device: Connected, test: TestApp, name: str) -> Iterator[None]:
    """Nothing of this run on the device before, so that no earlier answer is taken for this one's, and nothing
    after."""
    remove = f"rm -rf {ROOT}/{name}", f"run-as {test.package} rm -rf files/posekit/{name}"
    device.shell(" && ".join((f"mkdir -p {ROOT}", *remove)))
    try:
        yield
    finally:
        with contextlib.suppress(PosekitError):  # a device that is gone cannot be cleaned
            device.tried("shell", "; ".join((f"am force-stop {test.package}", *remove)))


def _check_space(device: Connected, request: Path) -> None:
    """Whether the request fits, and as much again for every accelerator's answer."""
    size = sum(path.stat().st_size for path in request.iterdir())
    needed = 4 * size + SPARE_BYTES
    lines = device.shell("df -k /data/local/tmp").out.decode(errors="replace").splitlines()
    words = lines[-1].split() if lines else []
    free = int(words[3]) * 1024 if len(words) > 4 and words[3].isdigit() else needed  # an unknown df: the push tells
    if free < needed:
        raise MissingToolError(
            f"{device.name} has {free >> 20} MB free, the run needs {needed >> 20} MB", "free some space on it"
        )


def _instrument(device: Connected, test: TestApp, name: str, step: Progress, timeout_s: float) -> Instrument:
    said = Instrument(lambda what: step(f"run on {device.name}: {what}"))
    arguments = f"-e runDir {ROOT}/{name} -e class {test.test_class}"
    command = device.command("shell", f"am instrument -w -r {arguments} {shlex.quote(test.component)}")
    done = programs.run(command, "the run on the device", timeout_s, take=said.take)
    said.close()
    if done.code and not said.ended:
        raise device.failure("the run", "\n".join((done.err, said.tail)))
    return said


def _pull(device: Connected, test: TestApp, name: str, folder: Path, said: Instrument, timeout_s: float) -> None:
    with tempfile.TemporaryFile() as archive:
        inside = f"run-as {test.package} tar cf - -C files/posekit/{name} ."
        done = programs.run(
            device.command("exec-out", inside), "adb exec-out", timeout_s, take=archive.write, limit=answer.MAX_BYTES
        )
        archive.seek(0)
        start = archive.read(300)
        if done.code:
            raise device.failure("the pull", done.err or start.decode(errors="replace"))
        if not _is_archive(start):  # exec-out hands on no exit code, and messages come with the data
            _refuse_nothing(device, said, start)
        answer.unpack(archive, folder)
    if not (folder / RUN).is_file():
        raise ConversionError(f"the module ran on {device.name} and wrote no {RUN}: {said.reason}", LOGCAT)
    if said.failed and answer.error_of(folder) is None:
        raise ConversionError(f"the run on {device.name} failed: {said.reason}", LOGCAT)


def _is_archive(start: bytes) -> bool:
    return start[257:262] == b"ustar"


def _refuse_nothing(device: Connected, said: Instrument, start: bytes) -> None:
    text = start.decode(errors="replace").strip()
    if said.failed or not said.ended:
        raise ConversionError(f"the run on {device.name} failed: {said.reason}", LOGCAT)
    if not text:
        raise InputError(f"{answer.TRUNCATED}: nothing came", answer.AGAIN)
    if re.search("no such file", text, re.IGNORECASE):
        raise ConversionError(f"the module ran on {device.name} and wrote no {RUN}: {said.reason}", LOGCAT)
    raise device.failure("the pull", text)


def _last_line(text: str) -> str:
    lines: Sequence[str] = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
