"""posekit doctor on what is damaged or hostile: it stays a finding or a sentence, and costs little."""

from __future__ import annotations

import os
import plistlib
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from posekit.cli.findings import show_findings
from posekit.devices.apps import Finding, open_app
from posekit.devices.apps.manifest import elements
from posekit.errors import InputError
from posekit.parity.gate import Outcome
from posekit.pipelines.doctor import diagnose
from tests.devices.apps import built


def test_a_library_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    strange = "lib/arm64-v8a/libStrange.so"
    found = {one.name: one for one in diagnose(built.apk(tmp_path / "app.apk", {strange: b"\x7fELF\2\1" + bytes(90)}))}
    assert found[f"16 KB pages, {strange}"].outcome is Outcome.SKIPPED


def test_of_two_entries_of_one_name_each_is_read(tmp_path: Path) -> None:
    path = tmp_path / "app.apk"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("classes.dex", "first")
        archive.writestr("classes.dex", "the second")
    assert [one.content() for one in open_app(path).files] == [b"first", b"the second"]


def test_strings_that_share_a_long_one_take_no_memory() -> None:
    """A manifest of 300 KB whose 70,000 strings are all the same one of 32,767 characters: 4.6 GB if they were kept."""
    count, length = 70_000, 32_767
    text = struct.pack("<H", length) + b"a\0" * length + b"\0\0"
    size = 28 + 4 * count + len(text)
    pool = struct.pack("<HHIIIIII", 1, 28, size, count, 0, 0, 28 + 4 * count, 0) + bytes(4 * count) + text
    tracemalloc.start()
    assert elements(struct.pack("<HHI", 3, 8, 8 + size) + pool) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize(
    "node",
    [b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x0a" + b"\xff" * 20, b"\x0a\x02\x1f\x00", b"\x0a\x03\x09\x00\x00"],
    ids=["a size beyond the end", "a number without one", "a kind that is none", "a number cut short"],
)
def test_a_damaged_manifest_of_a_bundle_is_told(node: bytes) -> None:
    with pytest.raises(ValueError, match="bytes|no end"):
        elements(node)


def test_a_manifest_in_an_encoding_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="no XML"):
        elements(b'<?xml version="1.0" encoding="klingon"?><manifest/>')


def test_elements_within_elements_have_an_end() -> None:
    node = built.field(1, built.field(3, b"a"))
    for _ in range(200):
        node = built.field(1, built.field(5, node))
    with pytest.raises(ValueError, match="lie in each other"):
        elements(node)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp037", "utf-8", "latin-1"])
def test_a_manifest_whose_entities_name_each_other_is_not_read(encoding: str) -> None:
    """As text in UTF-16 the DOCTYPE is hard to see; expat follows 60,000 of them until its stack ends."""
    entities = "".join(f'<!ENTITY a{one} "&a{one - 1};">' for one in range(1, 60_000))
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE m [<!ENTITY a0 "x">{entities}]><m>&a59999;</m>'
    with pytest.raises(ValueError, match="DOCTYPE|encodings|no XML"):
        elements(text.encode(encoding))


@pytest.mark.parametrize(
    "plist",
    [
        plistlib.dumps({"MinimumOSVersion": [[["16.0"]]]}),
        b"<?xml version='1.0'?><plist><dict>",
        b"bplist00" + b"\xff" * 40,
        b"",
    ],
)
def test_a_damaged_plist_says_no_minimum(plist: bytes, tmp_path: Path) -> None:
    archive = built.xcarchive(tmp_path)
    (archive / "Products/Applications/App.app/Info.plist").write_bytes(plist)
    (found,) = (one for one in diagnose(archive) if one.name.startswith("minimum"))
    assert found.outcome is Outcome.SKIPPED


def test_a_models_metadata_nested_without_end_is_no_contract(tmp_path: Path) -> None:
    archive = built.xcarchive(tmp_path)
    (archive / "Products/Applications/App.app/tiny.mlmodelc/metadata.json").write_text("[" * 200_000)
    assert {one.outcome for one in diagnose(archive)} == {Outcome.SKIPPED}


def test_what_is_no_file_is_not_waited_for_and_what_has_gone_is_told(tmp_path: Path) -> None:
    project = built.android_project(tmp_path)
    os.mkfifo(project / "pipe.kt")
    found = {one.name: one for one in open_app(project).files}
    assert "pipe.kt" not in found
    (project / "module/build.gradle.kts").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        found["module/build.gradle.kts"].content()


def test_links_lead_nowhere(tmp_path: Path) -> None:
    project = built.android_project(tmp_path / "project")
    (tmp_path / "secret.kt").write_text("secret")
    (project / "link.kt").symlink_to(tmp_path / "secret.kt")
    (project / "loop").symlink_to(project)
    assert not [one.name for one in open_app(project).files if "link" in one.name or "loop" in one.name]


def test_a_name_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings([Finding("16 KB pages, \x1b[2Jlib\udcff.so", Outcome.PASS, "well")], as_json=False)
    assert capsys.readouterr().out.startswith("pass: 16 KB pages, ?[2Jlib?.so: well\n")
