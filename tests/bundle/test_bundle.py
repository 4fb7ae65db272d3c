"""A bundle is written whole or not at all, and is trusted only when every file is what the manifest says."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.bundle import CONTRACT, MANIFEST, file_hash, file_hashes, open_bundle, write_manifest, writing
from posekit.bundle import _read_manifest as read_manifest
from posekit.bundle.folders import _started as started
from posekit.contract.spec import canonical_json, contract_hash, read_spec
from posekit.errors import InputError

pytestmark = pytest.mark.xdist_group("bundle")

OTHER = "0" * 64


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the manifest and leave the files as they are."""
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def reseal(folder: Path, **facts: str) -> None:
    """Write the manifest anew, as one does who changed a file on purpose."""
    old = json.loads((folder / MANIFEST).read_text())
    write_manifest(folder, {key: value for key, value in {**old, **facts}.items() if key != "files"})


def change_a_byte(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)


def listing(name: str) -> Callable[[Path], None]:
    return lambda folder: edit(folder, lambda manifest: manifest["files"].update({name: OTHER}))


def without(key: str) -> Callable[[Path], None]:
    return lambda folder: edit(folder, lambda manifest: manifest.pop(key))


def with_value(key: str, value: Any) -> Callable[[Path], None]:
    return lambda folder: edit(folder, lambda manifest: manifest.update({key: value}))


def written(text: bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / MANIFEST).write_bytes(text)


def link(folder: Path) -> None:
    (folder / "report" / "report.json").unlink()
    (folder / "report" / "report.json").symlink_to(folder / MANIFEST)


def link_to_folder(folder: Path) -> None:
    (folder / "golden").rename(folder.parent / "golden")
    (folder / "golden").symlink_to(folder.parent / "golden")


def other_contract(folder: Path) -> None:
    """pose.json changed and the manifest's hashes made right: its contract hash still says the old one."""
    text = (folder / CONTRACT).read_text()
    (folder / CONTRACT).write_text(text.replace('"nose"', '"head"'))
    reseal(folder)


def other_contract_everywhere(folder: Path) -> None:
    """The same with the contract hash made right too: the model file still holds the old contract."""
    other_contract(folder)
    spec = read_spec(folder / CONTRACT)
    (folder / CONTRACT).write_bytes(canonical_json(spec))
    reseal(folder, contract_sha256=contract_hash(spec))


def model_without_contract(folder: Path) -> None:
    (folder / "tiny.tflite").write_bytes(b"TFL3")
    reseal(folder)


