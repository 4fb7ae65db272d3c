"""The reference runs once a case, whoever asks: what is kept is what was made, and no more than there is room for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.contract.spec import parse_spec
from posekit.parity.references import References
from posekit.poses.images import Photo
from tests.conftest import SPEC, write_pictures


class Counted:
    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, pixels: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
        self.runs += 1
        return {"b/../é": pixels.mean(keepdims=True), "a": pixels[None, ::4, ::4]}


def contents(found: Any) -> list[Any]:
    return [
        (
            case.name,
            case.transform.matrix.tolist(),
            case.region,
            case.pixels.tolist(),
            [(n, v.tolist()) for n, v in outputs.items()],
        )
        for case, outputs in found
    ]


@pytest.mark.parametrize(("kept", "runs"), [(2, 2), (1, 2 + 2), (0, 2 + 2 * 2)])
def test_every_case_is_run_once_where_there_is_room(tmp_path: Path, kept: int, runs: int) -> None:
    """runs: of three passes over two pictures, of which so many fit."""
    write_pictures(tmp_path / "images")
    spec = parse_spec(tomllib.loads(SPEC), "here")
    photos = [Photo(path, number) for number, path in enumerate(sorted((tmp_path / "images").iterdir()))]
    for name in ("tried", "kept"):
        (tmp_path / name).mkdir()
    list(References(photos, spec, Counted(), tmp_path / "tried"))
    size = max(path.stat().st_size for path in (tmp_path / "tried").iterdir())
    reference = Counted()
    references = References(photos, spec, reference, tmp_path / "kept", room=int(size * (kept + 0.5)))
    first = contents(references)
    assert contents(references) == first
    assert contents(references.named([name for name, *_ in first])) == first
    assert reference.runs == runs
    assert [case.name for case in references.cases()] == [name for name, *_ in first]
    assert contents(references.named([first[1][0]])) == [first[1]]
    assert len(list((tmp_path / "kept").iterdir())) == kept
