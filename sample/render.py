"""Synthetic pictures of people: everything about a scene follows from its seed.

Source px are continuous: pixel i covers [i, i + 1) and its centre is i + 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from sample.figure import NAMES, Colour, Figure, Part, random_figure
from sample.stance import Array, Rng

OVERSAMPLING = 2
MIN_VISIBLE = 9  # a figure with fewer visible keypoints is clutter, not a labelled person
_ANGLES = np.linspace(0, 2 * np.pi, 40, endpoint=False)
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])  # (2, 40)


@dataclass(frozen=True)
class Scene:
    """A picture and its labelled people, in source px.

    image (H, W, 3) uint8 RGB; keypoints (N, 17, 3) x, y, v with v 0 outside, 1 occluded, 2 visible;
    places (N, 17, 3) the same in figure space, all of them known; boxes_xyxy (N, 4) around the visible silhouettes;
    owner (H, W) int32, the index of the person at a pixel or -1.
    """

    image: NDArray[np.uint8]
    keypoints: Array
    places: Array
    boxes_xyxy: Array
    owner: NDArray[np.int32]


@dataclass(frozen=True)
class Placed:
    """A figure in a picture."""

    figure: Figure
    origin: Array  # (2,) source px
    scale: float  # source px per figure unit

    def project(self, points: Array) -> Array:
        projected: Array = self.origin + points[..., :2] * self.scale
        return projected


def render_scene(
    seed: int, size_wh: tuple[int, int] = (256, 256), people: int | None = None,
    figure: Callable[[Rng], Figure] = random_figure,
) -> Scene:  # fmt: skip
    """The scene of that seed, with 1 to 3 people, in source px; figure: draws each of them."""
    rng = np.random.default_rng(seed)
    count = int(rng.choice([1, 2, 3], p=[0.45, 0.42, 0.13])) if people is None else people
    placed = _place(rng, size_wh, [figure] * count)
    canvas = _background(rng, size_wh)
    draw = ImageDraw.Draw(canvas)
    labels = Image.new("I", size_wh, 0)
    stencil = ImageDraw.Draw(labels)
    light = np.array([np.cos(a := rng.uniform(0, 2 * np.pi)), np.sin(a)])
    painted: list[tuple[int, frozenset[str]]] = [(-1, frozenset())]
    for index, person in enumerate(placed):
        edge = rng.uniform(0.35, 0.8)
        for part in person.figure.parts:
            _paint(draw, stencil, person, part, len(painted), light, edge)
            painted.append((index, frozenset(part.shows)))
    if rng.random() < 0.2:
        _occlude(rng, draw, stencil, placed[int(rng.integers(count))], size_wh)
    image = _photograph(rng, canvas)
    return _label(image, np.asarray(labels), placed, painted)


def render_frame(
    seed: int,
    size_wh: tuple[int, int],
    placed: Sequence[Placed],
    noise: int,
    grain: float,
    wall_xyxy: tuple[float, float, float, float] | None = None,
) -> NDArray[np.uint8]:
    """A frame (H, W, 3) of a clip: those figures before the background of that seed, the last in front.

    noise: a seed of its own for the camera's noise of `grain` grey levels, so that it changes from frame to frame.
    wall_xyxy: a wall behind the last figure and before the others, source px.
    """
    rng = np.random.default_rng(seed)
    canvas, stencil = _background(rng, size_wh), ImageDraw.Draw(Image.new("I", size_wh, 0))
    draw, light = ImageDraw.Draw(canvas), np.array([0.6, -0.8])
    for person in placed:
        if wall_xyxy is not None and person is placed[-1]:
            draw.rectangle([side * OVERSAMPLING for side in wall_xyxy], fill=(150, 96, 74))
        for part in person.figure.parts:
            _paint(draw, stencil, person, part, 0, light, 0.6)
    picture = np.asarray(canvas.reduce(OVERSAMPLING), np.float64)
    noisy = picture + np.random.default_rng(noise).normal(0, grain, picture.shape)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def _place(rng: Rng, size_wh: tuple[int, int], figures: Sequence[Callable[[Rng], Figure]]) -> list[Placed]:
    """Figures with their places: of several tries each, the one that overlaps the others least."""
    size = np.array(size_wh, dtype=np.float64)
    placed: list[Placed] = []
    boxes: list[Array] = []
    for draw_figure in figures:
        figure = draw_figure(rng)
        low, high = figure.keypoints[:, :2].min(0) - 0.06, figure.keypoints[:, :2].max(0) + 0.06
        crowd = 1.0 if len(figures) == 1 else 0.75
        scale = min(
            size[1] * crowd * rng.uniform(0.42, 1.0) / (high - low)[1],
            size[0] * rng.uniform(0.6, 1.0) / (high - low)[0],
        )
        outside = 0.3 if rng.random() < 0.15 else 0.02
        tries = []
        for _ in range(24):
            margin = (0.5 - outside) * (high - low) * scale
            centre = rng.uniform(np.minimum(margin, size / 2), np.maximum(size - margin, size / 2))
            box = np.concatenate([centre, centre]) + np.concatenate([low - high, high - low]) / 2 * scale
            tries.append((sum((_overlap(box, other) for other in boxes), 0.0), centre, box))
        _, centre, box = min(tries, key=lambda item: item[0])
        placed.append(Placed(figure, centre - (low + high) / 2 * scale, scale))
        boxes.append(box)
    return placed


def _overlap(a: Array, b: Array) -> float:
    """Intersection over the smaller area of two boxes_xyxy."""
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    return float(sides.prod() / min((a[2:] - a[:2]).prod(), (b[2:] - b[:2]).prod()))


def _hull(centres: Array, radii: Array, zoom: int) -> list[tuple[float, float]]:
    """The convex hull of circles, source px -> PIL's pixel indices on a canvas of `zoom` times the size."""
    support = centres @ _DIRECTIONS + radii[:, None]  # (n, 40)
    owner = support.argmax(0)
    points = (centres[owner] + radii[owner, None] * _DIRECTIONS.T) * zoom - 0.5
    return [(x, y) for x, y in points.tolist()]


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, int(channel * factor)) for channel in colour)
    return red, green, blue


