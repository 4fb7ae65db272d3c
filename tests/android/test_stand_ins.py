"""What stands in for AndroidX is as the releases have it that the app's catalog names, where their lists can be had."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.android import tools
from tests.android.compiled import Compiled
from tests.android.stub_facts import facts

pytestmark = [
    pytest.mark.skipif(bool(tools.why_not()), reason=tools.why_not()),
    pytest.mark.slow,
    pytest.mark.xdist_group("android"),
]

CATALOG = Path(__file__).parents[2] / "android_demo" / "gradle" / "libs.versions.toml"
MEMBER = re.compile(r" ([\w.$]+)\([^\n]*\n    descriptor: \((\S*)\)")
OURS = {"made", "viewModels"}  # inline: the list is of what Java sees

Methods = dict[str, set[tuple[str, str]]]


def known() -> Methods:
    """Methods and the shapes of their parameters, by class, of the libraries' own releases."""
    found: Methods = {}
    for wheel in tools.wheels_of_libraries():
        for kind, name, *rest in (line.split("\t") for line in facts(wheel)):
            if kind == "class":
                methods = found.setdefault(name, set())
            elif kind == "null":
                methods.add((name, rest[0]))
    return found


def written(folders: list[Path]) -> Methods:
    """The same of classes compiled here."""
    paths = {path: path.relative_to(folder) for folder in folders for path in sorted(folder.rglob("*.class"))}
    javap = ["javap", "-protected", "-s", *map(str, paths)]
    told = subprocess.run(javap, capture_output=True, text=True, check=True).stdout.split("Compiled from ")[1:]
    found: Methods = {}
    for path, text in zip(paths.values(), told, strict=True):
        members = [(name, _shape(types)) for name, types in MEMBER.findall(text)]
        methods = {one for one in members if "." not in one[0] and "$" not in one[0] and one[0] not in OURS}
        found[path.with_suffix("").as_posix()] = methods
    return found


def _shape(types: str) -> str:
    return "".join(one[0] for one in re.findall(r"\[*(?:L[^;]+;|[A-Z])", types))


def wrong(ours: Methods, releases: Methods) -> set[str]:
    """Methods of ours that a release has not, in the classes that the lists hold."""
    return {
        f"{name}.{method}({shape}"
        for name in ours.keys() & releases.keys()
        for method, shape in ours[name] - releases[name]
    }


def test_what_stands_in_for_androidx_is_as_its_releases_have_it(compiled: Compiled) -> None:
    ours, releases = written([compiled.classes / "androidx", compiled.work / "java"]), known()
    assert wrong(ours, releases) == set()
    lacking = {name for name in ours.keys() - releases.keys() if not name.endswith("Kt")}
    # no list of these was found: CameraX, lifecycle-common, and what the instrumented test takes
    unknown = ("androidx/camera/", "androidx/lifecycle/Lifecycle", "androidx/test/", "org/junit/")
    assert {name for name in lacking if not name.startswith(unknown)} == set()
    assert sum(len(ours[name]) for name in ours.keys() & releases.keys()) > 20


def test_a_method_that_no_release_has_is_found() -> None:
    releases = known()
    for name, method in (
        ("androidx/activity/ComponentActivity", ("registerForActivityResult", "L")),
        ("androidx/core/content/FileProvider", ("getUriFor", "LLL")),
    ):
        assert wrong({name: {method}}, releases)


def test_the_lists_are_of_the_versions_in_the_catalog() -> None:
    versions = tomllib.loads(CATALOG.read_text())["versions"]
    names = [wheel.name for wheel in tools.wheels_of_libraries()]
    for library, version in (("activity_activity", versions["activity"]), ("core_core", versions["core"])):
        assert any(f"androidx_{library}-{version}." in name for name in names), (library, version)
