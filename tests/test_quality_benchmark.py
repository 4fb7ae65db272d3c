"""Which peer's file one of posekit's is held against, and when it is behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.smaller import Arithmetic, File
from benchmarks.quality import Measured, best_of, bytes_of, table, verdict

RNG = np.random.default_rng(0)
NOISE = RNG.exponential(0.1, (100, 17))


def measured(tool: str, way: str, arithmetic: Arithmetic, size: int, error: float) -> Measured:
    return Measured(File(tool, way, arithmetic, Path(way)), size, NOISE + error)


PEERS = [
    measured("peer", "static", "integers", 1000, 0.3),
    measured("peer", "large", "floats", 2000, 0.0),
    measured("peer", "dynamic", "dynamic", 900, 0.2),
    measured("peer", "floats", "floats", 950, 0.1),
]


@pytest.mark.parametrize(
    ("arithmetic", "size", "best"),
    [
        ("integers", 1000, "static"), ("integers", 900, None), ("dynamic", 1000, "dynamic"), ("floats", 1000, "floats"),
        ("floats", 860, "dynamic"), ("floats", 3000, "large"), ("floats", 800, None), ("floats", 870, "floats"),
    ],
)  # fmt: skip
def test_a_file_is_held_against_the_best_that_is_as_small_and_computes_alike(
    arithmetic: Arithmetic, size: int, best: str | None
) -> None:
    one = measured("posekit", "w8", arithmetic, size, 0.1)
    other = best_of(one, [one, *PEERS])
    assert (other and other.file.way) == best


@pytest.mark.parametrize(("error", "how"), [(0.05, "ahead"), (0.1, "level"), (0.15, "behind")])
def test_ahead_and_behind_are_told_where_drawing_pictures_anew_does_not_change_it(error: float, how: str) -> None:
    one = measured("posekit", "w8", "floats", 1000, error)
    assert verdict(one, [one, *PEERS]).startswith(f"{how}: peer floats has 0.")


def test_one_picture_that_jumps_puts_nobody_behind() -> None:
    one = measured("posekit", "w8", "floats", 1000, 0.1)
    one.px[7] += 30.0
    assert one.px.mean() > PEERS[3].px.mean() + 0.2
    assert verdict(one, [one, *PEERS]).startswith("level")


def test_the_table_has_every_file_by_its_error() -> None:
    one = measured("posekit", "w8", "floats", 1000, 0.05)
    rows = table("tinypose", "android", [one, *PEERS]).splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == [
        "peer: large",
        "**w8**",
        "peer: floats",
        "peer: dynamic",
        "peer: static",
    ]
    assert ["ahead" in row for row in rows] == [False, True, False, False, False]


def test_a_package_has_the_bytes_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "m.mlpackage" / "data").mkdir(parents=True)
    (tmp_path / "m.mlpackage" / "one").write_bytes(b"123")
    (tmp_path / "m.mlpackage" / "data" / "two").write_bytes(b"4567")
    assert bytes_of(tmp_path / "m.mlpackage") == 7
    assert bytes_of(tmp_path / "m.mlpackage" / "one") == 3
