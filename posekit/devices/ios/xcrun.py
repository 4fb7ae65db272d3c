"""Run a request on a connected iPhone or iPad, through Xcode's programs and the package's own XCTest.

Written from Apple's manual pages and from how others call these programs; UNVERIFIED on a Mac (docs/device-run.md).
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posekit import documents
from posekit.bundle import MANIFEST, Bundle
from posekit.devices import answer, programs
from posekit.devices.format import RUN
from posekit.devices.ios import xctestrun
from posekit.devices.programs import Done
from posekit.errors import ConversionError, InputError, MissingToolError, said
from posekit.progress import Progress, silent

PLACE = "Documents/posekit"  # in the host app's home: where the test looks unless POSEKIT_RUN names another folder
ON_A_MAC = "--device ios needs a Mac with Xcode 16 or newer"
SHORT_SECONDS = 120.0
XCRESULT = "run the test in Xcode to see what it says"
MAX_JSON_BYTES = 1 << 24
# what Xcode puts into the name of an attachment, before its ending: number and UUID
ADDED = re.compile(r"_\d+_[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?=\.|$)")
ENDINGS = (".json", ".f32")
LOST = re.compile(
    r"disconnected|(not|no longer) connected|lost connection|connection.*(lost|invalidated)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Phone:
    """A connected device. identifier: of CoreDevice; udid: of the hardware, which xcodebuild takes."""

    identifier: str
    udid: str
    name: str


def run(
    bundle: Bundle, request: Path, out: Path, udid: str = "", step: Progress = silent, timeout_s: float = 600
) -> None:
    """Copy the request to the host app, have its test run it, and bring the attached run folder into `out`.

    $POSEKIT_XCTESTRUN names the .xctestrun of an app's test target that holds the package's ParityRunTests. The
    request and its answer stay in the app's Documents/posekit until the next run or until the app is removed: devicectl
    removes no single folder. MissingToolError (exit 3) off a Mac and without a usable device or test; InputError (2)
    for an ambiguous device or a damaged answer; ConversionError (4) where the test itself fails.
    """
    xcrun, xcodebuild = programs.require("xcrun", ON_A_MAC), programs.require("xcodebuild", ON_A_MAC)
    with tempfile.TemporaryDirectory() as scratch, answer.coming_into(out) as partial:
        work = Path(scratch)
        step("choose the device")
        phone = choose(_devices(xcrun, work / "devices.json"), udid)
        built = xctestrun.built(bundle.spec.type_name)
        test = xctestrun.hosted_test(built, bundle.spec.type_name)
        on_phone = ("--device", phone.identifier)
        step(f"install {test.app.name} on {phone.name}")
        _devicectl(xcrun, phone, "install", "app", *on_phone, str(test.app))
        step(f"copy the pictures to {phone.name}")
        place = ("--domain-type", "appDataContainer", "--domain-identifier", test.bundle_id)
        _devicectl(
            xcrun, phone, "copy", "to", *on_phone, *place, "--source", str(request), "--destination", PLACE,
            timeout_s=timeout_s,
        )  # fmt: skip
        step(f"run on {phone.name}")
        results = work / "run.xcresult"
        command = [
            xcodebuild, "test-without-building", "-xctestrun", str(built), "-destination", f"id={phone.udid}",
            f"-only-testing:{test.target}/{xctestrun.TEST}", "-resultBundlePath", str(results),
        ]  # fmt: skip
        done = programs.run(command, "the run on the device", timeout_s)
        step(f"export the answer of {phone.name}")
        _collect(xcrun, phone, results, done, work / "attachments", partial, timeout_s)


def choose(phones: list[tuple[Phone, str]], udid: str) -> Phone:
    """The device to use, of those with why each cannot be used (empty: it can).

    MissingToolError where it is not connected or not usable; InputError where there are several.
    """
    if udid:
        asked = [(phone, why) for phone, why in phones if udid in (phone.udid, phone.identifier)]
        seen = ", ".join(phone.udid for phone, _ in phones) or "none"
        if not asked:
            raise MissingToolError(
                f"no device {udid} is connected; known: {seen}", "xcrun devicectl list devices lists them"
            )
    else:
        asked = [(phone, why) for phone, why in phones if not why] or phones[:1]
        if not asked:
            raise MissingToolError("no iPhone or iPad is connected", "connect one, unlock it, and trust this Mac")
    if len(asked) > 1:
        known = ", ".join(f"{phone.name} {phone.udid}" for phone, _ in asked)
        raise InputError(f"{len(asked)} devices are known: {known}", f"choose one: --device ios:{asked[0][0].udid}")
    ((phone, why),) = asked
    if why:
        raise MissingToolError(f"{phone.name} cannot be used: {why}", "unlock it, connect it by cable, and try again")
    return phone


def _devices(xcrun: str, listing: Path) -> list[tuple[Phone, str]]:
    command = [xcrun, "devicectl", "list", "devices", "--json-output", str(listing)]
    done = programs.run(command, "xcrun devicectl list devices", SHORT_SECONDS)
    if done.code:
        raise MissingToolError(f"xcrun devicectl list devices failed: {_reason(done)}", ON_A_MAC)
    result = _json(listing, "the list of devices").get("result")
    devices = result.get("devices") if isinstance(result, dict) else None
    return [_phone(one) for one in devices or () if isinstance(one, dict) and _is_phone(one)]


def _is_phone(device: Mapping[str, Any]) -> bool:
    hardware = _part(device, "hardwareProperties")
    return hardware.get("platform") in ("iOS", "iPadOS") and hardware.get("reality", "physical") == "physical"


def _phone(device: Mapping[str, Any]) -> tuple[Phone, str]:
    hardware, connection = _part(device, "hardwareProperties"), _part(device, "connectionProperties")
    properties = _part(device, "deviceProperties")
    identifier = str(device.get("identifier", ""))
    name = str(properties.get("name") or hardware.get("marketingName") or identifier)
    why = ""
    if connection.get("pairingState", "paired") != "paired":
        why = "it does not trust this Mac"
    elif connection.get("tunnelState") == "unavailable":  # "disconnected" is how a reachable phone rests
        why = "it cannot be reached"
    elif properties.get("developerModeStatus", "enabled") != "enabled":
        why = "its developer mode is off (Settings, Privacy & Security)"
    return Phone(identifier, str(hardware.get("udid") or identifier), name), why


def _devicectl(xcrun: str, phone: Phone, *arguments: str, timeout_s: float = SHORT_SECONDS) -> None:
    what = f"devicectl device {arguments[0]} {arguments[1]}"
    done = programs.run([xcrun, "devicectl", "device", *arguments], what, timeout_s)
    if done.code:
        raise _failure(phone, what, done)


def _failure(phone: Phone, what: str, done: Done) -> MissingToolError:
    text = done.text
    if re.search(r"no space|not enough (disk )?space|insufficient", text, re.IGNORECASE):
        return MissingToolError(f"{what} failed on {phone.name}: it is full", "free some space on it")
    if re.search(r"is locked|passcode.?protected|password.?protected", text, re.IGNORECASE):
        return MissingToolError(f"{what} failed on {phone.name}: it is locked", "unlock it and run it again")
    if LOST.search(text):
        return MissingToolError(
            f"{what} failed on {phone.name}: it was disconnected",
            "connect it again, keep it unlocked, and run it again",
        )
    return MissingToolError(f"{what} failed on {phone.name}: {_reason(done)}", "try the command by hand")


def _collect(
    xcrun: str, phone: Phone, results: Path, done: Done, exported: Path, folder: Path, timeout_s: float
) -> None:
    """Write the attachments of a test into a folder, by the names that the test gave them."""
    if (done.code and LOST.search(done.text)) or not results.exists():
        raise _failure(phone, "xcodebuild", done)
    export = [xcrun, "xcresulttool", "export", "attachments", "--path", str(results), "--output-path", str(exported)]
    ended = programs.run(export, "xcresulttool export", timeout_s)
    if ended.code:
        raise InputError(f"the results of the test cannot be read: {_reason(ended)}", answer.AGAIN)
    taken = _taken(exported)
    for file, name in taken.items():
        target = folder / answer.plain_name(name)
        if target.exists():
            raise InputError(f"the answer of the device holds {name} twice")
        shutil.copyfile(exported / file, target)
    if not (folder / RUN).is_file():
        raise ConversionError(f"the test ran on {phone.name} and attached no {RUN}: {_reason(done)}", XCRESULT)
    if done.code and answer.error_of(folder) is None:
        raise ConversionError(f"the run on {phone.name} failed: {_reason(done)}", XCRESULT)


def _taken(exported: Path) -> dict[str, str]:
    """The exported file of every attachment of the test, and the name that the test gave it."""
    manifest = _json(exported / MANIFEST, "the manifest of the attachments")
    found: dict[str, str] = {}
    size = 0
    for test in manifest.get("tests", ()):
        attachments = test.get("attachments") if isinstance(test, dict) else None
        for one in attachments if isinstance(attachments, list) else ():
            file, name = _text(one, "exportedFileName"), given_name(_text(one, "suggestedHumanReadableName"))
            if not name.endswith(ENDINGS):  # Xcode attaches screenshots and logs of its own
                continue
            source = exported / answer.plain_name(file)
            if source.is_symlink() or not source.is_file():
                raise InputError(f"the answer of the device lacks the attachment {name!r}", answer.AGAIN)
            size += source.stat().st_size
            if size > answer.MAX_BYTES or len(found) >= answer.MAX_FILES:
                raise InputError("the answer of the device holds more than a run can")
            found[file] = name
    return found


def given_name(suggested: str) -> str:
    """The name that a test gave an attachment, from the one that Xcode suggests: `run_0_UUID.json` is `run.json`."""
    stem, *rest = ADDED.split(suggested)
    return stem if stem.endswith(ENDINGS) else "".join((stem, *rest))


def _json(path: Path, what: str) -> dict[str, Any]:
    """An object; a list stands under `tests`, as the manifest of attachments is one."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise InputError(f"{what} has more than {MAX_JSON_BYTES} bytes")
        document = documents.parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{what} cannot be read{said(error)}") from error
    if isinstance(document, list):
        return {"tests": document}
    if not isinstance(document, dict):
        raise InputError(f"{what} holds a {type(document).__name__}, expected an object or a list")
    return document


def _part(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = values.get(key)
    return part if isinstance(part, dict) else {}


def _text(values: Any, key: str) -> str:
    return str(values.get(key, "")) if isinstance(values, dict) else ""


def _reason(done: Done) -> str:
    lines = [line.strip() for line in done.text.splitlines() if line.strip()]
    words = [line for line in lines if not line.startswith("**") and not line.endswith(":")]  # the rest are headings
    told = [line for line in words if re.search(r"\berror\b|failed", line, re.IGNORECASE)]
    return ([*told, *reversed(words), f"it ended with exit code {done.code}"])[0][:300]
