"""What a search found: the best recipe, all that was tried, and what each group of layers bears."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from posekit.compression.search.trial import Trial
from posekit.contract.precisions import Precision
from posekit.contract.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Move:
    """Lower one group of layers to a precision. loss: of mean OKS, saving: bytes, both alone."""

    group: int
    precision: Precision
    loss: float
    saving: int


@dataclass(frozen=True, slots=True)
class Searched:
    """best: the recipe's trial, the least miss where is_met is false. uniform: the best trial of one precision that
    meets the budget, None without one. groups: names of the layers of each; moves: their sensitivity. is_complete: the
    search ended by itself. why: in words."""

    best: Trial
    is_met: bool
    uniform: Trial | None
    trials: tuple[Trial, ...]
    groups: tuple[tuple[str, ...], ...]
    moves: tuple[Move, ...]
    is_complete: bool
    why: str

    @property
    def pareto(self) -> tuple[Trial, ...]:
        """Trials that no other beats in both size and OKS, smallest first."""
        measured = [(trial, trial.quality.oks) for trial in self.trials if trial.quality is not None]
        front: list[Trial] = []
        best = -math.inf
        for trial, oks in sorted(measured, key=lambda one: (one[0].size, -one[1])):
            if oks > best:
                front.append(trial)
                best = oks
        return tuple(front)


def key_of(recipe: Recipe) -> str:
    """One text for one recipe."""
    return recipe.model_dump_json(by_alias=True)


def sensitivity(found: Searched) -> list[dict[str, Any]]:
    """The moves as plain values, the most costly first."""
    moves = sorted(found.moves, key=lambda move: -move.loss)
    return [
        {
            "layers": list(found.groups[move.group]),
            "precision": move.precision,
            "loss": move.loss,
            "saving": move.saving,
        }
        for move in moves
    ]
