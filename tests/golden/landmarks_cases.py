"""Golden vectors of landmarks as rows: inside, at the border and beyond it, with and without all that may be beside."""

from __future__ import annotations

from typing import Any

import numpy as np

from posekit.bundle.golden import SEED, SIGMAS, Case, decoder_case
from posekit.decoders.landmarks import LandmarksSpec, encode
from posekit.poses.input_spec import InputSpec

ROWS = 20  # a person's keypoints and more, which are left out
PLAIN: dict[str, Any] = {"kind": "landmarks", "output": "rows", "rows": ROWS, "fields": ["x", "y"], "range": "input_px"}
WHOLE: dict[str, Any] = {
    **PLAIN, "fields": ["x", "y", "z", "visibility", "presence"], "activation": "sigmoid", "score": "visibility",
    "instance": "sure", "world": "metres", "heatmaps": {"output": "maps"},
}  # fmt: skip
INSIDE = np.array([[20.3, 30.2], [50.9, 64.1], [48.0, 100.7], [80.0, 8.0], [9.5, 90.5], [60.2, 61.9], [33.3, 44.4]])
# in the first and last cell, a little before the first (still its cell), beyond the map, and far beyond
EDGES = np.array([[0.1, 0.2], [95.9, 127.9], [-0.4, 64.0], [96.0, 50.0], [40.0, -9.0], [1e6, 3e9], [3.0, 127.0]])


def image(alignment: str = "half_pixel") -> InputSpec:
    return InputSpec(size_wh=(96, 128), color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                     alignment=alignment)  # fmt: skip


def landmarks_cases() -> list[Case]:
    rng, cases = np.random.default_rng(SEED + 13), list[Case]()

    def add(
        name: str, data: dict[str, Any], points: Any, sure: float, alignment: str = "index", low: float = 0
    ) -> None:
        spec = LandmarksSpec.model_validate(data)
        deep = np.concatenate([points, rng.normal(0, 20, (7, 1))], axis=1)
        outputs = encode(deep, rng.normal(0, 2, (7, 2)), spec, image(alignment), sure=sure, map_size_wh=(12, 16))
        if spec.heatmaps is not None:
            maps = outputs[spec.heatmaps.output]
            outputs[spec.heatmaps.output] = maps + rng.normal(0, 1, maps.shape) - low
        cases.append(decoder_case(f"landmarks-{name}", spec, image(alignment), outputs, SIGMAS))

    signed = {"instance_activation": "sigmoid"}
    add("plain", PLAIN, INSIDE, 1.0)
    for alignment in ("half_pixel", "index", "corners"):
        unit = {**PLAIN, "range": "unit", "fields": ["y", "skip", "z", "x"], "z_factor": 2.5, "instance": "sure"}
        add(f"unit-{alignment}", {**unit, **signed}, INSIDE, 1.5, alignment)
        add(f"refined-{alignment}", WHOLE, INSIDE, 0.9, alignment)
        add(f"refined-unit-{alignment}", {**WHOLE, "range": "unit"}, EDGES, 0.9, alignment)
    add("nobody", WHOLE, INSIDE, 0.49)
    add("nobody-signed", {**WHOLE, **signed, "min_presence": 0.2}, INSIDE, -2.0)
    add("least", {**WHOLE, "score": "presence", "activation": "none"}, INSIDE, 0.5)
    add("unsure", WHOLE, INSIDE, 0.9, low=2.2)  # some maps have a cell that weighs enough
    add("small", {**WHOLE, "heatmaps": {"output": "maps", "kernel": 3, "min_weight": 0.2}}, EDGES, 0.9)
    add("edges", {**WHOLE, **signed, "z_factor": 0.5}, EDGES, 2.0)
    return cases
