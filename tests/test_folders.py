"""A folder is written whole or not at all, and never over what is somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from posekit.errors import InputError
from posekit.folders import writing


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
