"""A strict reader of project.pbxproj: its grammar, and what its objects must be for Xcode to make sense of them.

Xcode itself is the only one who can say that it opens a project. This finds what would surely keep it from that: a
missing semicolon, a reference to nothing, an object that nothing refers to, a field that its kind does not have.
"""

from __future__ import annotations

import re
from typing import Any

FIRST_LINE = "// !$*UTF8*$!\n"
SPACE = re.compile(r"(?:\s+|/\*.*?\*/)*", re.DOTALL)
TOKEN = re.compile(r"""(?P<mark>[{}()=;,])|(?P<word>[A-Za-z0-9_./]+)|"(?P<text>(?:[^"\\\n]|\\.)*)\"""")
ID = re.compile(r"[0-9A-F]{24}")

# isa -> field -> what it holds: "" a text, "{}" a dictionary, "[]" a list of texts, else an object or a list of objects
# of that kind; with ? where it may be left out
GROUPED = "PBXGroup|PBXFileReference|PBXFileSystemSynchronizedRootGroup"
PHASES = "PBXSourcesBuildPhase|PBXFrameworksBuildPhase|PBXResourcesBuildPhase"
PHASE = {"buildActionMask": "", "files": "[PBXBuildFile]", "runOnlyForDeploymentPostprocessing": ""}
FIELDS = {
    "PBXBuildFile": {"fileRef": "?PBXFileReference", "productRef": "?XCSwiftPackageProductDependency"},
    "PBXFileReference": {
        "explicitFileType": "?", "lastKnownFileType": "?", "includeInIndex": "?", "path": "", "sourceTree": "",
    },
    "PBXFileSystemSynchronizedRootGroup": {"path": "", "sourceTree": ""},
    **dict.fromkeys(PHASES.split("|"), PHASE),
    "PBXGroup": {"children": f"[{GROUPED}]", "name": "?", "sourceTree": ""},
    "PBXNativeTarget": {
        "buildConfigurationList": "XCConfigurationList", "buildPhases": f"[{PHASES}]", "buildRules": "[]",
        "dependencies": "[]", "fileSystemSynchronizedGroups": "[PBXFileSystemSynchronizedRootGroup]", "name": "",
        "packageProductDependencies": "[XCSwiftPackageProductDependency]", "productName": "",
        "productReference": "PBXFileReference", "productType": "",
    },
    "PBXProject": {
        "attributes": "{}", "buildConfigurationList": "XCConfigurationList", "developmentRegion": "",
        "hasScannedForEncodings": "", "knownRegions": "[]", "mainGroup": "PBXGroup",
        "minimizedProjectReferenceProxies": "", "packageReferences": "[XCLocalSwiftPackageReference]",
        "preferredProjectObjectVersion": "", "productRefGroup": "PBXGroup", "projectDirPath": "", "projectRoot": "",
        "targets": "[PBXNativeTarget]",
    },
    "XCBuildConfiguration": {"baseConfigurationReference": "?PBXFileReference", "buildSettings": "{}", "name": ""},
    "XCConfigurationList": {
        "buildConfigurations": "[XCBuildConfiguration]", "defaultConfigurationIsVisible": "",
        "defaultConfigurationName": "",
    },
    "XCLocalSwiftPackageReference": {"relativePath": ""},
    "XCSwiftPackageProductDependency": {"productName": ""},
}  # fmt: skip


class Malformed(ValueError):
    """What is wrong with a project, and where."""


def read(text: str) -> dict[str, Any]:
    """The dictionary of a project; Malformed where the text is no such thing."""
    if not text.startswith(FIRST_LINE):
        raise Malformed("the first line does not say UTF8")
    tokens: list[tuple[str, str, int]] = []
    place = _after_space(text, len(FIRST_LINE))
    while place < len(text):
        found = TOKEN.match(text, place)
        line = text.count("\n", 0, place) + 1
        if found is None:
            raise Malformed(f"line {line}: no such word")
        kind = str(found.lastgroup)
        tokens.append((kind, found[kind], line))
        place = _after_space(text, found.end())
    value, rest = _value(tokens, 0)
    if rest != len(tokens):
        raise Malformed(f"line {tokens[rest][2]}: more than one value")
    if not isinstance(value, dict):
        raise Malformed("a project is a dictionary")
    return value


