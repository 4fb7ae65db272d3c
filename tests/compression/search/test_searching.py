"""The search on layers of known sensitivity: what it finds, in what order of results, and when the time is over."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posekit.compression.search.found import Searched
from posekit.compression.search.searching import MAX_GROUPS, grouped, search
from posekit.compression.search.trial import Trial
from posekit.contract.precisions import of_platform
from posekit.contract.recipe import Recipe
from posekit.errors import ConversionError
from posekit.parity.budget import parse_budget
from posekit.parity.quality import Quality

BITS = {
    "fp32": 32,
    "fp16": 16,
    "w8a32": 8.2,
    "w8a8": 8.3,
    "w8a16": 8.4,
    "w8": 8,
    "w4": 4,
    "pal8": 8.1,
    "pal6": 6,
    "pal4": 4,
    "sparse50": 9,
    "sparse50-w8": 8.5,
    "sparse50-pal4": 6.5,
}
ROUGHNESS = {"w4": 1.0, "pal4": 0.8, "pal6": 0.1}
Layers = dict[str, tuple[int, float]]  # name -> weights, OKS that it loses at 4 bits


def world(layers: Layers, failing: tuple[str, ...] = ()) -> Callable[[Sequence[Recipe]], list[Trial]]:
    """Losses add up: what no network does exactly, and what the search expects on the whole."""

    def measure(recipes: Sequence[Recipe]) -> list[Trial]:
        trials = []
        for recipe in recipes:
            if failing and recipe.precision in failing:
                trials.append(Trial(recipe, failure="planted"))
                continue
            bits = {name: BITS[recipe.of(name)] for name in layers}
            loss = sum(lost * ROUGHNESS.get(recipe.of(name), 0.0) for name, (_, lost) in layers.items())
            size = 1000 + int(sum(weights * bits[name] / 8 for name, (weights, _) in layers.items()))
            kept = tuple((name, weights, float(bits[name])) for name, (weights, _) in layers.items())
            trials.append(Trial(recipe, size, Quality(5, 1 - loss, 1 - 2 * loss, loss, loss), kept))
        return trials

    return measure


LAYERS: Layers = {"a": (4000, 0.001), "b": (4000, 0.05), "c": (8000, 0.002), "d": (1000, 0.03), "e": (8000, 0.004)}


def found(budget: str, layers: Layers = LAYERS, platform: str = "android", **options: Any) -> Searched:
    return search(platform, parse_budget(budget), options.pop("measure", world(layers)), calibrated=True, **options)


def test_insensitive_layers_are_lowered_and_sensitive_ones_are_not() -> None:
    result = found("oks>=0.99")
    assert result.is_met
    assert result.is_complete
    assert result.best.recipe == Recipe(precision="w8", layers={"a": "w4", "c": "w4", "e": "w4"})
    assert result.uniform is not None
    assert result.uniform.recipe.precision == "w8"
    assert result.best.size < 0.9 * result.uniform.size
    assert "smaller than w8 throughout" in result.why
    assert {(move.group, move.precision) for move in result.moves} == {(group, "w4") for group in range(5)}


def test_all_is_lowered_where_the_budget_bears_it() -> None:
    result = found("oks>=0.9")
    assert result.best.recipe == Recipe(precision="w4")
    assert "nothing smaller is left to mix in" in result.why


def test_the_platforms_own_precisions_are_mixed() -> None:
    result = found("oks>=0.99", platform="ios")
    used = set(result.best.recipe.layers.values())
    assert used <= {"pal6", "pal4"}
    assert result.uniform is not None
    assert result.best.size < result.uniform.size


def test_a_budget_of_size_alone_wants_the_best_keypoints_within_it() -> None:
    result = found("size<=19000")
    assert result.is_met
    assert result.best.size <= 19000
    assert result.best.quality is not None
    assert result.uniform is not None
    assert result.uniform.quality is not None
    assert result.best.quality.oks > result.uniform.quality.oks
    assert "with w4 throughout" in result.why


@pytest.mark.parametrize("budget", ["size<=5000", "oks>=0.999,size<=14000", "px<=0,size<=10000"])
def test_a_budget_that_cannot_be_met_gives_the_least_miss(budget: str) -> None:
    result = found(budget)
    assert not result.is_met
    assert "none of" in result.why
    parsed = parse_budget(budget)
    misses = [parsed.excess(trial.quality, trial.size) for trial in result.trials if trial.quality is not None]
    assert result.best.quality is not None
    assert parsed.excess(result.best.quality, result.best.size) == min(misses)


def test_a_failed_precision_is_left_out_and_the_rest_goes_on() -> None:
    result = found("oks>=0.99", measure=world(LAYERS, failing=("w4", "w8a32")))
    assert result.is_met
    assert {trial.recipe.precision for trial in result.trials if trial.failure} == {"w4", "w8a32"}


def test_nothing_at_all_is_an_error() -> None:
    with pytest.raises(ConversionError, match="planted"):
        found("oks>=0.99", measure=world(LAYERS, failing=of_platform("android")))
    with pytest.raises(ConversionError, match="no time for a single trial"):
        found("oks>=0.99", measure=lambda _: [])


@pytest.mark.parametrize("most", range(1, 16))
def test_when_the_time_is_over_the_best_so_far_is_kept(most: int) -> None:
    made = 0

    def measure(recipes: Sequence[Recipe]) -> list[Trial]:
        nonlocal made
        allowed = recipes[: max(most - made, 0)]
        made += len(allowed)
        return world(LAYERS)(allowed)

    result = found("oks>=0.99", measure=measure)
    assert len(result.trials) <= most
    whole = found("oks>=0.99")
    assert result.best.size >= whole.best.size
    assert result.is_complete == (len(result.trials) == len(whole.trials))
    assert result.is_complete or "the time was over" in result.why


LAYER = st.tuples(st.integers(10, 10_000), st.floats(0, 0.05))


@settings(max_examples=60)
@given(st.lists(LAYER, min_size=1, max_size=40), st.floats(0.9, 0.999), st.randoms(use_true_random=False))
def test_the_result_does_not_hang_on_the_order_of_results(layers: list, oks: float, rng: random.Random) -> None:
    known = {f"layer{i}": one for i, one in enumerate(layers)}

    def shuffled(recipes: Sequence[Recipe]) -> list[Trial]:
        trials = world(known)(recipes)
        rng.shuffle(trials)
        return trials

    first, second = (found(f"oks>={oks}", measure=measure) for measure in (world(known), shuffled))
    assert first.best == second.best
    assert first.is_met
    assert first.best.quality is not None
    assert first.best.quality.oks >= oks
    assert first.uniform is None or first.best.size <= first.uniform.size
    sizes = [trial.size for trial in first.pareto]
    assert sizes == sorted(sizes)


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=200))
def test_groups_hold_every_layer_once_and_in_order(weights: list[int]) -> None:
    layers = [(f"layer{i}", weight, 8.0) for i, weight in enumerate(weights)]
    groups = grouped(layers)
    assert len(groups) <= MAX_GROUPS
    assert all(groups)
    assert [name for group in groups for name in group] == [name for name, _, _ in layers]


ROUGH_STATIC = {"a": 0.001, "b": 0.03, "c": 0.002}


def static_world(recipes: Sequence[Recipe]) -> list[Trial]:
    """8-bit activations cost what ROUGH_STATIC says of each layer; weights cost nothing."""
    trials = []
    for recipe in recipes:
        static = [name for name in ROUGH_STATIC if recipe.of(name) == "w8a8"]
        loss = sum(ROUGH_STATIC[name] for name in static) + (0.1 if recipe.precision == "w4" else 0)
        kept = tuple((name, 1000, 8.0) for name in ROUGH_STATIC)
        trials.append(Trial(recipe, 3000 + len(static), Quality(5, 1 - loss, 1 - loss, loss, loss), kept))
    return trials


def milliseconds(recipes: Sequence[Recipe]) -> list[float]:
    """fp32's time less what each layer with 8-bit activations saves."""
    return [10.0 - 2 * sum(recipe.of(name) == "w8a8" for name in ROUGH_STATIC) for recipe in recipes]


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ("oks>=0.9", Recipe(precision="w8a8")),
        ("oks>=0.99", Recipe(precision="w8a8", layers={"b": "w8"})),
        ("oks>=0.9985", Recipe(precision="w8a8", layers={"b": "w8", "c": "w8"})),
        ("oks>=0.9999", None),
    ],
)
def test_the_fastest_has_8_bit_activations_where_the_budget_bears_them(budget: str, expected: Recipe | None) -> None:
    result = search("android", parse_budget(budget), static_world, calibrated=True, clock=milliseconds)
    assert result.is_met
    if expected is None:  # all that are left take as long: a single precision
        assert not result.best.recipe.layers
    else:
        assert result.best.recipe == expected
    assert "the fastest of" in result.why
    assert " ms " in result.why


def test_the_fastest_is_the_smallest_miss_where_nothing_is_within_the_budget() -> None:
    result = search("android", parse_budget("size<=10"), static_world, calibrated=True, clock=milliseconds)
    assert not result.is_met
    assert "none of" in result.why
