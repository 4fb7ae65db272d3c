"""Heatmaps with location maps beside them: where a heatmap is highest, three maps say where the keypoint is in space.

Sources: Mehta et al. 2017, "VNect"; MoVNect (Hwang et al. 2020) has the same heads on a smaller network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from posekit.decoders import layout, map_roles
from posekit.decoders.activation import sigmoid
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec
from posekit.decoders.integral import to_input_px
from posekit.decoders.map_roles import Counted, MapRole, Turned
from posekit.decoders.mirroring import Mirror
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

SLACK = 1e-9  # of a value: a blend of equal numbers may end a last digit above them
AXES = ("x", "y", "z")
Places = NDArray[np.intp]


class LocationMapsSpec(DecoderSpec):
    """decoders/location_maps.py: a heatmap and a map of x, y and z in space for each keypoint, K channels a role.

    upsampling: all maps are enlarged so many times, bilinearly (half_pixel), before the highest cell is looked for.
    alignment: index i of n cells, enlarged ones, lies at input px i * W / n (`stride`), i * (W - 1) / (n - 1)
    (`corners`) or (i + 0.5) * W / n (`half_pixel`). factor: metres for 1 in the location maps.
    """

    kind: Literal["location_maps"]
    heat: MapRole
    x: MapRole
    y: MapRole
    z: MapRole
    upsampling: Annotated[int, Field(ge=1, le=32)] = 1
    alignment: Literal["stride", "corners", "half_pixel"]
    factor: Annotated[float, Field(gt=0, le=1000)] = 1.0
    activation: Literal["none", "sigmoid"] = "none"

    @model_validator(mode="after")
    def _differ(self) -> LocationMapsSpec:
        self.check(1)
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return tuple(dict.fromkeys(role.output for role, _ in self.counted(1).values()))

    @property
    def has_world(self) -> bool:
        """It is what location maps give."""
        return True

    def check(self, keypoint_count: int) -> None:
        """ValueError where two roles share a channel."""
        map_roles.check(self.counted(keypoint_count))

    def counted(self, keypoint_count: int) -> Counted:
        """The roles with their numbers of channels."""
        return {name: (getattr(self, name), keypoint_count) for name in ("heat", *AXES)}


def shapes(spec: LocationMapsSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: maps of any size, with as many channels as their roles take."""
    return map_roles.shapes(spec.counted(keypoint_count))


def pack(values: Any, wanted: layout.ExpectedShape, spec: LocationMapsSpec, size_wh: tuple[int, int]) -> Any:
    """Maps of the network with their channels last; MisfitError for other axes."""
    return layout.maps(values, wanted, size_wh, "none")


def decode(
    outputs: Mapping[str, NDArray[Any]], spec: LocationMapsSpec, image: InputSpec, sigmas: Sequence[float]
) -> Poses:
    """The keypoints (1, K, 2) of one person in input px, and its places in the world (1, K, 3), metres; of equal cells
    the first in row order."""
    count = len(sigmas)
    heat, *axes = map_roles.read(outputs, spec.counted(count))
    height, width, _ = heat.shape
    rows, columns, scores = _peaks(heat, spec.upsampling)
    k = np.arange(count)
    world = np.stack([between(maps, rows, columns, k, spec.upsampling) for maps in axes], axis=-1) * spec.factor
    grid_wh = (width * spec.upsampling, height * spec.upsampling)
    points = to_input_px(np.stack([columns, rows], axis=-1), spec.alignment, grid_wh, image.size_wh)
    scores = sigmoid(scores) if spec.activation == "sigmoid" else scores
    return Poses(points[None], scores[None], world=world[None])


def between(maps: Floats, rows: Places, columns: Places, channels: Places, upsampling: int) -> Floats:
    """Values (N,) of cells of maps (h, w, K) that are enlarged, one channel each."""
    y, x = (
        np.clip((cells + 0.5) / upsampling - 0.5, 0, side - 1)
        for cells, side in ((rows, maps.shape[0]), (columns, maps.shape[1]))
    )
    row, column = y.astype(np.intp), x.astype(np.intp)
    below, right = np.minimum(row + 1, maps.shape[0] - 1), np.minimum(column + 1, maps.shape[1] - 1)
    across, down = x - column, y - row
    above = maps[row, column, channels] * (1 - across) + maps[row, right, channels] * across
    under = maps[below, column, channels] * (1 - across) + maps[below, right, channels] * across
    return np.asarray(above * (1 - down) + under * down)


