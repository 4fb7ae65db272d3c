"""A decoder that is not posekit's own: the mean place of a softmax over each map. Its twins lie beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from posekit.decoders import layout
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec, OutputName
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec


class SoftArgmaxSpec(DecoderSpec):
    """Maps K x h x w of the network. sharpness: what they are multiplied by before the softmax."""

    kind: Literal["soft_argmax"]
    output: OutputName
    sharpness: Annotated[float, Field(gt=0)]
    is_scored: bool = True

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.output,)


def shapes(spec: SoftArgmaxSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    return {spec.output: (None, None, keypoint_count)}


def pack(values: Any, wanted: layout.ExpectedShape, spec: SoftArgmaxSpec, size_wh: tuple[int, int]) -> Any:
    return layout.maps(values, wanted, size_wh, "none")


def decode(
    outputs: Mapping[str, NDArray[Any]], spec: SoftArgmaxSpec, image: InputSpec, sigmas: Sequence[float]
) -> Poses:
    maps = outputs[spec.output].astype(np.float64)
    height, width, count = maps.shape
    peaks = maps.max(axis=(0, 1))
    weights = np.exp(spec.sharpness * (maps - peaks))
    total = weights.sum(axis=(0, 1))
    x = (weights.sum(axis=0) * np.arange(width)[:, None]).sum(axis=0) / total
    y = (weights.sum(axis=1) * np.arange(height)[:, None]).sum(axis=0) / total
    points = np.stack([x * image.size_wh[0] / width, y * image.size_wh[1] / height], axis=-1)
    scores = peaks if spec.is_scored else np.ones(count)
    return Poses(points[None], scores[None])


def examples(spec: SoftArgmaxSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    width, height = (max(side // 4, 4) for side in image.size_wh)
    centre = rng.uniform(0.1, 0.9, (count, 2)) * (width, height)
    y, x = np.mgrid[:height, :width]
    return {spec.output: np.exp(-((x[..., None] - centre[:, 0]) ** 2 + (y[..., None] - centre[:, 1]) ** 2) / 8)}


def alternatives(spec: SoftArgmaxSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    changes = tuple({"sharpness": factor * spec.sharpness} for factor in (1.0, 0.1, 10.0))
    return (Alternatives(("sharpness",), changes, "follow", is_choice=True),)


def tracking_score(spec: SoftArgmaxSpec, size_wh: tuple[int, int]) -> float:
    return 0.125


DECODER = Decoder(
    SoftArgmaxSpec, shapes, pack, decode, examples, alternatives, tracking_score=tracking_score,
    sources=Path(__file__).parent,
)  # fmt: skip
