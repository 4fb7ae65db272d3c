"""Heatmaps to keypoints: argmax, then none, a quarter step, DARK, or DARK as UDP has it.

Sources: quarter offset, Newell et al. 2016 and HRNet's code (Sun et al. 2019); DARK, Zhang et al. 2020.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from posekit.decoders import layout
from posekit.decoders.activation import sigmoid
from posekit.decoders.dark import BlurEdge, dark_step, udp_step
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec, Fit, Odd, OutputName, Shapes, in_words
from posekit.decoders.mirroring import Mirror
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

REFINEMENTS = ("none", "quarter", "dark", "dark_udp")


class HeatmapSpec(DecoderSpec):
    """decoders/heatmap.py: maps K x h x w of the network, one a keypoint; packaged as (h, w, K).

    background: where the network gives one map more, of no keypoint, which the packaged model leaves out. alignment:
    index i of a map of n lies at input px i * W / n (`stride`) or i * (W - 1) / (n - 1) (`corners`). blur_kernel: odd
    width of the Gaussian of `dark` and `dark_udp`, as in training (11 for sigma 2, 17 for sigma 3). blur_edge: what it
    finds outside of the map, 0 (DARK, MMPose 1.x) or the map mirrored (UDP's code, MMPose 0.x, rtmlib). border:
    `quarter` steps where both coordinates are inside of the map, as in HRNet's code, or on each axis where that one
    is, as in MMPose.
    """

    kind: Literal["heatmap"]
    output: OutputName
    refinement: Literal["none", "quarter", "dark", "dark_udp"]
    alignment: Literal["stride", "corners"]
    blur_kernel: Annotated[Odd, Field(ge=3, le=99)] = 11
    blur_edge: BlurEdge = "zero"
    border: Literal["both", "each"] = "both"
    activation: Literal["none", "sigmoid"] = "none"
    background: Literal["none", "first", "last"] = "none"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return (self.output,)


def shapes(spec: HeatmapSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, tuple[int | None, ...]]:
    """Expected shapes: any map size, K channels."""
    return {spec.output: (None, None, keypoint_count)}


def pack(values: Any, wanted: layout.ExpectedShape, spec: HeatmapSpec, size_wh: tuple[int, int]) -> Any:
    """Maps K x h x w of the network as (1, h, w, K), without the background; MisfitError for other axes."""
    return layout.maps(values, wanted, size_wh, spec.background)


def decode(outputs: Mapping[str, NDArray[Any]], spec: HeatmapSpec, image: InputSpec, sigmas: Sequence[float]) -> Poses:
    """Heatmaps (h, w, K) to the keypoints (1, K, 2) of one person in input px; the first maximum in row order wins."""
    del sigmas  # one person is nobody else
    heatmaps = outputs[spec.output].astype(np.float64)
    height, width, count = heatmaps.shape
    flat = heatmaps.reshape(-1, count)
    peak = flat.argmax(axis=0)
    scores = flat[peak, np.arange(count)]
    y, x = np.divmod(peak, width)
    offset = np.zeros((count, 2))
    if spec.refinement == "quarter":
        offset = _quarter(heatmaps, x, y, spec.border)
    elif spec.refinement != "none":
        # the logarithm of a Gaussian is what DARK steps on, so logits are made scores first
        step = dark_step if spec.refinement == "dark" else udp_step
        maps = sigmoid(heatmaps) if spec.activation == "sigmoid" else heatmaps
        offset = step(maps, x, y, spec.blur_kernel, spec.blur_edge)
    points = np.stack([x, y], axis=-1) + offset
    if spec.activation == "sigmoid":
        scores = sigmoid(scores)
    points = points * input_px_per_index(spec.alignment, (width, height), image.size_wh)
    return Poses(points[None], scores[None])


def input_px_per_index(alignment: str, map_size_wh: tuple[int, int], size_wh: tuple[int, int]) -> Floats:
    """Input px between two neighbouring heatmap px, (2,) for x and y."""
    shrink = 1 if alignment == "corners" else 0
    return np.array([(n - shrink) / max(m - shrink, 1) for n, m in zip(size_wh, map_size_wh, strict=True)])


def _quarter(heatmaps: Floats, x: NDArray[Any], y: NDArray[Any], border: str) -> Floats:
    """A quarter px towards the higher neighbour on each axis; none within one px of the edge."""
    height, width, count = heatmaps.shape
    inside = np.stack([(x > 1) & (x < width - 1), (y > 1) & (y < height - 1)], axis=-1)
    if border == "both":
        inside &= inside.all(axis=-1, keepdims=True)
    k = np.arange(count)
    at_x, at_y = (np.where(inside[:, axis], at, 0) for axis, at in enumerate((x, y)))
    right, below = np.minimum(at_x + 1, width - 1), np.minimum(at_y + 1, height - 1)
    dx = heatmaps[y, right, k] - heatmaps[y, at_x - 1, k]
    dy = heatmaps[below, x, k] - heatmaps[at_y - 1, x, k]
    return np.asarray(np.sign(np.stack([dx, dy], axis=-1)) * 0.25 * inside)


def encode(
    keypoints: Floats, spec: HeatmapSpec, size_wh: tuple[int, int], map_size_wh: tuple[int, int], sigma: float = 2.0
) -> dict[str, Floats]:
    """Gaussians of height 1 at keypoints (K, 2) in input px: what training draws; for tests."""
    centre = keypoints / input_px_per_index(spec.alignment, map_size_wh, size_wh)
    x, y = np.arange(map_size_wh[0]), np.arange(map_size_wh[1])
    across = np.exp(-((x[:, None] - centre[:, 0]) ** 2) / (2 * sigma**2))
    down = np.exp(-((y[:, None] - centre[:, 1]) ** 2) / (2 * sigma**2))
    return {spec.output: down[:, None, :] * across[None, :, :]}


def examples(spec: HeatmapSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Maps a quarter as large as the input, with a Gaussian for each of `count` keypoints."""
    width, height = image.size_wh
    points = rng.uniform(0.1, 0.9, (count, 2)) * image.size_wh
    return encode(points, spec, image.size_wh, (max(width // 4, 4), max(height // 4, 4)))


def alternatives(spec: HeatmapSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """Where the cells lie, and how a keypoint goes between them."""
    del spec, image
    return (
        Alternatives(("alignment",), tuple({"alignment": one} for one in ("stride", "corners")), "mirror"),
        Alternatives(("refinement",), tuple({"refinement": one} for one in REFINEMENTS), "follow", is_choice=True),
    )


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Outputs of maps in the input's proportions."""
    return tuple(
        Fit({"output": name}, shape[-3], f"{in_words(name, shape)}: {shape[-3]} maps in the input's proportions")
        for name, shape in outputs.items()
        if len(shape) >= 4 and math.prod(shape[:-3]) == 1 and min(shape[-2:]) > 1
        and shape[-1] * size_wh[1] == shape[-2] * size_wh[0]
    )  # fmt: skip


def mirrored(outputs: Mapping[str, Any], spec: HeatmapSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Maps (1, h, w, K) from left to right, of the other side's keypoints."""
    del image
    return {spec.output: mirror.turned(mirror.reordered(outputs[spec.output], -1), -2)}


def raw_scores(spec: HeatmapSpec, values: Floats) -> Floats:
    """Every value of maps (h, w, K), a row a map."""
    del spec
    return values.reshape(-1, values.shape[-1]).T


# unsure: of 60 rendered scenes, visible keypoints within 0.1 of the box, 0.49 of EfficientPose's below 0.3 of the
# median score were right (n = 57), and 0.91 above 0.7
DECODER = Decoder(
    HeatmapSpec,
    shapes,
    pack,
    decode,
    examples,
    alternatives,
    fitting,
    raw_scores,
    mirrored=mirrored,
    cells=(1, 2),
    unsure=0.3,
)
