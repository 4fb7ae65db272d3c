"""Reductions of one axis after another become one, which gives torch's values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from posekit.progress import captured
from posekit.targets.graph.reductions import keep_axes, merge_reductions
from posekit.targets.litert import tflite_file
from tests.structures import Calling
from tests.targets.graph.test_passes import differing, graph_of

CASES: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "means": (lambda x: x.mean(3).mean(2), 1),
    "kept": (lambda x: x.mean(-1, keepdim=True).mean(-2, keepdim=True), 1),
    "the axis before": (lambda x: x.mean(1).mean(2), 1),  # axes 1 and 3 of x
    "three": (lambda x: x.sum(3).sum(2).sum(1), 2),
    "largest": (lambda x: x.amax(2).amax(2), 1),
    "smallest of two": (lambda x: x.amin((1, 3)).amin(1), 1),
    "one axis twice": (lambda x: x.sum(3, keepdim=True).sum(3, keepdim=True), 1),
    "kept and not": (lambda x: x.mean(3, keepdim=True).mean(2), 0),
    "unlike": (lambda x: x.amax(3).mean(2), 0),
    "read twice": (lambda x: (y := x.mean(3)).mean(2) + y.amax(2), 0),
    "everything": (lambda x: x.mean(3).mean(), 0),
    "in another type": (lambda x: x.sum(3, dtype=torch.float64).sum(2).float(), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_reductions_are_merged(name: str) -> None:
    function, merged = CASES[name]
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    count, difference = differing(merge_reductions, Calling(function), x)
    assert count == merged
    assert difference < 1e-6


KEPT: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "a map": (lambda x: x.mean([2, 3]), 1),
    "one axis": (lambda x: x.sum(2), 1),
    "over the batch": (lambda x: x.amax((0, -1)), 1),
    "kept": (lambda x: x.mean([2, 3], keepdim=True), 0),
    "a number": (lambda x: x.mean([0, 1, 2, 3]), 0),
    "no map": (lambda x: x.flatten(2).mean(2), 0),
}


@pytest.mark.parametrize("name", KEPT)
def test_reductions_of_maps_keep_their_axes(name: str) -> None:
    function, kept = KEPT[name]
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    count, difference = differing(keep_axes, Calling(function), x)
    assert count == kept
    assert difference == 0


def test_a_squeezed_map_is_not_transposed(tmp_path: Path) -> None:
    """What this is for: one operation from the map to its means."""
    litert_torch = pytest.importorskip("litert_torch")
    network = nn.Sequential(nn.Conv2d(3, 8, 3), Calling(lambda x: x.mean(3).mean(2))).eval()
    x = torch.zeros(1, 3, 12, 10)
    graph = graph_of(network, x)
    with captured():
        before = litert_torch.convert(graph_of(network, x), (x,))
        assert merge_reductions(graph) + keep_axes(graph) == 2
        after = litert_torch.convert(graph, (x,))
    for made, transposed in ((before, 2), (after, 1)):  # of the input always
        made.export(str(tmp_path / "made.tflite"))
        assert tflite_file.op_counts((tmp_path / "made.tflite").read_bytes())["TRANSPOSE"] == transposed
