"""The search: which layers bear which precision, measured on keypoints, and the smallest file within a budget.

Every uniform precision is tried first. From the smallest that keeps the budget, each group of layers is lowered alone;
the steps are then taken together in the order of what they cost a byte saved, as many as the budget bears, and at last
each step that was left out is tried again. What is tried next depends on results alone, never on which came first, so
the same search gives the same recipe wherever its trials run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from posekit.compression.search.found import Move, Searched, key_of
from posekit.compression.search.trial import Trial
from posekit.contract.precisions import PRECISIONS, Precision, of_platform
from posekit.contract.recipe import Recipe, uniform
from posekit.errors import ConversionError
from posekit.parity.budget import Budget

Make = Callable[[Mapping[int, Precision]], Recipe]  # of the precision of each group
Measure = Callable[[Sequence[Recipe]], Sequence[Trial]]  # in the same order; fewer where the time is over
Clock = Callable[[Sequence[Recipe]], Sequence[float]]
MAX_GROUPS = 24
AT_ONCE = 4  # prefixes tried together
FLOATING: tuple[Precision, ...] = ("w8", "fp16", "fp32")  # activations in float, smallest first
NEVER_SMALLER = ("w8a16",)  # than w8, nor faster: an inference of a large network takes seconds on a CPU
# what may be mixed layer by layer: all that stores weights alone
MIXED: Mapping[str, tuple[Precision, ...]] = {
    "android": ("fp32", "fp16", "w8", "w4"), "linux": ("fp32", "fp16", "w8", "w4"),
    "ios": ("fp32", "fp16", "pal8", "w8", "pal6", "pal4")}  # fmt: skip


class OutOfTime(Exception):
    """The time that the search was given is over."""


class _Search:
    """Trials so far, and the best of them."""

    def __init__(self, platform: str, budget: Budget, measure: Measure, calibrated: bool) -> None:
        self.platform, self.budget, self.calibrated = platform, budget, calibrated
        self._measure = measure
        self.trials: dict[str, Trial] = {}
        self.groups: tuple[tuple[str, ...], ...] = ()
        self.moves: tuple[Move, ...] = ()

    def run(self, recipes: Sequence[Recipe]) -> list[Trial]:
        """Trials of the recipes, those known from before; OutOfTime where not all could be made."""
        new = [recipe for recipe in dict.fromkeys(recipes) if key_of(recipe) not in self.trials]
        if new:
            made = {key_of(trial.recipe): trial for trial in self._measure(new)}
            # in the order asked for, which ties are settled by
            self.trials |= {key: made[key] for recipe in new if (key := key_of(recipe)) in made}
        if any(key_of(recipe) not in self.trials for recipe in recipes):
            raise OutOfTime
        return [self.trials[key_of(recipe)] for recipe in recipes]

    def sweep(self) -> list[Trial]:
        names = [
            name
            for name in of_platform(self.platform)
            if name not in NEVER_SMALLER and (self.calibrated or not PRECISIONS[name].calibrates)
        ]
        return self.run([uniform(name) for name in names])

    def excess(self, trial: Trial) -> float:
        return math.inf if trial.quality is None else self.budget.excess(trial.quality, trial.size)

    def rank(self, trial: Trial) -> tuple[float, float, float]:
        """Smaller is better: within the budget the smaller file, or the better keypoints where only size is limited."""
        oks = -math.inf if trial.quality is None else trial.quality.oks
        order = (-oks, float(trial.size)) if self.budget.is_of_size_alone else (float(trial.size), -oks)
        return (self.excess(trial), *order)

    def keeps_keypoints(self, trial: Trial) -> bool:
        """Whether all but the size is within the budget."""
        return trial.quality is not None and self.budget.of_keypoints().excess(trial.quality, 0) == 0

    def mix(self, sweep: Sequence[Trial]) -> None:
        """Lower the layers of the smallest uniform file that keeps the keypoints, as far as the budget bears."""
        mixed = [
            trial for trial in sweep if trial.recipe.precision in MIXED[self.platform] and trial.quality is not None
        ]
        start = self._start(mixed)
        if start is None:
            return
        order = sorted((trial for trial in mixed if trial.size < start.size), key=lambda trial: trial.size)
        self.groups = grouped(start.layers)
        bits = {trial.recipe.precision: {name: one for name, _, one in trial.layers} for trial in (start, *order)}
        singles = [
            (group, trial.recipe.precision)
            for group, names in enumerate(self.groups)
            for trial in order
            if any(bits[trial.recipe.precision].get(name) != bits[start.recipe.precision].get(name) for name in names)
        ]
        tried = self.run([self._lowered(start.recipe, {group: name}) for group, name in singles])
        self.moves = tuple(
            Move(group, name, _oks(start) - _oks(trial), start.size - trial.size)
            for (group, name), trial in zip(singles, tried, strict=True)
            if trial.quality is not None and trial.size < start.size
        )
        ordered = _in_order(self.moves)

        def lowered(chosen: Mapping[int, Precision]) -> Recipe:
            return self._lowered(start.recipe, chosen)

        self._refine(lowered, ordered, self._most(lowered, ordered), lambda trial, before: trial.size < before.size)

    def mix_static(self, sweep: Sequence[Trial]) -> None:
        """Where 8-bit activations throughout are beyond the budget: as many layers with them as it bears, the smallest
        that keeps it elsewhere."""
        known = {trial.recipe.precision: trial for trial in sweep}
        start = next((known[name] for name in FLOATING if name in known and self.keeps_keypoints(known[name])), None)
        whole = known.get("w8a8")
        if start is None or whole is None or whole.quality is None or self.keeps_keypoints(whole):
            return
        self.groups = grouped(start.layers)
        weights = Counter[str]()
        for name, count, _ in start.layers:  # a layer may be in several parts
            weights[name] += count

        def static(chosen: Mapping[int, Precision]) -> Recipe:
            others = (name for group, names in enumerate(self.groups) if group not in chosen for name in names)
            return Recipe(precision="w8a8", layers=dict.fromkeys(others, start.recipe.precision))

        tried = self.run([static({group: "w8a8"}) for group in range(len(self.groups))])
        self.moves = tuple(
            Move(group, "w8a8", _oks(start) - _oks(trial), sum(weights[name] for name in self.groups[group]))
            for group, trial in enumerate(tried)
            if trial.quality is not None
        )
        ordered = _in_order(self.moves)
        self._refine(static, ordered, self._most(static, ordered), lambda *_: True)

    def _start(self, mixed: Sequence[Trial]) -> Trial | None:
        """What is lowered: the smallest file that keeps the keypoints, else the one that keeps them best."""
        if self.budget.is_of_size_alone:
            return max(mixed, key=lambda trial: (_oks(trial), -trial.size), default=None)
        keeping = [trial for trial in mixed if self.keeps_keypoints(trial)]
        if keeping:
            return min(keeping, key=lambda trial: trial.size)
        return min(mixed, key=lambda trial: (self.excess(trial), trial.size), default=None)

    def _lowered(self, start: Recipe, chosen: Mapping[int, Precision]) -> Recipe:
        layers = {name: precision for group, precision in chosen.items() for name in self.groups[group]}
        return Recipe(precision=start.precision, layers=dict(sorted(layers.items())))

    def _most(self, make: Make, ordered: Sequence[Move]) -> int:
        """How many of the moves, in their order, the budget bears: found by halving, several lengths tried at once."""
        low, high = 0, len(ordered) + 1  # `low` is good, `high` is not or is beyond the end
        while high - low > 1:
            lengths = sorted({low + max(1, (high - low) * step // (AT_ONCE + 1)) for step in range(1, AT_ONCE + 1)})
            lengths = [length for length in lengths if low < length < high]
            trials = self.run([make(_first(ordered, length)) for length in lengths])
            good = [self._is_wanted(trial) for trial in trials]
            passed = next((i for i, one in enumerate(good) if not one), len(good))
            low = lengths[passed - 1] if passed else low
            high = lengths[passed] if passed < len(lengths) else high
        return low

    def _is_wanted(self, trial: Trial) -> bool:
        """Whether more may be lowered: with a size alone until it is small enough, else while the keypoints are
        kept."""
        if self.budget.is_of_size_alone:
            return self.excess(trial) > 0
        return self.keeps_keypoints(trial)

    def _refine(
        self, make: Make, ordered: Sequence[Move], taken: int, is_better: Callable[[Trial, Trial], bool]
    ) -> None:
        """Try each move that was left out again, beside those that were taken; with a size alone, one more is
        needed."""
        if self.budget.is_of_size_alone:
            taken = min(taken + 1, len(ordered))
            self.run([make(_first(ordered, taken))])
            return
        chosen = _first(ordered, taken)
        for move in ordered[taken:]:
            if chosen.get(move.group) == move.precision:
                continue
            more = {**chosen, move.group: move.precision}
            (before, trial) = self.run([make(chosen), make(more)])
            if self.keeps_keypoints(trial) and is_better(trial, before):
                chosen = more


def search(
    platform: str, budget: Budget, measure: Measure, *, calibrated: bool, clock: Clock | None = None
) -> Searched:
    """Find the smallest recipe of a platform within a budget; with a size alone, the one that keeps keypoints best.

    measure: makes and measures recipes; fewer results than recipes end the search. calibrated: whether precisions that
    need pictures may be tried. clock: milliseconds of recipes, all timed together; with it the fastest is found
    instead. ConversionError where no recipe at all gives a file.
    """
    work = _Search(platform, budget, measure, calibrated)
    sweep: list[Trial] = []
    is_complete = True
    try:
        sweep = work.sweep()
        (work.mix if clock is None else work.mix_static)(sweep)
    except OutOfTime:
        is_complete = False
    trials = list(work.trials.values())
    measured = [trial for trial in trials if trial.quality is not None]
    if not measured:
        why = next((trial.failure for trial in trials if trial.failure), "there was no time for a single trial")
        raise ConversionError(f"no precision gives a file that could be measured: {why}", "give it more --time")
    best = min(measured, key=work.rank)
    of_one = [trial for trial in measured if not trial.recipe.layers and work.excess(trial) == 0]
    least = min(of_one, key=work.rank, default=None)
    is_met = work.excess(best) == 0
    why = _why(best, least, budget, is_met, is_complete, trials)
    if clock is not None and is_met:
        best, why = _fastest([trial for trial in measured if work.excess(trial) == 0], clock)
    return Searched(best, is_met, least, tuple(trials), work.groups, work.moves, is_complete, why)


def _fastest(within: Sequence[Trial], clock: Clock) -> tuple[Trial, str]:
    """Of the single precisions within the budget, and the mixture with most 8-bit activations, the one that takes
    least."""
    single = [trial for trial in within if not trial.recipe.layers]
    mixed = [trial for trial in within if trial.recipe.layers]
    timed = [*single, *([min(mixed, key=lambda trial: len(trial.recipe.layers))] if mixed else [])]
    times = clock([trial.recipe for trial in timed])
    best = min(range(len(timed)), key=lambda place: times[place])
    told = ", ".join(
        f"{time:.2f} ms {trial.recipe.precision if not trial.recipe.layers else 'mixed'}"
        for time, trial in sorted(zip(times, timed, strict=True), key=lambda one: one[0])
    )
    return timed[best], f"the fastest of {len(timed)} within the budget here: {told}"


def _in_order(moves: Sequence[Move]) -> list[Move]:
    return sorted(moves, key=lambda move: (max(move.loss, 0.0) / move.saving, -move.saving, move.group))


def grouped(layers: Sequence[tuple[str, int, float]]) -> tuple[tuple[str, ...], ...]:
    """Layers (name, weights, bits) in groups of neighbours, a layer each where there are few, else with like weights.

    Layers of one name, whose weights are equal, are one.
    """
    together: dict[str, int] = {}
    for name, weights, _ in layers:
        together[name] = together.get(name, 0) + weights
    layers = [(name, weights, 0.0) for name, weights in together.items()]
    if len(layers) <= MAX_GROUPS:
        return tuple((name,) for name, _, _ in layers)
    share = sum(weights for _, weights, _ in layers) / MAX_GROUPS
    groups: list[list[str]] = [[]]
    filled = 0.0
    for name, weights, _ in layers:
        if groups[-1] and filled + weights / 2 > share * len(groups) and len(groups) < MAX_GROUPS:
            groups.append([])
        groups[-1].append(name)
        filled += weights
    return tuple(tuple(group) for group in groups)


def _first(ordered: Sequence[Move], length: int) -> dict[int, Precision]:
    """The first moves together: a later one of the same group replaces an earlier, since it saves more."""
    chosen: dict[int, Move] = {}
    for move in ordered[:length]:
        if move.group not in chosen or move.saving > chosen[move.group].saving:
            chosen[move.group] = move
    return {group: move.precision for group, move in chosen.items()}


def _oks(trial: Trial) -> float:
    return -math.inf if trial.quality is None else trial.quality.oks


def _why(
    best: Trial, least: Trial | None, budget: Budget, is_met: bool, is_complete: bool, trials: Sequence[Trial]
) -> str:
    count = len(trials)
    end = (
        ""
        if is_complete
        else "; the time was over before the search was: the same command with --overwrite and more --time goes on"
    )
    if not is_met:
        return f"none of {count} trials is within the budget; this one misses it least{end}"
    if not best.recipe.layers:
        tried = sum(1 for trial in trials if trial.recipe.layers)
        if not tried and is_complete:
            return f"{best.recipe.precision} throughout is within the budget, and nothing smaller is left to mix in"
        return f"none of {tried} mixtures is better than {best.recipe.precision} throughout{end}"
    if least is None:
        return f"the best of {count} trials; no single precision is within the budget{end}"
    if budget.is_of_size_alone:
        return (
            f"OKS {_oks(best):.4f}, and {_oks(least):.4f} with {least.recipe.precision} throughout, the best "
            f"single precision within the budget{end}"
        )
    smaller = 1 - best.size / least.size
    return (
        f"{smaller:.0%} smaller than {least.recipe.precision} throughout, the best single precision within the "
        f"budget{end}"
    )
