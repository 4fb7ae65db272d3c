"""MoveNet's heads: every setting, roles in a tensor each and in one; people at the border, two in one picture, no heat,
plateaus and equal heat."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from posekit.bundle.golden import KEYPOINTS, SEED, Case, decoder_case
from posekit.decoders import movenet
from posekit.decoders.movenet import MovenetSpec
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec

SIZE_WH = (36, 32)
IMAGE = InputSpec(size_wh=SIZE_WH, color_order="rgb", mean=(0,) * 3, std=(1,) * 3, resize="stretch",
                  alignment="half_pixel")  # fmt: skip
APART = {role: {"output": role} for role in ("heatmaps", "centers", "regressions", "offsets")}
JOINED = {role: {"output": "maps", "first": first}
          for role, first in (("offsets", 1), ("centers", 15), ("regressions", 16), ("heatmaps", 30))}  # fmt: skip


def spec_of(**changes: Any) -> MovenetSpec:
    return MovenetSpec.model_validate({"kind": "movenet", "stride": 4, "axes": "yx", **APART} | changes)


def movenet_cases() -> list[Case]:
    rng, cases = np.random.default_rng(SEED + 30), list[Case]()

    def add(name: str, spec: MovenetSpec, outputs: dict[str, Floats]) -> None:
        cases.append(decoder_case(f"movenet-{name}", spec, IMAGE, outputs))

    def noisy(outputs: dict[str, Floats], scale: float = 0.1) -> dict[str, Floats]:
        return {name: values + rng.normal(0, scale, values.shape) for name, values in outputs.items()}

    inside = rng.uniform(4, 28, (KEYPOINTS, 2))
    edges = np.array([[0.0, 0.0], [35.9, 31.9], [0.2, 16.0], [18.0, 0.1], [35.0, 3.0], [4.0, 4.0], [30.5, 28.5]])
    ways = itertools.product(("yx", "xy"), ("none", "sigmoid"), ("distance", "none"), ("none", "half_up", "trunc"))
    for number, (axes, activation, weight, rounding) in enumerate(ways):
        spec = spec_of(**(JOINED if number % 2 else APART), axes=axes, activation=activation, center_weight=weight,
                       rounding=rounding, min_score=(0.0, 0.1, 0.6)[number // 3 % 3],
                       keypoint_bias=(1.8, 0.7)[number // 2 % 2], center_bias=(1.8, 9.0)[number // 4 % 2])  # fmt: skip
        outputs = movenet.encode((inside, edges)[number % 2], spec, SIZE_WH)
        add(f"{axes}-{activation}-{weight}-{rounding}", spec, noisy(outputs, 0.1 + 0.3 * (number % 3)))
    drawn = movenet.encode(inside, spec_of(), SIZE_WH)
    add("inside", spec_of(), drawn)
    add("edges", spec_of(), movenet.encode(edges, spec_of(), SIZE_WH))
    other = movenet.encode(np.clip(inside + np.array([9, -6]), 0, 30), spec_of(), SIZE_WH)
    two = {name: np.maximum(drawn[name], other[name]) for name in ("heatmaps", "centers")}
    add("two", spec_of(), {**drawn, **two})
    zero = {name: rng.choice([0.0, -0.0], values.shape) for name, values in drawn.items()}
    add("zero", spec_of(), zero)
    add("zero-not-found", spec_of(min_score=0.1), zero)
    flat = {**drawn, "heatmaps": np.full((8, 9, KEYPOINTS), 0.5), "centers": np.ones((8, 9, 1))}
    add("plateau", spec_of(), flat)
    add("plateau-half-up", spec_of(rounding="half_up"), noisy(flat, 0.0))
    ties = {**flat, "heatmaps": np.round(drawn["heatmaps"]), "centers": np.round(drawn["centers"])}
    add("ties", spec_of(), ties)
    rivals = {name: np.zeros_like(values) for name, values in drawn.items()}
    rivals["centers"][4, 4], rivals["heatmaps"][4, 4], rivals["heatmaps"][4, 8] = 1.0, 0.2, 0.3
    add("below-the-threshold", spec_of(min_score=0.25), rivals)  # less heat, but nearer
    return cases
