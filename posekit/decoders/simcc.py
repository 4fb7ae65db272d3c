"""SimCC: one 1-D map an axis. Source: Li et al. 2022, "SimCC: a Simple Coordinate Classification Perspective"; in
three axes, RTMW3D (MMPose).

The published decoder takes the best bin. `quadratic` goes between bins: training on Gaussian labels makes the logits
near the peak a parabola, and the place no longer jumps by a whole bin where rounding (fp16, int8) turns a near tie.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from posekit.decoders import layout
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec, Fit, OutputName, Shapes, in_words
from posekit.decoders.depth_bins import DepthVector
from posekit.decoders.mirroring import Mirror
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec
from posekit.poses.tracking import MIN_SCORE

CHANCES = 10  # softmax over bins: people have 20 to 40 times what a map without a peak has, background 3 to 10 times


class SimccSpec(DecoderSpec):
    """decoders/simcc.py: rows (K, W * split_ratio) and (K, H * split_ratio), one 1-D map an axis and keypoint.

    refinement: `quadratic` puts the keypoint at the top of the parabola through the best bin and its neighbours. z: a
    third map, for depth, which counts in no score.
    """

    kind: Literal["simcc"]
    output_x: OutputName
    output_y: OutputName
    split_ratio: Annotated[float, Field(gt=0, le=16)]
    score_reduction: Literal["min", "mean"]
    refinement: Literal["none", "quadratic"] = "none"
    activation: Literal["none", "softmax"] = "none"
    z: DepthVector | None = None

    @model_validator(mode="after")
    def _two_outputs(self) -> SimccSpec:
        if self.output_x == self.output_y:
            raise ValueError("output_x and output_y must differ")
        if len(set(self.outputs)) < len(self.outputs):
            raise ValueError("z.output must be another than output_x and output_y")
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return (self.output_x, self.output_y, *(() if self.z is None else (self.z.output,)))

    @property
    def has_depth(self) -> bool:
        """Whether keypoints come with a z."""
        return self.z is not None


def shapes(spec: SimccSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, tuple[int | None, ...]]:
    """Expected shapes: K rows of input px * split_ratio bins."""
    bins_x, bins_y = (round(size * spec.split_ratio) for size in size_wh)
    deep = {} if spec.z is None else {spec.z.output: (keypoint_count, spec.z.bins)}
    return {spec.output_x: (keypoint_count, bins_x), spec.output_y: (keypoint_count, bins_y), **deep}


def pack(values: Any, wanted: layout.ExpectedShape, spec: SimccSpec, size_wh: tuple[int, int]) -> Any:
    """Rows K x bins of the network as (1, K, bins); MisfitError for other axes."""
    del spec, size_wh  # heatmaps need them
    return layout.rows(values, wanted, may_be_flat=False)


def decode(outputs: Mapping[str, NDArray[Any]], spec: SimccSpec, image: InputSpec, sigmas: Sequence[float]) -> Poses:
    """simcc_x (K, bins_x) and simcc_y (K, bins_y) to the keypoints (1, K, 2|3) of one person in input px.

    A bin's index over split_ratio is its input px, whatever the input `image` is; the first maximum wins. z is in the
    contract's unit.
    """
    del sigmas  # one person is nobody else
    del image
    points, peaks = [], []
    for name in spec.outputs:
        maps = outputs[name].astype(np.float64)
        best = maps.argmax(axis=1)
        peak = maps[np.arange(len(maps)), best]
        if spec.activation == "softmax":
            peak = 1.0 / np.exp(maps - peak[:, None]).sum(axis=1)
        offset = _quadratic(maps, best) if spec.refinement == "quadratic" else 0.0
        is_deep = spec.z is not None and name == spec.z.output
        points.append(_depth(best + offset, spec.z) if is_deep else (best + offset) / spec.split_ratio)
        peaks.append(peak)
    scores = np.minimum(peaks[0], peaks[1]) if spec.score_reduction == "min" else (peaks[0] + peaks[1]) / 2
    return Poses(np.stack(points, axis=-1)[None], np.asarray(scores)[None])


def _depth(bins: Floats, spec: DepthVector | None) -> Floats:
    assert spec is not None
    return (bins / spec.bins - 0.5) * spec.extent


def _quadratic(maps: Floats, best: NDArray[Any]) -> Floats:
    """Offset in bins, -0.5 to 0.5, of the parabola's top; 0 at the ends and on a plateau."""
    inside = (best > 0) & (best < maps.shape[1] - 1)
    rows, middle = np.arange(len(maps)), np.clip(best, 1, max(maps.shape[1] - 2, 1))
    left, centre, right = (maps[rows, np.minimum(middle + step, maps.shape[1] - 1)] for step in (-1, 0, 1))
    curvature = left - 2 * centre + right
    sound = inside & (curvature < 0)
    return np.where(sound, 0.5 * (left - right) / np.where(sound, curvature, 1.0), 0.0)


