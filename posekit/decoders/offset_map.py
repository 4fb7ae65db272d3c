"""Heatmaps with offset maps beside them: the best cell of each map, moved by the two numbers that lie there.

How the channels lie is data: UDP's combined maps (heat, x, y of each keypoint in turn), DeepLabCut's score maps and
location refinement. Sources: Papandreou et al. 2017; Huang et al. 2020, "UDP"; Insafutdinov et al. 2016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from posekit.decoders import layout
from posekit.decoders.activation import sigmoid
from posekit.decoders.dark import blurred
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec, Fit, Odd, Shapes, in_words
from posekit.decoders.heatmap import input_px_per_index
from posekit.decoders.map_roles import MapRole
from posekit.decoders.mirroring import Mirror, column
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec


class Channels(MapRole):
    """One channel a keypoint: in `output` that of the first is `first`, that of the next lies `step` on."""

    step: Annotated[int, Field(ge=1)] = 1

    def of(self, keypoint_count: int) -> range:
        """The channel of each of K keypoints."""
        return range(self.first, self.first + self.step * keypoint_count, self.step)


class OffsetMapSpec(DecoderSpec):
    """decoders/offset_map.py: a heatmap and the offsets in x and in y of each keypoint.

    unit, factor: an offset is so many `cells` or `input_px` times factor. alignment: index i of a map of n lies at
    input px (i + shift) * W / n (`stride`) or i * (W - 1) / (n - 1) (`corners`). blur_kernel, offset_blur_kernel: odd
    width of a Gaussian by which heatmaps and offset maps are blurred first, 1 for none.
    """

    kind: Literal["offset_map"]
    heat: Channels
    x: Channels
    y: Channels
    unit: Literal["cells", "input_px"]
    factor: Annotated[float, Field(gt=0)] = 1.0
    alignment: Literal["stride", "corners"] = "stride"
    shift: Annotated[float, Field(ge=0, le=1)] = 0.0
    blur_kernel: Annotated[Odd, Field(ge=1, le=99)] = 1
    offset_blur_kernel: Annotated[Odd, Field(ge=1, le=99)] = 1
    activation: Literal["none", "sigmoid"] = "none"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return tuple(dict.fromkeys(role.output for role in self.roles))

    @property
    def roles(self) -> tuple[Channels, Channels, Channels]:
        """heat, x and y."""
        return self.heat, self.x, self.y


def shapes(spec: OffsetMapSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: maps of any size, with as many channels as their roles take."""
    last = {
        name: max(role.of(keypoint_count)[-1] for role in spec.roles if role.output == name) for name in spec.outputs
    }
    return {name: (None, None, channel + 1) for name, channel in last.items()}


def pack(values: Any, wanted: layout.ExpectedShape, spec: OffsetMapSpec, size_wh: tuple[int, int]) -> Any:
    """Maps of the network with their channels last; MisfitError for other axes."""
    return layout.maps(values, wanted, size_wh, "none")


def decode(
    outputs: Mapping[str, NDArray[Any]], spec: OffsetMapSpec, image: InputSpec, sigmas: Sequence[float]
) -> Poses:
    """The keypoints (1, K, 2) of one person in input px; of equal cells the first in row order."""
    layout.check_one_grid(outputs, spec.outputs)
    count = len(sigmas)
    heat, x_offsets, y_offsets = (outputs[role.output][..., list(role.of(count))] for role in spec.roles)
    heat, x_offsets, y_offsets = (
        blurred(maps.astype(np.float64), kernel, "mirror") if kernel > 1 else maps.astype(np.float64)
        for maps, kernel in (
            (heat, spec.blur_kernel), (x_offsets, spec.offset_blur_kernel), (y_offsets, spec.offset_blur_kernel)
        )
    )  # fmt: skip
    height, width, _ = heat.shape
    flat, k = heat.reshape(-1, count), np.arange(count)
    peak = flat.argmax(axis=0)
    scores = flat[peak, k]
    y, x = np.divmod(peak, width)
    offsets = np.stack([x_offsets[y, x, k], y_offsets[y, x, k]], axis=-1) * spec.factor
    scale = input_px_per_index(spec.alignment, (width, height), image.size_wh)
    points = (np.stack([x, y], axis=-1) + spec.shift) * scale + offsets * (scale if spec.unit == "cells" else 1.0)
    return Poses(points[None], (sigmoid(scores) if spec.activation == "sigmoid" else scores)[None])


