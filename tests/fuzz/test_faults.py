"""Planted faults with every hash consistent: none passes unseen. A sample of what `make fuzz` plants a thousand of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import faults

pytestmark = pytest.mark.xdist_group("bundle")
SAMPLE, SMALL_SAMPLE = range(40), range(1000, 1036)
UNREAD = ("bytes without a meaning", "a constant without a reader")


def test_no_fault_passes_unseen(packaged: Path, tiny: Any, tmp_path: Path) -> None:
    source = Path(shutil.copyfile(tiny.save("exported"), tmp_path / "tiny.pt2"))
    shutil.copyfile(tiny.spec_file, tmp_path / "tiny.toml")
    tally = faults.tried([packaged], source, SAMPLE)
    assert tally.unseen == []
    assert len(tally.planted) > len(faults.KINDS) // 2
    assert len(tally.by_source) < len(SAMPLE) // 4


def test_no_fault_of_a_compressed_bundle_passes_unseen(small: tuple[Path, list[Path]]) -> None:
    source, bundles = small
    tally = faults.tried(bundles, source, SMALL_SAMPLE)
    assert tally.unseen == []
    assert len(tally.planted) > len(faults.KINDS) // 2
    assert len(tally.by_source) < len(SMALL_SAMPLE) // 3


@pytest.mark.parametrize("kind", UNREAD)
def test_what_nothing_reads_is_seen_without_the_network(
    kind: str, small: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    said = set()
    for seed in range(24):
        of = (small[1][0], small[1][-1])[seed % 2]
        folder = Path(shutil.copytree(of, tmp_path / f"{seed}"))
        said.add(faults.KINDS[kind](folder, faults.Random(seed)))
        faults.sealed(folder)
        faults.paged(folder)
        assert not faults.passes(folder), said
        shutil.rmtree(folder)
    assert len(said) > 3


@pytest.mark.parametrize("kind", sorted(faults.KINDS))
def test_every_kind_has_something_to_change(
    kind: str, packaged: Path, small: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    for seed in range(60):
        of = (packaged, *small[1])[seed % 5]
        folder = Path(shutil.copytree(of, tmp_path / f"{seed}"))
        if faults.KINDS[kind](folder, faults.Random(seed)):
            return
        shutil.rmtree(folder)
    pytest.fail("nothing of a small bundle can be changed so")