def model_with_a_damaged_contract(folder: Path) -> None:
    model = folder / "tiny.tflite"
    data = model.read_bytes()
    with zipfile.ZipFile(model) as archive:
        info = archive.getinfo(CONTRACT)
    model.write_bytes(data[: info.header_offset] + bytes(20) + data[info.header_offset + 20 :])
    reseal(folder)


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing file": (lambda folder: (folder / "tiny.tflite").unlink(), "lacks tiny.tflite"),
    "missing contract": (lambda folder: (folder / CONTRACT).unlink(), "lacks pose.json"),
    "extra file": (lambda folder: (folder / "notes.txt").write_text("mine"), "holds notes.txt"),
    "extra hidden file": (lambda folder: (folder / "golden" / ".hidden").write_text(""), "holds golden/.hidden"),
    "changed model": (lambda folder: change_a_byte(folder, "tiny.tflite"), "tiny.tflite in .* was changed"),
    "changed report": (lambda folder: change_a_byte(folder, "report/report.json"), "report.json in .* was changed"),
    "link": (link, "is a link"),
    "link to a folder": (link_to_folder, "is a link"),
    "parent path": (listing("../secret"), "is no path inside a bundle"),
    "hidden parent path": (listing("a/../../secret"), "is no path inside a bundle"),
    "absolute path": (listing("/etc/passwd"), "is no path inside a bundle"),
    "backslashes": (listing("..\\secret"), "is no path inside a bundle"),
    "odd hash": (lambda folder: edit(folder, lambda m: m["files"].update({CONTRACT: 3})), "is no path inside"),
    "other schema": (with_value("schema", 2), "no posekit manifest of schema 1"),
    "no schema": (without("schema"), "no posekit manifest of schema 1"),
    "no files": (without("files"), "no posekit manifest"),
    "files as a list": (with_value("files", []), "no posekit manifest"),
    "no platform": (without("platform"), "no posekit manifest"),
    "other platform": (with_value("platform", "tv"), "no posekit manifest"),
    "platform of another type": (with_value("platform", ["android"]), "no posekit manifest"),
    "other platform's": (with_value("platform", "ios"), "mlpackage"),
    "other precision": (with_value("precision", "int7"), "no posekit manifest"),
    "no tools": (without("tools"), "no posekit manifest"),
    "no JSON": (written(b"{'schema': 1}"), "is no readable manifest"),
    "empty": (written(b""), "is no readable manifest"),
    "not UTF-8": (written(b'{"schema": "\xff"}'), "is no readable manifest"),
    "a list": (written(b"[1]"), "no posekit manifest"),
    "deep": (written(b"[" * 100_000), "is no readable manifest"),
    "huge": (written(b" " * ((1 << 24) + 1)), "has more than"),
    "long number": (written(b'{"schema": ' + b"1" * 5000 + b"}"), "is no readable manifest"),
    "other contract": (other_contract, "is not the contract of the manifest"),
    "other contract everywhere": (other_contract_everywhere, "holds another contract"),
    "contract hash": (with_value("contract_sha256", OTHER), "is not the contract of the manifest"),
    "model without contract": (model_without_contract, "holds no posekit contract"),
    "model with a damaged contract": (model_with_a_damaged_contract, "holds no posekit contract"),
}


def test_an_untouched_bundle_opens(bundle: Path) -> None:
    opened = open_bundle(bundle)
    assert (opened.platform, opened.model_path, opened.spec.name) == ("android", bundle / "tiny.tflite", "tiny")
    reseal(bundle)
    assert open_bundle(bundle).manifest == opened.manifest


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found(damage: str, bundle: Path) -> None:
    change, says = DAMAGE[damage]
    change(bundle)
    with pytest.raises(InputError, match=says):
        open_bundle(bundle)


@pytest.mark.parametrize("damage", ["missing file", "changed model", "parent path", "no JSON", "other contract"])
@pytest.mark.parametrize("command", ["validate", "inspect", "predict"])
def test_every_command_refuses_a_damaged_bundle(
    command: str, damage: str, bundle: Path, tiny: Any, refused: Callable[..., Any]
) -> None:
    DAMAGE[damage][0](bundle)
    refused(2, command, bundle, *([tiny.images / "0.png"] if command == "predict" else []))


@pytest.mark.parametrize("kind", ["nothing", "file", "folder"])
def test_what_is_no_bundle(kind: str, tmp_path: Path, refused: Callable[..., Any]) -> None:
    path = tmp_path / "bundle"
    if kind == "file":
        path.write_text("x")
    elif kind == "folder":
        path.mkdir()
    refused(2, "validate", path, says=("is no bundle", "manifest.json"))


@pytest.mark.parametrize(
    "text", [b"", b"[]", b'{"schema": 2, "cases": []}', b'{"schema": 2, "cases": [{}]}', b'{"schema": 2, "cases": [3]}']
)
def test_damaged_evaluation(text: bytes, bundle: Path, refused: Callable[..., Any]) -> None:
    (bundle / "evaluation" / "cases.json").write_bytes(text)
    reseal(bundle)
    refused(2, "validate", bundle, says=("cases.json",))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=12,
)
MANIFESTS = st.fixed_dictionaries(
    {},
    optional={
        "schema": st.just(1) | JSON,
        "files": st.dictionaries(st.text(max_size=12), st.just(OTHER) | JSON, max_size=3) | JSON,
        "platform": st.sampled_from(["android", "ios"]) | JSON,
        "precision": st.sampled_from(["fp32", "fp16"]) | JSON,
        "tools": st.just({}) | JSON,
        **{key: st.text(max_size=8) | JSON for key in ("contract_sha256", "status")},
    },
)


