"""People of heatmaps, offsets and displacements: one, or several from roots along a tree of edges.

A root is a cell whose heat no cell about it exceeds. From the surest root on, unless a person has that keypoint nearby,
a person is built: from a keypoint's place the displacement there leads near its neighbour in the tree, and the offsets
there, again and again, to it.

- `nearest`, as in TensorFlow.js: a place is looked up at its nearest cell. A person's confidence is the sum of the
  scores of keypoints that no earlier person has nearby, over K.
- `bilinear`, as in Coral's library: maps are read between the cells, and places stay within them. Confidences are made
  of the whole list: from the best person on, keypoints that a better one has nearby count 0.
- `one`: the cell with the most heat of each keypoint.

Everything is in cells, x before y. Of equal roots the first in row order comes first, then the lowest keypoint. Both
libraries have orders for the edges; in a tree there is one way to each keypoint, so that none matters. Mirrored by
PosenetDecoderPeople in Kotlin and Swift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from posekit.decoders.activation import sigmoid
from posekit.poses import Floats

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fields:
    """heat (h, w, K), raw; offsets (h, w, K, 2); moves (h, w, 2E, 2): of all edges to the child, then to the parent."""

    heat: Floats
    is_logit: bool
    offsets: Floats
    moves: Floats

    def score(self, raw: float) -> float:
        """What a heat stands for: activation.sigmoid of a single number."""
        if not self.is_logit:
            return raw
        small = math.exp(-abs(raw))
        return 1 / (1 + small) if raw >= 0 else small / (1 + small)

    def nearest(self, at: Point) -> tuple[int, int]:
        """Column and row of the cell nearest to a place; a half goes up."""
        height, width = self.heat.shape[:2]
        x, y = (math.floor(value + 0.5) for value in at)
        return min(max(x, 0), width - 1), min(max(y, 0), height - 1)

    def within(self, at: Point) -> Point:
        """The nearest place that is not beyond the outermost cells."""
        height, width = self.heat.shape[:2]
        return min(max(at[0], 0.0), width - 1.0), min(max(at[1], 0.0), height - 1.0)

    def between(self, at: Point, *read: tuple[Floats, tuple[int, ...]]) -> list[float]:
        """Channels of maps at a place between its four cells."""
        height, width = self.heat.shape[:2]
        x, y = int(at[0]), int(at[1])
        right, below = min(x + 1, width - 1), min(y + 1, height - 1)
        across, down = at[0] - x, at[1] - y
        found = []
        for maps, channel in read:
            above = maps.item(y, x, *channel) * (1 - across) + maps.item(y, right, *channel) * across
            under = maps.item(below, x, *channel) * (1 - across) + maps.item(below, right, *channel) * across
            found.append(above * (1 - down) + under * down)
        return found

    def heat_between(self, at: Point, keypoint: int) -> float:
        """The heat at a place between its four cells."""
        return self.between(at, (self.heat, (keypoint,)))[0]

    def moved(self, vectors: Floats, at: Point, channel: int) -> Point:
        """Where a vector of the maps leads from a place between its four cells, within the outermost ones."""
        x, y = self.between(at, (vectors, (channel, 0)), (vectors, (channel, 1)))
        return self.within((at[0] + x, at[1] + y))


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of a contract (posenet.py), the radius in cells. neighbours: of each keypoint those along an edge,
    with the channel of the displacement."""

    grouping: str
    neighbours: Sequence[Sequence[tuple[int, int]]]
    peak_radius: int
    min_root_score: float
    radius: float
    refinements: int
    min_confidence: float
    max_people: int


@dataclass(frozen=True, slots=True)
class Found:
    """A person: K places in cells, K scores and a confidence."""

    points: Sequence[Point]
    scores: Sequence[float]
    confidence: float


def people(fields: Fields, rules: Rules) -> list[Found]:
    """Who is in the maps, the most confident first; equal ones in the order in which they were found."""
    if rules.grouping == "one":
        return [_one(fields)]
    found: list[Found] = []
    for keypoint, x, y in _roots(fields, rules):
        if len(found) == rules.max_people:
            break
        start = x + fields.offsets.item(y, x, keypoint, 0), y + fields.offsets.item(y, x, keypoint, 1)
        if _is_taken(start, keypoint, found, rules.radius):
            continue
        if rules.grouping == "nearest":
            person = _built(fields, rules, keypoint, start, fields.heat.item(y, x, keypoint))
            found.append(replace(person, confidence=_own(person, found, rules.radius)))
        else:
            start = fields.within(start)
            person = _built(fields, rules, keypoint, start, fields.heat_between(start, keypoint))
            if person.confidence >= rules.min_confidence:
                found.append(person)
    if rules.grouping == "bilinear":
        found.sort(key=_falling)
        found = [replace(one, confidence=_own(one, found[:place], rules.radius)) for place, one in enumerate(found)]
    return sorted((one for one in found if one.confidence >= rules.min_confidence), key=_falling)


