"""Recovery: closer to the original, never farther, repeatable, with zeros that stay and rounding that is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posekit.compression.network import learning, recovery  # noqa: E402
from posekit.compression.network.agreement import agreement, keypoints_on, runner  # noqa: E402
from posekit.compression.network.graph import batched, cloned, copied  # noqa: E402
from posekit.compression.network.low_rank import factorise  # noqa: E402
from posekit.compression.network.options import CompressOptions  # noqa: E402
from posekit.compression.network.prune import prune  # noqa: E402
from posekit.compression.network.sparsity import Masks, sparsify  # noqa: E402
from posekit.compression.network.views import Bank, cases_to_judge, held_out  # noqa: E402
from posekit.contract.spec import PoseSpec  # noqa: E402
from posekit.parity.cases import Case  # noqa: E402
from posekit.poses.photos import find_photos  # noqa: E402
from tests import networks  # noqa: E402

NAMES = ("heatmaps",)


@pytest.fixture(scope="module")
def shown(tinypose: tuple[Any, PoseSpec], pictures: Path) -> tuple[Any, list[Case]]:
    """A maker of banks that all show the same, and cases to judge by."""
    graph, spec = tinypose
    run = runner(batched(graph, spec.input.size_wh), NAMES, spec)
    learn, judge = held_out(find_photos(pictures, None, ()).photos, np.random.default_rng(0))
    cases, damaged = cases_to_judge(judge, spec, run, np.random.default_rng(0))
    assert (len(cases), damaged) == (9, 0)
    return lambda: Bank(learn, spec, run, np.random.default_rng(0)), cases


def recovered(tinypose: Any, shown: Any, small: Any, masks: Masks | None = None, **wanted: Any) -> recovery.Recovered:
    graph, spec = tinypose
    asked = CompressOptions(prune=0.5, **{"steps": 16, **wanted})
    said: list[str] = []
    result = recovery.recover(graph, small, masks or Masks(), NAMES, spec, shown[0](), shown[1], asked, said.append)
    assert not any(parameter.requires_grad for parameter in small.parameters())
    assert all(parameter.is_contiguous() for parameter in small.parameters())
    assert all("% " in line or "%," in line for line in said)
    return result


def test_it_comes_closer_and_again_the_same(tinypose: tuple[Any, PoseSpec], shown: Any) -> None:
    graph, spec = tinypose
    pair = []
    for _ in range(2):
        small = cloned(graph)
        prune(small, 0.6, spec.input.size_wh, [])
        result = recovered(tinypose, shown, small)
        pair.append([parameter.clone() for parameter in small.parameters()])
    assert result.after.oks > result.before.oks + 0.1
    assert result.after.mean_px < result.before.mean_px
    assert result.steps == 16
    assert all(torch.equal(a, b) for a, b in zip(*pair, strict=True))


def test_it_never_ends_farther_than_it_began(
    tinypose: tuple[Any, PoseSpec], shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PEAK_RATE", 0.3)  # far too high, but for numbers that are finite
    monkeypatch.setattr(learning, "WORSE", float("inf"))
    small = cloned(tinypose[0])
    prune(small, 0.2, tinypose[1].input.size_wh, [])
    before = [parameter.clone() for parameter in small.parameters()]
    result = recovered(tinypose, shown, small, steps=4)
    assert result.after == result.before
    assert all(torch.equal(a, b) for a, b in zip(before, small.parameters(), strict=True))


def test_a_rate_that_is_too_high_is_lowered(
    tinypose: tuple[Any, PoseSpec], shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PEAK_RATE", 1.0)
    monkeypatch.setattr(learning, "SLOWER", 500.0)
    graph, spec = tinypose
    small = cloned(graph)
    prune(small, 0.6, spec.input.size_wh, [])
    result = recovered(tinypose, shown, small)
    assert result.after.oks > result.before.oks + 0.03


def test_zeros_stay_zero(tinypose: tuple[Any, PoseSpec], shown: Any) -> None:
    graph, spec = tinypose
    small = cloned(graph)
    masks, changes = sparsify(small, 0.7, spec.input.size_wh)
    assert all(change.size_after == change.size_before - round(0.7 * change.size_before) for change in changes)
    before = [parameter.clone() for parameter, _ in masks.pairs]
    result = recovered(tinypose, shown, small, masks, steps=10)
    assert result.after.oks > result.before.oks
    for (parameter, mask), old in zip(masks.pairs, before, strict=True):
        assert (parameter[mask == 0] == 0).all()
        assert not torch.equal(parameter, old)


def test_rounding_is_learned_and_judged(tinypose: tuple[Any, PoseSpec], shown: Any) -> None:
    graph, spec = tinypose
    small = cloned(graph)
    prune(small, 0.5, spec.input.size_wh, [])
    plain = cloned(small)
    result = recovered(tinypose, shown, small, quantize="w8a8", steps=8)
    assert result.after.oks > result.before.oks + 0.05
    assert not any("rounding" in str(node.target) for node in small.graph.nodes)  # the network itself stays float
    run, known = (runner(batched(net, spec.input.size_wh), NAMES, spec) for net in (plain, graph))
    expected = keypoints_on(shown[1], known, spec)
    assert result.before != agreement(keypoints_on(shown[1], run, spec), expected, spec)


def test_the_clock_ends_it(tinypose: tuple[Any, PoseSpec], shown: Any) -> None:
    result = recovered(tinypose, shown, cloned(tinypose[0]), steps=None, minutes=0.01)
    assert (result.after.people, result.after.lost) == (9, 0)
    assert result.steps >= 1


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_what_is_compared_inside_is_the_same_place_of_both(name: str, graphs: dict[str, Any], noise: list[Any]) -> None:
    graph, small = graphs[name], cloned(graphs[name])
    prune(small, 0.4, networks.SIZE_WH, noise)
    factorise(small, 0.4, networks.SIZE_WH, noise)
    theirs, ours = recovery.hints(graph, small, networks.SIZE_WH)
    assert len(theirs) == len(ours)
    assert bool(theirs) == (name not in ("deconv_batchnorm", "elu"))  # one chain from end to end
    exact = cloned(graph)
    same, again = recovery.hints(graph, exact, networks.SIZE_WH)
    assert same == again
    assert set(theirs) <= set(same)
    for a, b in zip(copied(graph, theirs)(noise[0]), copied(small, ours)(noise[0]), strict=True):
        assert a.shape == b.shape


def test_the_loss_counts_no_units() -> None:
    torch.manual_seed(0)
    expected = torch.randn(4, 3, 5, 5)
    seen = expected + 0.1 * torch.randn(4, 3, 5, 5)
    small, large = (float(learning.relative_difference(seen * scale, expected * scale)) for scale in (1e-3, 1e3))
    assert small == pytest.approx(large, rel=1e-4)
    assert small == pytest.approx(float((seen - expected).square().mean() / expected.var((0, 2, 3)).mean()), rel=0.1)
    assert float(learning.divergence(expected[0] + 7.0, expected[0])) == pytest.approx(0, abs=1e-5)  # softmax's freedom
    assert float(learning.divergence(seen[0], expected[0])) > 1e-3


def test_the_rate_rises_and_falls() -> None:
    rates = [learning.one_cycle(progress) for progress in np.linspace(0, 1, 101)]
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 10
    assert rates[0] < 0.05
    assert rates[-1] == pytest.approx(0)
