"""A folder is written whole or not at all, and never over what is somebody else's."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from posekit.bundle.folders import own_temporary_folder, sweep, writing
from posekit.errors import ConversionError, InputError
from posekit.progress import announced, silent


def is_ours(folder: Path) -> bool:
    return (folder / "ours").is_file()


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_what_another_run_put_there_meanwhile_is_kept(tmp_path: Path) -> None:
    final = tmp_path / "out"
    with pytest.raises(InputError, match="exists"), writing(final, "thing", is_ours, overwrite=False) as partial:
        (partial / "ours").write_text("second")
        final.mkdir()
        (final / "ours").write_text("first")
    assert contents(final) == {"ours": "first"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_no_such_thing_is_kept_even_where_it_came_meanwhile(tmp_path: Path) -> None:
    final = tmp_path / "out"
    with pytest.raises(InputError, match="is no thing"), writing(final, "thing", is_ours, overwrite=True) as partial:
        (partial / "ours").write_text("new")
        final.mkdir()
        (final / "thesis").write_text("years of work")
    assert contents(final) == {"thesis": "years of work"}


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_ends_well_takes_the_place(overwrite: bool, tmp_path: Path) -> None:
    final = tmp_path / "deep" / "out"
    if overwrite:
        final.mkdir(parents=True)
        (final / "ours").write_text("old")
    with writing(final, "thing", is_ours, overwrite=overwrite) as partial:
        (partial / "ours").write_text("new")
    assert contents(final) == {"ours": "new"}
    assert [path.name for path in final.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_what_was_there(error: BaseException, tmp_path: Path) -> None:
    final = tmp_path / "out"
    final.mkdir()
    (final / "ours").write_text("old")
    with (
        pytest.raises((InputError, KeyboardInterrupt)),
        writing(final, "thing", is_ours, overwrite=True) as partial,
    ):
        (partial / "ours").write_text("half")
        raise error
    assert contents(final) == {"ours": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def run_and_kill(code: str, place: Path) -> None:
    """Run Python code in a process of its own, which prints when it is ready to be killed."""
    program = [sys.executable, "-c", f"{code}\nprint('ready', flush=True)\nimport time; time.sleep(60)"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": str(place)}) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()


WRITES = """
from pathlib import Path
from posekit.bundle.folders import writing
place = writing(Path({final!r}), "thing", lambda folder: True, overwrite=True)
(place.__enter__() / "half").write_text("half")
"""


def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path: Path) -> None:
    final = tmp_path / "out"
    run_and_kill(WRITES.format(final=str(final)), tmp_path)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.")
    with writing(final, "thing", is_ours, overwrite=False) as partial:
        (partial / "ours").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_live_run_writes_stays_and_so_does_what_is_not_ours(tmp_path: Path) -> None:
    final = tmp_path / "out"
    with writing(final, "thing", is_ours, overwrite=False) as partial:
        (tmp_path / ".out.notes").mkdir()
        sweep(final)
        assert partial.exists()
        assert (tmp_path / ".out.notes").exists()
        (partial / "ours").write_text("new")


def test_a_number_that_was_given_again_is_another_process(tmp_path: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system does not tell when a process started")
    left = tmp_path / f".out.{os.getpid()}-1.partial"
    left.mkdir()
    sweep(tmp_path / "out")
    assert not left.exists()


def test_an_old_rejected_bundle_never_takes_the_place_of_a_good_one(tmp_path: Path) -> None:
    (tmp_path / ".out.rejected.999999999-5.old").mkdir()
    sweep(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    sweep(tmp_path / "out.rejected")
    assert [path.name for path in tmp_path.iterdir()] == ["out.rejected"]


TEMPORARY = """
import tempfile
from posekit.bundle.folders import own_temporary_folder
place = own_temporary_folder()
place.__enter__()
tempfile.mkdtemp()
"""


def test_temporary_folders_of_a_killed_run_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_and_kill(TEMPORARY, tmp_path)
    (left,) = tmp_path.iterdir()
    (tmp_path / "posekit-notes").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with own_temporary_folder():
        assert not left.exists()
        assert Path(tempfile.mkdtemp()).parent.parent == tmp_path
        assert os.environ["TMPDIR"] == tempfile.gettempdir()
    assert [path.name for path in tmp_path.iterdir()] == ["posekit-notes"]
    assert os.environ["TMPDIR"] == str(tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "weights.bin"),
        RuntimeError("converter: write failed: No space left on device (28)"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device")]),
    ],
)
def test_a_full_disk_is_one_sentence_whoever_met_it(error: Exception) -> None:
    with pytest.raises(InputError, match="^the disk is full") as caught, announced(silent, "convert"):
        try:
            raise error
        except Exception as met:
            raise ConversionError("the converter failed") from met
    assert caught.value.step == "convert"
    assert "TMPDIR" in caught.value.hint


def test_a_real_full_disk_is_told(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(InputError, match="the disk is full"), announced(silent, "write"), full.open("w") as file:
        file.write("x" * 100_000)
