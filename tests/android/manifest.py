"""An app's manifest as Gradle would leave it, as far as these apps need: the app's own id and levels, what libraries
add, and what the app takes back."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from posekit.devices.apps.manifest import ANDROID, TOOLS

# what LiteRT 2.3's own manifest asks for
LITERT = f"""<manifest xmlns:android="{ANDROID}">
<uses-permission android:name="android.permission.FOREGROUND_SERVICE" />
<uses-permission android:name="android.permission.FOREGROUND_SERVICE_DATA_SYNC" />
<uses-feature android:name="android.hardware.npu" android:required="false" />
</manifest>"""


def levels(project: Path) -> tuple[int, int]:
    """minSdk and targetSdk of the project's version catalog."""
    versions = tomllib.loads((project / "gradle" / "libs.versions.toml").read_text())["versions"]
    return int(versions["minSdk"]), int(versions["targetSdk"])


def merged(
    app: str, application_id: str, namespace: str, levels: tuple[int, int], libraries: Sequence[str] = (LITERT,)
) -> str:
    """The text of the manifest. levels: minSdk, targetSdk."""
    for prefix, space in (("android", ANDROID), ("tools", TOOLS)):
        ElementTree.register_namespace(prefix, space)
    root = ElementTree.fromstring(app.replace("${applicationId}", application_id))
    for library in libraries:
        _add(root, ElementTree.fromstring(library))
    root.set("package", application_id)
    for one in root.iter():
        name = one.get(f"{{{ANDROID}}}name", "")
        if name.startswith(".") and one.tag in ("activity", "application", "provider", "service", "receiver"):
            one.set(f"{{{ANDROID}}}name", namespace + name)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get(f"{{{TOOLS}}}node") == "remove":
                parent.remove(child)
    for one in root.iter():
        for name in [name for name in one.attrib if name.startswith(f"{{{TOOLS}}}")]:
            del one.attrib[name]
    least, target = map(str, levels)
    known = {f"{{{ANDROID}}}minSdkVersion": least, f"{{{ANDROID}}}targetSdkVersion": target}
    root.insert(0, ElementTree.Element("uses-sdk", known))
    return ElementTree.tostring(root, "unicode")


def _add(root: ElementTree.Element, library: ElementTree.Element) -> None:
    """Elements beside the application that the app has not, and those within it."""
    for one in library:
        if one.tag == "application":
            for part in one:
                found = root.find("application")
                assert found is not None
                found.append(part)
        elif all(_key(one) != _key(known) for known in root):
            root.append(one)


def _key(one: ElementTree.Element) -> tuple[str, str | None]:
    return one.tag, one.get(f"{{{ANDROID}}}name")