def _after_space(text: str, place: int) -> int:
    found = SPACE.match(text, place)
    return found.end() if found else place


def _value(tokens: list[tuple[str, str, int]], at: int) -> tuple[Any, int]:
    kind, text, line = _token(tokens, at)
    if kind != "mark":
        return text, at + 1
    if text == "(":
        items = []
        at += 1
        while _token(tokens, at)[:2] != ("mark", ")"):
            item, at = _value(tokens, at)
            items.append(item)
            at = _expect(tokens, at, ",")
        return items, at + 1
    if text != "{":
        raise Malformed(f"line {line}: {text} where a value belongs")
    found: dict[str, Any] = {}
    at += 1
    while _token(tokens, at)[:2] != ("mark", "}"):
        kind, key, line = _token(tokens, at)
        if kind == "mark" or key in found:
            raise Malformed(f"line {line}: {key} is no new key")
        found[key], at = _value(tokens, _expect(tokens, at + 1, "="))
        at = _expect(tokens, at, ";")
    return found, at + 1


def _token(tokens: list[tuple[str, str, int]], at: int) -> tuple[str, str, int]:
    if at >= len(tokens):
        raise Malformed("the file ends too early")
    return tokens[at]


def _expect(tokens: list[tuple[str, str, int]], at: int, mark: str) -> int:
    kind, text, line = _token(tokens, at)
    if (kind, text) != ("mark", mark):
        raise Malformed(f"line {line}: {text} where {mark} belongs")
    return at + 1


def check(project: dict[str, Any]) -> None:
    """Malformed where an object is not what its kind is, refers to nothing, or is referred to by nothing."""
    if project.get("objectVersion") != "77":
        raise Malformed("objectVersion is not 77")
    objects, root = project["objects"], project["rootObject"]
    for key, one in objects.items():
        if not ID.fullmatch(key):
            raise Malformed(f"{key} is no id")
        _check_fields(key, one, objects)
    for other in _ids(project):
        if other not in objects:
            raise Malformed(f"{other} is not there")
    if objects[root]["isa"] != "PBXProject":
        raise Malformed("rootObject is no PBXProject")
    seen, waiting = {root}, [root]
    while waiting:
        new = set(_ids(objects[waiting.pop()])) - seen
        seen |= new
        waiting += new
    for key in objects.keys() - seen:
        raise Malformed(f"nothing refers to {key}, a {objects[key]['isa']}")


def _check_fields(key: str, one: dict[str, Any], objects: dict[str, Any]) -> None:
    isa = one.get("isa")
    if isa not in FIELDS:
        raise Malformed(f"{key} is a {isa}")
    fields = FIELDS[isa]
    for field in one.keys() - {"isa"} - fields.keys():
        raise Malformed(f"{key}: a {isa} has no {field}")
    for field, held in fields.items():
        if field not in one:
            if not held.startswith("?"):
                raise Malformed(f"{key}: a {isa} needs {field}")
            continue
        _check_value(f"{key}: {field}", one[field], held.removeprefix("?"), objects)


def _check_value(where: str, value: Any, held: str, objects: dict[str, Any]) -> None:
    expected = {"{": dict, "[": list}.get(held[:1], str)
    if not isinstance(value, expected):
        raise Malformed(f"{where} is {value!r}")
    kinds = held.strip("[]{}")
    for other in value if isinstance(value, list) else [value]:
        if kinds and (other not in objects or objects[other]["isa"] not in kinds.split("|")):
            raise Malformed(f"{where}: {other} is no {kinds}")


def _ids(value: Any) -> list[str]:
    """Every text in it that is an id, keys that are objects' own aside."""
    if isinstance(value, str):
        return [value] if ID.fullmatch(value) else []
    if isinstance(value, dict):
        return [found for one in (*value, *value.values()) for found in _ids(one)]
    return [found for one in value for found in _ids(one)]