@given(st.binary(max_size=200) | (MANIFESTS | JSON).map(lambda value: json.dumps(value).encode()))
def test_any_manifest_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"fuzz-{os.getpid()}.json"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        manifest = read_manifest(path)
        assert manifest["schema"] == 1
        assert all(not name.startswith("/") and ".." not in name.split("/") for name in manifest["files"])


def test_writing_replaces_only_when_it_ends_well(tmp_path: Path) -> None:
    final = tmp_path / "deep" / "bundle"
    for text in ("one", "two"):
        with writing(final, overwrite=True) as folder:
            (folder / MANIFEST).write_text(text)
            assert not final.exists() or (final / MANIFEST).read_text() == "one"
        assert (final / MANIFEST).read_text() == text
    for failure in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(failure), writing(final, overwrite=True) as folder:
            (folder / MANIFEST).write_text("three")
            raise failure
        assert (final / MANIFEST).read_text() == "two"
    assert [path.name for path in final.parent.iterdir()] == ["bundle"]


def test_a_rename_that_fails_leaves_the_old_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final, rename = tmp_path / "bundle", Path.rename
    with writing(final, overwrite=False) as folder:
        (folder / MANIFEST).write_text("old")

    def failing(self: Path, target: Path) -> Path:
        if self.suffix == ".partial":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(InputError, match="No space left on device"), writing(final, overwrite=True) as folder:
        (folder / MANIFEST).write_text("new")
    assert (final / MANIFEST).read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_interrupted_between_the_two_renames(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final, rename = tmp_path / "bundle", Path.rename
    final.mkdir()
    (final / MANIFEST).write_text("old")

    def interrupted(self: Path, target: Path) -> Path:
        if self.suffix == ".partial":
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(error), writing(final, overwrite=True) as folder:
        (folder / MANIFEST).write_text("new")
    assert (final / MANIFEST).read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("ending", ["partial", "old"])
def test_what_a_killed_run_left_is_swept(ending: str, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    alive = f"{os.getppid()}-{started(os.getppid())}"
    left = [tmp_path / f".bundle.{owner}.{ending}" for owner in (f"{ended.pid}-7", alive)]
    other = tmp_path / f".another.{ended.pid}-7.{ending}"
    odd = tmp_path / f".bundle.x.{ending}"
    for folder in (*left, other, odd):
        folder.mkdir()
        (folder / MANIFEST).write_text("kept")
    final = tmp_path / "bundle"
    final.mkdir()
    (final / MANIFEST).write_text("{}")
    with writing(final, overwrite=True) as folder:
        (folder / MANIFEST).write_text("{}")
    assert [folder.exists() for folder in (*left, other, odd)] == [False, True, True, True]


def test_a_run_killed_between_its_two_renames_loses_nothing(tmp_path: Path) -> None:
    """The old bundle was moved aside and the new one not yet in its place: the next run puts the old one back."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    aside, final = tmp_path / f".bundle.{ended.pid}-7.old", tmp_path / "bundle"
    aside.mkdir()
    (aside / MANIFEST).write_text("old")
    with pytest.raises(RuntimeError), writing(final, overwrite=True):
        raise RuntimeError
    assert (final / MANIFEST).read_text() == "old"


def test_hashes_are_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    one = file_hash(tmp_path / "a")
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    two = file_hash(tmp_path / "a")
    (tmp_path / "a" / "y").write_text("2")
    assert len({one, two, file_hash(tmp_path / "a")}) == 3
    assert list(file_hashes(tmp_path)) == ["a/y"]
