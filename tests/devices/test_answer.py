"""Archives and documents from a device: what is no plain run is refused, and nothing is written outside the folder."""

from __future__ import annotations

import contextlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posekit.devices import answer
from posekit.errors import InputError

Entry = tuple[tarfile.TarInfo, bytes]


def entry(name: str, content: bytes = b"1234", kind: bytes = tarfile.REGTYPE, link: str = "", size: int = -1) -> Entry:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, len(content) if size < 0 else size
    return made, content


def archive(*entries: Entry, form: int = tarfile.USTAR_FORMAT) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as tar:
        tar.addfile(entry(".", b"", tarfile.DIRTYPE)[0])
        for made, content in entries:
            tar.addfile(made, io.BytesIO(content.ljust(min(made.size, 1 << 12), b"x")) if made.isreg() else None)
    return data.getvalue()


def unpacked(data: bytes, work: Path) -> dict[str, bytes]:
    folder = work / "folder"
    folder.mkdir()
    answer.unpack(io.BytesIO(data), folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_plain_files_come_out_as_they_are(tmp_path: Path) -> None:
    data = archive(entry("./run.json", b"{}"), entry("./cpu-000-image-input.f32"))
    assert unpacked(data, tmp_path) == {"run.json": b"{}", "cpu-000-image-input.f32": b"1234"}


HOSTILE = {
    "symbolic link": (entry("x.f32", b"", tarfile.SYMTYPE, "/etc/passwd"), "'x.f32', which is no plain file"),
    "hard link": (entry("x.f32", b"", tarfile.LNKTYPE, "../../outside"), "'x.f32', which is no plain file"),
    "character device": (entry("x.f32", b"", tarfile.CHRTYPE), "'x.f32', which is no plain file"),
    "pipe": (entry("x.f32", b"", tarfile.FIFOTYPE), "'x.f32', which is no plain file"),
    "folder": (entry("x.f32", b"", tarfile.DIRTYPE), "'x.f32', which is no plain file"),
    "sparse": (entry("x.f32", b"", tarfile.GNUTYPE_SPARSE), ""),
    "absolute": (entry("/tmp/outside"), "'/tmp/outside', which is no plain file name"),
    "upwards": (entry("../outside"), "'../outside', which is no plain file name"),
    "upwards behind a dot": (entry("./../outside"), "'../outside', which is no plain file name"),
    "in a folder": (entry("a/b"), "'a/b', which is no plain file name"),
    "backslash": (entry("..\\outside"), "which is no plain file name"),
    "hidden": (entry(".profile"), "'.profile', which is no plain file name"),
    "new line": (entry("a\nb"), "which is no plain file name"),
    "twice": (entry("./run.json"), "a file twice"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_no_run_holds_is_refused(case: str, tmp_path: Path) -> None:
    hostile, says = HOSTILE[case]
    with pytest.raises(InputError) as caught:
        unpacked(archive(entry("run.json"), hostile), tmp_path)
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert {path.name for path in tmp_path.rglob("*")} <= {"folder", "run.json"}


def test_a_size_beyond_any_run_is_refused_before_it_is_read(tmp_path: Path) -> None:
    header = entry("x.f32", size=8 << 30)[0].tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(InputError, match="more than a run can"):
        unpacked(header + b"\0" * 1024, tmp_path)


def test_more_files_than_any_run_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "MAX_FILES", 3)
    with pytest.raises(InputError, match="more than a run can"):
        unpacked(archive(*(entry(f"{number}.f32") for number in range(4))), tmp_path)


WHOLE = archive(entry("a.f32", b"\0" * 5000), entry("run.json", b"{}"))
END = len(WHOLE.rstrip(b"\0"))


@pytest.mark.parametrize("kept", [0, 1, 511, 512, 1000, 1024 + 2000, 1024 + 5000, END, END + 511, END + 512])
def test_an_archive_without_its_end_is_cut_off(kept: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cut off"):
        unpacked(WHOLE[:kept], tmp_path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_archive_is_taken_or_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    raw = bytearray(WHOLE)
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, END), st.integers(0, 255)), min_size=1, max_size=8)
    ):
        raw[place] = value
    place = tmp_path_factory.mktemp("damaged")
    with contextlib.suppress(InputError):
        unpacked(bytes(raw), place)
    assert all(
        path.parent == place / "folder" and not path.is_symlink() for path in place.rglob("*") if path.name != "folder"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [(b'{"error": "it broke"}', "it broke"), (b'{"error": null}', None), (b"{}", None), (b"[1]", None)],
)
def test_the_error_that_a_run_tells_of(text: bytes, says: str | None, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(text)
    assert answer.error_of(tmp_path) == says


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_run_is_an_input_error(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(text)
    with pytest.raises(InputError, match="run.json of the device cannot be read"):
        answer.error_of(tmp_path)
