"""PoseNet's and BodyPix's heads: heatmaps, offsets to the keypoints, and displacements along the edges of a tree.

How people are put together of them is people.py. Source: Papandreou et al. 2018, "PersonLab".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from posekit.decoders import layout, map_roles
from posekit.decoders.activation import sigmoid
from posekit.decoders.decoder import Alternatives, Decoder, DecoderSpec, Fit, Outputs, Shapes, in_words
from posekit.decoders.map_roles import MapRole
from posekit.decoders.posenet.mirroring import mirrored
from posekit.decoders.posenet.people import Fields, Found, Rules, people
from posekit.documents import tuple_of_list
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

STRIDES = (8, 16, 32)  # of published files
Index = Annotated[int, Field(ge=0, le=10_000)]


class PosenetSpec(DecoderSpec):
    """heatmaps: K channels. offsets: 2K, from a cell to its keypoint. forward, backward: 2E, from an edge's parent to
    its child and back. Of all that are pairs the channels of one axis come first, then those of the other, as `axes`
    says. unit: of offsets and displacements. stride: input px a cell; cell i lies at i * stride.

    parents, children: keypoints, counted from 0, of the E edges of a tree. grouping, and what it reads: see
    people.py. peak_radius: cells about a root that may not exceed it. radius_px: input px within which a
    keypoint is one that a better person has; 0: none is. min_root_score: of the keypoint that a person is built from;
    min_confidence: of a person. As much is enough.
    """

    kind: Literal["posenet"]
    grouping: Literal["one", "nearest", "bilinear"]
    stride: Annotated[int, Field(ge=1, le=1024)]
    heatmaps: MapRole
    offsets: MapRole
    forward: MapRole | None = None
    backward: MapRole | None = None
    parents: tuple[Index, ...] = ()
    children: tuple[Index, ...] = ()
    axes: Literal["yx", "xy"] = "yx"
    unit: Literal["input_px", "cells"] = "input_px"
    activation: Literal["none", "sigmoid"] = "sigmoid"
    peak_radius: Annotated[int, Field(ge=1, le=16)] = 1
    min_root_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    radius_px: Annotated[float, Field(ge=0, le=1000)] = 20.0
    refinements: Annotated[int, Field(ge=0, le=20)] = 2
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_people: Annotated[int, Field(ge=1, le=1000)] = 10

    _lists = field_validator("parents", "children", mode="before")(tuple_of_list)

    def roles(self, keypoint_count: int) -> dict[str, tuple[MapRole, int]]:
        """What is read, with the number of channels."""
        found = {"heatmaps": (self.heatmaps, keypoint_count), "offsets": (self.offsets, 2 * keypoint_count)}
        if self.grouping != "one" and self.forward is not None and self.backward is not None:
            count = 2 * len(self.parents)
            found |= {"forward": (self.forward, count), "backward": (self.backward, count)}
        return found

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        return tuple(dict.fromkeys(role.output for role, _ in self.roles(1).values()))

    @property
    def is_of_its_keypoints(self) -> bool:
        """Whether there are edges."""
        return self.grouping != "one"

    @model_validator(mode="after")
    def _has_edges(self) -> PosenetSpec:
        if len(self.parents) != len(self.children):
            raise ValueError(
                f"parents has {len(self.parents)} keypoints and children {len(self.children)}: one an edge"
            )
        if self.grouping != "one" and (self.forward is None or self.backward is None):
            raise ValueError(f"grouping {self.grouping!r} needs the displacements, forward and backward")
        return self

    def check(self, keypoint_count: int) -> None:
        """ValueError unless the edges are a tree over the K keypoints, and where two roles share a channel."""
        map_roles.check(self.roles(keypoint_count))
        if self.grouping == "one":
            return
        reached = {0}
        pairs = list(zip(self.parents, self.children, strict=True))
        if (most := max((*self.parents, *self.children), default=0)) >= keypoint_count:
            raise ValueError(f"an edge names keypoint {most} of {keypoint_count}, counted from 0")
        for _ in pairs:
            reached |= {at for pair in pairs if reached.intersection(pair) for at in pair}
        if len(reached) < keypoint_count or len(pairs) != keypoint_count - 1:
            missing = sorted(set(range(keypoint_count)) - reached)
            seen = f"do not lead to keypoint {missing[0]}" if missing else f"are {len(pairs)}"
            raise ValueError(
                f"the edges {seen}: expected a tree of {keypoint_count - 1} over {keypoint_count} keypoints"
            )


def shapes(spec: PosenetSpec, size_wh: tuple[int, int], keypoint_count: int) -> dict[str, layout.ExpectedShape]:
    """Expected shapes: any map size."""
    return map_roles.shapes(spec.roles(keypoint_count))


def pack(values: Any, wanted: layout.ExpectedShape, spec: PosenetSpec, size_wh: tuple[int, int]) -> Any:
    """Maps (1, C, h, w) of the network as (1, h, w, C); MisfitError for other axes, and another stride."""
    return map_roles.pack(values, wanted, size_wh, spec.stride)


def decode(outputs: Outputs, spec: PosenetSpec, image: InputSpec, sigmas: Sequence[float]) -> Poses:
    """The people of an image, the most confident first, in input px; their boxes are the extents of all keypoints."""
    found = people(_fields(outputs, spec, len(sigmas)), _rules(spec, len(sigmas)))
    return _poses(found, spec, len(sigmas))


def _fields(outputs: Outputs, spec: PosenetSpec, keypoint_count: int) -> Fields:
    heatmaps, *pairs = map_roles.read(outputs, spec.roles(keypoint_count))
    scale = 1.0 / spec.stride if spec.unit == "input_px" else 1.0
    in_cells = [_xy(pair * scale, spec.axes) for pair in pairs]
    moves = np.concatenate(in_cells[1:], axis=2) if len(in_cells) > 1 else np.zeros((*heatmaps.shape[:2], 0, 2))
    return Fields(heatmaps, spec.activation == "sigmoid", in_cells[0], moves)


def _xy(pair: Floats, axes: str) -> Floats:
    """(h, w, 2n), an axis after the other, as (h, w, n, 2) of x, y."""
    one, other = np.split(pair, 2, axis=2)
    return np.stack([other, one] if axes == "yx" else [one, other], axis=-1)


def _rules(spec: PosenetSpec, keypoint_count: int) -> Rules:
    edges = list(zip(spec.parents, spec.children, strict=True))
    both = [(*edge, channel) for channel, edge in enumerate([*edges, *((child, parent) for parent, child in edges)])]
    neighbours = [[(to, channel) for start, to, channel in both if start == k] for k in range(keypoint_count)]
    return Rules(
        spec.grouping, neighbours, spec.peak_radius, spec.min_root_score, spec.radius_px / spec.stride,
        spec.refinements, spec.min_confidence, spec.max_people,
    )  # fmt: skip


def _poses(found: Sequence[Found], spec: PosenetSpec, keypoint_count: int) -> Poses:
    points = np.array([one.points for one in found], np.float64).reshape(-1, keypoint_count, 2) * spec.stride
    scores = np.array([one.scores for one in found], np.float64).reshape(-1, keypoint_count)
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    return Poses(points, scores, np.array([one.confidence for one in found], np.float64), boxes)


def encode(people: Floats, spec: PosenetSpec, size_wh: tuple[int, int], peak: float = 6.0) -> dict[str, Floats]:
    """Outputs that hold people (N, K, 2) in input px, as training draws them; for tests.

    Heat falls from the logit `peak` by 2 a cell; each cell belongs to the person whose keypoint is nearest.
    """
    width, height = (side // spec.stride + 1 for side in size_wh)
    y, x = np.mgrid[:height, :width] * float(spec.stride)
    count = people.shape[1]
    cells = np.stack([x, y], axis=-1)
    away = people - cells[:, :, None, None]  # (h, w, N, K, 2)
    far = np.linalg.norm(away, axis=-1) / spec.stride
    raw = peak - 2 * far.min(axis=2, initial=8.0)
    owner = far.argmin(axis=2) if len(people) else np.zeros((height, width, count), int)
    scale = spec.stride if spec.unit == "cells" else 1

    def drawn(keypoints: Sequence[int], vectors: Floats) -> Floats:
        """Vectors (h, w, N, n, 2), or (N, n, 2), of the person to whom each cell belongs at those keypoints."""
        if not len(people):
            return np.zeros((height, width, 2 * len(keypoints)))
        whole = np.broadcast_to(vectors, (height, width, len(people), len(keypoints), 2)) / scale
        own = np.take_along_axis(whole, owner[:, :, None, list(keypoints), None], axis=2)[:, :, 0]
        first, last = (1, 0) if spec.axes == "yx" else (0, 1)
        return np.concatenate([own[..., first], own[..., last]], axis=-1)

    along = people[:, list(spec.children)] - people[:, list(spec.parents)]
    values = {
        "heatmaps": raw if spec.activation == "sigmoid" else np.asarray(sigmoid(raw)),
        "offsets": drawn(range(count), away),
        "forward": drawn(spec.parents, along),
        "backward": drawn(spec.children, -along),
    }
    return map_roles.put(values, spec.roles(count))


def examples(spec: PosenetSpec, image: InputSpec, rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Two people side by side."""
    width, height = image.size_wh
    points = rng.uniform(0.1, 0.9, (2, count, 2)) * (width / 2, height) + np.array([[[0, 0]], [[width / 2, 0]]])
    return encode(points[: 1 if spec.grouping == "one" else 2], spec, (width, height))