def _peaks(heat: Floats, upsampling: int) -> tuple[Places, Places, Floats]:
    """Row and column of the highest enlarged cell of each map (h, w, K), and its value.

    An enlarged cell lies among four and is at most as high as the highest of these, so that only those are worked out
    which have one at least as high as what lies in the highest cell.
    """
    height, width, count = heat.shape
    k = np.arange(count)
    top = heat.reshape(-1, count).argmax(axis=0)
    rows, columns = np.divmod(top, width)
    if upsampling == 1:
        return rows, columns, heat[rows, columns, k]
    span = np.arange(upsampling)
    own = between(heat, (rows[:, None] * upsampling + span)[:, :, None],
                  (columns[:, None] * upsampling + span)[:, None, :], k[:, None, None], upsampling)  # fmt: skip
    least = own.max(axis=(1, 2))
    padded = np.pad(heat, ((1, 1), (1, 1), (0, 0)), mode="edge")
    highest = np.maximum(np.maximum(padded[1:, 1:], padded[:-1, 1:]), np.maximum(padded[1:, :-1], padded[:-1, :-1]))
    y, x, owner = np.nonzero(highest >= least - SLACK * np.abs(least))
    start = upsampling // 2 - upsampling  # of what lies before the first cell
    down, across = ((cells * upsampling + start)[:, None] + span for cells in (y, x))
    values = between(heat, down[:, :, None], across[:, None, :], owner[:, None, None], upsampling)
    inside = ((down >= 0) & (down < height * upsampling))[:, :, None]
    inside = inside & ((across >= 0) & (across < width * upsampling))[:, None, :]
    places = down[:, :, None] * (width * upsampling) + across[:, None, :]
    return _first_highest(np.where(inside, values, -np.inf), places, owner, count, width * upsampling)


def _first_highest(
    values: Floats, places: Places, owner: Places, count: int, width: int
) -> tuple[Places, Places, Floats]:
    """Row, column and value of the highest of each keypoint, of equal ones the first in row order."""
    owners = np.broadcast_to(owner[:, None, None], values.shape).ravel()
    order = np.lexsort((places.ravel(), -values.ravel(), owners))
    first = order[np.searchsorted(owners[order], np.arange(count))]
    rows, columns = np.divmod(places.ravel()[first], width)
    return rows, columns, values.ravel()[first]


def encode(
    keypoints: Floats,
    world: Floats,
    spec: LocationMapsSpec,
    size_wh: tuple[int, int],
    map_size_wh: tuple[int, int],
    sigma: float = 1.5,
) -> dict[str, Floats]:
    """Gaussians at keypoints (K, 2) in input px, and their places in the world (K, 3), metres, about them."""
    grid_wh = (map_size_wh[0] * spec.upsampling, map_size_wh[1] * spec.upsampling)
    origin = to_input_px(np.zeros(2), spec.alignment, grid_wh, size_wh)
    step = to_input_px(np.ones(2), spec.alignment, grid_wh, size_wh) - origin
    centre = ((keypoints - origin) / step + 0.5) / spec.upsampling - 0.5
    y, x = np.mgrid[: map_size_wh[1], : map_size_wh[0]]
    away = (x[..., None] - centre[:, 0]) ** 2 + (y[..., None] - centre[:, 1]) ** 2
    values = {"heat": np.exp(-away / (2 * sigma**2))}
    for axis, name in enumerate(AXES):
        values[name] = np.where(away <= (4 * sigma) ** 2, world[:, axis] / spec.factor, 0.0)
    return map_roles.put(values, spec.counted(len(keypoints)))


def examples(spec: LocationMapsSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Maps an eighth as large as the input, with a Gaussian for each of `count` keypoints, half a metre about 0."""
    width, height = image.size_wh
    points, world = rng.uniform(0.1, 0.9, (count, 2)) * image.size_wh, rng.uniform(-0.5, 0.5, (count, 3))
    return encode(points, world, spec, image.size_wh, (max(width // 8, 4), max(height // 8, 4)))


def alternatives(spec: LocationMapsSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """Where the cells lie."""
    del spec, image
    places = tuple({"alignment": one} for one in ("stride", "corners", "half_pixel"))
    return (Alternatives(("alignment",), places, "mirror"),)


def mirrored(outputs: Mapping[str, Any], spec: LocationMapsSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Maps (1, h, w, C) from left to right, of the other side's keypoints; x goes the other way."""
    del image
    channels = {
        (role.output, role.first + k): Turned(role.output, role.first + other, -1 if role is spec.x else 1)
        for role, _ in spec.counted(len(mirror.order)).values()
        for k, other in enumerate(mirror.order)
    }
    return map_roles.mirrored(outputs, channels, mirror)


def raw_scores(spec: LocationMapsSpec, values: Floats) -> Floats:
    """Every value of the heatmaps among maps (h, w, C), a row a map."""
    return map_roles.raw_scores(spec.counted(1), values)


DECODER = Decoder(
    LocationMapsSpec, shapes, pack, decode, examples, alternatives, raw_scores=raw_scores, mirrored=mirrored,
    cells=(1, 2), unsure=0.3,
)  # fmt: skip
