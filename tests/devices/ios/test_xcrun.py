"""The Apple driver against a fake xcrun and xcodebuild: every way that it fails is one sentence, and half a run is
none."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.devices import answer
from posekit.devices.ios import xcrun, xctestrun
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

HOSTED = {
    "BlueprintName": "TinyTests",
    "TestHostPath": "__TESTROOT__/Release-iphoneos/Host.app",
    "TestHostBundleIdentifier": "com.example.host",
    "TestBundlePath": "__TESTHOST__/PlugIns/TinyTests.xctest",
}


def listed(name: str = "Ada's iPhone", number: int = 1, **parts: Any) -> dict[str, Any]:
    """A device as devicectl lists it."""
    return {
        "identifier": f"CORE-{number}",
        "deviceProperties": {"name": name, "developerModeStatus": "enabled", "osVersionNumber": "26.1"}
        | parts.get("properties", {}),
        "hardwareProperties": {"udid": f"0000-{number}", "platform": "iOS", "reality": "physical"}
        | parts.get("hardware", {}),
        "connectionProperties": {"pairingState": "paired", "tunnelState": "disconnected"} | parts.get("connection", {}),
    }


def of_version_1(*targets: dict[str, Any]) -> dict[str, Any]:
    return {"__xctestrun_metadata__": {"FormatVersion": 1}, **{one["BlueprintName"]: one for one in targets}}


def of_version_2(*targets: dict[str, Any]) -> dict[str, Any]:
    return {"__xctestrun_metadata__": {"FormatVersion": 2}, "TestConfigurations": [{"TestTargets": list(targets)}]}


class Phone:
    """The fake phone, the test that was built for it, and a request to run."""

    def __init__(self, work: Path, device: FakeDevice) -> None:
        self.device, self.out = device, work / "out" / "run"
        self.request, self.answer = tiny_request(work / "request"), tiny_answer(work / "answer")
        self.built = work / "Products" / "tiny.xctestrun"
        self.built.parent.mkdir()
        self.built.write_bytes(plistlib.dumps(of_version_2(HOSTED)))
        self.scenario()

    def scenario(self, **values: Any) -> None:
        usual = {"devices": [listed()], "identifier": "CORE-1", "udid": "0000-1", "answer": str(self.answer)}
        self.device.scenario(**(usual | values))

    def run(self, udid: str = "", timeout_s: float = 30) -> None:
        xcrun.run(tiny_bundle("ios"), self.request, self.out, udid, timeout_s=timeout_s)

    def refused(self, kind: type[PosekitError], *says: str, udid: str = "", timeout_s: float = 30) -> None:
        """Run, which must fail in one sentence that says all of `says`, with nothing left here."""
        with pytest.raises(kind) as caught:
            self.run(udid, timeout_s)
        error = caught.value
        assert type(error) is kind
        for text in says:
            assert text in f"{error.message}\n{error.hint}"
        assert "\n" not in error.message
        assert nothing_beside(self.out)


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phone:
    made = Phone(tmp_path, connected(tmp_path, monkeypatch))
    monkeypatch.setenv(xctestrun.XCTESTRUN, str(made.built))
    return made


@pytest.mark.parametrize("names", ["xcode", "whole", "plain"])
def test_a_run_is_brought_back_whole(names: str, phone: Phone) -> None:
    phone.scenario(names=names)
    phone.run()
    assert content(phone.out) == content(phone.answer)
    assert content(phone.device.home / "app/Documents/posekit") == content(phone.request)
    (ran,) = [one for one in phone.device.log if one[0] == "xcodebuild"]
    assert f"id={'0000-1'}" in ran
    assert f"-only-testing:TinyTests/{xctestrun.TEST}" in ran


LOCKED_OUT = {
    "not paired": ({"connection": {"pairingState": "unpaired"}}, "it does not trust this Mac"),
    "not reachable": ({"connection": {"tunnelState": "unavailable"}}, "it cannot be reached"),
    "no developer mode": ({"properties": {"developerModeStatus": "disabled"}}, "its developer mode is off"),
}


@pytest.mark.parametrize("case", LOCKED_OUT)
def test_a_phone_that_cannot_be_used(case: str, phone: Phone) -> None:
    parts, says = LOCKED_OUT[case]
    phone.scenario(devices=[listed(**parts)])
    phone.refused(MissingToolError, f"Ada's iPhone cannot be used: {says}")


SIMULATOR, WATCH = listed(number=3, hardware={"reality": "virtual"}), listed(number=4, hardware={"platform": "watchOS"})
CHOICES: dict[str, tuple[list[Any], str, type[PosekitError], tuple[str, ...]]] = {
    "none": ([], "", MissingToolError, ("no iPhone or iPad is connected",)),
    "no phone": ([SIMULATOR, WATCH, "?", {}], "", MissingToolError, ("no iPhone or iPad is connected",)),
    "two": (
        [listed(), listed("iPad", 2)],
        "",
        InputError,
        ("2 devices are known", "iPad 0000-2", "--device ios:0000-1"),
    ),
    "two unusable": (
        [listed(number=n, connection={"pairingState": "no"}) for n in (1, 2)],
        "",
        MissingToolError,
        ("trust",),
    ),
    "another": ([listed()], "XYZ", MissingToolError, ("no device XYZ is connected; known: 0000-1",)),
}


@pytest.mark.parametrize("case", CHOICES)
def test_a_device_that_cannot_be_chosen(case: str, phone: Phone) -> None:
    devices, udid, kind, says = CHOICES[case]
    phone.scenario(devices=devices)
    phone.refused(kind, *says, udid=udid)


def test_the_device_asked_for(phone: Phone) -> None:
    phone.scenario(devices=[listed(), listed("iPad", 2)], identifier="CORE-2", udid="0000-2")
    phone.run("0000-2")
    assert content(phone.out) == content(phone.answer)


# where it goes wrong, what goes wrong there, the error, and what it says
FAULTS: dict[str, tuple[str, str, type[PosekitError], tuple[str, ...]]] = {
    "no devicectl": ("list", "failed", MissingToolError, ("unable to find utility", "needs a Mac")),
    "half a list": ("list", "cut", InputError, ("the list of devices cannot be read",)),
    "no list": ("list", "nothing", InputError, ("the list of devices cannot be read",)),
    "offline in the install": ("install", "offline", MissingToolError, ("Ada's iPhone", "was disconnected")),
    "offline in the copy": ("copy", "offline", MissingToolError, ("device copy to", "was disconnected")),
    "offline in the run": ("test", "offline", MissingToolError, ("xcodebuild failed", "was disconnected")),
    "lost in the run": ("test", "lost", MissingToolError, ("xcodebuild failed", "was disconnected")),
    "locked": ("copy", "locked", MissingToolError, ("it is locked", "unlock it")),
    "full in the install": ("install", "full", MissingToolError, ("install app", "it is full")),
    "full in the copy": ("copy", "full", MissingToolError, ("copy to", "it is full")),
    "does not start": ("test", "does not start", MissingToolError, ("disk image could not be mounted",)),
    "crash": ("test", "crash", ConversionError, ("attached no run.json", "test runner crashed")),
    "no answer": ("test", "no answer", ConversionError, ("attached no run.json",)),
    "the test fails": ("test", "test fails", ConversionError, ("the model is broken",)),
    "no results": ("export", "failed", InputError, ("results of the test cannot be read", "invalid result bundle")),
    "half a manifest": ("export", "cut", InputError, ("manifest of the attachments cannot be read",)),
    "link": ("export", "link", InputError, ("lacks the attachment 'x.f32'",)),
    "missing": ("export", "missing", InputError, ("lacks the attachment 'x.f32'",)),
    "upwards": ("export", "upwards", InputError, ("lacks the attachment '../outside.f32'",)),
    "absolute": ("export", "absolute", InputError, ("'/etc/hosts', which is no plain file name",)),
    "twice": ("export", "twice", InputError, ("run.json twice",)),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_failure_is_one_sentence_and_leaves_nothing(case: str, phone: Phone, tmp_path: Path) -> None:
    step, fault, kind, says = FAULTS[case]
    phone.scenario(faults={step: fault})
    phone.refused(kind, *says)
    assert not list(tmp_path.rglob("outside*"))


def test_a_failure_that_the_package_tells_of_comes_back_in_the_run(phone: Phone, tmp_path: Path) -> None:
    told = tiny_answer(tmp_path / "told", error="the model is broken")
    phone.scenario(answer=str(told), faults={"test": "test fails"})
    phone.run()
    assert content(phone.out) == content(told)


@pytest.mark.parametrize("step", ["list", "copy", "test", "export"])
def test_what_hangs_is_killed(step: str, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xcrun, "SHORT_SECONDS", 5.0 if step != "list" else 0.5)
    phone.scenario(faults={step: "hang"})
    phone.refused(MissingToolError, "did not end within", timeout_s=0.5)


def test_more_than_a_run_can_hold(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "MAX_BYTES", 1000)
    phone.refused(InputError, "more than a run can")


def test_off_a_mac(phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    phone.refused(MissingToolError, "there is no xcrun", "needs a Mac with Xcode 16")


def test_without_a_built_test(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(xctestrun.XCTESTRUN)
    phone.refused(MissingToolError, "test app of Tiny is not built", "build-for-testing", xctestrun.XCTESTRUN)
    monkeypatch.setenv(xctestrun.XCTESTRUN, "/no/such.xctestrun")
    phone.refused(InputError, "/no/such.xctestrun, which is no file")


OTHER = {**HOSTED, "BlueprintName": "HostTests"}
PACKAGED = {"BlueprintName": "TinyTests", "TestBundlePath": "__TESTROOT__/TinyTests.xctest"}
UI = {**HOSTED, "BlueprintName": "a;rm"}


@pytest.mark.parametrize("document", [of_version_1, of_version_2])
@pytest.mark.parametrize(
    ("targets", "chosen"),
    [((HOSTED,), "TinyTests"), ((HOSTED, OTHER), "TinyTests"), ((OTHER, PACKAGED), "HostTests"), ((PACKAGED,), ""),
     ((), ""), ((UI,), ""), ((OTHER, {**OTHER, "BlueprintName": "MoreTests"}), "")],
)  # fmt: skip
def test_the_test_target_with_a_host_app(document: Any, targets: Any, chosen: str, tmp_path: Path) -> None:
    built = tmp_path / "a.xctestrun"
    built.write_bytes(plistlib.dumps(document(*targets)))
    if not chosen:
        with pytest.raises(InputError, match="test targets with a host app"):
            xctestrun.hosted_test(built, "Tiny")
        return
    found = xctestrun.hosted_test(built, "Tiny")
    assert (found.target, found.bundle_id) == (chosen, "com.example.host")
    assert found.app == tmp_path / "Release-iphoneos/Host.app"


@pytest.mark.parametrize(
    "body", [b"<key>a</key>", b"</plist>", b"<dict><key>a</key></dict>", b"<integer>x</integer>", b""]
)
def test_a_plist_out_of_order_is_refused(body: bytes, tmp_path: Path) -> None:
    built = tmp_path / "a.xctestrun"
    built.write_bytes(b'<?xml version="1.0"?><plist version="1.0">' + body + b"</plist>")
    with pytest.raises(InputError, match=r"a\.xctestrun"):
        xctestrun.hosted_test(built, "Tiny")


FORMS = [plistlib.dumps(of_version_2(HOSTED), fmt=form) for form in (plistlib.FMT_XML, plistlib.FMT_BINARY)]


@given(data=st.data(), form=st.sampled_from(FORMS))
def test_a_damaged_xctestrun_is_taken_or_refused(
    data: st.DataObject, form: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = bytearray(form)
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), max_size=6)):
        raw[place] = value
    built = tmp_path_factory.mktemp("damaged") / "a.xctestrun"
    built.write_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    try:
        xctestrun.hosted_test(built, "Tiny")
    except InputError as refusal:
        told = refusal.message
    else:
        told = ""
    assert "\n" not in told