def _paint(
    draw: ImageDraw.ImageDraw,
    stencil: ImageDraw.ImageDraw,
    person: Placed,
    part: Part,
    label: int,
    light: Array,
    edge: float,
) -> None:
    """One part onto the picture (outline, fill, texture, highlight) and its label onto the stencil."""
    zoom, centres, radii = OVERSAMPLING, person.project(part.centres), part.radii * person.scale
    outline = min(1.2, 0.006 * person.scale)
    draw.polygon(_hull(centres, radii + outline / 2, zoom), fill=_shade(part.colour, edge))
    draw.polygon(_hull(centres, np.maximum(radii - outline / 2, 0.3), zoom), fill=_shade(part.colour, 0.9))
    draw.polygon(_hull(centres + light * radii[:, None] * 0.3, radii * 0.55, zoom), fill=_shade(part.colour, 1.08))
    if part.texture != "plain":
        _stripes(draw, centres, radii, part)
    stencil.polygon(_hull(centres, radii, 1), fill=label)


def _stripes(draw: ImageDraw.ImageDraw, centres: Array, radii: Array, part: Part) -> None:
    """Stripes across (rungs) or along (lengths) a limb of two circles or a trunk of four."""
    if len(centres) == 2:
        along = centres[1] - centres[0]
        normal = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
        corners = np.concatenate([centres + normal * radii[:, None] * 0.8, centres - normal * radii[:, None] * 0.8])
        top, bottom = corners[[0, 2]], corners[[1, 3]]
    else:
        inwards = (centres.mean(0) - centres) * 0.04
        top, bottom = (centres + inwards)[:2], (centres + inwards)[2:]
    width = max(1, int(radii.max() * 0.3 * OVERSAMPLING))
    steps = np.linspace(0.08, 0.92, 5)[:, None]
    ends = []
    if part.texture in ("rungs", "checks"):
        ends += list(zip(top[0] + steps * (bottom[0] - top[0]), top[1] + steps * (bottom[1] - top[1]), strict=True))
    if part.texture in ("lengths", "checks"):
        ends += list(zip(top[0] + steps * (top[1] - top[0]), bottom[0] + steps * (bottom[1] - bottom[0]), strict=True))
    for start, end in ends:
        draw.line(
            [*(start * OVERSAMPLING - 0.5).tolist(), *(end * OVERSAMPLING - 0.5).tolist()],
            fill=part.accent,
            width=width,
        )


