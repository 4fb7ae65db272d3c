"""What is too large is refused before memory is taken for it, and the bound can be raised."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from posekit.errors import InputError
from posekit.sources.limits import FACTOR, refuse_above

PROGRAM = """
import sys
from pathlib import Path
from posekit.cli.app import main
try:
    main(sys.argv[1:])
finally:  # getrusage would tell of the process that this one was forked from
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else ["VmHWM 0"]
    peak = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    print("peak", peak[0] // 1024, file=sys.stderr)
"""


def refused(*arguments: object) -> str:
    """What a run of its own says, which must refuse below 1 GB of memory."""
    program = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2, done.stderr
    text, _, peak = done.stderr.rpartition("peak")
    assert int(peak) < 1000
    return text


def test_an_archive_that_unpacks_to_gigabytes(tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt2"
    with zipfile.ZipFile(tiny.save("exported")) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        with new.open("archive/data/weights/weight_99", "w", force_zip64=True) as entry:
            for _ in range(33):
                entry.write(bytes(1 << 26))
    assert path.stat().st_size < 1 << 23
    assert "unpacks to 2,2" in (text := refused("inspect", path, "--spec", tiny.spec_file))
    assert FACTOR in text


def test_an_input_of_many_pixels(tiny: Any, tmp_path: Path) -> None:
    spec = tmp_path / "large.toml"
    text = tiny.spec_file.read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("size_wh"))
    spec.write_text(text.replace(line, "size_wh = [8192, 8192]"))
    text = refused("package", tiny.save("exported"), "--platform", "android", "--spec", spec, "--out", tmp_path)
    assert "input.size_wh is 8192 x 8192, that is 67,108,864 px, at most 4,194,304 are taken" in " ".join(text.split())


@pytest.mark.parametrize(("factor", "allowed"), [("1", 10), ("4", 40), ("0.5", 5)])
def test_a_bound_can_be_moved(factor: str, allowed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, FACTOR, factor)
    refuse_above(allowed, 10, "it has")
    with pytest.raises(InputError, match=f"it has {allowed + 1} bytes, at most {allowed} are taken") as caught:
        refuse_above(allowed + 1, 10, "it has")
    monkeypatch.setitem(os.environ, FACTOR, caught.value.hint.split("=")[1].split()[0])
    refuse_above(allowed + 1, 10, "it has")


@pytest.mark.parametrize("factor", ["", "x", "0", "-1", "nan", "inf"])
def test_a_factor_that_is_no_number_is_refused(factor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, FACTOR, factor)
    with pytest.raises(InputError, match=FACTOR):
        refuse_above(1, 10, "it has")