def encode(keypoints: Floats, spec: SimccSpec, size_wh: tuple[int, int], sigma: float = 4.0) -> dict[str, Floats]:
    """1-D Gaussians of height 1 at keypoints (K, 2|3) in input px, z in the contract's unit; for tests."""
    maps = {}
    for axis, name in enumerate(spec.outputs):
        if axis < 2:
            bins = np.arange(round(size_wh[axis] * spec.split_ratio))
            centre = keypoints[:, axis, None] * spec.split_ratio
        elif spec.z is not None:
            bins = np.arange(spec.z.bins)
            centre = (keypoints[:, 2, None] / spec.z.extent + 0.5) * spec.z.bins
        maps[name] = np.exp(-((bins - centre) ** 2) / (2 * sigma**2))
    return maps


def examples(spec: SimccSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """A Gaussian on each axis for each of `count` keypoints."""
    points = rng.uniform(0.1, 0.9, (count, 2)) * image.size_wh
    if spec.z is not None:
        points = np.concatenate([points, rng.uniform(-0.4, 0.4, (count, 1)) * spec.z.extent], axis=1)
    return encode(points, spec, image.size_wh)


def alternatives(spec: SimccSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """How a keypoint goes between bins; and the outputs for x and y taken for each other, which fits a square input."""
    refinement = tuple({"refinement": one} for one in ("none", "quadratic"))
    turned = {"output_x": spec.output_y, "output_y": spec.output_x}
    is_square = image.size_wh[0] == image.size_wh[1]
    return (
        Alternatives(("refinement",), refinement, "follow", is_choice=True),
        Alternatives(("output_x", "output_y"), (turned,) if is_square else (), "follow"),
    )


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Pairs of outputs with as many rows, and as many bins for each px of width and of height."""
    rows = {name: squeezed for name, shape in outputs.items() if len(squeezed := tuple(s for s in shape if s > 1)) == 2}
    found = []
    for (x, of_x), (y, of_y) in itertools.permutations(rows.items(), 2):
        ratio = of_x[1] / size_wh[0]
        is_turned = size_wh[0] == size_wh[1] and list(rows).index(x) > list(rows).index(y)
        if of_x[0] == of_y[0] and ratio == of_y[1] / size_wh[1] and 0.5 <= ratio <= 16 and not is_turned:
            square = ", whose order no shape tells in a square input" if size_wh[0] == size_wh[1] else ""
            why = f"{in_words(x, outputs[x])} and {in_words(y, outputs[y])}: rows of {ratio:g} bins a px{square}"
            found.append(Fit({"output_x": x, "output_y": y, "split_ratio": ratio}, of_x[0], why))
    return tuple(found)


def mirrored(outputs: Mapping[str, Any], spec: SimccSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Bins (1, K, n) of the other side's keypoints, those of x from right to left."""
    del image
    x, y = (mirror.reordered(outputs[name], -2) for name in (spec.output_x, spec.output_y))
    deep = {} if spec.z is None else {spec.z.output: mirror.reordered(outputs[spec.z.output], -2)}
    return {spec.output_x: mirror.turned(x, -1), spec.output_y: y, **deep}


def tracking_score(spec: SimccSpec, size_wh: tuple[int, int]) -> float:
    """A softmax shares 1 out among all bins of a map, so a sure keypoint has about 0.1, and the more bins the less:
    there it is a multiple of 1 / bins."""
    if spec.activation == "softmax":
        return min(MIN_SCORE, CHANCES / round(max(size_wh) * spec.split_ratio))
    return MIN_SCORE


# unsure: of 60 rendered scenes, visible keypoints within 0.1 of the box, 0.50 of the sample's below 0.3 of the median
# score were right (n = 34), and all above 0.7
DECODER = Decoder(
    SimccSpec, shapes, pack, decode, examples, alternatives, fitting, tracking_score=tracking_score,
    mirrored=mirrored, cells=(2,), unsure=0.3, has_distributions=True,
)  # fmt: skip