def _background(rng: Rng, size_wh: tuple[int, int]) -> Image.Image:
    """Gradients, at times a floor, shapes, lines and limb-like clutter; at the oversampled size."""
    width, height = size_wh[0] * OVERSAMPLING, size_wh[1] * OVERSAMPLING
    base, contrast = rng.uniform(50, 210) + rng.normal(0, 20, 3), rng.uniform(5, 45)
    cells = (int(rng.integers(2, 9)), int(rng.integers(2, 9)))
    grid = base + rng.normal(0, contrast, (*cells, 1)) + rng.normal(0, contrast / 3, (*cells, 3))
    canvas = Image.fromarray(np.clip(grid, 0, 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    if rng.random() < 0.5:
        horizon = rng.uniform(0.45, 0.9) * height
        draw.polygon(
            [(0, horizon), (width, horizon + rng.normal(0, 0.03) * height), (width, height), (0, height)],
            fill=_any_colour(rng),
        )
    for _ in range(int(rng.integers(0, 16))):
        _clutter(rng, draw, rng.uniform([0, 0], [width, height]), rng.uniform(0.03, 0.3) * min(width, height))
    return canvas


def _clutter(rng: Rng, draw: ImageDraw.ImageDraw, at: Array, size: float) -> None:
    """One random shape: a rectangle, an ellipse, a line, or a limb-like capsule."""
    (x, y), (w, h) = at.tolist(), (size * rng.uniform(0.2, 1.0, 2)).tolist()
    colour, kind = _any_colour(rng), rng.integers(5)
    if kind == 0:
        draw.rectangle([x - w, y - h, x + w, y + h], fill=colour)
    elif kind == 1:
        draw.ellipse([x - w, y - h, x + w, y + h], fill=colour)
    elif kind == 2:
        draw.line(
            [x - 2 * w, y - 2 * h, x + 2 * w, y + rng.choice([-2, 2]) * h], fill=colour, width=int(rng.integers(1, 9))
        )
    elif kind == 3:
        draw.rectangle([x - w, y - h, x + w, y + h], outline=colour, width=int(rng.integers(2, 8)))
    else:
        ends = at + rng.normal(0, size, (2, 2))
        draw.polygon(_hull(ends, size * rng.uniform(0.08, 0.3, 2), 1), fill=colour)


def _any_colour(rng: Rng) -> Colour:
    saturation = rng.uniform(0.1, 0.8)
    red, green, blue = (int(v) for v in rng.uniform(15, 240) * (1 - saturation) + rng.uniform(10, 245, 3) * saturation)
    return red, green, blue


def _occlude(
    rng: Rng, draw: ImageDraw.ImageDraw, stencil: ImageDraw.ImageDraw, person: Placed, size_wh: tuple[int, int]
) -> None:
    """One object in front of that person: a box, a ball, a post or a low wall."""
    points = person.project(person.figure.keypoints)
    low, high = points.min(0), points.max(0)
    x, y = rng.uniform(low, high).tolist()
    w, h = (rng.uniform(0.06, 0.2, 2) * (high - low).max()).tolist()
    kind, colour = rng.integers(4), _any_colour(rng)
    if kind == 2:
        x, w, y, h = x, 0.03 * (high - low).max(), size_wh[1] / 2, float(size_wh[1])
    if kind == 3:
        x, w, y, h = size_wh[0] / 2, float(size_wh[0]), high[1], 0.2 * float(high[1] - low[1])
    for target, zoom, fill in ((draw, OVERSAMPLING, colour), (stencil, 1, 0)):
        corners = [v * zoom - 0.5 for v in (x - w, y - h, x + w, y + h)]
        (target.ellipse if kind == 1 else target.rectangle)(corners, fill=fill)


def _photograph(rng: Rng, canvas: Image.Image) -> NDArray[np.uint8]:
    """Downsample, then blur, uneven light, colour cast and noise."""
    picture = canvas.reduce(OVERSAMPLING)
    if rng.random() < 0.4:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1)))
    pixels = np.asarray(picture, dtype=np.float32)
    height, width, _ = pixels.shape
    slope_x, slope_y = rng.normal(0, 0.18, 2)
    light = (
        1 + np.linspace(-slope_x, slope_x, width)[None, :, None] + np.linspace(-slope_y, slope_y, height)[:, None, None]
    )
    gain = rng.uniform(0.75, 1.15) * rng.normal(1, 0.04, 3)
    grain = rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(rng.uniform(0, 9))
    lit = pixels * (np.clip(light, 0.5, 1.5) * gain).astype(np.float32) + grain
    developed: NDArray[np.uint8] = np.clip(lit, 0, 255).astype(np.uint8)
    return developed


def _label(
    image: NDArray[np.uint8],
    labels: NDArray[np.int32],
    placed: list[Placed],
    painted: list[tuple[int, frozenset[str]]],
) -> Scene:
    """Visibility from what was painted last at each keypoint's pixel; figures hardly seen are left out."""
    height, width, _ = image.shape
    person_of = np.array([index for index, _ in painted], dtype=np.int32)[labels]
    owner = np.full(labels.shape, -1, dtype=np.int32)
    keypoints: list[Array] = []
    places: list[Array] = []
    boxes: list[Array] = []
    for index, person in enumerate(placed):
        points = np.zeros((len(NAMES), 3))
        for row, name, (x, y) in zip(points, NAMES, person.project(person.figure.keypoints).tolist(), strict=True):
            if 0 <= x < width and 0 <= y < height:
                seen_index, shows = painted[labels[int(y), int(x)]]
                row[:] = x, y, 2 if seen_index == index and name in shows else 1
        if (points[:, 2] == 2).sum() < MIN_VISIBLE:
            continue
        mask = person_of == index
        ys, xs = np.nonzero(mask)
        owner[mask] = len(boxes)
        boxes.append(np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], dtype=np.float64))
        keypoints.append(points)
        places.append(person.figure.keypoints)
    points, in_space = (np.array(rows).reshape(-1, len(NAMES), 3) for rows in (keypoints, places))
    return Scene(image, points, in_space, np.array(boxes).reshape(-1, 4), owner)
