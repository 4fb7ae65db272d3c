"""The .xctestrun that `xcodebuild build-for-testing` made: which of its test targets runs on a device, and in which
app."""

from __future__ import annotations

import os
import plistlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posekit.errors import InputError, MissingToolError, said

XCTESTRUN = "POSEKIT_XCTESTRUN"
TEST = "ParityRunTests"


@dataclass(frozen=True, slots=True)
class HostedTest:
    """A test target built for a device. app: the host app's folder; bundle_id: the host app's."""

    target: str
    app: Path
    bundle_id: str


def built(type_name: str) -> Path:
    """The .xctestrun that $POSEKIT_XCTESTRUN names; MissingToolError where it names none, InputError where it is
    none."""
    named = os.environ.get(XCTESTRUN, "")
    if not named:
        build = "xcodebuild build-for-testing -scheme APP -destination generic/platform=iOS -derivedDataPath BUILD"
        raise MissingToolError(
            f"the test app of {type_name} is not built: ${XCTESTRUN} is not set",
            f"{build}, then name the .xctestrun in BUILD/Build/Products in ${XCTESTRUN}",
        )
    if not Path(named).is_file():
        raise InputError(f"${XCTESTRUN} names {named}, which is no file", "give what build-for-testing made")
    return Path(named).resolve()


def hosted_test(built: Path, type_name: str) -> HostedTest:
    """The test target to run, of those of a .xctestrun; InputError where the file is damaged or holds none with a host.

    A test without a host app runs on no device.
    """
    try:
        document = plistlib.loads(built.read_bytes())
    except Exception as error:  # plistlib raises many kinds on damaged files, IndexError among them
        raise InputError(f"{built} is no readable .xctestrun{said(error)}") from error
    found = [test for target in _targets(document) if (test := _hosted(target, built.parent)) is not None]
    named = [test for test in found if test.target == f"{type_name}Tests"] or found
    if len(named) != 1:
        seen = ", ".join(test.target for test in found) or "none"
        hint = (
            f"put {TEST}.swift into an app's test target; a package's own tests have no host app and run on no device"
        )
        raise InputError(f"{built.name} has these test targets with a host app: {seen}; expected one", hint)
    return named[0]


def _targets(document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and content of every test target, of either version of the format (man xcodebuild.xctestrun)."""
    if not isinstance(document, dict):
        return
    configurations = document.get("TestConfigurations")
    for configuration in configurations if isinstance(configurations, list) else ():
        targets = configuration.get("TestTargets") if isinstance(configuration, dict) else None
        for target in targets if isinstance(targets, list) else ():
            if isinstance(target, dict):
                yield str(target.get("BlueprintName", "")), target
    for name, target in document.items():
        if isinstance(target, dict) and "TestBundlePath" in target:
            yield name, target


def _hosted(named: tuple[str, Mapping[str, Any]], root: Path) -> HostedTest | None:
    name, target = named
    app, bundle_id = target.get("TestHostPath"), target.get("TestHostBundleIdentifier")
    if not (isinstance(app, str) and app.endswith(".app") and isinstance(bundle_id, str)):
        return None
    if re.fullmatch(r"[A-Za-z0-9.-]{1,255}", bundle_id) is None or re.fullmatch(r"[\w -]{1,255}", name) is None:
        return None
    return HostedTest(name, Path(app.replace("__TESTROOT__", str(root))), bundle_id)
