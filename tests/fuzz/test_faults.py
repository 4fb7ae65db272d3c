"""Planted faults with every hash consistent: none passes unseen. A sample of what `make fuzz` plants a thousand of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import faults

pytestmark = pytest.mark.xdist_group("bundle")
SAMPLE, SMALL_SAMPLE = range(40), range(1000, 1050)
SMALL = (("android", "w8a8"), ("android", "w8"), ("ios", "pal4"), ("ios", "w8a8"))


@pytest.fixture(scope="module")
def small(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """The network of compressed bundles, and those."""
    pytest.importorskip("litert_torch")
    pytest.importorskip("coremltools")
    return faults.made_small(tmp_path_factory.mktemp("small"), SMALL)


def test_no_fault_passes_unseen(packaged: Path, tiny: Any, tmp_path: Path) -> None:
    source = Path(shutil.copyfile(tiny.save("exported"), tmp_path / "tiny.pt2"))
    shutil.copyfile(tiny.spec_file, tmp_path / "tiny.toml")
    tally = faults.tried([packaged], source, SAMPLE)
    assert tally.unseen == []
    assert len(tally.planted) > len(faults.KINDS) // 2
    assert len(tally.by_source) < len(SAMPLE) // 4


def test_no_fault_of_a_compressed_bundle_passes_unseen(small: tuple[Path, list[Path]]) -> None:
    source, bundles = small
    assert all(faults.passes(one, source) for one in bundles)
    tally = faults.tried(bundles, source, SMALL_SAMPLE)
    assert tally.unseen == []
    assert len(tally.planted) > len(faults.KINDS) // 2
    assert len(tally.by_source) < len(SMALL_SAMPLE) // 3


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
