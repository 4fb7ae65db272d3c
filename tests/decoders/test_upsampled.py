"""Maps read in windows are what bringing whole maps to the grid would give, and bounds are bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from posekit.decoders import peaks as finding
from posekit.decoders.peaks import _high, peaks
from posekit.decoders.rough import exact_tiles, tiles
from posekit.decoders.upsampled import TILE, Upsampled, bounds, windows

SIZES = [  # of maps, of the middle, of the grid; w, h
    (((24, 16),), (24, 16), (24, 16)),
    (((24, 16), (48, 32)), (48, 32), (96, 64)),
    (((13, 9), (25, 18)), (25, 18), (51, 40)),
    (((1, 1),), (1, 1), (5, 3)),
]


def resized(values: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """(h, w, C) at another size, each new cell a blend of the four old ones about its middle, written out."""
    height, width = values.shape[:2]
    found = np.zeros((size_wh[1], size_wh[0], values.shape[2]))
    for row in range(size_wh[1]):
        for column in range(size_wh[0]):
            y, x = (row + 0.5) * height / size_wh[1] - 0.5, (column + 0.5) * width / size_wh[0] - 0.5
            for at_y in (int(np.floor(y)), int(np.floor(y)) + 1):
                for at_x in (int(np.floor(x)), int(np.floor(x)) + 1):
                    weight = (1 - abs(y - at_y)) * (1 - abs(x - at_x))
                    found[row, column] += weight * values[min(max(at_y, 0), height - 1), min(max(at_x, 0), width - 1)]
    return found


def maps_of(case: int, rng: np.random.Generator) -> tuple[Upsampled, np.ndarray]:
    sizes, middle, grid = SIZES[case]
    maps = tuple(rng.normal(size=(h, w, 5 + n)).astype(np.float32) for n, (w, h) in enumerate(sizes))
    own = Upsampled(maps, tuple(range(1, len(maps) + 1)), 3, middle, grid)
    mean = sum(resized(one[:, :, n + 1 : n + 4], middle) for n, one in enumerate(maps)) / len(maps)
    return own, resized(mean, grid)


@pytest.mark.parametrize("case", range(len(SIZES)))
def test_windows_and_bounds_are_those_of_the_whole_grid(case: int) -> None:
    own, whole = maps_of(case, np.random.default_rng(case))
    padded = np.pad(whole, ((TILE, 2 * TILE), (TILE, 2 * TILE), (0, 0)), mode="edge")
    tops, lefts = np.arange(-1, own.size_wh[1], 5), np.arange(-1, own.size_wh[0], 7)
    top, left = (each.ravel() for each in np.meshgrid(tops, lefts))
    channels = np.arange(len(top)) % 3
    for side in (1, 3, TILE):
        seen = windows(own, channels, top, left, side)
        for n in range(len(top)):
            y, x = top[n] + TILE, left[n] + TILE
            assert np.allclose(seen[n], padded[y : y + side, x : x + side, channels[n]], atol=1e-6)
    most, least = bounds(own, np.maximum), bounds(own, np.minimum)
    for row in range(own.tiles_wh[1]):
        for column in range(own.tiles_wh[0]):
            tile = whole[row * TILE :, column * TILE :][:TILE, :TILE]
            assert (tile <= most[row, column]).all()
            assert (tile >= least[row, column]).all()


@pytest.mark.parametrize("reach", [0, 1, 2])
@pytest.mark.parametrize("case", range(len(SIZES)))
def test_peaks_are_those_of_the_whole_grid(case: int, reach: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "AT_ONCE", 3)
    own, whole = maps_of(case, np.random.default_rng(case))
    found = peaks(own, bounds(own, np.maximum), reach, 0.3, 7)
    for channel in range(3):
        values = np.pad(whole[:, :, channel], reach, constant_values=-np.inf)
        expected = [
            (y, x)
            for y, x in np.ndindex(whole.shape[:2])
            if whole[y, x, channel] > 0.3
            and whole[y, x, channel] >= values[y : y + 2 * reach + 1, x : x + 2 * reach + 1].max() - 1e-12
        ]
        expected.sort(key=lambda place: -whole[*place, channel])
        mine = found.taken(found.channels == channel)
        assert list(zip(mine.y, mine.x, strict=True)) == expected[:7]


def test_a_plateau_is_peaks_in_row_order() -> None:
    flat = np.zeros((6, 6, 1), np.float32)
    flat[2:4, 1:4] = 1.0
    own = Upsampled((flat,), (0,), 1, (6, 6), (6, 6))
    found = peaks(own, bounds(own, np.maximum), 1, 0.5, 4)
    assert list(zip(found.y, found.x, strict=True)) == [(2, 1), (2, 2), (2, 3), (3, 1)]


@pytest.mark.parametrize("reach", [0, 2])
@pytest.mark.parametrize("scale", [1.0, 1e-35, 1e30, 0.0])
@pytest.mark.parametrize("case", range(len(SIZES)))
def test_rough_tiles_are_near_those_worked_out(case: int, scale: float, reach: int) -> None:
    own, _ = maps_of(case, np.random.default_rng(case))
    own = replace(own, maps=tuple(one * np.float32(scale) for one in own.maps))
    y, x, channels = (each.ravel() for each in np.indices((*own.tiles_wh[::-1], 3)))
    seen, exact = (read(own, channels, y, x, reach) for read in (tiles, exact_tiles))
    assert exact.is_exact
    assert seen.is_exact == (case >= 2 or scale not in (0.0, 1.0))  # sizes that do not divide, numbers out of range
    assert np.abs(seen.values - exact.values).max() <= seen.near / 3  # both sides of a comparison may be off


def test_cells_that_float32_cannot_tell_apart_are_worked_out() -> None:
    """Hills of the last digits of a high level, made larger."""
    level = (1 + np.random.default_rng(3).normal(0, 5e-5, (12, 12, 1))).astype(np.float32)
    own = Upsampled((level,), (0,), 1, (12, 12), (64, 64))
    y, x, channels = np.zeros((3, 1), np.intp)
    assert len(_high(tiles(own, channels, y, x, 1), 1, 0.5)[0]) > len(
        _high(exact_tiles(own, channels, y, x, 1), 1, 0.5)[0]
    )
    found = peaks(own, bounds(own, np.maximum), 1, 0.5, 4000)
    whole = resized(level.astype(np.float64), (64, 64))[:, :, 0]
    padded = np.pad(whole, 1, constant_values=-np.inf)
    highest = np.max([padded[y : y + 64, x : x + 64] for y in range(3) for x in range(3)], axis=0)
    expected = set(zip(*(places.tolist() for places in np.nonzero(whole >= highest - 1e-9)), strict=True))
    assert 5 < len(expected) < 100
    assert set(zip(found.y.tolist(), found.x.tolist(), strict=True)) == expected