def alternatives(spec: PosenetSpec, image: InputSpec) -> tuple[Alternatives, ...]:
    """Which axis comes first, and what offsets count."""
    del spec, image
    return (
        Alternatives(("axes",), ({"axes": "yx"}, {"axes": "xy"}), "follow", is_decisive=True),
        Alternatives(("unit",), ({"unit": "input_px"}, {"unit": "cells"}), "follow", is_decisive=True),
    )


def fitting(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Maps of K channels beside maps of 2K and the displacements of K - 1 edges, each way or both in one."""
    found: list[Fit] = []
    for stride in STRIDES:
        maps = {
            name: shape[1] for name, shape in outputs.items()
            if len(shape) == 4 and shape[0] == 1
            and all(cells in _cells(side, stride) for cells, side in zip(shape[:1:-1], size_wh, strict=True))
        }  # fmt: skip
        for heat, count in maps.items():
            offsets = [name for name, channels in maps.items() if channels == 2 * count]
            moves = [
                name for name, channels in maps.items() if count > 1 and channels in (2 * count - 2, 4 * count - 4)
            ]
            if len(offsets) == 1 and moves:
                listed = ", ".join(in_words(name, outputs[name]) for name in (heat, offsets[0], *moves))
                settings = {"stride": stride, "heatmaps": {"output": heat}, "offsets": {"output": offsets[0]}}
                found.append(
                    Fit(settings, count, f"{listed}: heatmaps, offsets and displacements of {count - 1} edges")
                )
    return tuple(found)


def _cells(side: int, stride: int) -> tuple[int, int]:
    return side // stride + 1, math.ceil(side / stride)


def raw_scores(spec: PosenetSpec, values: Floats) -> Floats:
    """Every heat value of the first output, a row a map."""
    return map_roles.raw_scores(spec.roles(1), values)


def looser(spec: PosenetSpec, by: float) -> PosenetSpec:
    """Who is less sure by at most `by`, or nearer to another one by that fraction of the radius, counts too."""
    return spec.model_copy(
        update={
            "min_root_score": max(spec.min_root_score - by, 0.0),
            "min_confidence": max(spec.min_confidence - by, 0.0),
            "radius_px": spec.radius_px * (1 - by),
        }
    )


def candidates(spec: PosenetSpec, by: float) -> PosenetSpec:
    """Everybody counts, however near to another one."""
    return looser(spec, by).model_copy(update={"radius_px": 0.0, "max_people": 1000})


# nobody knows yet from which score on a keypoint is unsure, so every one counts
DECODER = Decoder(
    PosenetSpec, shapes, pack, decode, examples, alternatives, fitting, raw_scores, cells=(1, 2), several=True,
    looser=looser, candidates=candidates, mirrored=mirrored,
)  # fmt: skip
