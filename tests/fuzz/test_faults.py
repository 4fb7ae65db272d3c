"""Planted faults with every hash consistent: none passes unseen. A sample of what `make fuzz` plants a thousand of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import faults

pytestmark = pytest.mark.xdist_group("bundle")
SAMPLE = range(40)


def test_no_fault_passes_unseen(packaged: Path, tiny: Any, tmp_path: Path) -> None:
    source = Path(shutil.copyfile(tiny.save("exported"), tmp_path / "tiny.pt2"))
    shutil.copyfile(tiny.spec_file, tmp_path / "tiny.toml")
    tally = faults.tried([packaged], source, SAMPLE)
    assert tally.unseen == []
    assert len(tally.planted) > len(faults.KINDS) // 2
    assert len(tally.by_source) < len(SAMPLE) // 4


@pytest.mark.parametrize("kind", sorted(faults.KINDS))
def test_every_kind_has_something_to_change(kind: str, packaged: Path, tmp_path: Path) -> None:
    for seed in range(60):
        folder = Path(shutil.copytree(packaged, tmp_path / f"{seed}"))
        if faults.KINDS[kind](folder, faults.Random(seed)):
            return
        shutil.rmtree(folder)
    pytest.fail("nothing of a small bundle can be changed so")