def encode(
    keypoints: Floats, spec: OffsetMapSpec, size_wh: tuple[int, int], map_size_wh: tuple[int, int], sigma: float = 2.0
) -> dict[str, Floats]:
    """Gaussians at keypoints (K, 2) in input px, and from every cell the way to them."""
    width, height = map_size_wh
    scale = input_px_per_index(spec.alignment, map_size_wh, size_wh)
    x, y = ((np.arange(side) + spec.shift) * scale[axis] for axis, side in enumerate((width, height)))
    to_x = np.broadcast_to(keypoints[:, 0] - x[None, :, None], (height, width, len(keypoints)))
    to_y = np.broadcast_to(keypoints[:, 1] - y[:, None, None], (height, width, len(keypoints)))
    distance = (to_x / scale[0]) ** 2 + (to_y / scale[1]) ** 2
    unit = scale if spec.unit == "cells" else np.ones(2)
    values = (np.exp(-distance / (2 * sigma**2)), to_x / unit[0] / spec.factor, to_y / unit[1] / spec.factor)
    count = len(keypoints)
    found = {name: np.zeros((height, width, shape[2] or 0)) for name, shape in shapes(spec, size_wh, count).items()}
    for role, maps in zip(spec.roles, values, strict=True):
        found[role.output][..., list(role.of(count))] = maps
    return found


def examples(spec: OffsetMapSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Maps an eighth as large as the input, with a Gaussian for each of `count` keypoints."""
    width, height = image.size_wh
    points = rng.uniform(0.1, 0.9, (count, 2)) * image.size_wh
    return encode(points, spec, image.size_wh, (max(width // 8, 4), max(height // 8, 4)))


def alternatives(spec: OffsetMapSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """Where the cells lie, and which of the offsets is x."""
    del image
    swapped = {"x": spec.y, "y": spec.x}
    return (
        Alternatives(("alignment",), tuple({"alignment": one} for one in ("stride", "corners")), "mirror"),
        Alternatives(("x", "y"), (swapped,), "follow"),
    )


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Maps of K channels beside as large ones of 2K, x and y of each keypoint in turn; or of 3K, heat, x and y."""
    found: list[Fit] = []
    maps = {
        name: shape for name, shape in outputs.items()
        if len(shape) == 4 and shape[0] == 1 and min(shape[-2:]) > 1
        and shape[-1] * size_wh[1] == shape[-2] * size_wh[0]
    }  # fmt: skip
    for name, shape in maps.items():
        for other, offsets in maps.items():
            if offsets[1:] == (2 * shape[1], *shape[2:]):
                why = f"{in_words(name, shape)} and {in_words(other, offsets)}: heatmaps, and offsets in x and y"
                found.append(Fit(_lying(name, other, 1, 2, 0), shape[1], why))
        if shape[1] % 3 == 0:
            why = f"{in_words(name, shape)}: heat, x and y of {shape[1] // 3} keypoints in turn"
            found.append(Fit(_lying(name, name, 3, 3, 1), shape[1] // 3, why))
    return tuple(found)


def _lying(heat: str, offsets: str, heat_step: int, step: int, first: int) -> dict[str, Any]:
    return {
        "heat.output": heat, "heat.step": heat_step, "x.output": offsets, "x.first": first, "x.step": step,
        "y.output": offsets, "y.first": first + 1, "y.step": step,
    }  # fmt: skip


def mirrored(outputs: Mapping[str, Any], spec: OffsetMapSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Maps (1, h, w, C) from left to right, of the other side's keypoints; offsets in x point the other way."""
    del image
    found = {name: mirror.turned(outputs[name], -2) for name in spec.outputs}
    for name, maps in found.items():
        replaced: dict[int, Any] = {}
        for role in spec.roles:
            channels = role.of(len(mirror.order)) if role.output == name else ()
            sign = -1 if role is spec.x else 1
            replaced |= {at: sign * column(maps, channels[mirror.order[k]]) for k, at in enumerate(channels)}
        found[name] = mirror.replaced(maps, replaced)
    return found


def raw_scores(spec: OffsetMapSpec, values: Floats) -> Floats:
    """Every value of the heatmaps among maps (h, w, C), a row a map; of one tensor for all, every value."""
    rows = values.reshape(-1, values.shape[-1]).T
    return rows[spec.heat.first :: spec.heat.step]


DECODER = Decoder(
    OffsetMapSpec,
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