def _falling(person: Found) -> float:
    return -person.confidence


def _one(fields: Fields) -> Found:
    _, width, count = fields.heat.shape
    flat = fields.heat.reshape(-1, count)
    points, scores = [], []
    for keypoint, cell in enumerate(flat.argmax(axis=0).tolist()):
        y, x = divmod(cell, width)
        points.append((x + fields.offsets.item(y, x, keypoint, 0), y + fields.offsets.item(y, x, keypoint, 1)))
        scores.append(fields.score(flat.item(cell, keypoint)))
    return Found(points, scores, sum(scores) / count)


def _roots(fields: Fields, rules: Rules) -> list[tuple[int, int, int]]:
    """Keypoint, column and row of every root, the most heat first."""
    heat, reach = fields.heat, rules.peak_radius
    height, width, _ = heat.shape
    padded = np.pad(heat, ((reach, reach), (reach, reach), (0, 0)), constant_values=-np.inf)
    rows = np.max([padded[:, step : step + width] for step in range(2 * reach + 1)], axis=0)
    highest = np.max([rows[step : step + height] for step in range(2 * reach + 1)], axis=0)
    scores = sigmoid(heat) if fields.is_logit else heat
    places = np.flatnonzero((heat >= highest) & (scores >= rules.min_root_score))
    places = places[np.argsort(-heat.ravel()[places], kind="stable")]
    y, x, keypoint = np.unravel_index(places, heat.shape)
    return list(zip(keypoint.tolist(), x.tolist(), y.tolist(), strict=True))


def _is_taken(at: Point, keypoint: int, others: Sequence[Found], radius: float) -> bool:
    """Whether one of the others has that keypoint nearby; with a radius of 0 none has."""
    for one in others:
        x, y = one.points[keypoint]
        if radius > 0 and (at[0] - x) * (at[0] - x) + (at[1] - y) * (at[1] - y) <= radius * radius:
            return True
    return False


def _own(person: Found, others: Sequence[Found], radius: float) -> float:
    """Mean score, where keypoints that others have nearby count 0."""
    own = 0.0
    for keypoint, (at, score) in enumerate(zip(person.points, person.scores, strict=True)):
        if not _is_taken(at, keypoint, others, radius):
            own += score
    return own / len(person.scores)


def _built(fields: Fields, rules: Rules, root: int, start: Point, heat: float) -> Found:
    """A person from its root, edge after edge."""
    reach = _by_nearest if rules.grouping == "nearest" else _by_bilinear
    points, scores = {root: start}, {root: fields.score(heat)}
    order = [root]
    for source in order:
        for target, channel in rules.neighbours[source]:
            if target not in points:
                points[target], raw = reach(fields, points[source], target, channel, rules.refinements)
                scores[target] = fields.score(raw)
                order.append(target)
    count = len(rules.neighbours)
    in_order = [scores[k] for k in range(count)]
    return Found([points[k] for k in range(count)], in_order, sum(in_order) / count)


def _by_nearest(fields: Fields, at: Point, target: int, channel: int, refinements: int) -> tuple[Point, float]:
    """A neighbour's place and heat, from a keypoint's place."""
    x, y = fields.nearest(at)
    at = at[0] + fields.moves.item(y, x, channel, 0), at[1] + fields.moves.item(y, x, channel, 1)
    for _ in range(refinements):
        x, y = fields.nearest(at)
        at = x + fields.offsets.item(y, x, target, 0), y + fields.offsets.item(y, x, target, 1)
    x, y = fields.nearest(at)
    return at, fields.heat.item(y, x, target)


def _by_bilinear(fields: Fields, at: Point, target: int, channel: int, refinements: int) -> tuple[Point, float]:
    """A neighbour's place and heat, from a keypoint's place."""
    at = fields.moved(fields.moves, at, channel)
    for _ in range(refinements):
        at = fields.moved(fields.offsets, at, target)
    return at, fields.heat_between(at, target)
