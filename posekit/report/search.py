"""search.json and search.html: what was tried, what each layer bears, and the files that no other beats."""

from __future__ import annotations

import json
from pathlib import Path

from posekit import documents
from posekit.bundle import wrapper
from posekit.compression.search.found import Searched, sensitivity
from posekit.compression.search.tuning import Tuned
from posekit.contract.precisions import Precision
from posekit.contract.spec import PoseSpec
from posekit.parity.budget import Budget
from posekit.report.scatter import Dot, plot

FILE, PAGE = "search.json", "search.html"
MOST_MOVES = 200


def write(folder: Path, tuned: Tuned, spec: PoseSpec) -> None:
    """Write both files into `folder`; without times, so that the same search gives the same bytes."""
    document = {"name": spec.name, **tuned.as_json()}
    (folder / FILE).write_text(json.dumps(documents.plain(document), indent=1, sort_keys=True, allow_nan=False) + "\n")
    layers: dict[Precision, list[str]] = {}
    for name, precision in tuned.recipe.layers.items():
        layers.setdefault(precision, []).append(name)
    limit = next((1 - term.limit for term in tuned.budget.terms if term.metric == "oks"), None)
    front = [(one.size, 1 - one.quality.oks) for one in tuned.found.pareto if one.quality is not None]
    page = wrapper.page(
        "search.html.j2", name=spec.name, found=tuned, layers=layers, sensitivity=sensitivity(tuned.found)[:MOST_MOVES],
        plot=plot(_dots(tuned.found, tuned.budget), front, limit),
    )  # fmt: skip
    (folder / PAGE).write_text(page, encoding="utf-8")


def _dots(found: Searched, budget: Budget) -> list[Dot]:
    dots = []
    for trial in found.trials:
        if trial.quality is None:
            continue
        is_best, is_uniform = trial is found.best, not trial.recipe.layers
        label = f"found{f' ({trial.recipe.precision})' if is_uniform else ''}" if is_best else trial.recipe.precision
        is_within = budget.excess(trial.quality, trial.size) == 0
        kind = "best" if is_best else ("good" if is_within else "bad") if is_uniform else "tried"
        dots.append(Dot(trial.size, 1 - trial.quality.oks, kind, label if is_best or is_uniform else ""))
    return dots
