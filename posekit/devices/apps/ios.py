"""Checks of an iOS app: whether the systems that it is for load its models."""

from __future__ import annotations

import plistlib
import re
from collections.abc import Iterator

from posekit import documents
from posekit.devices.apps import App, AppFile, Finding
from posekit.devices.apps.models import model_name, models_of
from posekit.parity.gate import Outcome

NAME = "minimum iOS"
IOS_OF_SPECIFICATION = {5: 14, 6: 15, 7: 16, 8: 17, 9: 18, 10: 26}  # of Core ML's file format


def minimum_system(app: App) -> Iterator[Finding]:
    """Whether the oldest iOS that the app installs on loads each of its models."""
    target = _of_app(app)
    for one in models_of(app):
        needed, name = _of_model(one), f"{NAME} of {model_name(one)}"
        if needed is None:
            yield Finding(name, Outcome.SKIPPED, "the model does not say which iOS it is for")
        elif target is None:
            yield Finding(name, Outcome.SKIPPED, f"the model needs iOS {needed}; the app does not say which it is for")
        elif target < needed:
            remedy = f"raise the app's minimum to iOS {needed}, or take another precision, which may need less"
            yield Finding(name, Outcome.FAIL, f"the app is for iOS {target:g}, the model needs {needed}", remedy)
        else:
            yield Finding(name, Outcome.PASS, f"the app is for iOS {target:g}, the model needs {needed}")


def _of_app(app: App) -> float | None:
    """What Info.plist of a built app, else the project or the package says; of several targets the oldest."""
    if app.is_built:
        for one in app.matching("Products/Applications/*.app/Info.plist", "Payload/*.app/Info.plist"):
            try:
                said = plistlib.loads(one.content())["MinimumOSVersion"]
                return float(".".join(said.split(".")[:2])) if isinstance(said, str) else None
            except Exception:  # damage shows in many ways
                return None
        return None
    projects = [one.content().decode("utf-8", "replace") for one in app.matching("*.xcodeproj/project.pbxproj")]
    found = [
        number for text in projects for number in re.findall(r"IPHONEOS_DEPLOYMENT_TARGET = (\d+(?:\.\d+)*);", text)
    ]
    if not found:
        packages = [one.content().decode("utf-8", "replace") for one in app.matching("Package.swift")]
        found = [number for text in packages for number in re.findall(r"\.iOS\(\.v(\d+)\)", text)]
    return min((float(".".join(number.split(".")[:2])) for number in found), default=None)


def _of_model(one: AppFile) -> int | None:
    """Of a compiled model what its metadata.json says, of a packaged one what its file format came with."""
    if one.suffix == ".json":
        try:
            said = documents.parse(one.content())[0]
            return int(float(said["availability"]["iOS"]))
        except (ValueError, LookupError, TypeError):
            return None
    head = one.read(2)  # field 1 of the protobuf: its version
    return IOS_OF_SPECIFICATION.get(head[1]) if len(head) == 2 and head[0] == 8 else None
