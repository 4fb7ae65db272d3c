"""Size against keypoint error as a drawing: numbers for a page's SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720.0, 380.0
LEFT, RIGHT, TOP, BOTTOM = 74.0, 24.0, 20.0, 48.0
LEAST = 1e-5  # of 1 - OKS: less is drawn there
LETTER, LINE = 7.0, 14.0  # of a label
NEAR = 9.0


@dataclass(frozen=True, slots=True)
class Dot:
    """One file. error: 1 - OKS. kind: `good`, `bad`, `best` or `tried`; only those with a label are named."""

    size: int
    error: float
    kind: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A dot at x, y, its label at label_x, label_y with that anchor; title: for whoever points at it."""

    x: float
    y: float
    kind: str
    title: str
    label: str = ""
    label_x: float = 0.0
    label_y: float = 0.0
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Plot:
    """Ticks are (text, position); front: points of a line; limit: y of the budget, None without one."""

    dots: tuple[Placed, ...]
    x_ticks: tuple[tuple[str, float], ...]
    y_ticks: tuple[tuple[str, float], ...]
    front: tuple[tuple[float, float], ...]
    limit: float | None
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def plot(dots: Sequence[Dot], front: Sequence[tuple[int, float]] = (), limit: float | None = None) -> Plot:
    """Both axes logarithmic, smaller files to the left, better keypoints to the top.

    front: (size, error) of files that no other beats; limit: largest error within a budget.
    """
    drawn = [dot for dot in dots if dot.size > 0 and math.isfinite(dot.error)]
    sizes = [dot.size for dot in drawn] or [1000]
    errors = [_floor(dot.error) for dot in drawn] + ([_floor(limit)] if limit is not None else [])
    low, high = math.log10(min(sizes)) - 0.06, math.log10(max(sizes)) + 0.06
    best, worst = math.log10(min(errors, default=LEAST)) - 0.25, math.log10(max(errors, default=1)) + 0.25

    def x_of(size: float) -> float:
        return LEFT + (math.log10(size) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y_of(error: float) -> float:
        return TOP + (math.log10(_floor(error)) - best) / (worst - best) * (HEIGHT - TOP - BOTTOM)

    taken: list[tuple[float, float, float, float]] = [
        (x_of(dot.size) - 5, y_of(dot.error) - 5, x_of(dot.size) + 5, y_of(dot.error) + 5) for dot in drawn if dot.label
    ]
    placed = []
    for dot in sorted(drawn, key=lambda one: (one.label != "", one.kind == "best")):
        x, y = x_of(dot.size), y_of(dot.error)
        title = f"{dot.label + ': ' if dot.label else ''}{dot.size / 1000:,.0f} kB, OKS {1 - dot.error:.4f}"
        if not dot.label:
            placed.append(Placed(x, y, dot.kind, title))
            continue
        label_x, label_y, anchor = _room(x, y, dot.label, taken)
        placed.append(Placed(x, y, dot.kind, title, dot.label, label_x, label_y, anchor))
    decades = range(math.ceil(best), math.floor(worst) + 1)
    return Plot(
        tuple(placed),
        tuple((_bytes(size), x_of(size)) for size in _round_sizes(10**low, 10**high)),
        tuple((f"{1 - 10.0**n:.{max(-n, 0)}f}" if n < 0 else "0", y_of(10.0**n)) for n in decades),
        tuple((x_of(size), y_of(error)) for size, error in front if math.isfinite(error)),
        None if limit is None else y_of(limit),
    )


def _room(x: float, y: float, label: str, taken: list[tuple[float, float, float, float]]) -> tuple[float, float, str]:
    """Where a label covers least; it is then taken."""
    width = LETTER * len(label)
    tries = [
        (x + NEAR, y + 4, "start"), (x - NEAR, y + 4, "end"), (x, y - NEAR, "middle"), (x, y + NEAR + 10, "middle"),
        (x + NEAR, y - NEAR, "start"), (x + NEAR, y + NEAR + 8, "start"), (x - NEAR, y - NEAR, "end"),
        (x - NEAR, y + NEAR + 8, "end"), (x + NEAR, y - NEAR - LINE, "start"), (x + NEAR, y + NEAR + 8 + LINE, "start"),
    ]  # fmt: skip

    def box(at: tuple[float, float, str]) -> tuple[float, float, float, float]:
        left = at[0] - {"start": 0.0, "middle": width / 2, "end": width}[at[2]]
        return left, at[1] - 11, left + width, at[1] + 3

    def cost(at: tuple[float, float, str]) -> float:
        left, top, right, bottom = box(at)
        outside = (
            max(LEFT - left, 0) + max(right - WIDTH, 0) + max(TOP - 14 - top, 0) + max(bottom - HEIGHT + BOTTOM, 0)
        )
        covered = sum(
            max(min(right, b[2]) - max(left, b[0]), 0) * max(min(bottom, b[3]) - max(top, b[1]), 0) for b in taken
        )
        return covered + 20 * outside

    best = min(tries, key=cost)
    taken.append(box(best))
    return best


def _round_sizes(low: float, high: float) -> list[float]:
    steps = [m * 10.0**n for n in range(1, 11) for m in (1, 1.5, 2, 3, 5, 7)]
    found = [step for step in steps if low <= step <= high]
    return found[:: math.ceil(len(found) / 8)] if len(found) > 8 else found


def _bytes(size: float) -> str:
    return f"{size / 1e6:g} MB" if size >= 1e6 else f"{size / 1e3:g} kB"


def _floor(error: float) -> float:
    return max(error, LEAST)
