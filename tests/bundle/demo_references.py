"""What the sources of an Android project refer to, and what of that is nowhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

RESOURCES = "app/src/main/res"
IN_XML = re.compile(
    r'"@(?P<new>\+?)(?P<kind>id|string|plurals|color|dimen|style|drawable|layout|xml)/(?P<name>[\w.]+)"'
)
IN_KOTLIN = re.compile(r"(?<![\w.])R\.(?P<kind>\w+)\.(?P<name>\w+)")
VALUE = re.compile(r'<(?P<kind>string|plurals|color|dimen|style) name="(?P<name>[\w.]+)"')
ALIAS = re.compile(r"\blibs\.(?P<alias>[\w.]+?)(?=\)|\.get\(\))")

Reference = tuple[str, str]


def dangling(project: Path) -> set[str]:
    """What is referred to and is nowhere: resources, aliases of the version catalog, their versions."""
    missing = {f"@{kind}/{name}" for kind, name in _used(project) - _defined(project)}
    return missing | {f"libs.{alias}" for alias in _aliases_used(project) - _aliases(project)}


def unused(project: Path) -> set[str]:
    """What nothing refers to, of texts and of the catalog's libraries and plugins."""
    idle = {f"@{kind}/{name}" for kind, name in _defined(project) - _used(project) if kind in ("string", "plurals")}
    return idle | {f"libs.{alias}" for alias in _aliases(project) - _aliases_used(project)}


def misfilled(project: Path) -> set[str]:
    """Texts that the code fills with more or fewer values than they have places for: an error, or none, at run time."""
    texts = "\n".join(path.read_text() for path in (project / RESOURCES / "values").glob("*.xml"))
    bodies = re.findall(r'<(?:string|plurals) name="(\w+)">(.*?)</(?:string|plurals)>', texts, re.DOTALL)
    places = {name: len(set(re.findall(r"%(\d)\$", body))) for name, body in bodies}
    found = set()
    for path in (project / "app/src/main/kotlin").rglob("*.kt"):
        text = path.read_text()
        for call in re.finditer(r"\bget(?P<plural>Quantity)?String\(R\.\w+\.(?P<name>\w+)", text):
            values = _more_arguments(text[call.end() :]) - (1 if call["plural"] else 0)
            if values != places[call["name"]]:
                found.add(call["name"])
    return found


def _more_arguments(text: str) -> int:
    """How many arguments follow in a call that `text` is in the middle of."""
    depth, commas = 1, 0
    for character in text:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(character, 0)
        if depth == 0:
            break
        commas += depth == 1 and character == ","
    return commas


def _xml(project: Path) -> Iterator[Path]:
    yield project / "app/src/main/AndroidManifest.xml"
    yield from (project / RESOURCES).rglob("*.xml")


def _used(project: Path) -> set[Reference]:
    found: set[Reference] = set()
    for path in _xml(project):
        found |= {(one["kind"], one["name"]) for one in IN_XML.finditer(path.read_text()) if not one["new"]}
    for path in (project / "app/src/main/kotlin").rglob("*.kt"):
        found |= {(one["kind"], one["name"]) for one in IN_KOTLIN.finditer(path.read_text())}
    return found


def _defined(project: Path) -> set[Reference]:
    found: set[Reference] = set()
    for path in _xml(project):
        text, folder = path.read_text(), path.parent.name.partition("-")[0]
        found |= {("id", one["name"]) for one in IN_XML.finditer(text) if one["new"]}
        if folder == "values":
            found |= {(one["kind"], one["name"]) for one in VALUE.finditer(text)}
        elif path.is_relative_to(project / RESOURCES):
            found.add((folder, path.stem))
    return found


def _aliases_used(project: Path) -> set[str]:
    scripts = [path for name in (".", "app") for path in (project / name).glob("*.gradle.kts")]
    return {one["alias"] for path in scripts for one in ALIAS.finditer(path.read_text())}


def _aliases(project: Path) -> set[str]:
    catalog = tomllib.loads((project / "gradle/libs.versions.toml").read_text())
    entries = {**catalog["libraries"], **{f"plugins.{name}": one for name, one in catalog["plugins"].items()}}
    referred = {one["version"]["ref"] for one in entries.values()}
    assert referred <= catalog["versions"].keys(), referred - catalog["versions"].keys()
    # a version that no entry refers to is for the scripts themselves
    own = {f"versions.{name}" for name in catalog["versions"].keys() - referred}
    return {name.replace("-", ".").replace("_", ".") for name in entries} | own
